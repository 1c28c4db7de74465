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
from typing import Any, Final, TypeVar

from mixedmode.errors import LocalProtocolError, MalformedError, RemoteProtocolError
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
from mixedmode.protocols.machine import Machine, does_not_fit

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


Event = TypeVar("Event")
Said = TypeVar("Said")


class _Conversation(Machine[Event, Said]):
    """What both ends follow: the phase, and the request that waits for its answer."""

    def __init__(self) -> None:
        super().__init__()
        self._buffer = bytearray()
        self._phase = Phase.HELLO
        self._pending: Request | None = None

    @property
    def closed(self) -> bool:
        """Whether the connection is over."""
        return self._phase is Phase.CLOSED

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

    def _break_off(self) -> None:
        self.close()

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

    def _write(self, message: Message) -> None:
        try:
            self._outgoing += encode_message(message)
        except MalformedMessageError as error:
            raise does_not_fit(error) from error


class ServerConnection(_Conversation[Request, Answer]):
    """The server's end of one connection."""

    def send(self, said: Answer, now: float) -> None:
        """Answer the request that was handed out last.

        Raises:
            LocalProtocolError: It is no answer to that, or does not fit into a message.
        """
        if not self._may_answer(said):
            raise LocalProtocolError(f"{type(said).__name__} answers nothing in phase {self._phase}")
        self._write(said)
        self._answered(said)

    def _read(self, data: bytes, now: float) -> None:
        self._buffer += data
        if self._pending is not None:
            return
        body = take_frame(self._buffer, INSTALL_LIMIT if self._phase is Phase.READY else LOGIN_LIMIT)
        if body is None:
            return
        message = parse_message(body)
        if not isinstance(message, (Hello, Authenticate, Describe, Install)) or not self._may_ask(message):
            raise MalformedMessageError(f"{type(message).__name__} is out of place in phase {self._phase}")
        self._pending = message
        self._events.append(message)

    def _end(self, now: float) -> None:
        self.close()


class ClientConnection(_Conversation[Answer, Request]):
    """The client's end of one connection."""

    def send(self, said: Request, now: float) -> None:
        """Ask something.

        Raises:
            LocalProtocolError: It is not its time, or it does not fit into a message.
        """
        if not self._may_ask(said):
            raise LocalProtocolError(f"{type(said).__name__} cannot be asked in phase {self._phase}")
        self._write(said)
        self._pending = said

    def _read(self, data: bytes, now: float) -> None:
        self._buffer += data
        while not self.closed and (body := take_frame(self._buffer, MAX_BODY)) is not None:
            self._events.append(self._checked(parse_message(body)))

    def _end(self, now: float) -> None:
        waiting = self._pending is not None
        self.close()
        if waiting:
            raise RemoteProtocolError(
                "the CTL Provider closed the connection without an answer",
                next_step="connect again and look at the present CTL file before trying once more",
                code="ctlprovider-closed",
            )

    def _blame(self, error: MalformedError) -> RemoteProtocolError:
        return RemoteProtocolError("the CTL Provider sent bytes that are no answer", why=str(error), code=error.code)

    def _checked(self, message: Message) -> Answer:
        if isinstance(message, (Hello, Authenticate, Describe, Install)) or not self._may_answer(message):
            raise MalformedMessageError(f"{type(message).__name__} is out of place in phase {self._phase}")
        offered = self._pending.version if isinstance(self._pending, Hello) else VERSION
        if isinstance(message, Welcome) and not 1 <= message.version <= offered:
            raise MalformedMessageError(f"the server speaks version {message.version}, which was not offered")
        self._answered(message)
        return message
