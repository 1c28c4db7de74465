"""G.711: a byte for a sample, by the µ-law or the A-law."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Final

RATE: Final = 8000
"""Samples in a second."""


@dataclass(frozen=True, slots=True)
class Law:
    """One of the two laws.

    Attributes:
        payload_type: RTP's number for it.
        samples: The 16-bit sample that each byte stands for.
    """

    payload_type: int
    samples: tuple[int, ...]

    def encode(self, samples: Iterable[int]) -> bytes:
        """Return a byte for each sample, the nearest."""
        order, edges = _by_size(self)
        return bytes(order[bisect_left(edges, sample)] for sample in samples)

    def decode(self, data: bytes) -> list[int]:
        """Return the 16-bit samples."""
        return [self.samples[byte] for byte in data]


def _ulaw(byte: int) -> int:
    value = ~byte & 0xFF
    size = ((value & 0x0F) << 3) + 0x84 << (value >> 4 & 7)
    return 0x84 - size if value & 0x80 else size - 0x84


def _alaw(byte: int) -> int:
    value = byte ^ 0x55
    segment, size = value >> 4 & 7, (value & 0x0F) << 4
    size = size + 8 if segment == 0 else size + 0x108 << segment - 1
    return size if value & 0x80 else -size


ULAW: Final = Law(0, tuple(map(_ulaw, range(256))))
ALAW: Final = Law(8, tuple(map(_alaw, range(256))))


@cache
def _by_size(law: Law) -> tuple[list[int], list[float]]:
    """Return the bytes by the size of their samples, and the edges between them; +0 stands for both zeros."""
    order = sorted(range(256), key=lambda byte: (law.samples[byte], -byte))
    kept = [order[0]]
    for byte in order[1:]:
        if law.samples[byte] == law.samples[kept[-1]]:
            kept[-1] = max(kept[-1], byte)
        else:
            kept.append(byte)
    sizes = [law.samples[byte] for byte in kept]
    return kept, [(one + other) / 2 for one, other in pairwise(sizes)]
