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
from collections.abc import Callable, Iterable
from typing import Final, Generic, Protocol, TypeVar

from mixedmode.errors import RemoteError
from mixedmode.phone.body.network import Address

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


class Port(Protocol):
    """What a slot sends and receives by: a socket, or a part of a network in memory."""

    def sendto(self, data: bytes, address: Address, /) -> int:
        """Send a datagram; raises OSError if it does not go."""

    def recvfrom(self, size: int, /) -> tuple[bytes, Address]:
        """Return one that has come; raises OSError if there is none."""

    def close(self) -> None:
        """Give it back."""


Holder = TypeVar("Holder")
"""What a slot serves."""


class Slot(Generic[Holder]):
    """One port and the transfer that it serves or, while it rests, served; None when it is closed."""

    __slots__ = ("holder", "number", "port")

    def __init__(self, port: Port, number: int = 0) -> None:
        self.port = port
        self.number = number
        self.holder: Holder | None = None


class Pool(Protocol[Holder]):
    """Where the ports of many transfers come from: :class:`SocketPool`, or one of a network in memory."""

    def lend(self) -> Slot[Holder]:
        """Return a slot with a port of its own; raises RemoteError if there is none."""

    def give_back(self, slot: Slot[Holder]) -> None:
        """Let a slot rest; packets for its last transfer still reach that."""

    def ready(self) -> Iterable[Slot[Holder]]:
        """Return slots that have a datagram, without waiting."""

    def watch(self, call: Callable[[], object]) -> None:
        """Have this called when a datagram has come, until :meth:`close`."""

    def close(self) -> None:
        """Close every port."""


class SocketPool(Generic[Holder]):
    """At most ``size`` sockets, each for one transfer.

    Args:
        size: How many.
        family: IPv4 or IPv6.
    """

    def __init__(self, size: int, family: socket.AddressFamily = socket.AF_INET) -> None:
        self._size = size
        self._family = family
        self._epoll = select.epoll()
        self._slots: dict[int, Slot[Holder]] = {}
        self._resting: deque[Slot[Holder]] = deque()
        self._watching: asyncio.AbstractEventLoop | None = None

    def fileno(self) -> int:
        """Return the descriptor that is readable when any socket is."""
        return self._epoll.fileno()

    def watch(self, call: Callable[[], object]) -> None:
        """Have this called when any socket is readable, until :meth:`close`."""
        self._watching = asyncio.get_running_loop()
        self._watching.add_reader(self.fileno(), call)

    def lend(self) -> Slot[Holder]:
        """Return a new socket, in the place of the one that rested longest if there may be no more.

        Raises:
            RemoteError: All are lent, or the system gives no more.
        """
        if len(self._slots) >= self._size:
            if not self._resting:
                raise RemoteError("every socket is in use", next_step="let fewer phones start at once")
            self._retire(self._resting.popleft())
        return self._open()

    def give_back(self, slot: Slot[Holder]) -> None:
        """Let a socket rest; packets for its last transfer still reach that."""
        self._resting.append(slot)

    def ready(self) -> list[Slot[Holder]]:
        """Return sockets that have a datagram, without waiting."""
        slots = self._slots
        return [slots[descriptor] for descriptor, _ in self._epoll.poll(0, _READY_AT_ONCE)]

    def close(self) -> None:
        """Close every socket."""
        if self._watching is not None:
            self._watching.remove_reader(self.fileno())
        self._epoll.close()
        for slot in self._slots.values():
            slot.port.close()
        self._slots.clear()
        self._resting.clear()

    def _retire(self, slot: Slot[Holder]) -> None:
        slot.holder = None
        del self._slots[slot.number]
        slot.port.close()  # the epoll forgets it

    def _open(self) -> Slot[Holder]:
        any_address: Address = ("::", 0) if self._family == socket.AF_INET6 else ("0.0.0.0", 0)  # noqa: S104 - a client's port
        try:
            sock = socket.socket(self._family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
            sock.bind(any_address)
        except OSError as error:
            raise RemoteError(
                f"no more than {len(self._slots)} sockets can be had: {error.strerror}",
                next_step="let fewer phones start at once, or raise the limit of open files (ulimit -n)",
            ) from error
        slot = self._slots[sock.fileno()] = Slot[Holder](sock, sock.fileno())
        self._epoll.register(slot.number, select.EPOLLIN)
        return slot
