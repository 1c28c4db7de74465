"""One HTTP connection: heads in, files out, one deadline at a time.

==================  ====================  ============================================
waits for           deadline              after it
==================  ====================  ============================================
a request           ``idle_seconds``      closed
its rest            ``head_seconds``      408, closed
the store           ``build_seconds``     503, closed
the client to read  ``write_seconds``     cut off; each chunk that it takes counts anew
the client to close ``linger_seconds``    cut off
==================  ====================  ============================================

Rules:

1. Requests are answered in their order, each in one write if the file is small; larger files go out in chunks as the
   client takes them, so that a connection never holds more than two chunks of its own.
2. While an answer is not taken, or the store builds, no further bytes are read: a client that sends many requests at
   once holds one read's worth of memory.
3. After a refusal the connection ends, since nobody knows where the next request begins. What the client still sends
   is read and dropped for a moment, or the refusal would be lost in a reset.
4. A deadline is a number that the service's sweep looks at; setting it costs no timer.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from time import monotonic
from typing import Final, cast

from mixedmode.errors import MixedModeError
from mixedmode.protocols.tftp import LostContentError
from mixedmode.services.http.files import CLOSE, FilePart, Found, plain_answer, refusal
from mixedmode.services.http.host import Host, Phase
from mixedmode.services.http.request import Request, parse_request, refused_early
from mixedmode.services.net.deadlines import NEVER
from mixedmode.services.net.gate import Place

CHUNK: Final = 64 << 10
_CHUNKS_AT_ONCE: Final = 16
_LINGER_BYTES: Final = 1 << 20
_KEEP: Final = b"Connection: keep-alive\r\n\r\n"


class HttpConnection(asyncio.Protocol):
    """A connection.

    Args:
        host: The service.
        place: The client's place at the door.

    Attributes:
        place: The client's place.
        deadline: When the service shall call :meth:`expire`, on the monotonic clock.
    """

    __slots__ = (
        "_buffer", "_dropped", "_host", "_keep_alive", "_paused", "_phase", "_rest", "_served", "_transport", "_whole",
        "deadline", "place",
    )  # fmt: skip

    def __init__(self, host: Host, place: Place) -> None:
        self.place = place
        self.deadline = NEVER
        self._host = host
        self._transport: asyncio.Transport
        self._buffer = b""
        self._phase = Phase.IDLE
        self._paused = False
        self._rest: memoryview | FilePart | None = None
        self._keep_alive = True
        self._served = 0
        self._dropped = 0
        self._whole: tuple[str, object] | None = None
        """The file that is delivered when what is being sent has gone out."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for a request; for TLS the handshake is done."""
        self._transport = cast(asyncio.Transport, transport)
        self._host.guests.entered(self, self.place)
        self._transport.set_write_buffer_limits(CHUNK)
        self.deadline = monotonic() + self._host.limits.idle_seconds

    def connection_lost(self, _error: Exception | None) -> None:
        """Forget everything."""
        self._phase = Phase.CLOSING
        self._rest = None
        self._buffer = b""
        self._host.guests.left(self)

    def data_received(self, data: bytes) -> None:
        """Take bytes and answer what is whole."""
        if self._phase is Phase.CLOSING:
            self._dropped += len(data)
            if self._dropped > _LINGER_BYTES:
                self._transport.abort()
        elif self._phase in (Phase.BUILDING, Phase.SENDING):
            # Reading was paused too late for these.
            self._buffer += data
        else:
            self._serve(self._buffer + data if self._buffer else data)

    def pause_writing(self) -> None:
        """Answer no more until the client takes what was sent."""
        self._paused = True

    def resume_writing(self) -> None:
        """Go on."""
        self._paused = False
        if self._phase is Phase.SENDING:
            self._send_more()

    def expire(self) -> None:
        """End the connection, since its deadline has come."""
        self._host.counters.timeouts += 1
        self.deadline = NEVER
        match self._phase:
            case Phase.IDLE:
                self._close()
            case Phase.RECEIVING:
                self._refuse(HTTPStatus.REQUEST_TIMEOUT)
            case Phase.BUILDING:
                self._refuse(HTTPStatus.SERVICE_UNAVAILABLE)
            case _:
                self.abort()

    def drain(self) -> None:
        """Close, unless a request is under way, which then is the last."""
        if self._phase is Phase.IDLE:
            self._close()

    def abort(self) -> None:
        """Close at once."""
        self._transport.abort()

    def _serve(self, data: bytes) -> None:
        """Answer the requests at the beginning of ``data``, keep what remains."""
        position = 0
        answered = False
        while True:
            while data.startswith(b"\r\n", position):
                position += 2
            end = data.find(b"\r\n\r\n", position)
            if end < 0:
                break
            request = parse_request(data[position:end], self._host.limits.head)
            position = end + 4
            if isinstance(request, HTTPStatus):
                self._refuse(request)
                return
            self._answer(request)
            answered = True
            if self._phase is not Phase.IDLE:
                self._buffer = b"" if self._phase is Phase.CLOSING else data[position:]
                return
        self._buffer = data[position:]
        if self._phase is Phase.IDLE and (self._buffer or not answered):
            self._phase = Phase.RECEIVING
            self.deadline = monotonic() + self._host.limits.head_seconds
        status = refused_early(self._buffer, self._host.limits.head) if self._buffer else None
        if status is not None:
            self._refuse(status)

    def _answer(self, request: Request) -> None:
        host = self._host
        host.counters.requests += 1
        self._served += 1
        self._keep_alive = request.keep_alive and self._served < host.limits.requests and not host.draining
        if not host.files.ready(request.name):
            self._build(request)
            return
        try:
            found = host.files.find(request.name)
        except MixedModeError:
            self._refuse_unbuilt()
            return
        self._respond(request, found)

    def _build(self, request: Request) -> None:
        """Look the file up in a thread, since that takes its time."""
        self._wait(Phase.BUILDING, self._host.limits.build_seconds)
        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(self._host.builders, self._host.files.find, request.name)
        future.add_done_callback(lambda done: self._built(request, done))

    def _built(self, request: Request, done: asyncio.Future[Found | None]) -> None:
        error = None if done.cancelled() else done.exception()
        if done.cancelled() or self._phase is not Phase.BUILDING:
            return
        if error is None:
            self._host.counters.built += 1
            self._respond(request, done.result())
            self._go_on()
        elif isinstance(error, MixedModeError):
            self._refuse_unbuilt()
        else:
            raise error

    def _refuse_unbuilt(self) -> None:
        self._host.counters.build_failures += 1
        self._refuse(HTTPStatus.SERVICE_UNAVAILABLE)

    def _respond(self, request: Request, found: Found | None) -> None:
        host = self._host
        end = (_KEEP if request.old else b"\r\n") if self._keep_alive else CLOSE
        if found is None:
            host.counters.not_found += 1
            status, fields, data = plain_answer(HTTPStatus.NOT_FOUND)
        else:
            answer = host.files.answer(found).selected(request)
            status, fields, data = answer
            host.counters.completed += 1
            if host.seen is not None and answer.is_whole and not request.head_only:
                self._whole = request.name, found.source
        if request.head_only:
            data = b""
        host.counters.bytes_sent += len(data)
        if len(data) <= CHUNK:
            try:
                body = data.first(CHUNK) if isinstance(data, FilePart) else data
            except LostContentError:
                self._refuse_unbuilt()
                return
            self._transport.write(b"".join((status, host.stamp, fields, end, body)))
        else:
            self._transport.write(b"".join((status, host.stamp, fields, end)))
            self._rest = data if isinstance(data, FilePart) else memoryview(data)
        if self._rest is None and not self._paused:
            self._finish()
        else:
            self._wait(Phase.SENDING, host.limits.write_seconds)
            self._send_chunks()
            if self._phase is Phase.IDLE:
                self._transport.resume_reading()

    def _send_chunks(self) -> None:
        """Send what the client takes now, but leave the others their turn."""
        rest = self._rest
        for _ in range(_CHUNKS_AT_ONCE):
            if rest is None or self._paused:
                break
            if isinstance(rest, FilePart):
                try:
                    self._transport.write(rest.first(CHUNK))
                except LostContentError:
                    # Its length has been told already: only the end of the connection says that this is not all.
                    self._rest = None
                    self.abort()
                    return
                rest = rest.behind(CHUNK) if len(rest) > CHUNK else None
            else:
                self._transport.write(rest[:CHUNK])
                rest = rest[CHUNK:] if len(rest) > CHUNK else None
        self._rest = rest
        if rest is None and not self._paused:
            self._finish()
        elif not self._paused:
            asyncio.get_running_loop().call_soon(self._send_more)

    def _send_more(self) -> None:
        if self._phase is Phase.SENDING and not self._paused:
            self.deadline = monotonic() + self._host.limits.write_seconds
            self._send_chunks()
            self._go_on()

    def _finish(self) -> None:
        """Wait for the next request after an answer has been handed over."""
        if self._whole is not None and self._host.seen is not None:
            self._host.seen.delivered(*self._whole, self.place.address)
            self._whole = None
        if self._keep_alive:
            self._phase = Phase.IDLE
            self.deadline = monotonic() + self._host.limits.idle_seconds
        else:
            self._close()

    def _go_on(self) -> None:
        """Take up reading after an answer that had to wait."""
        if self._phase is Phase.IDLE:
            if self._host.draining:
                self._close()
                return
            self._transport.resume_reading()
            if self._buffer:
                self._serve(self._buffer)

    def _wait(self, phase: Phase, seconds: float) -> None:
        """Read nothing until the store or the client is done."""
        self._phase = phase
        self.deadline = monotonic() + seconds
        self._transport.pause_reading()

    def _close(self) -> None:
        """Close after what was written is sent."""
        self._phase = Phase.CLOSING
        self.deadline = monotonic() + self._host.limits.write_seconds
        self._transport.close()

    def _refuse(self, status: HTTPStatus) -> None:
        """Answer with an error and close (rule 3)."""
        self._host.counters.refused += 1
        transport = self._transport
        self._buffer = b""
        self._phase = Phase.CLOSING
        self.deadline = monotonic() + self._host.limits.linger_seconds
        transport.write(refusal(status, self._host.stamp))
        if transport.can_write_eof():
            transport.write_eof()
            transport.resume_reading()
        else:
            transport.close()
