"""UDP ports of a phone's media: an even one of those that phones use, read a few packets at a time."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
from collections.abc import Callable
from typing import Final

from mixedmode.phone.body.calling.media import NoChannelError
from mixedmode.protocols.rtp.packets import LONGEST
from mixedmode.protocols.sccp.calls.codes import MediaStatus

FIRST: Final = 16384
"""Phones take an even port from here to 32766."""
_PORTS: Final = (32768 - FIRST) // 2
_TRIES: Final = 64
_AT_ONCE: Final = 16
"""Packets that are read before others have their turn."""

Address = tuple[str, int]
Came = Callable[[bytes, Address], None]


class MediaPort:
    """A port.

    Args:
        address: The phone's own address.
        came: Told each packet, with one byte more than the longest at most, and where it came from.

    Attributes:
        address: Where it is.
        dscp: The DSCP byte of what is sent, 0 before any was asked for.

    Raises:
        NoChannelError: There is none to be had.
    """

    def __init__(self, address: str, came: Came) -> None:
        self._came = came
        self._loop = asyncio.get_running_loop()
        self._family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._socket = self._bound(address)
        self.address: Address = self._socket.getsockname()[:2]
        self.dscp = 0
        self._loop.add_reader(self._socket.fileno(), self._read)

    def send(self, packet: bytes, address: Address) -> bool:
        """Send a packet; return whether the network took it."""
        try:
            self._socket.sendto(packet, address)
        except OSError:
            return False
        return True

    def mark(self, dscp: int) -> None:
        """Mark what is sent with a DSCP byte, where the system lets it."""
        if dscp != self.dscp and 0 <= dscp <= 0xFF:
            self.dscp = dscp
            six = self._family == socket.AF_INET6
            option = (socket.IPPROTO_IPV6, socket.IPV6_TCLASS) if six else (socket.IPPROTO_IP, socket.IP_TOS)
            with contextlib.suppress(OSError):
                self._socket.setsockopt(*option, dscp)

    def close(self) -> None:
        """Give it back."""
        self._loop.remove_reader(self._socket.fileno())
        self._socket.close()

    def _bound(self, address: str) -> socket.socket:
        begin = secrets.randbelow(_PORTS)
        try:
            found = socket.socket(self._family, socket.SOCK_DGRAM)
        except OSError as error:
            raise NoChannelError(f"no socket for media: {error.strerror}", MediaStatus.OUT_OF_SOCKETS) from error
        found.setblocking(False)
        for number in range(_TRIES):
            try:
                found.bind((address, FIRST + 2 * ((begin + number) % _PORTS)))
            except OSError:
                continue
            return found
        found.close()
        raise NoChannelError(f"no port for media can be had at {address}", MediaStatus.OUT_OF_SOCKETS)

    def _read(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                packet, where = self._socket.recvfrom(LONGEST + 1)
            except BlockingIOError:
                return
            except OSError:
                continue  # An ICMP error about what was sent before; what comes next is read as ever.
            self._came(packet, where[:2])
            if self._socket.fileno() < 0:
                return
