"""UDP sockets for services that must not lose a whole site's requests.

A boot storm is ten thousand requests in the same instant; the default receive buffer holds some 277 of
them, and every lost one costs its phone a second. Hence eight MiB, beyond the system's own limit if we may.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
from typing import Final

from mixedmode.causes import cannot_listen
from mixedmode.errors import UsageError

BUFFER_BYTES: Final = 8 << 20
_SO_SNDBUFFORCE: Final = 32
_SO_RCVBUFFORCE: Final = 33
_IP_PKTINFO: Final = 8


def resolve(host: str, port: int) -> tuple[socket.AddressFamily, tuple[str, int]]:
    """Return the family and numeric address of a local ``host``.

    Raises:
        UsageError: There is no such host.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
    except (OSError, UnicodeError) as error:
        raise UsageError(
            "no host of this name is known", where=host, next_step="give an address that `ip address` lists"
        ) from error
    return family, (str(address[0]), int(address[1]))


def bind_datagram(family: socket.AddressFamily, address: tuple[str, int], *, reuse_port: bool = False) -> socket.socket:
    """Return a non-blocking UDP socket bound to ``address``, with large buffers.

    Raises:
        RemoteError: The address is taken, not ours, or needs rights that we do not have.
    """
    sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
    try:
        for option, forced in (
            (socket.SO_RCVBUF, _SO_RCVBUFFORCE),
            (socket.SO_SNDBUF, _SO_SNDBUFFORCE),
        ):
            try:
                sock.setsockopt(socket.SOL_SOCKET, forced, BUFFER_BYTES)
            except PermissionError:
                sock.setsockopt(socket.SOL_SOCKET, option, BUFFER_BYTES)
        if reuse_port:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind(address)
    except OSError as error:
        sock.close()
        raise cannot_listen("TFTP", *address, error) from error
    return sock


def want_destination(sock: socket.socket) -> None:
    """Have the kernel tell, with each datagram, which of our addresses it was sent to."""
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)


DESTINATION_SPACE: Final = socket.CMSG_SPACE(20)
"""Ancillary bytes for :func:`destination`."""


def destination(ancillary: list[tuple[int, int, bytes]]) -> str | None:
    """Return the address of ours that a datagram was sent to."""
    for level, kind, data in ancillary:
        if level == socket.IPPROTO_IP and kind == _IP_PKTINFO:
            return socket.inet_ntoa(data[4:8])
        if level == socket.IPPROTO_IPV6 and kind == socket.IPV6_PKTINFO:
            scope = struct.unpack("@I", data[16:20])[0]
            text = socket.inet_ntop(socket.AF_INET6, data[:16])
            return f"{text}%{scope}" if ipaddress.IPv6Address(text).is_link_local else text
    return None
