"""Chance that hangs on a name alone, for what is decided about every phone at every step."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from typing import Final

_WHOLE: Final = 1 << 64


def chances_of(name: str) -> tuple[float, float]:
    """Return two numbers from 0 to 1, always the same: a generator of random numbers is ten times as long to begin."""
    digest = blake2b(name.encode(), digest_size=16).digest()
    return int.from_bytes(digest[:8]) / _WHOLE, int.from_bytes(digest[8:]) / _WHOLE


def lots(name: str) -> Iterator[int]:
    """Yield numbers from 0 to 255, always the same, more than a phone asks for files."""
    return iter(blake2b(name.encode()).digest())
