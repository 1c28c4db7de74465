"""Both ends of a TVS connection as state machines: bytes in, messages out, no sockets.

The server's end:

=============  =======================================  ============
phase          input                                    next
=============  =======================================  ============
IDLE           bytes of a request                       RECEIVING
RECEIVING      the rest of it, taken by next_request    ANSWERING
ANSWERING      answer                                   IDLE, or RECEIVING if more bytes came meanwhile
any            bytes that are no request                BROKEN
=============  =======================================  ============

Rules: exactly ten bytes are read, then exactly as many as they announce; a request may arrive in any number of pieces,
and several may arrive in one; they are answered one after the other, in their order.
"""

from __future__ import annotations

from enum import StrEnum

from mixedmode.errors import ProtocolError
from mixedmode.protocols.tvs.messages import (
    HEADER_LENGTH,
    MAX_BODY,
    Answer,
    Header,
    MalformedMessageError,
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
    BROKEN = "broken"


class ServerConnection:
    """The server's end of one connection.

    Args:
        body_limit: Most bytes of a request's elements.
    """

    def __init__(self, body_limit: int = MAX_BODY) -> None:
        self._limit = body_limit
        self._buffer = bytearray()
        self._request: Request | None = None
        self._broken = False

    @property
    def phase(self) -> ServerPhase:
        """What the connection waits for."""
        if self._broken:
            return ServerPhase.BROKEN
        if self._request is not None:
            return ServerPhase.ANSWERING
        return ServerPhase.RECEIVING if self._buffer else ServerPhase.IDLE

    @property
    def buffered(self) -> int:
        """Bytes that were received and not taken yet."""
        return len(self._buffer)

    def receive(self, data: bytes) -> None:
        """Take bytes from the client."""
        self._buffer += data

    def next_request(self) -> Request | None:
        """Return the next request; None if it is not whole yet or the one before has no answer yet.

        Raises:
            MalformedMessageError: The bytes are no request; the connection is of no more use.
        """
        if self._broken or self._request is not None:
            return None
        try:
            self._request = self._take()
        except MalformedMessageError:
            self._broken = True
            self._buffer.clear()
            raise
        return self._request

    def answer(self, answer: Answer) -> bytes:
        """Return the bytes of the answer to the request that was taken last.

        Raises:
            MalformedMessageError: It is not that request's answer, or does not fit.
        """
        request = self._request
        expected = None if request is None else (request.command.answer, request.session)
        if expected != (answer.command, answer.session):
            raise MalformedMessageError(f"There is no request that command {answer.command} answers")
        data = encode_message(answer)
        self._request = None
        return data

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


class ClientExchange:
    """The client's end: one request, one answer.

    Args:
        request: What to ask.

    Attributes:
        outgoing: The bytes to send, in one write.

    Raises:
        MalformedMessageError: The request does not fit into a message.
    """

    def __init__(self, request: Request) -> None:
        self.request = request
        self.outgoing = encode_message(request)
        self._buffer = bytearray()

    def receive(self, data: bytes) -> Answer | None:
        """Take bytes from the server; return the answer once it is whole. No bytes mean that the server has closed.

        Raises:
            ProtocolError: The server broke the protocol, answered something else, or closed without an answer.
        """
        if not data:
            raise ProtocolError(
                "the TVS server closed the connection without an answer",
                why="a server does so when it does not understand the request",
                code="tvs-closed",
            )
        self._buffer += data
        try:
            header = parse_header(self._buffer)
            if header is None:
                return None
            if header.command is not self.request.command.answer or header.session != self.request.session:
                raise ProtocolError("the TVS server answered another request", code="tvs-session")
            message = _whole(self._buffer, header)
            answer = None if message is None else parse_message(message)
        except MalformedMessageError as error:
            raise ProtocolError(
                "the TVS server sent bytes that are no answer", why=str(error), code=error.code
            ) from error
        return answer if isinstance(answer, Answer) else None


def _whole(buffer: bytearray, header: Header) -> bytes | None:
    """Take one message off the front of a buffer, None if it is not whole yet."""
    end = HEADER_LENGTH + header.length
    if len(buffer) < end:
        return None
    message = bytes(buffer[:end])
    del buffer[:end]
    return message
