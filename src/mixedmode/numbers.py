"""Numbers that strangers write."""

from __future__ import annotations

from typing import Final

MOST_DIGITS: Final = 18
"""Digits that fit into 64 bits; Python refuses texts of over 4,300 digits with an error of its own."""


def whole_number(text: str) -> int | None:
    """Return what a text of digits 0 to 9 counts, None if it is none, or longer than any that is meant."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS else None
