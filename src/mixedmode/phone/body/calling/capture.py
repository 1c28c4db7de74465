"""What a phone sends and gets while it calls, for a file that Wireshark opens.

Rules:

1. SCCP is in it where it goes without TLS. What TLS protects stays out: the keys of media are in there.
2. Media are in it as they are on the wire.
3. It is bounded: what comes after that is left out, and that is said.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterable
from typing import Any, Final, cast

from mixedmode.phone.body.calling.pcap import HEADER, Address, Stream, record, udp
from mixedmode.phone.body.network import STREAM_LIMIT, Connection, Network
from mixedmode.phone.body.tls import PhoneTls

MOST_BYTES: Final = 64 << 20
"""More than half an hour of a call."""


class Capture:
    """A capture.

    Attributes:
        data: The file.
        full: Whether something was left out.
    """

    def __init__(self, most: int = MOST_BYTES) -> None:
        self.data = bytearray(HEADER)
        self.full = False
        self._most = most

    def datagram(self, sender: Address, target: Address, data: bytes) -> None:
        """Take a packet of media."""
        self.packets([udp(sender, target, data)])

    def packets(self, packets: Iterable[bytes]) -> None:
        """Take packets that begin with their IP header."""
        for packet in packets:
            if len(self.data) + len(packet) > self._most:
                self.full = True
                return
            self.data += record(time.time(), packet)


class CapturedNetwork:
    """A network whose streams without TLS are captured.

    Args:
        network: What does the work.
        capture: Told what goes and comes.
    """

    def __init__(self, network: Network, capture: Capture) -> None:
        self._network, self._capture = network, capture
        self.resolve, self.datagrams = network.resolve, network.datagrams

    async def connect(
        self, host: str, port: int, *, tls: PhoneTls | ssl.SSLContext | None = None, limit: int = STREAM_LIMIT
    ) -> Connection:
        """Connect to a TCP port; see :meth:`~mixedmode.phone.body.network.Network.connect`."""
        found = await self._network.connect(host, port, tls=tls, limit=limit)
        if tls is not None:
            return found
        ends = (found.writer.get_extra_info(name)[:2] for name in ("sockname", "peername"))
        stream = Stream(*ends)
        self._capture.packets(stream.begin())
        tapped = _Tapped(found, stream, self._capture)
        return Connection(cast(Any, tapped), cast(Any, tapped), found.certificate, found.secure)


class _Tapped:
    """Reader and writer of a connection in one."""

    def __init__(self, connection: Connection, stream: Stream, capture: Capture) -> None:
        self._connection, self._stream, self._capture = connection, stream, capture

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection.writer, name)

    async def read(self, size: int = -1) -> bytes:
        data = await self._connection.reader.read(size)
        self._capture.packets(self._stream.carry(data, out=False))
        return data

    def write(self, data: bytes) -> None:
        self._capture.packets(self._stream.carry(data, out=True))
        self._connection.writer.write(data)
