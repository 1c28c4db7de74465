"""The phone's end of a registration, without sockets: the order of a normal start, keepalives, and Reset.

===========  =======================================  ====================================
phase        input                                    next
===========  =======================================  ====================================
TOKEN        RegisterTokenAck                         REGISTERING
REGISTERING  RegisterAck; the event Registered        SETTING_UP
SETTING_UP   the answers of rule 1, one by one        READY
READY        Reset 1 or 2; :class:`Leave` is sent     LEAVING, after Unregister
LEAVING      UnregisterAck, or no answer in time      ENDED
any          RegisterReject, tokens refused, silence  ENDED
===========  =======================================  ====================================

Rules:

1. Order (wire-formats.md 6): (Token), Alarm, Register, IpPort, RegisterAck, CapabilitiesReq and Res, ButtonTemplateReq,
   SoftKeyTemplateReq, SoftKeySetReq, LineStatReq for each line, RegisterAvailableLines, TimeDateReq, and a KeepAlive
   every interval. A question is sent when the one before has its answer.
2. Reset and restart make the phone unregister; "apply config" does not: who owns the phone decides after reading it.
3. What the server tells of calls is the event :class:`CallTold`; what the phone says of them is sent as it is.
4. A server that leaves a KeepAlive unanswered until the next but one is due is gone.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from mixedmode.errors import LocalProtocolError, MalformedError, RemoteProtocolError
from mixedmode.protocols.machine import Machine, does_not_fit
from mixedmode.protocols.sccp.calls.layout import Laid
from mixedmode.protocols.sccp.connection.frames import FrameBuffer
from mixedmode.protocols.sccp.errors import MalformedSccpError
from mixedmode.protocols.sccp.framing import encode_agreed, parse_message
from mixedmode.protocols.sccp.messages import registering as r
from mixedmode.protocols.sccp.messages import setup as s
from mixedmode.protocols.sccp.messages import templates as t
from mixedmode.protocols.sccp.messages.codec import HIGHEST_PROTOCOL
from mixedmode.protocols.sccp.messages.fields import Message, fitting, shown
from mixedmode.protocols.sccp.messages.register import (
    LOAD_WIDTH,
    STAMP_WIDTH,
    Register,
    RegisterLoad,
    RegisterTail,
    phone_features,
)
from mixedmode.protocols.sccp.registration.phone_events import (
    Acknowledged,
    CallTold,
    Leave,
    PhoneEnd,
    PhoneEnded,
    PhoneEvent,
    PhoneFacts,
    PhoneTimes,
    PhoneTold,
    Ready,
    ResetAsked,
)

_UNREGISTER_SECONDS: Final = 2.0
_SLOWEST_KEEPALIVE: Final = 3600
_G711: Final = (s.Capability(4, 40), s.Capability(2, 40), s.Capability(11, 60))


class PhonePhase(StrEnum):
    """How far a registration has come."""

    TOKEN = "token"  # noqa: S105 - SCCP's word
    REGISTERING = "registering"
    SETTING_UP = "setting up"
    READY = "ready"
    LEAVING = "leaving"
    ENDED = "ended"


class PhoneRegistration(Machine[PhoneEvent, PhoneTold]):
    """The phone's end of one connection.

    Args:
        facts: The phone.
        now: The time.
        times: How long it waits.

    Attributes:
        phase: How far it has come.

    Raises:
        LocalProtocolError: What the phone says of itself does not fit into a message.
    """

    def __init__(self, facts: PhoneFacts, now: float, times: PhoneTimes | None = None) -> None:
        super().__init__()
        self.facts = facts
        self.phase = PhonePhase.REGISTERING
        self._times = times or PhoneTimes()
        self._deadline = now + self._times.answer
        self._buffer = FrameBuffer()
        self._protocol = 0
        self._interval = 30
        self._unanswered = 0
        self._lines: list[int] = []
        self._numbers: list[str] = []
        self._asked: tuple[type[Message], ...] = ()
        if facts.token:
            self.phase = PhonePhase.TOKEN
            self._write(r.RegisterTokenReq(facts.device, facts.address, facts.device_type))
        else:
            self._register()

    @property
    def closed(self) -> bool:
        """Whether the registration is over."""
        return self.phase is PhonePhase.ENDED

    @property
    def registered(self) -> bool:
        """Whether the server has registered the phone, and neither has ended it."""
        return self.phase in {PhonePhase.SETTING_UP, PhonePhase.READY}

    def next_timer(self) -> float | None:
        """Return when a keepalive is due, or an answer must have come."""
        return None if self.closed else self._deadline

    def send(self, said: PhoneTold, now: float) -> None:
        """Unregister, since the phone restarts or is switched off; or say something about calls.

        Raises:
            LocalProtocolError: It leaves already, or is not registered; or it does not fit into a message.
        """
        if isinstance(said, Laid) and self.registered:
            self._write(said)
        elif isinstance(said, Laid):
            raise LocalProtocolError(f"{type(said).__name__} is out of place in phase {self.phase}")
        elif self.registered:
            self._write(r.Unregister())
            self.phase = PhonePhase.LEAVING
            self._deadline = now + _UNREGISTER_SECONDS
        elif self.phase in {PhonePhase.TOKEN, PhonePhase.REGISTERING}:
            self._over(PhoneEnd.UNREGISTERED, "the phone left before it was registered")
        else:
            raise LocalProtocolError(f"{type(said).__name__} is out of place in phase {self.phase}")

    def _read(self, data: bytes, now: float) -> None:
        self._buffer.add(data)
        while not self.closed and (frame := self._buffer.take()) is not None:
            self._handle(parse_message(frame, self._protocol), now)
        if not self.closed and now >= self._deadline:
            self._tick(now)

    def _end(self, now: float) -> None:
        if self.phase is PhonePhase.LEAVING:
            self._over(PhoneEnd.UNREGISTERED, "the phone left")
        else:
            self._over(PhoneEnd.CLOSED, "the server closed the connection")

    def _break_off(self) -> None:
        self.phase = PhonePhase.ENDED
        self._buffer.clear()

    def _blame(self, error: MalformedError) -> RemoteProtocolError:
        return RemoteProtocolError(f"the server sent bytes that are no SCCP: {error}", code=error.code)

    def _tick(self, now: float) -> None:
        """Send what is due; give up what came too late."""
        if self.phase is PhonePhase.LEAVING:
            self._over(PhoneEnd.UNREGISTERED, "the server did not confirm that the phone left")
        elif self.phase is not PhonePhase.READY:
            self._over(PhoneEnd.SILENT, "the server did not answer in time")
        elif self._unanswered >= 2:
            self._over(PhoneEnd.SILENT, "the server answers no keepalives")
        else:
            self._write(r.KeepAlive())
            self._unanswered += 1
            self._deadline = now + self._interval

    def _register(self) -> None:
        facts = self.facts
        words = f"25: Name={facts.device} Load={facts.load} Last={facts.cause}"
        where = int.from_bytes(bytes(map(int, facts.address.split("."))), "little")
        self._write(r.Alarm(text=fitting(words, r.ALARM_WIDTH), second=where))
        mac = bytes.fromhex(facts.device[3:15]) if _has_mac(facts.device) else bytes(6)
        self._write(
            Register(
                facts.device,
                facts.address,
                facts.device_type,
                protocol=facts.protocol,
                features=phone_features(facts.protocol),
                tail=RegisterTail(mac=mac.ljust(12, b"\0"), max_lines=facts.lines),
                firmware=RegisterLoad(load=fitting(facts.load, LOAD_WIDTH)),
                stamp=fitting(facts.stamp, STAMP_WIDTH) if facts.stamp else None,
            )
        )
        self._write(r.IpPort())
        self.phase = PhonePhase.REGISTERING

    def _handle(self, message: Message, now: float) -> None:
        match message:
            case r.KeepAliveAck():
                self._unanswered = 0
            case r.Reset(kind=kind):
                self._reset(kind, now)
            case r.UnregisterAck() if self.phase is PhonePhase.LEAVING:
                self._over(PhoneEnd.UNREGISTERED, "the phone left")
            case _ if self.phase in {PhonePhase.TOKEN, PhonePhase.REGISTERING}:
                self._admission(message, now)
            case s.CapabilitiesReq() if self.registered:
                self._write(s.CapabilitiesRes(len(_G711), _G711))
                if self._asked == (s.CapabilitiesReq,):
                    self._ask(now, t.ButtonTemplateReq(), t.ButtonTemplateRes)
            case Laid() if self.registered:
                self._events.append(CallTold(message))
            case _ if self.phase is PhonePhase.SETTING_UP and isinstance(message, self._asked):
                self._next_question(message, now)
            case _:
                pass

    def _admission(self, message: Message, now: float) -> None:
        waits_for_token = self.phase is PhonePhase.TOKEN
        match message:
            case r.RegisterTokenAck() if waits_for_token:
                self._deadline = now + self._times.answer
                self._register()
            case r.RegisterTokenReject(wait=wait) if waits_for_token:
                self._over(PhoneEnd.BUSY, f"the server asks to come back in {wait} s")
            case r.RegisterReject(text=text) if not waits_for_token:
                self._over(PhoneEnd.REJECTED, shown(text) or "no reason given")
            case r.RegisterAck() if not waits_for_token:
                self._acknowledged(message, now)
            case _:
                pass

    def _acknowledged(self, message: r.RegisterAck, now: float) -> None:
        self.phase = PhonePhase.SETTING_UP
        self._interval = min(max(message.keepalive, 1), _SLOWEST_KEEPALIVE)
        # Some servers answer with more than was offered (calls-and-media.md 1).
        self._protocol = min(message.protocol, self.facts.protocol, HIGHEST_PROTOCOL)
        self._asked = (s.CapabilitiesReq,)
        self._deadline = now + self._times.answer
        self._events.append(Acknowledged(self._interval, self._protocol))

    def _next_question(self, message: Message, now: float) -> None:
        match message:
            case t.ButtonTemplateRes():
                lines = [button.instance for button in message.buttons if button.kind == t.BUTTON_LINE]
                self._lines = lines[: t.BUTTON_SLOTS]
                self._ask(now, t.SoftKeyTemplateReq(), t.SoftKeyTemplateRes)
            case t.SoftKeyTemplateRes():
                self._ask(now, t.SoftKeySetReq(), t.SoftKeySetRes)
            case t.SoftKeySetRes():
                self._ask_line(now)
            case s.LineStat() | s.DynamicLineStat():
                self._numbers.append(shown(message.directory_number))
                self._ask_line(now)
            case s.DefineTimeDate():
                self._ready(now)

    def _ask_line(self, now: float) -> None:
        if self._lines:
            self._ask(now, s.LineStatReq(self._lines.pop(0)), s.LineStat, s.DynamicLineStat)
            return
        self._write(s.RegisterAvailableLines(self.facts.lines))
        self._ask(now, s.TimeDateReq(), s.DefineTimeDate)

    def _ready(self, now: float) -> None:
        self.phase = PhonePhase.READY
        self._asked = ()
        self._deadline = now + self._interval
        if self.facts.report:
            self._write(r.XmlAlarm(self.facts.report))
        self._events.append(Ready(tuple(self._numbers)))

    def _ask(self, now: float, question: Message, *answers: type[Message]) -> None:
        self._write(question)
        self._asked = answers
        self._deadline = now + self._times.answer

    def _reset(self, kind: int, now: float) -> None:
        if not self.registered or kind not in set(r.ResetKind):
            return
        self._events.append(ResetAsked(r.ResetKind(kind)))
        if kind != r.ResetKind.APPLY_CONFIG:
            self.send(Leave(), now)

    def _over(self, reason: PhoneEnd, text: str) -> None:
        self._break_off()
        self._events.append(PhoneEnded(reason, text))

    def _write(self, message: Message) -> None:
        try:
            self._outgoing += encode_agreed(message, self._protocol)
        except MalformedSccpError as error:
            raise does_not_fit(error) from error


def _has_mac(device: str) -> bool:
    return len(device) == 15 and all(c in "0123456789ABCDEFabcdef" for c in device[3:])
