"""PURE. A capture file that Wireshark reads: packets of IP with UDP and TCP around what a phone sent and got.

The format is the oldest pcap, microseconds, link type RAW: each packet begins with its IP header.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final

Address = tuple[str, int]

HEADER: Final = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)
"""At the beginning of a file."""
_TCP: Final = 6
_UDP: Final = 17
_SEGMENT: Final = 1400
"""Bytes of TCP in a packet."""
SYN, ACK, PUSH, FIN = 0x02, 0x10, 0x08, 0x01


def record(moment: float, packet: bytes) -> bytes:
    """Return a packet as it is kept.

    Args:
        moment: Seconds since 1970.
        packet: It begins with its IP header.
    """
    seconds, micros = divmod(round(moment * 1_000_000), 1_000_000)
    return struct.pack("<IIII", seconds, micros, len(packet), len(packet)) + packet


def udp(sender: Address, target: Address, data: bytes) -> bytes:
    """Return a packet of UDP."""
    head = struct.pack(">HHH", sender[1], target[1], 8 + len(data))
    checksum = _checksum(_pseudo(sender, target, _UDP, 8 + len(data)) + head + bytes(2) + data) or 0xFFFF
    return _ip(sender, target, _UDP, head + struct.pack(">H", checksum) + data)


def tcp(sender: Address, target: Address, numbers: tuple[int, int], flags: int, data: bytes = b"") -> bytes:
    """Return a packet of TCP.

    Args:
        sender: From where.
        target: Where to.
        numbers: Sequence number, and what is acknowledged.
        flags: As TCP has them.
        data: Of the stream.
    """
    head = struct.pack(">HHIIBBH", sender[1], target[1], *numbers, 5 << 4, flags, 65535)
    checksum = _checksum(_pseudo(sender, target, _TCP, len(head) + 4 + len(data)) + head + bytes(4) + data)
    return _ip(sender, target, _TCP, head + struct.pack(">HH", checksum, 0) + data)


@dataclass
class Stream:
    """A TCP connection, made up again from what went through it.

    Attributes:
        own: The phone's end.
        server: The other.
    """

    own: Address
    server: Address
    _next: dict[bool, int] = field(default_factory=lambda: {True: 1, False: 1})

    def begin(self) -> Iterator[bytes]:
        """Yield the packets of the handshake."""
        yield tcp(self.own, self.server, (0, 0), SYN)
        yield tcp(self.server, self.own, (0, 1), SYN | ACK)
        yield tcp(self.own, self.server, (1, 1), ACK)

    def carry(self, data: bytes, *, out: bool) -> Iterator[bytes]:
        """Yield the packets of some bytes, from the phone or to it."""
        ends = (self.own, self.server) if out else (self.server, self.own)
        for begin in range(0, len(data), _SEGMENT):
            part = data[begin : begin + _SEGMENT]
            yield tcp(*ends, (self._next[out], self._next[not out]), PUSH | ACK, part)
            self._next[out] = (self._next[out] + len(part)) & 0xFFFFFFFF


def _ip(sender: Address, target: Address, protocol: int, data: bytes) -> bytes:
    one, other = (_packed(end) for end in (sender, target))
    if len(one) == 16:
        return struct.pack(">IHBB", 6 << 28, len(data), protocol, 64) + one + other + data
    head = struct.pack(">BBHHHBB", 0x45, 0, 20 + len(data), 0, 0x4000, 64, protocol)
    checksum = _checksum(head + bytes(2) + one + other)
    return head + struct.pack(">H", checksum) + one + other + data


def _pseudo(sender: Address, target: Address, protocol: int, length: int) -> bytes:
    return _packed(sender) + _packed(target) + struct.pack(">II", length, protocol)


def _packed(end: Address) -> bytes:
    return ip_address(end[0].partition("%")[0]).packed


def _checksum(data: bytes) -> int:
    even = data + bytes(len(data) % 2)
    total = int(sum(struct.unpack(f">{len(even) // 2}H", even)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
