"""Whole phones and a CallManager without sockets: registrations, switch and calls, and every byte between them."""

from __future__ import annotations

from mixedmode.phone.mind.calls.client import CallClient
from mixedmode.phone.mind.calls.events import CallEvent, Count, Listen, PhoneCall, Send
from mixedmode.protocols.sccp.registration.admission import DeviceFacts, Line, Security, SecurityMode
from mixedmode.protocols.sccp.registration.phone import PhoneRegistration
from mixedmode.protocols.sccp.registration.phone_events import Acknowledged, CallTold, PhoneFacts
from mixedmode.protocols.sccp.registration.server import ServerRegistration, ServerSettings
from mixedmode.protocols.sccp.registration.server_events import AskDevice, CallSaid, Registered
from mixedmode.services.callmanager.switch.exchange import Exchange
from mixedmode.services.callmanager.switch.model import Effect, Record, Station, Tell
from mixedmode.services.callmanager.switch.plan import DialPlan, Entry
from tests.protocols.sccp_talk import CLOCK, Talk

A, B, C = "SEP001122334401", "SEP001122334402", "SEP001122334403"
NUMBERS = {A: "1001", B: "1002", C: "1003"}
NAMES = {A: "Alice", B: "Bob", C: "Carol"}


def line_of(device: str) -> Line:
    return Line(NUMBERS[device], NUMBERS[device], NAMES[device])


class Phone:
    """A phone: its registration and its calls.

    Args:
        device: Its name.
        protocol: The version that it offers.
    """

    def __init__(self, device: str, protocol: int) -> None:
        self.device = device
        self.registration = PhoneRegistration(PhoneFacts(device, 437, protocol=protocol), 0)
        self.calls = CallClient(0)
        self.events: list[CallEvent] = []

    @property
    def call(self) -> PhoneCall:
        """Its newest call."""
        return list(self.calls.calls.values())[-1]

    def media(self, kind: type[Listen | Send]) -> Listen | Send:
        return [event for event in self.events if isinstance(event, kind)][-1]

    def take(self, data: bytes) -> None:
        for event in self.registration.receive(data, 1):
            match event:
                case Acknowledged(protocol=protocol):
                    self.calls = CallClient(protocol)
                case CallTold(message=message):
                    for each in self.calls.receive(message):
                        self.events.append(each)
                        if isinstance(each, Listen):
                            self.calls.listens(each, "10.0.0.1" + self.device[-1], 0x4000 + int(self.device[-1]))
                        elif isinstance(each, Count):
                            self.calls.counted(each)

    def bytes_to_send(self) -> bytes:
        for message in self.calls.says():
            self.registration.send(message, 1)
        return self.registration.bytes_to_send()


class Site:
    """Phones that have registered.

    Args:
        modes: Of the phones A, B, C: 1 plain, 2 and 3 by TLS.
        protocol: The version that they offer.
    """

    def __init__(self, *modes: int, protocol: int = 22) -> None:
        devices = (A, B, C)[: len(modes)]
        plan = DialPlan(Entry(device, line_of(device)) for device in devices)
        self.exchange = Exchange(lambda size: bytes(range(size)), plan=plan)
        self.records: list[Record] = []
        self.phones = {device: Phone(device, protocol) for device in devices}
        self.modes = {device: SecurityMode(mode) for device, mode in zip(devices, modes, strict=True)}
        self.servers = {
            device: ServerRegistration(
                Security(mode > 1, mode > 2, device if mode > 1 else None), ServerSettings(name="pub"), 0, lambda: CLOCK
            )
            for device, mode in self.modes.items()
        }
        self.talk: dict[str, Talk] = {device: [] for device in devices}
        self.run()

    def run(self) -> None:
        """Let all talk until nobody has more to say."""
        busy = True
        while busy:
            busy = sum(self._turn(device) for device in self.phones) > 0

    def _turn(self, device: str) -> bool:
        phone, server = self.phones[device], self.servers[device]
        sent = phone.bytes_to_send()
        for event in [*server.receive(sent, 1), *server.receive(b"", 1)]:
            match event:
                case AskDevice():
                    server.send(DeviceFacts(self.modes[device], (line_of(device),)), 1)
                case CallSaid(message=message):
                    self.do(self.exchange.receive(device, message, 1))
        for event in server.receive(b"", 1):
            if isinstance(event, Registered):
                station = Station(device, event.protocol, (line_of(device),), event.mode, server.security)
                self.do(self.exchange.attach(station, 1))
        back = server.bytes_to_send()
        phone.take(back)
        self.talk[device] += [(who, data) for who, data in (("phone", sent), ("server", back)) if data]
        return bool(sent or back)

    def do(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Tell(device, message):
                    self.servers[device].send(message, 1)
                case Record():
                    self.records.append(effect)
