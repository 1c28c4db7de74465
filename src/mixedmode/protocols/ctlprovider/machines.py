"""Both ends of a CTL Provider connection as state machines: bytes in, messages out, no sockets.

======  ================  ==========================================  ==========================
phase   request           answers                                     next
======  ================  ==========================================  ==========================
HELLO   Hello             Welcome                                     LOGIN
LOGIN   Authenticate      Accepted                                    READY
READY   Describe          Description                                 READY
READY   Install           Progress any number of times, Installed     READY
any     the above         Failure                                     same, or CLOSED if closing
any     anything else     none                                        CLOSED
======  ================  ==========================================  ==========================

Rules:

1. One request at a time: the next one is taken when the one before has its last answer.
2. Before the login a request has :data:`LOGIN_LIMIT` bytes at most, after it :data:`INSTALL_LIMIT`.
3. Whoever breaks the order breaks the connection; nothing of what he sent counts any more.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final

from mixedmode.errors import ProtocolError, UsageError
from mixedmode.protocols.ctlprovider.codec import MAX_BODY, encode_message, parse_message, take_frame
from mixedmode.protocols.ctlprovider.fields import MalformedMessageError
from mixedmode.protocols.ctlprovider.messages import (
    VERSION,
    Accepted,
    Answer,
    Authenticate,
    Describe,
    Description,
    Failure,
    Hello,
    Install,
    Installed,
    Message,
    Progress,
    Request,
    Welcome,
)

LOGIN_LIMIT: Final = 8192
"""Bytes of a request before the login."""
INSTALL_LIMIT: Final = 128 * 1024
"""Bytes of a request after it: twice the longest list that phones load, so that a longer one gets a clear answer."""


class Phase(StrEnum):
    """What a connection is in."""

    HELLO = "hello"
    LOGIN = "login"
    READY = "ready"
    CLOSED = "closed"


_REQUESTS: Final[dict[Phase, tuple[type[Any], ...]]] = {
    Phase.HELLO: (Hello,),
    Phase.LOGIN: (Authenticate,),
    Phase.READY: (Describe, Install),
    Phase.CLOSED: (),
}
_LAST: Final[dict[type[Any], tuple[type[Any], Phase]]] = {
    Hello: (Welcome, Phase.LOGIN),
    Authenticate: (Accepted, Phase.READY),
    Describe: (Description, Phase.READY),
    Install: (Installed, Phase.READY),
}


class _Conversation:
    """What both ends follow: the phase, and the request that waits for its answer."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._phase = Phase.HELLO
        self._pending: Request | None = None

    @property
    def phase(self) -> Phase:
        """The phase."""
        return self._phase

    @property
    def pending(self) -> Request | None:
        """The request that waits for its answer, None if none does."""
        return self._pending

    @property
    def buffered(self) -> int:
        """Bytes that were received and not taken yet."""
        return len(self._buffer)

    def close(self) -> None:
        """Note that the connection is over."""
        self._phase = Phase.CLOSED
        self._pending = None
        self._buffer.clear()

    def _may_ask(self, message: Message) -> bool:
        return self._pending is None and isinstance(message, _REQUESTS[self._phase])

    def _may_answer(self, message: Message) -> bool:
        if self._pending is None:
            # The one word that a server may say unasked: that it goes.
            return isinstance(message, Failure) and message.closing and self._phase is not Phase.CLOSED
        if isinstance(message, Progress):
            return isinstance(self._pending, Install)
        return isinstance(message, (Failure, _LAST[type(self._pending)][0]))

    def _answered(self, message: Message) -> None:
        if isinstance(message, Progress):
            return
        if isinstance(message, Failure):
            self._pending = None
            if message.closing:
                self.close()
        elif self._pending is not None:
            self._phase = _LAST[type(self._pending)][1]
            self._pending = None


class ServerConnection(_Conversation):
    """The server's end of one connection."""

    def receive(self, data: bytes) -> None:
        """Take bytes from the client; a closed connection takes none."""
        if self._phase is not Phase.CLOSED:
            self._buffer += data

    def next_request(self) -> Request | None:
        """Return the next request; None if it is not whole yet or the one before has no answer yet (rule 1).

        Raises:
            MalformedMessageError: The client broke the protocol; the connection is closed.
        """
        if self._pending is not None or self._phase is Phase.CLOSED:
            return None
        try:
            self._pending = self._take()
        except MalformedMessageError:
            self.close()
            raise
        return self._pending

    def _take(self) -> Request | None:
        body = take_frame(self._buffer, INSTALL_LIMIT if self._phase is Phase.READY else LOGIN_LIMIT)
        if body is None:
            return None
        message = parse_message(body)
        if isinstance(message, (Hello, Authenticate, Describe, Install)) and self._may_ask(message):
            return message
        raise MalformedMessageError(f"{type(message).__name__} is out of place in phase {self._phase}")

    def answer(self, message: Answer) -> bytes:
        """Return the bytes of an answer to the request that was taken last.

        Raises:
            UsageError: It is no answer to that.
            MalformedMessageError: It does not fit into a message.
        """
        if not self._may_answer(message):
            raise UsageError(f"{type(message).__name__} answers nothing in phase {self._phase}")
        data = encode_message(message)
        self._answered(message)
        return data


class ClientConnection(_Conversation):
    """The client's end of one connection."""

    def ask(self, request: Request) -> bytes:
        """Return the bytes of a request.

        Raises:
            UsageError: It is not its time.
            MalformedMessageError: It does not fit into a message.
        """
        if not self._may_ask(request):
            raise UsageError(f"{type(request).__name__} cannot be asked in phase {self._phase}")
        data = encode_message(request)
        self._pending = request
        return data

    def receive(self, data: bytes) -> list[Answer]:
        """Take bytes from the server; return the answers that are whole now. No bytes mean that the server closed.

        Raises:
            ProtocolError: The server broke the protocol, or closed without an answer.
        """
        if not data:
            waiting = self._pending is not None
            self.close()
            if waiting:
                raise ProtocolError(
                    "the CTL Provider closed the connection without an answer",
                    next_step="connect again and look at the present CTL file before trying once more",
                    code="ctlprovider-closed",
                )
            return []
        self._buffer += data
        answers = []
        try:
            while self._phase is not Phase.CLOSED and (body := take_frame(self._buffer, MAX_BODY)) is not None:
                answers.append(self._checked(parse_message(body)))
        except MalformedMessageError as error:
            self.close()
            raise ProtocolError(
                "the CTL Provider sent bytes that are no answer", why=str(error), code=error.code
            ) from error
        return answers

    def _checked(self, message: Message) -> Answer:
        if isinstance(message, (Hello, Authenticate, Describe, Install)) or not self._may_answer(message):
            raise MalformedMessageError(f"{type(message).__name__} is out of place in phase {self._phase}")
        offered = self._pending.version if isinstance(self._pending, Hello) else VERSION
        if isinstance(message, Welcome) and not 1 <= message.version <= offered:
            raise MalformedMessageError(f"the server speaks version {message.version}, which was not offered")
        self._answered(message)
        return message
