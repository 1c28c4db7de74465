"""Listings of ``show ctl`` and ``show itl`` that somebody pasted: read back into what they say of a list. Pure."""
