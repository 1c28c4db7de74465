"""A bounded number of UDP sockets under one epoll, a new one for each transfer.

A TFTP server tells transfers apart by the client's address and port, so every transfer has a port of its own, as on a
phone (RFC 1350: a TID chosen anew). The server repeats a last block whose acknowledgement was lost; on a port that
serves again by then, that would be taken for the next file. A socket that was given back rests, so that it still
answers late packets, until its place is needed. The epoll's own descriptor is what the event loop watches.
"""

from __future__ import annotations

import asyncio
import resource
import select
import socket
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from mixedmode.causes import place, why_no_connection
from mixedmode.errors import RemoteError

if TYPE_CHECKING:
    from mixedmode.fleet.downloads import Download

_RESERVED: Final = 512
"""Descriptors left for everything else: connections to TVS and HTTP, files, the loop."""
_READY_AT_ONCE: Final = 512
RECEIVE_BYTES: Final = 1024
"""Phones ask for no options, so no datagram for them is longer than 516 bytes."""


def usable_descriptors() -> int:
    """Raise the soft limit of open files to the hard one; return how many sockets a pool may take."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
        except (OSError, ValueError):  # the soft one stays
            pass
    unlimited = soft == resource.RLIM_INFINITY
    return max(16, (1 << 20 if unlimited else soft) - _RESERVED)


async def resolve(host: str, port: int) -> tuple[socket.AddressFamily, tuple[Any, ...]]:
    """Return the family and numeric address of a UDP server.

    Raises:
        RemoteError: There is no such server.
    """
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError) as error:
        problem, step = why_no_connection(error)
        raise RemoteError(f"There is no such server: {problem}", where=place(host, port), next_step=step) from error
    family, _, _, _, address = found[0]
    return socket.AddressFamily(family), address


class Slot:
    """One socket and the transfer that it serves or, while it rests, served; None when it is closed."""

    __slots__ = ("download", "sock")

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.download: Download | None = None


class SocketPool:
    """At most ``size`` sockets, each for one transfer.

    Args:
        size: How many.
        family: IPv4 or IPv6.
    """

    def __init__(self, size: int, family: socket.AddressFamily = socket.AF_INET) -> None:
        self._size = size
        self._family = family
        self._epoll = select.epoll()
        self._slots: dict[int, Slot] = {}
        self._resting: deque[Slot] = deque()

    def fileno(self) -> int:
        """Return the descriptor that is readable when any socket is."""
        return self._epoll.fileno()

    def lend(self) -> Slot:
        """Return a new socket, in the place of the one that rested longest if there may be no more.

        Raises:
            RemoteError: All are lent, or the system gives no more.
        """
        if len(self._slots) >= self._size:
            if not self._resting:
                raise RemoteError("every socket is in use", next_step="let fewer phones start at once")
            self._retire(self._resting.popleft())
        return self._open()

    def give_back(self, slot: Slot) -> None:
        """Let a socket rest; packets for its last transfer still reach that."""
        self._resting.append(slot)

    def ready(self) -> list[Slot]:
        """Return sockets that have a datagram, without waiting."""
        slots = self._slots
        return [slots[descriptor] for descriptor, _ in self._epoll.poll(0, _READY_AT_ONCE)]

    def close(self) -> None:
        """Close every socket."""
        self._epoll.close()
        for slot in self._slots.values():
            slot.sock.close()
        self._slots.clear()
        self._resting.clear()

    def _retire(self, slot: Slot) -> None:
        slot.download = None
        del self._slots[slot.sock.fileno()]
        slot.sock.close()  # the epoll forgets it

    def _open(self) -> Slot:
        any_address: tuple[Any, ...] = ("::", 0) if self._family == socket.AF_INET6 else ("0.0.0.0", 0)  # noqa: S104 - a client's port
        try:
            sock = socket.socket(self._family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
            sock.bind(any_address)
        except OSError as error:
            raise RemoteError(
                f"no more than {len(self._slots)} sockets can be had: {error.strerror}",
                next_step="let fewer phones start at once, or raise the limit of open files (ulimit -n)",
            ) from error
        slot = self._slots[sock.fileno()] = Slot(sock)
        self._epoll.register(sock.fileno(), select.EPOLLIN)
        return slot
