"""The network as phones use it: streams, with TLS or without, and datagrams.

All that a phone sends goes through a :class:`Network`: :data:`SOCKETS` unless somebody brings another one, such as a
simulation with a network in memory. A failure is the ``OSError`` that a socket has.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from mixedmode.phone.body.tls import PhoneTls

Address = tuple[Any, ...]
"""A numeric socket address."""

STREAM_LIMIT: Final = 64 << 10
_HANDSHAKE_SECONDS: Final = 600.0
"""Longer than any deadline of a caller, which is what counts."""


@dataclass(frozen=True, slots=True)
class Connection:
    """A stream to a server.

    Attributes:
        reader: What comes.
        writer: What goes.
        certificate: DER of the certificate that the server showed; None without TLS, or if it showed none.
        secure: Whether by TLS.
    """

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    certificate: bytes | None = None
    secure: bool = False


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server's address for datagrams."""

    family: socket.AddressFamily
    address: Address


class Datagrams(Protocol):
    """One port for datagrams, which may come from anywhere."""

    def sendto(self, data: bytes, address: Address, /) -> int:
        """Send one; raises BlockingIOError if there is no room for it."""

    def recvfrom(self, size: int, /) -> tuple[bytes, Address]:
        """Return one that has come; raises BlockingIOError if there is none."""

    def watch(self, call: Callable[[], object], /) -> None:
        """Have this called when something has come, until :meth:`close`."""

    def close(self) -> None:
        """Give the port back."""


class Network(Protocol):
    """Brings phones to their servers."""

    async def connect(
        self, host: str, port: int, *, tls: PhoneTls | ssl.SSLContext | None = None, limit: int = STREAM_LIMIT
    ) -> Connection:
        """Connect to a TCP port.

        Args:
            host: Name or address.
            port: TCP port.
            tls: How the phone speaks TLS, or a context that judges the server itself; None without.
            limit: Bytes that the reader buffers.

        Raises:
            OSError: It cannot be reached, or TLS failed.
        """

    async def resolve(self, host: str, port: int) -> Endpoint:
        """Return where datagrams for a server go.

        Raises:
            OSError: There is no such server.
        """

    def datagrams(self, family: socket.AddressFamily) -> Datagrams:
        """Return a new port.

        Raises:
            OSError: There is none to be had.
        """


class _UdpPort:
    """A UDP socket that the event loop watches."""

    def __init__(self, family: socket.AddressFamily, source: str = "") -> None:
        self._socket = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        if source:
            try:
                self._socket.bind((source, 0))
            except OSError:
                self._socket.close()
                raise
        self.sendto, self.recvfrom = self._socket.sendto, self._socket.recvfrom

    def watch(self, call: Callable[[], object]) -> None:
        asyncio.get_running_loop().add_reader(self._socket.fileno(), call)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._socket.fileno())
        self._socket.close()


class Sockets:
    """The network of this host.

    Args:
        source: The phone's own address, which its connections and datagrams come from; empty leaves it to the host.
    """

    def __init__(self, source: str = "") -> None:
        self._source = source

    async def connect(
        self, host: str, port: int, *, tls: PhoneTls | ssl.SSLContext | None = None, limit: int = STREAM_LIMIT
    ) -> Connection:
        """Connect to a TCP port; see :meth:`Network.connect`."""
        name, context = host, tls
        if isinstance(tls, PhoneTls):
            name, context = "", await tls.context()
        source = (self._source, 0) if self._source else None
        if context is None:
            return Connection(*await asyncio.open_connection(host, port, limit=limit, local_addr=source))
        reader, writer = await asyncio.open_connection(
            host,
            port,
            ssl=context,
            server_hostname=name,
            limit=limit,
            local_addr=source,
            ssl_handshake_timeout=_HANDSHAKE_SECONDS,
        )
        spoken: ssl.SSLObject = writer.get_extra_info("ssl_object")
        return Connection(reader, writer, spoken.getpeercert(binary_form=True), secure=True)

    async def resolve(self, host: str, port: int) -> Endpoint:
        """Return where datagrams for a server go; see :meth:`Network.resolve`."""
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_DGRAM)
        family, _, _, _, address = found[0]
        return Endpoint(socket.AddressFamily(family), address)

    def datagrams(self, family: socket.AddressFamily) -> Datagrams:
        """Return a new port; see :meth:`Network.datagrams`."""
        return _UdpPort(family, self._source)


SOCKETS: Final[Network] = Sockets()
