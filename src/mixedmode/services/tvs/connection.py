"""One TVS connection after its TLS handshake: bytes into the state machine, answers out, one deadline at a time.

============  =================================  =======================================
waits for     deadline                           after it
============  =================================  =======================================
a request     ``idle_seconds``                   closed
its rest      ``request_seconds``                closed
the database  ``request_seconds``                closed
the client    ``request_seconds``                closed: it does not take its answer
============  =================================  =======================================
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Protocol, cast

from mixedmode.errors import LocalProtocolError, RemoteProtocolError
from mixedmode.protocols.tvs import MAX_BODY, QueryRequest, Request, ServerConnection, ServerPhase, unknown
from mixedmode.services.net.deadlines import NEVER
from mixedmode.services.net.gate import Place
from mixedmode.services.net.guests import Guests
from mixedmode.services.sightings.collector import Sightings
from mixedmode.services.tvs.lookup import TrustLookup, read_all
from mixedmode.services.tvs.sources import MapKey, Source
from mixedmode.services.tvs.trace import Trace


@dataclass(frozen=True, slots=True)
class TvsLimits:
    """What clients may use.

    Attributes:
        connections: At once.
        per_address: Of these, from one address; generous, since a site may sit behind one.
        handshake_seconds: For the TLS handshake.
        request_seconds: From a request's first byte to its last, and for taking an answer.
        idle_seconds: Without a request.
        requests: In one connection.
        body_bytes: Of one request's elements.
    """

    connections: int = 8192
    per_address: int = 4096
    handshake_seconds: float = 10.0
    request_seconds: float = 5.0
    idle_seconds: float = 30.0
    requests: int = 1000
    body_bytes: int = MAX_BODY


class Host(Protocol):
    """The service that a connection belongs to."""

    lookup: TrustLookup
    limits: TvsLimits
    trace: Trace
    counts: Counter[str]
    guests: Guests[TvsConnection]
    seen: Sightings | None

    @property
    def list_loads(self) -> int:
        """How often the trust lists that the service follows were read."""

    def look_again(self) -> None:
        """Read those of them that are others by now."""


class TvsConnection(asyncio.Protocol):
    """A connection.

    Args:
        host: The service.
        place: The client's place at the door.

    Attributes:
        place: The same.
        client: The client's address.
        deadline: When the service shall call :meth:`expire`, on the monotonic clock.
    """

    __slots__ = (
        "_blocked", "_draining", "_host", "_machine", "_of_request", "_reading", "_requests", "_served", "_transport",
        "client", "deadline", "place",
    )  # fmt: skip

    def __init__(self, host: Host, place: Place) -> None:
        self.place = place
        self.client = place.address
        self.deadline = NEVER
        self._host = host
        self._machine = ServerConnection(host.limits.body_bytes)
        self._requests: list[Request] = []
        self._transport: asyncio.Transport | None = None
        self._reading: asyncio.Task[None] | None = None
        self._served = 0
        self._draining = False
        self._blocked = False
        self._of_request = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for a request; called when the handshake is done."""
        self._transport = cast(asyncio.Transport, transport)
        self._host.guests.entered(self, self.place)
        self._wait(self._host.limits.idle_seconds)

    def data_received(self, data: bytes) -> None:
        """Take bytes and answer what is whole."""
        self._serve(data)

    def connection_lost(self, _error: Exception | None) -> None:
        """Forget everything."""
        self.deadline = NEVER
        self._transport = None
        if self._reading is not None:
            self._reading.cancel()
        self._host.guests.left(self)

    def pause_writing(self) -> None:
        """Answer no more until the client takes what was sent."""
        self._blocked = True
        if self._transport is not None:
            self._transport.pause_reading()
        self._wait(self._host.limits.request_seconds)

    def resume_writing(self) -> None:
        """Go on."""
        self._blocked = False
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()
            self._serve()

    def drain(self) -> None:
        """Close once there is no request under way."""
        self._draining = True
        if self._machine.phase is ServerPhase.IDLE:
            self._close()

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    def _serve(self, data: bytes = b"") -> None:
        transport = self._transport
        while transport is not None and not transport.is_closing():
            try:
                self._requests += self._machine.receive(data, monotonic())
            except RemoteProtocolError as error:
                self._host.counts["malformed"] += 1
                self._host.trace([f"ERROR:TVS_STATE_AWAIT_REQ - {self.client}: {error}"])
                self._close()
                return
            data = b""
            if self._blocked or not self._requests:
                break
            request = self._requests.pop()
            pending = self._host.lookup.unread(request)
            if pending:
                transport.pause_reading()
                self._reading = asyncio.get_running_loop().create_task(self._read_then_answer(request, pending))
                self._wait(self._host.limits.request_seconds)
                return
            self._answer(request)
        self._await_more()

    def _await_more(self) -> None:
        phase, limits = self._machine.phase, self._host.limits
        if self._blocked:
            return
        if phase is ServerPhase.IDLE and (self._draining or self._served >= limits.requests):
            self._close()
        elif phase is ServerPhase.IDLE:
            self._wait(limits.idle_seconds)
        elif phase is ServerPhase.RECEIVING and not self._of_request:
            self._wait(limits.request_seconds, of_request=True)

    async def _read_then_answer(self, request: Request, pending: Sequence[tuple[Source, MapKey]]) -> None:
        """Read what may block in a thread, then answer (rule 4 of the service)."""
        lines = await asyncio.to_thread(read_all, pending)
        if lines:
            self._host.counts["source_failures"] += 1
            self._host.trace(lines)
        self._reading = None
        transport = self._transport
        if transport is not None and not transport.is_closing():
            self._answer(request)
            transport.resume_reading()
            self._serve()

    def _answer(self, request: Request) -> None:
        host = self._host
        loads = host.list_loads
        answer, lines = host.lookup.answer(request)
        if not answer.known:
            host.look_again()
            if host.list_loads != loads:
                answer, lines = host.lookup.answer(request)
        host.trace(lines)
        if host.seen is not None:
            serial = request.serial.hex().upper() if isinstance(request, QueryRequest) else ""
            host.seen.asked(request.device, self.client, serial, known=answer.known)
        try:
            self._machine.send(answer, monotonic())
        except LocalProtocolError:
            # A certificate so large that no message holds it; nothing that a list names is.
            self._machine.send(unknown(request), monotonic())
        self._served += 1
        self._of_request = False
        host.counts["requests"] += 1
        host.counts["known" if answer.known else "unknown"] += 1
        if self._transport is not None:
            self._transport.write(self._machine.bytes_to_send())
            if self._served >= host.limits.requests:
                self._close()

    def _close(self) -> None:
        """Close after what was written is sent, within the time of a request."""
        if self._transport is not None:
            self._transport.close()
        self._wait(self._host.limits.request_seconds)

    def expire(self) -> None:
        """End the connection, since its deadline has come."""
        self.deadline = NEVER
        self._host.counts["timeouts"] += 1
        self.abort()

    def _wait(self, seconds: float, *, of_request: bool = False) -> None:
        self._of_request = of_request
        self.deadline = monotonic() + seconds
