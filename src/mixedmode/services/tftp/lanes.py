"""The ways from a TFTP engine to its sockets: the slowest works everywhere, the fastest is compiled.

:func:`open_lane` chooses: for IPv4 the compiled inner loop if it was built (``_lockstep.c``), else recvmmsg and
sendmmsg through ctypes, else the socket's own methods. All three follow the same engine.
"""

from __future__ import annotations

import socket
from functools import partial
from time import monotonic
from typing import Any, Final

from mixedmode.protocols.tftp import ServerCounters, ServerEngine, ServerLimits
from mixedmode.protocols.tftp.engine import Delivered, Find, tuple_host
from mixedmode.services.tftp import mmsg

try:
    from mixedmode.services.tftp import _lockstep
except ImportError:  # it was built without a compiler
    _lockstep = None  # type: ignore[assignment]

COMPILED: Final = _lockstep is not None
"""Whether the compiled inner loop is there."""
BATCH: Final = 256
"""Datagrams in one batch."""
BATCHES: Final = 2
"""Batches read from one socket before the event loop gets its turn."""
RECEIVE_BYTES: Final = 1024
"""No datagram that a client may send is longer than a request: 512 bytes."""
Address = tuple[Any, ...]


class Lane:
    """One reply socket and the transfers on it, with Python's own socket calls."""

    def __init__(self, sock: socket.socket, engine: ServerEngine, counters: ServerCounters) -> None:
        self.sock = sock
        self.engine = engine
        self._counters = counters

    def request(self, data: bytes, address: Address, now: float) -> None:
        """Answer a request that came in on the listening port."""
        self.again(data, address, now)

    def again(self, data: bytes, address: Any, now: float) -> None:
        """Answer a request that has waited for its file; the address is the engine's."""
        reply = self.engine.request(data, address, now)
        if reply is not None:
            self.send((reply,), address)

    def read_requests(self, listener: socket.socket, now: float) -> None:
        """Answer what clients have sent to the listening port."""
        for _ in range(BATCH * BATCHES):
            try:
                data, address = listener.recvfrom(RECEIVE_BYTES)
            except OSError:
                return
            self.request(data, address, now)

    def read(self) -> None:
        """Answer what clients have sent to the reply socket."""
        now = monotonic()
        receive, recvfrom = self.engine.receive, self.sock.recvfrom
        for _ in range(BATCH * BATCHES):
            try:
                data, address = recvfrom(RECEIVE_BYTES)
            except OSError:
                return
            reply = receive(data, address, now)
            if reply:
                self.send((reply,) if isinstance(reply, bytes) else reply, address)

    def tick(self, now: float) -> None:
        """Send again what is due."""
        for packets, address in self.engine.expire(now):
            self.send(packets, address)

    def send(self, packets: tuple[bytes, ...], address: Address) -> None:
        """Send packets to a client; what the kernel does not take is lost, as on any network."""
        for packet in packets:
            try:
                self.sock.sendto(packet, address)
            except OSError:
                self._counters.send_failures += 1


class PackedLane(Lane):
    """The same where a client is known by its ``sockaddr_in``, and many packets leave at once."""

    def request(self, data: bytes, address: Address, now: float) -> None:
        """Answer a request that came in on the listening port."""
        self.again(data, mmsg.pack_address(address), now)

    def tick(self, now: float) -> None:
        """Send again what is due."""
        due = self.engine.expire(now)
        self._send_all([(packet, address) for packets, address in due for packet in packets])

    def send(self, packets: tuple[bytes, ...], address: Any) -> None:
        """Send packets to a client; what the kernel does not take is lost, as on any network."""
        self._send_all([(packet, address) for packet in packets])

    def _send_all(self, outgoing: list[tuple[bytes, bytes]]) -> None:
        raise NotImplementedError


class BatchLane(PackedLane):
    """The same with two system calls for many datagrams."""

    def __init__(self, sock: socket.socket, engine: ServerEngine, counters: ServerCounters) -> None:
        super().__init__(sock, engine, counters)
        self._batch = mmsg.Batch(BATCH, RECEIVE_BYTES)

    def read(self) -> None:
        """Answer what clients have sent to the reply socket."""
        now = monotonic()
        batch, descriptor, receive = self._batch, self.sock.fileno(), self.engine.receive
        for _ in range(BATCHES):
            arrived = batch.receive(descriptor)
            outgoing = []
            for data, address in arrived:
                reply = receive(data, address, now)
                if isinstance(reply, bytes):
                    outgoing.append((reply, address))
                elif reply:
                    outgoing += [(packet, address) for packet in reply]
            self._send_all(outgoing)
            if len(arrived) < batch.size:
                return

    def _send_all(self, outgoing: list[tuple[bytes, bytes]]) -> None:
        batch, descriptor = self._batch, self.sock.fileno()
        for start in range(0, len(outgoing), batch.size):
            self._counters.send_failures += batch.send(descriptor, outgoing[start : start + batch.size])


class CompiledLane(PackedLane):
    """The same, with transfers in lockstep lent to the compiled loop."""

    def __init__(
        self, sock: socket.socket, engine: ServerEngine, counters: ServerCounters, loan: _lockstep.Lockstep
    ) -> None:
        super().__init__(sock, engine, counters)
        self.loan = loan

    def read_requests(self, listener: socket.socket, now: float) -> None:
        """Answer what clients have sent to the listening port."""
        request = self.engine.request
        for _ in range(BATCHES):
            arrived = _lockstep.receive(listener.fileno())
            replies = []
            for data, address in arrived:
                reply = request(data, address, now)
                if reply is not None:
                    replies.append((reply, address))
            self._send_all(replies)
            if len(arrived) < BATCH:
                return

    def read(self) -> None:
        """Answer what clients have sent to the reply socket."""
        now = monotonic()
        descriptor, engine = self.sock.fileno(), self.engine
        for _ in range(BATCHES):
            received, failed, others, ended = self.loan.turn(descriptor, now)
            self._counters.send_failures += failed
            outgoing = []
            for address in ended:
                packet = engine.finished(address, now)
                if packet is not None:
                    outgoing.append((packet, address))
            if others:
                for data, address in others:
                    reply = engine.receive(data, address, now)
                    if isinstance(reply, bytes):
                        outgoing.append((reply, address))
                    elif reply:
                        outgoing += [(packet, address) for packet in reply]
            self._send_all(outgoing)
            if received < BATCH:
                return

    def _send_all(self, outgoing: list[tuple[bytes, bytes]]) -> None:
        if outgoing:
            self._counters.send_failures += _lockstep.send(self.sock.fileno(), outgoing)


def open_lane(
    sock: socket.socket,
    find: Find,
    limits: ServerLimits,
    counters: ServerCounters,
    *,
    compiled: bool = COMPILED,
    delivered: Delivered | None = None,
) -> Lane:
    """Return the fastest lane for a reply socket.

    Args:
        sock: Bound, non-blocking.
        find: Looks a name up.
        limits: Of the service.
        counters: Of the service.
        compiled: Whether the compiled loop may be used.
        delivered: Told of deliveries, if somebody wants to know.
    """
    engine = partial(ServerEngine, find, limits=limits, counters=counters, delivered=delivered)
    if not mmsg.AVAILABLE or sock.family != socket.AF_INET:
        return Lane(sock, engine(host_of=tuple_host), counters)
    if not compiled:
        return BatchLane(sock, engine(host_of=mmsg.host_of), counters)
    loan = _lockstep.Lockstep()
    return CompiledLane(sock, engine(host_of=mmsg.host_of, loan=loan), counters, loan)
