"""Both ends of a TVS connection as state machines: bytes in, messages out, no sockets.

The server's end:

=============  =======================================  ============
phase          input                                    next
=============  =======================================  ============
IDLE           bytes of a request                       RECEIVING
RECEIVING      the rest of it; the event is the request ANSWERING
ANSWERING      its answer is sent                       IDLE, or RECEIVING if more bytes came meanwhile
any            bytes that are no request, or the end    CLOSED
=============  =======================================  ============

The client's end asks one thing after the other; the event is the answer. Who has asked nothing is told nothing.

Rules: exactly ten bytes are read, then exactly as many as they announce; a request may arrive in any number of pieces,
and several may arrive in one; they are answered one after the other, in their order.
"""

from __future__ import annotations

from enum import StrEnum

from mixedmode.errors import LocalProtocolError, MalformedError, RemoteProtocolError
from mixedmode.protocols.machine import Machine, does_not_fit
from mixedmode.protocols.tvs.messages import (
    HEADER_LENGTH,
    MAX_BODY,
    Answer,
    Header,
    MalformedMessageError,
    Message,
    Request,
    encode_message,
    parse_header,
    parse_message,
)


class ServerPhase(StrEnum):
    """What a server's connection waits for."""

    IDLE = "idle"
    RECEIVING = "receiving"
    ANSWERING = "answering"
    CLOSED = "closed"


class ServerConnection(Machine[Request, Answer]):
    """The server's end of one connection.

    Args:
        body_limit: Most bytes of a request's elements.
    """

    def __init__(self, body_limit: int = MAX_BODY) -> None:
        super().__init__()
        self._limit = body_limit
        self._buffer = bytearray()
        self._request: Request | None = None
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether nothing more is taken."""
        return self._closed

    @property
    def phase(self) -> ServerPhase:
        """What the connection waits for."""
        if self._closed:
            return ServerPhase.CLOSED
        if self._request is not None:
            return ServerPhase.ANSWERING
        return ServerPhase.RECEIVING if self._buffer else ServerPhase.IDLE

    @property
    def buffered(self) -> int:
        """Bytes that were received and not taken yet."""
        return len(self._buffer)

    def send(self, said: Answer, now: float) -> None:
        """Answer the request that was handed out last.

        Raises:
            LocalProtocolError: It is not that request's answer, or does not fit; the request still waits.
        """
        request = self._request
        expected = None if request is None else (request.command.answer, request.session)
        if expected != (said.command, said.session):
            raise LocalProtocolError(f"There is no request that command {said.command} answers")
        self._outgoing += _encoded(said)
        self._request = None

    def _read(self, data: bytes, now: float) -> None:
        self._buffer += data
        if self._request is None:
            self._request = self._take()
            if self._request is not None:
                self._events.append(self._request)

    def _take(self) -> Request | None:
        header = parse_header(self._buffer)
        if len(self._buffer) > 2 and not self._buffer[2] % 2:
            raise MalformedMessageError("A client sends requests, not answers", offset=2, code="tvs-command")
        if header is None:
            return None
        if header.length > self._limit:
            raise MalformedMessageError(
                f"A request of {header.length} bytes is too long; the limit is {self._limit}", offset=8
            )
        message = _whole(self._buffer, header)
        if message is None:
            return None
        parsed = parse_message(message)
        if isinstance(parsed, Answer):
            raise MalformedMessageError("A client sends requests, not answers", offset=2, code="tvs-command")
        return parsed

    def _end(self, now: float) -> None:
        self._break_off()

    def _break_off(self) -> None:
        self._closed = True
        self._request = None
        self._buffer.clear()


class ClientConnection(Machine[Answer, Request]):
    """The client's end of one connection."""

    def __init__(self) -> None:
        super().__init__()
        self._buffer = bytearray()
        self._request: Request | None = None
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether nothing more can be asked."""
        return self._closed

    def send(self, said: Request, now: float) -> None:
        """Ask something.

        Raises:
            LocalProtocolError: The question before has no answer yet, or it does not fit into a message.
        """
        if self._closed or self._request is not None:
            raise LocalProtocolError("a TVS server is asked one thing after the other, until it has closed")
        self._outgoing += _encoded(said)
        self._request = said

    def _read(self, data: bytes, now: float) -> None:
        self._buffer += data
        header = parse_header(self._buffer)
        if header is None:
            return
        request = self._request
        if request is None or header.command is not request.command.answer or header.session != request.session:
            raise RemoteProtocolError("the TVS server answered another request", code="tvs-session")
        message = _whole(self._buffer, header)
        if message is not None:
            answer = parse_message(message)
            if isinstance(answer, Answer):
                self._request = None
                self._events.append(answer)

    def _end(self, now: float) -> None:
        self._closed = True
        if self._request is not None:
            raise RemoteProtocolError(
                "the TVS server closed the connection without an answer",
                why="a server does so when it does not understand the request",
                code="tvs-closed",
            )

    def _break_off(self) -> None:
        self._closed = True

    def _blame(self, error: MalformedError) -> RemoteProtocolError:
        return RemoteProtocolError("the TVS server sent bytes that are no answer", why=str(error), code=error.code)


def _encoded(message: Message) -> bytes:
    try:
        return encode_message(message)
    except MalformedMessageError as error:
        raise does_not_fit(error) from error


def _whole(buffer: bytearray, header: Header) -> bytes | None:
    """Take one message off the front of a buffer, None if it is not whole yet."""
    end = HEADER_LENGTH + header.length
    if len(buffer) < end:
        return None
    message = bytes(buffer[:end])
    del buffer[:end]
    return message
