"""A room with phones around a switch: what they press, what they are told, and what must hold at any time."""

from __future__ import annotations

from collections import defaultdict
from typing import TypeVar

from mixedmode.protocols.sccp import Frame, parse_message
from mixedmode.protocols.sccp.calls import from_phone as f
from mixedmode.protocols.sccp.calls import media as m
from mixedmode.protocols.sccp.calls import to_phone as t
from mixedmode.protocols.sccp.calls.call_info import CallInfo
from mixedmode.protocols.sccp.calls.codes import DIGITS, Key, Protection
from mixedmode.protocols.sccp.calls.layout import Laid
from mixedmode.protocols.sccp.registration.admission import Line, Security, SecurityMode
from mixedmode.services.callmanager.switch.board import HEARD
from mixedmode.services.callmanager.switch.exchange import Exchange
from mixedmode.services.callmanager.switch.model import (
    CallSettings,
    Counted,
    Effect,
    Elsewhere,
    Leg,
    LegState,
    Record,
    Station,
    Tell,
    TooMany,
)
from mixedmode.services.callmanager.switch.plan import DialPlan, Entry

A, B, C = "SEPA", "SEPB", "SEPC"
M = TypeVar("M", bound=Laid)
_JOINED = {
    frozenset({LegState.CALLING, LegState.RINGING}),
    frozenset({LegState.HELD, LegState.RINGING}),
    frozenset({LegState.CONNECTED}),
    frozenset({LegState.CONNECTED, LegState.HELD}),
    frozenset({LegState.HELD}),
}


def station(
    device: str, *numbers: Line | str, protocol: int = 22, mode: int = 1, encrypts: bool | None = None
) -> Station:
    """A phone; one of mode 2 or 3 is connected by TLS."""
    lines = tuple(Line(each, each, f"Name {each}") if isinstance(each, str) else each for each in numbers)
    security = Security(mode > 1, mode > 2 if encrypts is None else encrypts, device if mode > 1 else None)
    return Station(device, protocol, lines, SecurityMode(mode), security)


class Room:
    """Phones around a switch.

    Args:
        stations: They are registered, and their lines are the dial plan.
        more: Numbers of phones that are not registered.
        settings: How calls are treated.
    """

    def __init__(self, *stations: Station, more: tuple[Line, ...] = (), settings: CallSettings | None = None) -> None:
        self.now = 100.0
        self._drawn = 0
        entries = [Entry(each.device, line) for each in stations for line in each.lines]
        plan = DialPlan([*entries, *(Entry("SEPABSENT", line) for line in more)])
        self.exchange = Exchange(self.random, settings, plan)
        self.told: dict[str, list[Laid]] = defaultdict(list)
        self.records: list[Record] = []
        self.counted: list[Counted] = []
        self.elsewhere: list[Elsewhere] = []
        self.too_many: list[str] = []
        self.stations: dict[str, Station] = {}
        for each in stations:
            self.attach(each)

    def random(self, size: int) -> bytes:
        self._drawn += 1
        return self._drawn.to_bytes(size, "big")

    def attach(self, phone: Station) -> None:
        self.stations[phone.device] = phone
        self.take(self.exchange.attach(phone, self.now))

    def detach(self, device: str) -> None:
        self.stations.pop(device, None)
        self.take(self.exchange.detach(device, self.now))

    def say(self, device: str, *messages: Laid) -> None:
        for message in messages:
            self.take(self.exchange.receive(device, message, self.now))

    def dial(self, device: str, number: str) -> None:
        self.say(device, f.OffHook())
        self.digits(device, number)

    def digits(self, device: str, number: str) -> None:
        self.say(device, *(f.KeypadButton(DIGITS.index(digit), 1, 0) for digit in number))

    def listen(self, *devices: str, status: int = 0) -> None:
        """Have phones answer the last OpenReceiveChannel."""
        for number, device in enumerate(devices, 1):
            asked = self.last(device, m.OpenReceiveChannel)
            address = f"10.0.0.{number}"
            self.say(device, m.OpenReceiveChannelAck(status, address, 4000 + number, asked.party, asked.call))

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        self.take(self.exchange.expire(self.now))

    def last(self, device: str, kind: type[M]) -> M:
        """The last message of a kind that a phone was told."""
        return [each for each in self.told[device] if isinstance(each, kind)][-1]

    def state(self, device: str) -> int:
        return self.last(device, t.CallState).state

    def lock(self, device: str) -> int:
        return self.last(device, CallInfo).security

    def leg(self, device: str) -> Leg:
        [found] = [leg for leg in self.exchange.legs if leg.device == device]
        return found

    def take(self, effects: list[Effect]) -> None:
        """Note what came, and check all that must hold."""
        for effect in effects:
            match effect:
                case Tell(device, message):
                    phone = self.stations[device]
                    body = message.laid_out(phone.protocol)
                    assert parse_message(Frame(message.message_id, body), phone.protocol).message_id
                    if isinstance(message, m.OpenReceiveChannel | m.StartMediaTransmission) and message.keys.encrypts:
                        assert phone.protection is Protection.ENCRYPTED, "keys went to a plain phone"
                    self.told[device].append(message)
                case Record():
                    assert effect.ended >= effect.begun
                    self.records.append(effect)
                case Counted():
                    self.counted.append(effect)
                case TooMany():
                    self.too_many.append(effect.device)
                case Elsewhere():
                    self.elsewhere.append(effect)
        self.check()

    def check(self) -> None:
        legs = {leg.call: leg for leg in self.exchange.legs}
        for leg in legs.values():
            assert leg.device in self.stations
            self._check(leg, legs)
        for device in self.stations:
            assert sum(leg.device == device and leg.state in HEARD for leg in legs.values()) <= 1
        due = [leg.due for leg in legs.values()] + [leg.channel.due for leg in legs.values() if leg.channel]
        assert self.exchange.next_timer() == min((each for each in due if each is not None), default=None)

    def _check(self, leg: Leg, legs: dict[int, Leg]) -> None:
        if leg.consults is not None:
            assert legs[leg.consults].device == leg.device
            assert legs[leg.consults].state is LegState.HELD or leg.state is not LegState.CONNECTED
        if leg.state in {LegState.DIALLING, LegState.FAILED}:
            assert leg.peer is None
            assert leg.channel is None
            return
        assert leg.peer is not None
        peer = legs[leg.peer]
        assert peer.peer == leg.call
        assert peer.talk is leg.talk is not None
        assert frozenset({leg.state, peer.state}) in _JOINED
        assert (leg.channel is not None) == (leg.state is peer.state is LegState.CONNECTED)
        if leg.channel is not None and peer.channel is not None:
            assert leg.channel.hears == peer.channel.speaks
            both = {self.stations[each.device].protection for each in (leg, peer)} == {Protection.ENCRYPTED}
            assert leg.channel.hears.encrypts == both
            assert leg.talk is not None
            assert (leg.talk.protection is Protection.ENCRYPTED) == both


def room(a: int = 1, b: int = 1, c: int = 1, *, protocol: int = 22) -> Room:
    """Three phones with the numbers 1001 to 1003, of the security modes."""
    return Room(
        station(A, "1001", mode=a, protocol=protocol),
        station(B, "1002", mode=b, protocol=protocol),
        station(C, "1003", mode=c, protocol=protocol),
    )


def kinds(messages: list[Laid]) -> list[str]:
    return [type(each).__name__ for each in messages]


def talking(phones: Room, caller: str = A, number: str = "1002", called: str = B) -> None:
    phones.dial(caller, number)
    phones.say(called, f.OffHook())
    phones.listen(caller, called)


def key(phones: Room, device: str, event: Key, call: int = 0) -> None:
    phones.say(device, f.SoftKeyEvent(event, 1, call))
