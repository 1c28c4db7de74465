"""The ``admin:`` prompt over SSH: who connects, the channel, line editing and paging."""

from mixedmode.services.ssh import lean_asyncssh as _lean_asyncssh  # noqa: F401 - before anybody loads it whole
