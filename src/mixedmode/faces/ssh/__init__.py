"""The ``admin:`` prompt over SSH: who connects, the channel, line editing and paging."""
