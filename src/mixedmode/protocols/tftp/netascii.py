"""Mode netascii: a line ends with CR LF, a CR that ends none is CR NUL (RFC 764, RFC 1350)."""

from __future__ import annotations

from bisect import bisect_right
from typing import Final, Protocol

_PIECE: Final = 64 << 10


class Readable(Protocol):
    """A file that stays where it is."""

    @property
    def size(self) -> int:
        """Bytes in it."""

    def read(self, offset: int, size: int, /) -> bytes:
        """Return ``size`` bytes, fewer at the end only.

        Raises:
            LostContentError: It is not the file that it was.
        """


def netascii(data: bytes) -> bytes:
    """Return ``data`` as mode netascii sends it: LF as CR LF, CR as CR NUL."""
    return data.replace(b"\r", b"\r\0").replace(b"\n", b"\r\n")


class NetasciiFile:
    """A file as mode netascii sends it, without holding it in memory.

    It is read once to learn where each 64 KiB of it begin in the translation: 25 KB for a file of 100 MB.

    Raises:
        LostContentError: The file is not what it was.
    """

    def __init__(self, file: Readable) -> None:
        self._file = file
        self._starts = [0]
        self._last = -1, b""
        for offset in range(0, file.size, _PIECE):
            piece = file.read(offset, _PIECE)
            self._starts.append(self._starts[-1] + len(piece) + piece.count(b"\r") + piece.count(b"\n"))

    @property
    def size(self) -> int:
        """Bytes of the translation."""
        return self._starts[-1]

    def read(self, offset: int, size: int) -> bytes:
        """Return ``size`` bytes of the translation, fewer at the end only.

        Raises:
            LostContentError: The file is not what it was.
        """
        found = []
        end = min(offset + size, self.size)
        while offset < end:
            number = bisect_right(self._starts, offset) - 1
            start = self._starts[number]
            taken = self._piece(number)[offset - start : end - start]
            found.append(taken)
            offset += len(taken)
        return b"".join(found)

    def _piece(self, number: int) -> bytes:
        # Blocks are read in their order, so the piece that was read last nearly always is the one that is wanted.
        if self._last[0] != number:
            self._last = number, netascii(self._file.read(number * _PIECE, _PIECE))
        return self._last[1]
