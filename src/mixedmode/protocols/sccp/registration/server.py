"""The CallManager's end of a phone's connection, without sockets: registration, set-up, keepalives, reset.

==============  =========================================  ==================================
phase           input                                      next
==============  =========================================  ==================================
CONNECTED       Register; the event :class:`AskDevice`     ASKING, nothing else is read
ASKING          ``answer`` with a :class:`DeviceFacts`     REGISTERED, or REJECTED by rule 1
ASKING          ``answer`` with a refusal                  REJECTED
REGISTERED      Unregister                                 LEFT
any             ``expired``: silence (rule 3), bad bytes   ENDED
==============  =========================================  ==================================

Rules:

1. A device is registered only the way that its security mode demands (wire-formats.md 6): non-secure without TLS,
   authenticated and encrypted with TLS and a certificate of the device's own name, encrypted with a cipher that
   encrypts. Otherwise it is told "Security Error".
2. Keepalives are answered in every phase, tokens are given to any phone that has a name.
3. A registered phone that is silent for 1.2 keepalive intervals is gone.
4. What a registered phone asks is answered (:mod:`~mixedmode.protocols.sccp.registration.answering`); the servers are
   asked for with the event :class:`AskServers`. Messages of calls and unknown ones are counted and not answered.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from mixedmode.protocols.sccp.connection.frames import FrameBuffer, MalformedFrameError
from mixedmode.protocols.sccp.messages import questions as q
from mixedmode.protocols.sccp.messages import registering as r
from mixedmode.protocols.sccp.messages import setup as s
from mixedmode.protocols.sccp.messages import templates as t
from mixedmode.protocols.sccp.messages.codec import HIGHEST_PROTOCOL, encode_agreed, parse_message
from mixedmode.protocols.sccp.messages.fields import Message, fitting
from mixedmode.protocols.sccp.messages.register import Register
from mixedmode.protocols.sccp.messages.server_list import ServerEntry
from mixedmode.protocols.sccp.registration.admission import SECURITY_ERROR, DeviceFacts, Refusal, Security
from mixedmode.protocols.sccp.registration.answering import Known, agreed, answer, servers
from mixedmode.protocols.sccp.registration.server_events import (
    AskDevice,
    AskServers,
    Ended,
    EndReason,
    Event,
    Left,
    Registered,
    Rejected,
    Reported,
)

KEEPALIVE_GRACE: Final = 1.2
"""Intervals of silence until a phone is gone."""
_NAME_LENGTH: Final = 15


class ServerPhase(StrEnum):
    """What a connection has come to."""

    CONNECTED = "connected"
    ASKING = "asking"
    REGISTERED = "registered"
    REJECTED = "rejected"
    LEFT = "left"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """How a server treats phones.

    Attributes:
        keepalive: Seconds between keepalives.
        secondary_keepalive: Seconds between those of phones registered elsewhere.
        first_seconds: Until Register must have come.
        answer_seconds: Until the directory must have answered.
        protocol: The highest protocol version.
        date_template: How dates are shown.
        name: The server's name, for phones that ask who they are.
    """

    keepalive: int = 30
    secondary_keepalive: int = 60
    first_seconds: float = 30.0
    answer_seconds: float = 10.0
    protocol: int = HIGHEST_PROTOCOL
    date_template: str = "D.M.Y"
    name: str = ""


class ServerRegistration:
    """The server's end of one connection. Times are seconds of any clock that does not jump.

    Args:
        security: How the phone is connected.
        settings: How phones are treated.
        now: The time.

    Attributes:
        deadline: When ``expired`` must be called.
        register: What the phone said of itself, None before.
        ignored: Messages that were not answered (rule 4).
    """

    def __init__(self, security: Security, settings: ServerSettings, now: float) -> None:
        self.security = security
        self.phase = ServerPhase.CONNECTED
        self.register: Register | None = None
        self.deadline = now + settings.first_seconds
        self.ignored = 0
        self._settings = settings
        self._buffer = FrameBuffer()
        self._events: list[Event] = []
        self._outgoing = bytearray()
        self._protocol = 0
        self._known: Known | None = None
        self._asked_servers = False

    @property
    def buffered(self) -> int:
        """Bytes that were received and not read yet."""
        return len(self._buffer)

    @property
    def over(self) -> bool:
        """Whether the connection is to be closed."""
        return self.phase in {ServerPhase.REJECTED, ServerPhase.LEFT, ServerPhase.ENDED}

    def take_events(self) -> list[Event]:
        """Return what happened since the last call."""
        events, self._events = self._events, []
        return events

    def take_outgoing(self) -> bytes:
        """Return the bytes to send since the last call."""
        data = bytes(self._outgoing)
        self._outgoing.clear()
        return data

    def receive(self, data: bytes) -> None:
        """Take bytes; :meth:`work` reads them."""
        if not self.over:
            self._buffer.add(data)

    def work(self, now: float, clock: datetime, *, most: int = 256) -> bool:
        """Read up to ``most`` messages.

        Args:
            now: The time.
            clock: The time of day, for a phone that asks.
            most: Messages to read now.

        Returns:
            Whether there may be more to read at once.
        """
        for _ in range(most):
            if self.over or self.phase is ServerPhase.ASKING:
                return False
            try:
                frame = self._buffer.take()
                if frame is None:
                    return False
                self._handle(parse_message(frame, self._protocol), now, clock)
            except MalformedFrameError as error:
                self._end(EndReason.MALFORMED, str(error))
                return False
        return True

    def answer(self, facts: DeviceFacts | Refusal, now: float) -> None:
        """Take the directory's answer to :class:`AskDevice`."""
        register = self.register
        if self.phase is not ServerPhase.ASKING or register is None:
            return
        if isinstance(facts, Refusal):
            self._reject(register.device, facts.text)
        elif not self.security.suits(register.device, facts.mode):
            self._reject(register.device, SECURITY_ERROR)
        else:
            self._accept(register, facts, now)

    def name_servers(self, entries: tuple[ServerEntry, ...]) -> None:
        """Take the answer to :class:`AskServers`: this server and the others of the phone's group, in order."""
        if self.phase is ServerPhase.REGISTERED and self._known is not None and self._asked_servers:
            self._asked_servers = False
            self._send(servers(entries, self._known))

    def reset(self, kind: r.ResetKind) -> bool:
        """Tell a registered phone to reset, restart or apply its configuration; return whether there is one."""
        if self.phase is not ServerPhase.REGISTERED:
            return False
        self._send(r.Reset(kind))
        return True

    def expired(self, now: float) -> None:
        """The time is past; end what is past its deadline."""
        if self.over or now < self.deadline:
            return
        if self.phase is ServerPhase.CONNECTED:
            self._end(EndReason.NO_REGISTER, "no Register came in time")
        elif self.phase is ServerPhase.ASKING:
            self._end(EndReason.NO_ANSWER, "the directory did not answer in time")
        else:
            self._end(EndReason.SILENT, "no keepalive came in time")

    def _handle(self, message: Message, now: float, clock: datetime) -> None:
        if self.phase is ServerPhase.REGISTERED:
            self.deadline = now + KEEPALIVE_GRACE * self._settings.keepalive
        match message:
            case r.KeepAlive():
                self._send(r.KeepAliveAck())
            case Register():
                self._ask(message, now)
            case r.RegisterTokenReq():
                self._send(r.RegisterTokenAck() if _is_name(message.device) else r.RegisterTokenReject())
            case r.Alarm(text=text):
                self._events.append(Reported(text, xml=False))
            case r.XmlAlarm(text=text):
                self._events.append(Reported(text, xml=True))
            case r.Unregister(reason=reason):
                self._send(r.UnregisterAck())
                self.phase = ServerPhase.LEFT
                self._events.append(Left(reason))
            case _ if self.phase is ServerPhase.REGISTERED and self._known is not None:
                self._set_up(message, self._known, clock)
            case _:
                self.ignored += 1

    def _set_up(self, message: Message, known: Known, clock: datetime) -> None:
        match message:
            case s.CapabilitiesRes() | s.RegisterAvailableLines() | r.IpPort():
                pass
            case q.ServerReq():
                if not self._asked_servers:
                    self._asked_servers = True
                    self._events.append(AskServers())
            case _:
                said = answer(message, known, clock)
                if said is None:
                    self.ignored += 1
                else:
                    self._send(said)

    def _ask(self, register: Register, now: float) -> None:
        if not _is_name(register.device):
            self._end(EndReason.MALFORMED, "the device name is none")
            return
        if self.register is not None and self.register.device != register.device:
            self._end(EndReason.MALFORMED, f"{self.register.device} became another device on its connection")
            return
        self.register = register
        self.phase = ServerPhase.ASKING
        self.deadline = now + self._settings.answer_seconds
        self._events.append(AskDevice(register))

    def _accept(self, register: Register, facts: DeviceFacts, now: float) -> None:
        settings = self._settings
        protocol = agreed(register.protocol, settings.protocol)
        self._protocol = protocol
        self._known = Known(register, protocol, facts.lines[: t.BUTTON_SLOTS], settings.name)
        self.phase = ServerPhase.REGISTERED
        self.deadline = now + KEEPALIVE_GRACE * settings.keepalive
        self._send(
            r.RegisterAck(
                settings.keepalive, settings.secondary_keepalive, settings.date_template, protocol, features(protocol)
            )
        )
        self._send(s.CapabilitiesReq())
        self._events.append(Registered(register, protocol, facts.mode))

    def _reject(self, device: str, text: str) -> None:
        self._send(r.RegisterReject(fitting(text, r.REJECT_WIDTH)))
        self.phase = ServerPhase.REJECTED
        self._events.append(Rejected(device, text))

    def _end(self, reason: EndReason, why: str) -> None:
        self.phase = ServerPhase.ENDED
        self._buffer.clear()
        self._events.append(Ended(reason, why))

    def _send(self, message: Message) -> None:
        self._outgoing += encode_agreed(message, self._protocol)


def features(protocol: int) -> bytes:
    """Return the feature bytes of RegisterAck for a protocol version (wire-formats.md 6)."""
    return bytes.fromhex("20f1ff" if protocol >= 11 else "20f1fe" if protocol >= 4 else "000000")


def _is_name(name: str) -> bool:
    return 0 < len(name) <= _NAME_LENGTH and name.isascii() and name.replace("-", "").replace("_", "").isalnum()
