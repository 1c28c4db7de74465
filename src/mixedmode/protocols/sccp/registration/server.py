"""The CallManager's end of a phone's connection, without sockets: registration, set-up, keepalives, reset.

==============  =========================================  ==================================
phase           input                                      next
==============  =========================================  ==================================
CONNECTED       Register; the event :class:`AskDevice`     ASKING, nothing else is read
ASKING          :class:`DeviceFacts` is sent               REGISTERED, or REJECTED by rule 1
ASKING          :class:`Refusal` is sent                   REJECTED
REGISTERED      Unregister                                 LEFT
any             silence (rule 3), bad bytes, the end       ENDED
==============  =========================================  ==================================

Rules:

1. A device is registered only the way that its security mode demands (wire-formats.md 6): non-secure without TLS,
   authenticated and encrypted with TLS and a certificate of the device's own name, encrypted with a cipher that
   encrypts; the certificate must not be revoked, nor its time be over by then. Otherwise it is told "Security Error",
   and :class:`Rejected` says why.
2. Keepalives are answered in every phase, tokens are given to any phone that has a name.
3. A registered phone that is silent for 1.2 keepalive intervals is gone.
4. What a registered phone asks is answered (:mod:`~mixedmode.protocols.sccp.registration.answering`); the servers are
   asked for with the event :class:`AskServers`. Unknown messages are counted and not answered.
5. What it says of calls is the event :class:`CallSaid`; what it is told of them is sent. Keys of media are refused on a
   connection that does not encrypt, whoever wants to send them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from mixedmode.errors import LocalProtocolError, MalformedError, RemoteProtocolError
from mixedmode.protocols.machine import Machine, does_not_fit
from mixedmode.protocols.sccp.calls.layout import Laid
from mixedmode.protocols.sccp.calls.media_keys import MediaKeys
from mixedmode.protocols.sccp.connection.frames import FrameBuffer
from mixedmode.protocols.sccp.errors import MalformedSccpError
from mixedmode.protocols.sccp.framing import encode_agreed, parse_message
from mixedmode.protocols.sccp.messages import questions as q
from mixedmode.protocols.sccp.messages import registering as r
from mixedmode.protocols.sccp.messages import setup as s
from mixedmode.protocols.sccp.messages import templates as t
from mixedmode.protocols.sccp.messages.codec import HIGHEST_PROTOCOL
from mixedmode.protocols.sccp.messages.fields import Message, fitting
from mixedmode.protocols.sccp.messages.register import Register
from mixedmode.protocols.sccp.registration.admission import SECURITY_ERROR, DeviceFacts, Refusal, Security
from mixedmode.protocols.sccp.registration.answering import Known, agreed, answer, servers
from mixedmode.protocols.sccp.registration.server_events import (
    AskDevice,
    AskServers,
    CallSaid,
    Ended,
    EndReason,
    Event,
    Left,
    Registered,
    Rejected,
    Reported,
    Servers,
    Told,
)

KEEPALIVE_GRACE: Final = 1.2
"""Intervals of silence until a phone is gone."""
_NAME_LENGTH: Final = 15
_LEAST_LAYOUT: Final = 5
"""Channels are opened and closed in the layout of this version for older phones too: they name the call."""
_MOST_AT_ONCE: Final = 256
"""Messages read in one call, so that others have their turn."""


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


class ServerRegistration(Machine[Event, Told]):
    """The server's end of one connection.

    Args:
        security: How the phone is connected.
        settings: How phones are treated.
        now: The time.
        clock: The time of day, for a phone that asks.

    Attributes:
        register: What the phone said of itself, None before.
        ignored: Messages that were not answered (rule 4).
    """

    def __init__(self, security: Security, settings: ServerSettings, now: float, clock: Callable[[], datetime]) -> None:
        super().__init__()
        self.security = security
        self.phase = ServerPhase.CONNECTED
        self.register: Register | None = None
        self.ignored = 0
        self._settings = settings
        self._clock = clock
        self._deadline = now + settings.first_seconds
        self._again_at: float | None = None
        self._buffer = FrameBuffer()
        self._protocol = 0
        self._known: Known | None = None
        self._asked_servers = False

    @property
    def closed(self) -> bool:
        """Whether the connection is to be closed."""
        return self.phase in {ServerPhase.REJECTED, ServerPhase.LEFT, ServerPhase.ENDED}

    @property
    def buffered(self) -> int:
        """Bytes that were received and not read yet."""
        return len(self._buffer)

    def next_timer(self) -> float | None:
        """Return when the phone has been silent for too long; a past moment if there is more to read at once."""
        if self.closed:
            return None
        return self._deadline if self._again_at is None else self._again_at

    def send(self, said: Told, now: float) -> None:
        """Answer a question of the machine, or tell a registered phone to reset, or of calls.

        Raises:
            LocalProtocolError: That was not asked, the phone is not registered, or it does not fit into a message.
        """
        register = self.register
        match said:
            case Refusal(text) if self.phase is ServerPhase.ASKING and register is not None:
                self._reject(register.device, text)
            case DeviceFacts() if self.phase is ServerPhase.ASKING and register is not None:
                fault = self.security.fault(register.device, said, self._clock())
                if fault:
                    self._reject(register.device, SECURITY_ERROR, fault)
                else:
                    self._accept(register, said, now)
            case Servers(entries) if self._asked_servers and not self.closed:
                self._asked_servers = False
                # A phone that asks to be registered anew meanwhile asks for servers anew as well.
                if self.phase is ServerPhase.REGISTERED and self._known is not None:
                    self._write(servers(entries, self._known))
            case Laid() if self.phase is ServerPhase.REGISTERED:
                self._refuse_open_keys(said)
                self._write(said)
            case r.ResetKind() if self.phase is ServerPhase.REGISTERED:
                self._write(r.Reset(said))
            case _:
                raise LocalProtocolError(f"{type(said).__name__} answers nothing in phase {self.phase}")

    def _read(self, data: bytes, now: float) -> None:
        self._buffer.add(data)
        self._again_at = None
        for _ in range(_MOST_AT_ONCE):
            if self.closed or self.phase is ServerPhase.ASKING:
                break
            frame = self._buffer.take()
            if frame is None:
                break
            self._handle(parse_message(frame, self._protocol), now)
        else:
            self._again_at = now
        if not self.closed and self._again_at is None and now >= self._deadline:
            self._expire()

    def _expire(self) -> None:
        if self.phase is ServerPhase.CONNECTED:
            ended = Ended(EndReason.NO_REGISTER, "no Register came in time")
        elif self.phase is ServerPhase.ASKING:
            ended = Ended(EndReason.NO_ANSWER, "the directory did not answer in time")
        else:
            ended = Ended(EndReason.SILENT, "no keepalive came in time")
        self._break_off()
        self._events.append(ended)

    def _end(self, now: float) -> None:
        self._break_off()

    def _break_off(self) -> None:
        self.phase = ServerPhase.ENDED
        self._buffer.clear()

    def _blame(self, error: MalformedError) -> RemoteProtocolError:
        return RemoteProtocolError(f"the phone sent bytes that are no SCCP: {error}", why=error.why, code=error.code)

    def _handle(self, message: Message, now: float) -> None:
        if self.phase is ServerPhase.REGISTERED:
            self._deadline = now + KEEPALIVE_GRACE * self._settings.keepalive
        match message:
            case r.KeepAlive():
                self._write(r.KeepAliveAck())
            case Register():
                self._ask(message, now)
            case r.RegisterTokenReq():
                self._write(r.RegisterTokenAck() if _is_name(message.device) else r.RegisterTokenReject())
            case r.Alarm(text=text):
                self._events.append(Reported(text, xml=False))
            case r.XmlAlarm(text=text):
                self._events.append(Reported(text, xml=True))
            case r.Unregister(reason=reason):
                self._write(r.UnregisterAck())
                self.phase = ServerPhase.LEFT
                self._events.append(Left(reason))
            case _ if self.phase is ServerPhase.REGISTERED and self._known is not None:
                self._set_up(message, self._known)
            case _:
                self.ignored += 1

    def _set_up(self, message: Message, known: Known) -> None:
        match message:
            case Laid():
                self._events.append(CallSaid(message))
            case s.CapabilitiesRes() | s.RegisterAvailableLines() | r.IpPort():
                pass
            case q.ServerReq():
                if not self._asked_servers:
                    self._asked_servers = True
                    self._events.append(AskServers())
            case _:
                said = answer(message, known, self._clock())
                if said is None:
                    self.ignored += 1
                else:
                    self._write(said)

    def _ask(self, register: Register, now: float) -> None:
        if not _is_name(register.device):
            raise RemoteProtocolError("the device name is none", code="sccp-device")
        if self.register is not None and self.register.device != register.device:
            raise RemoteProtocolError(
                f"{self.register.device} became another device on its connection", code="sccp-device"
            )
        self.register = register
        self.phase = ServerPhase.ASKING
        self._deadline = now + self._settings.answer_seconds
        self._events.append(AskDevice(register))

    def _accept(self, register: Register, facts: DeviceFacts, now: float) -> None:
        settings = self._settings
        protocol = agreed(register.protocol, settings.protocol)
        self._protocol = protocol
        self._known = Known(register, protocol, facts.lines[: t.BUTTON_SLOTS], settings.name)
        self.phase = ServerPhase.REGISTERED
        self._deadline = now + KEEPALIVE_GRACE * settings.keepalive
        self._write(
            r.RegisterAck(
                settings.keepalive, settings.secondary_keepalive, settings.date_template, protocol, features(protocol)
            )
        )
        self._write(s.CapabilitiesReq())
        self._events.append(Registered(register, protocol, facts.mode))

    def _refuse_open_keys(self, said: Laid) -> None:
        keys = getattr(said, "keys", None)
        if isinstance(keys, MediaKeys) and keys.encrypts and not (self.security.tls and self.security.encrypts):
            raise LocalProtocolError("keys of media do not go over a connection that does not encrypt")

    def _reject(self, device: str, text: str, why: str = "") -> None:
        self._write(r.RegisterReject(fitting(text, r.REJECT_WIDTH)))
        self.phase = ServerPhase.REJECTED
        self._events.append(Rejected(device, text, why))

    def _write(self, message: Message) -> None:
        try:
            self._outgoing += encode_agreed(message, self._protocol, least=_LEAST_LAYOUT)
        except MalformedSccpError as error:
            raise does_not_fit(error) from error


def features(protocol: int) -> bytes:
    """Return the feature bytes of RegisterAck for a protocol version (wire-formats.md 6)."""
    return bytes.fromhex("20f1ff" if protocol >= 11 else "20f1fe" if protocol >= 4 else "000000")


def _is_name(name: str) -> bool:
    return 0 < len(name) <= _NAME_LENGTH and name.isascii() and name.replace("-", "").replace("_", "").isalnum()
