"""A file cut into DATA packets, built once and sent many times.

Packet *n* is block *n* counted from 1 without rollover; index 0 is unused (block 0 is the OACK, which
differs from transfer to transfer). The block number on the wire is ``n & 0xffff``: after 65535 comes 0
(wire-formats.md 7). A file whose length is a multiple of the block size ends with an empty block.
"""

from __future__ import annotations

from typing import Final, Protocol, TypeAlias

from mixedmode.errors import MixedModeError
from mixedmode.protocols.tftp.netascii import Readable

_SOME_BYTES: Final = 16 << 10
"""Of a file that is not cut into packets, what is cut at once for one transfer."""


class LostContentError(MixedModeError):
    """A file that is read while it is sent has changed or gone."""

    default_code = "lost-content"


class UncutPackets(Protocol):
    """The packets of a file that is not cut: each is made when it is sent, or a few at once."""

    def __len__(self) -> int:
        """Return the number of the last block, plus one."""

    def __getitem__(self, block: int, /) -> bytes:
        """Return the DATA packet of ``block``."""

    def some(self, first: int, /) -> tuple[bytes, ...]:
        """Return the packets of block ``first`` and of some after it.

        Raises:
            LostContentError: The file is not what it was.
        """


BlockPackets: TypeAlias = tuple[bytes, ...] | UncutPackets
"""What a transfer sends from: ``packets[n]`` for n from 1 to ``len(packets) - 1``."""


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

    __slots__ = ("_data", "_length", "blksize")

    def __init__(self, data: bytes, blksize: int) -> None:
        self._data = data
        self.blksize = blksize
        self._length = block_count(len(data), blksize) + 1

    def __len__(self) -> int:
        return self._length

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LazyPackets) and (self.blksize, self._data) == (other.blksize, other._data)

    def __hash__(self) -> int:
        return hash((self.blksize, self._data))

    def __getitem__(self, block: int, /) -> bytes:
        end = block * self.blksize
        return b"\0\3" + (block & 0xFFFF).to_bytes(2, "big") + self._data[end - self.blksize : end]

    def some(self, first: int) -> tuple[bytes, ...]:
        """Return the packets of block ``first`` and of some after it."""
        return tuple(self[block] for block in _blocks(first, self))


class ReadPackets:
    """The same for files that are not in memory: each packet is read when it is sent."""

    __slots__ = ("_file", "_length", "blksize")

    def __init__(self, file: Readable, blksize: int) -> None:
        self._file = file
        self.blksize = blksize
        self._length = block_count(file.size, blksize) + 1

    def __len__(self) -> int:
        return self._length

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ReadPackets) and (self.blksize, self._file) == (other.blksize, other._file)

    def __hash__(self) -> int:
        return hash((self.blksize, self._file))

    def __getitem__(self, block: int, /) -> bytes:
        start = (block - 1) * self.blksize
        return b"\0\3" + (block & 0xFFFF).to_bytes(2, "big") + self._file.read(start, self.blksize)

    def some(self, first: int) -> tuple[bytes, ...]:
        """Return the packets of block ``first`` and of some after it; they are read at once.

        Raises:
            LostContentError: The file is not what it was.
        """
        blocks, size = _blocks(first, self), self.blksize
        data = self._file.read((first - 1) * size, len(blocks) * size)
        return tuple(
            b"\0\3" + (block & 0xFFFF).to_bytes(2, "big") + data[(block - first) * size : (block - first + 1) * size]
            for block in blocks
        )


def _blocks(first: int, packets: LazyPackets | ReadPackets) -> range:
    return range(first, min(first + max(1, _SOME_BYTES // packets.blksize), len(packets)))
