"""A packet of RTP (RFC 3550, 5.1): read strictly, since whoever finds the port may send to it."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from mixedmode.errors import MalformedError

HEADER: Final = struct.Struct(">BBHII")
LONGEST: Final = 1472
"""Bytes of a packet that fits into an Ethernet frame with IPv4 and UDP; longer ones are none of a phone's."""
_VERSION: Final = 2
_EXTENSION: Final = struct.Struct(">HH")


class MalformedRtpError(MalformedError):
    """Bytes are no RTP packet."""

    default_code = "rtp-packet"


@dataclass(frozen=True, slots=True)
class RtpPacket:
    """A packet.

    Attributes:
        payload_type: What the sound is coded with.
        sequence: Counts packets, 16 bits.
        timestamp: Counts samples, 32 bits.
        source: Of the stream (SSRC).
        payload: The sound.
        marker: Whether speech begins here.
    """

    payload_type: int
    sequence: int
    timestamp: int
    source: int
    payload: bytes
    marker: bool = False

    def encode(self) -> bytes:
        """Return its bytes: no padding, no extension, nobody mixed in."""
        kind = self.marker << 7 | self.payload_type
        return HEADER.pack(_VERSION << 6, kind, self.sequence, self.timestamp, self.source) + self.payload

    @classmethod
    def parse(cls, data: bytes) -> RtpPacket:
        """Read one.

        Raises:
            MalformedRtpError: It is none: too short or too long, another version, or parts that do not fit into it.
        """
        if not HEADER.size <= len(data) <= LONGEST:
            raise MalformedRtpError(f"{len(data)} bytes are no RTP packet")
        first, kind, sequence, timestamp, source = HEADER.unpack_from(data)
        if first >> 6 != _VERSION:
            raise MalformedRtpError(f"version {first >> 6} is none of RTP", offset=0)
        begin = HEADER.size + 4 * (first & 0x0F)
        if first & 0x10:
            if begin + _EXTENSION.size > len(data):
                raise MalformedRtpError("the packet ends within its header", offset=len(data))
            begin += _EXTENSION.size + 4 * _EXTENSION.unpack_from(data, begin)[1]
        end = len(data)
        if first & 0x20:
            end -= data[-1]
            if data[-1] == 0:
                raise MalformedRtpError("padding of no bytes", offset=len(data) - 1)
        if begin > end:
            raise MalformedRtpError("the header does not fit into the packet", offset=len(data))
        return cls(kind & 0x7F, sequence, timestamp, source, data[begin:end], bool(kind & 0x80))


def source_of(data: bytes) -> int:
    """Return whose stream a packet belongs to, before it is decrypted: the header is in the clear (RFC 3711, 3.1).

    Raises:
        MalformedRtpError: It cannot be a packet.
    """
    if not HEADER.size <= len(data) <= LONGEST or data[0] >> 6 != _VERSION:
        raise MalformedRtpError(f"{len(data)} bytes are no RTP packet")
    return int(HEADER.unpack_from(data)[4])
