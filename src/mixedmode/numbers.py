"""Numbers that strangers write."""

from __future__ import annotations

from typing import Final

MOST_DIGITS: Final = 18
"""Digits that fit into 64 bits; Python refuses texts of over 4,300 digits with an error of its own."""


def whole_number(text: str) -> int | None:
    """Return what a text of digits 0 to 9 counts, None if it is none, or longer than any that is meant."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS else None


def port_number(text: str) -> int | None:
    """Return the port that a text names, 1 to 65535, None if it names none."""
    port = whole_number(text)
    return port if port is not None and 0 < port < 65536 else None
