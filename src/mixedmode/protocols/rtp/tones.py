"""Tones by which a phone knows that it hears another one: made of samples, and recognised again (Goertzel).

Each is a multiple of 100 Hz, so that 80 samples hold whole waves of all of them: a lost packet changes nothing. Sound
that was decrypted with a wrong key is noise, which has no tone.
"""

from __future__ import annotations

import math
from functools import cache, lru_cache
from typing import Final
from zlib import crc32

from mixedmode.protocols.rtp.g711 import RATE, Law

TONES: Final = tuple(range(400, 2000, 100))
"""Hz."""
_PERIOD: Final = 80
_LEVEL: Final = 8000
"""Of 32767."""
_QUIET: Final = 64.0
"""Mean square of samples below which there is nothing to recognise."""
_SHARE: Final = 0.7
"""Of the energy that one tone has."""
_REMEMBERED: Final = 64


def tone_of(name: str) -> int:
    """Return the tone that a phone plays, by its name."""
    return TONES[crc32(name.encode("utf-8", "surrogateescape")) % len(TONES)]


@cache
def wave(hertz: int, law: Law) -> bytes:
    """Return the bytes of 80 samples, which begin and end with the wave.

    Raises:
        ValueError: It is none of :data:`TONES`.
    """
    if hertz not in TONES:
        raise ValueError(f"{hertz} Hz is none of the tones")
    step = 2 * math.pi * hertz / RATE
    return law.encode(round(_LEVEL * math.sin(step * number)) for number in range(_PERIOD))


def play(hertz: int, law: Law, begin: int, samples: int) -> bytes:
    """Return a piece of a tone.

    Args:
        hertz: One of :data:`TONES`.
        law: How it is coded.
        begin: Samples that were played before.
        samples: How many.
    """
    offset = begin % _PERIOD
    piece = wave(hertz, law) * ((offset + samples) // _PERIOD + 1)
    return piece[offset : offset + samples]


@lru_cache(maxsize=_REMEMBERED)
def recognise(sound: bytes, law: Law) -> int | None:
    """Return which tone a piece of sound is, None if it is none; pieces of less than 10 ms are none.

    The piece is cut to whole waves of all tones, so that one tone has no part in the bin of another.
    """
    samples = law.decode(sound[: len(sound) // _PERIOD * _PERIOD][: 4 * _PERIOD])
    energy = sum(sample * sample for sample in samples)
    if not samples or energy / len(samples) < _QUIET:
        return None
    found = max(TONES, key=lambda hertz: _power(samples, hertz))
    return found if _power(samples, found) >= _SHARE * energy * len(samples) / 2 else None


def _power(samples: list[int], hertz: int) -> float:
    """Return the square of the size of one bin of the samples' spectrum."""
    turn = 2 * math.cos(2 * math.pi * hertz / RATE)
    one = two = 0.0
    for sample in samples:
        one, two = sample + turn * one - two, one
    return one * one + two * two - turn * one * two
