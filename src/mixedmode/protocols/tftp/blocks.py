"""A file cut into DATA packets, built once and sent many times.

Packet *n* is block *n* counted from 1 without rollover; index 0 is unused (block 0 is the OACK, which
differs from transfer to transfer). The block number on the wire is ``n & 0xffff``: after 65535 comes 0
(wire-formats.md 7). A file whose length is a multiple of the block size ends with an empty block.
"""

from __future__ import annotations

from typing import Protocol


class BlockPackets(Protocol):
    """What a transfer sends from: ``packets[n]`` for n from 1 to ``len(packets) - 1``."""

    def __len__(self) -> int:
        """Return the number of the last block, plus one."""

    def __getitem__(self, block: int, /) -> bytes:
        """Return the DATA packet of ``block``."""


def block_count(size: int, blksize: int) -> int:
    """Return how many blocks ``size`` bytes take, the short or empty last one included."""
    return size // blksize + 1


def data_packets(data: bytes, blksize: int) -> tuple[bytes, ...]:
    """Return all DATA packets of a file, at index 0 an empty one that is never sent."""
    return (
        b"",
        *(
            b"\0\3" + (block & 0xFFFF).to_bytes(2, "big") + data[(block - 1) * blksize : block * blksize]
            for block in range(1, block_count(len(data), blksize) + 1)
        ),
    )


class LazyPackets:
    """The same for files too large to hold twice: each packet is built when it is sent."""

    __slots__ = ("_blksize", "_data", "_length")

    def __init__(self, data: bytes, blksize: int) -> None:
        self._data = data
        self._blksize = blksize
        self._length = block_count(len(data), blksize) + 1

    def __len__(self) -> int:
        return self._length

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LazyPackets) and (self._blksize, self._data) == (other._blksize, other._data)

    def __hash__(self) -> int:
        return hash((self._blksize, self._data))

    def __getitem__(self, block: int, /) -> bytes:
        end = block * self._blksize
        return b"\0\3" + (block & 0xFFFF).to_bytes(2, "big") + self._data[end - self._blksize : end]


def netascii(data: bytes) -> bytes:
    """Return ``data`` as mode netascii sends it: LF as CR LF, CR as CR NUL (RFC 764, RFC 1350)."""
    return data.replace(b"\r", b"\r\0").replace(b"\n", b"\r\n")
