"""SCCP frames: where one ends and the next begins (wire-formats.md 6).

::

    length u32 (message id and body) | header version u32 | message id u32 | body        all little-endian

Rules:

1. A length below 4 or above :data:`MAX_LENGTH` is no frame; it is refused before anything of it is kept.
2. Frames may be joined, and cut anywhere.
3. The header version is carried, not judged: servers write others than they should (calls-and-media.md 1).
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from typing import Final

from mixedmode.protocols.sccp.errors import MalformedSccpError

HEADER: Final = Struct("<III")
HEADER_LENGTH: Final = HEADER.size
"""Bytes before the body: 12."""
MAX_LENGTH: Final = 4096
"""Largest value of the length field, bytes."""
MAX_BODY: Final = MAX_LENGTH - 4
_U32: Final = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame.

    Attributes:
        message_id: What it is.
        body: Its bytes.
        version: Header version.
    """

    message_id: int
    body: bytes = b""
    version: int = 0

    def encode(self) -> bytes:
        """Return the bytes on the wire.

        Raises:
            MalformedSccpError: The body is too long, or a number does not fit into 32 bits.
        """
        if len(self.body) > MAX_BODY:
            raise MalformedSccpError(f"a body of {len(self.body)} bytes is too long; the limit is {MAX_BODY}")
        if not 0 <= self.message_id <= _U32 or not 0 <= self.version <= _U32:
            raise MalformedSccpError(f"message id {self.message_id} or version {self.version} is no 32-bit number")
        return HEADER.pack(4 + len(self.body), self.version, self.message_id) + self.body


class FrameBuffer:
    """Bytes of a connection on their way to frames.

    Args:
        limit: Largest value of the length field.
    """

    def __init__(self, limit: int = MAX_LENGTH) -> None:
        self._limit = limit
        self._data = bytearray()

    def __len__(self) -> int:
        return len(self._data)

    def add(self, data: bytes) -> None:
        """Take bytes."""
        self._data += data

    def take(self) -> Frame | None:
        """Return the next whole frame, None if more bytes are needed.

        Raises:
            MalformedSccpError: The length cannot be; nothing after it can be read.
        """
        data = self._data
        if len(data) < 4:
            return None
        length = int.from_bytes(data[:4], "little")
        if not 4 <= length <= self._limit:
            raise MalformedSccpError(
                f"the length field is {length}, not 4 to {self._limit}",
                offset=0,
                why="this is no SCCP, or TLS on the plain port",
                code="sccp-length",
            )
        end = 8 + length
        if len(data) < end:
            return None
        _, version, message_id = HEADER.unpack_from(data)
        frame = Frame(message_id, bytes(data[HEADER_LENGTH:end]), version)
        del data[:end]
        return frame

    def clear(self) -> None:
        """Forget what came."""
        self._data.clear()
