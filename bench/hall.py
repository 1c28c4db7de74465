"""A CallManager with devices in memory, and phones that hold what they need: for benches, and for tests of many calls.

``python -m bench.hall MODE FIRST COUNT KEY CAPF`` serves them in a process of its own, so that its memory and
processor time are its own: it prints its two ports and ends when its input does. :func:`hall` has whole simulated
phones beside it.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from bench.peers import all_files, alone_on_ctrl_c
from mixedmode.phone.body.calling.rtp import RtpMedia
from mixedmode.phone.body.calling.telephone import Telephone
from mixedmode.phone.body.client import Phone
from mixedmode.phone.body.registration import Registration
from mixedmode.phone.mind.calls.events import PhoneCall
from mixedmode.phone.mind.models import get_model
from mixedmode.phone.mind.trust.state import PhoneState, TrustState
from mixedmode.pki.certificates.load import load_certificates, load_signer
from mixedmode.pki.certificates.profiles import KeyKind, Purpose, Subject, generate_key, issue_lsc, self_signed
from mixedmode.pki.signing.signer import SoftwareSigner
from mixedmode.protocols.rtp.g711 import ULAW
from mixedmode.protocols.rtp.tones import TONES, tone_of, wave
from mixedmode.protocols.sccp.calls.codes import Protection
from mixedmode.protocols.sccp.messages.server_list import ServerEntry
from mixedmode.protocols.sccp.registration.admission import DeviceFacts, Line, Refusal, SecurityMode
from mixedmode.protocols.sccp.registration.server import ServerSettings
from mixedmode.services.callmanager.directory import KnownDevice
from mixedmode.services.callmanager.service import CallManagerLimits, CallManagerService
from mixedmode.services.callmanager.switch.plan import DialPlan, Entry
from mixedmode.services.callmanager.tls import FixedTrust
from mixedmode.trustlist.build import RecordSpec, build_trust_list
from mixedmode.trustlist.model import TrustList
from mixedmode.trustlist.roles import Role

if TYPE_CHECKING:
    from mixedmode.pki.signing.signer import PrivateKey

AT_ONCE = 20
"""Phones that register, or call, in the same moment."""
_SECONDS = 60.0
_WAVES = frozenset(wave(hertz, ULAW) for hertz in TONES)
_HEADER = 12
_PERIOD = 80


def name_of(number: int) -> str:
    """Return the name of a device."""
    return f"SEP{number:012X}"


def number_of(device: str) -> str:
    """Return a device's directory number; none is the beginning of another."""
    return f"{int(device[3:], 16):06d}"


@dataclass
class Roll:
    """A directory in memory.

    Attributes:
        modes: By device.
    """

    modes: dict[str, SecurityMode]

    def find(self, name: str) -> KnownDevice | Refusal:
        """Return a device."""
        if name not in self.modes:
            return Refusal()
        line = Line(number_of(name), number_of(name), name)
        return KnownDevice("8861", DeviceFacts(self.modes[name], (line,)))

    def servers(self, name: str, *, secure: bool) -> tuple[ServerEntry, ...]:
        """Return none: there is no other one."""
        return ()

    def plan(self, mark: int | None) -> tuple[int, DialPlan] | None:
        """Return all numbers, once."""
        lines = [Entry(name, Line(number_of(name), number_of(name), name)) for name in self.modes] if not mark else []
        return None if mark else (1, DialPlan(lines))

    def note(self, name: str, now: datetime, *, ctl: str | None, itl: str | None) -> None:
        """Keep nothing."""


@cache
def key_of(purpose: Purpose) -> SoftwareSigner:
    """Return a key with a certificate of its own, of CAPF or of a CallManager."""
    key = generate_key(KeyKind.RSA_2048)
    name = "CAPF-1234abcd" if purpose is Purpose.CAPF else "pub"
    subject = Subject(name, "TAC", "Cisco", "Krakow", "Malopolska", "PL")
    return SoftwareSigner(self_signed(purpose, subject=subject, key=key, now=datetime.now(UTC), serial=0x77), key)


@cache
def _phone_key() -> PrivateKey:
    return generate_key(KeyKind.RSA_2048)


@cache
def lsc(device: str) -> SoftwareSigner:
    """Return a phone's LSC; all have one key, which costs nothing and changes nothing of the handshake."""
    capf, key = key_of(Purpose.CAPF), _phone_key()
    certificate = issue_lsc(
        device,
        key.public_key(),
        authority=capf.certificate,
        authority_key=capf.key,
        now=datetime.now(UTC),
        serial=int(device[3:], 16) + 1,
        days=365,
    )
    return SoftwareSigner(certificate, key)


@cache
def ctl() -> TrustList:
    """Return the list by which a phone knows its CallManager."""
    server = key_of(Purpose.CALLMANAGER)
    records = [
        RecordSpec(Role.SAST, server.certificate, dns_name="pub"),
        RecordSpec(Role.CCM_TFTP, server.certificate, dns_name="pub"),
    ]
    return TrustList.parse(build_trust_list(records, server, timestamp=1_500_000_000))


def callmanager(
    roll: Roll, server: SoftwareSigner, capf: Sequence[SoftwareSigner] | FixedTrust, keepalive: int = 30
) -> CallManagerService:
    """Return a CallManager for a hall, not started."""
    trust = capf if isinstance(capf, FixedTrust) else FixedTrust([server], [each.certificate for each in capf])
    most = len(roll.modes) + 64
    return CallManagerService(
        roll,
        trust,
        port=0,
        tls_port=0,
        settings=ServerSettings(keepalive=keepalive),
        limits=CallManagerLimits(connections=most, per_address=most),
    )


@dataclass
class Hall:
    """Phones that are registered.

    Attributes:
        service: Their CallManager.
        phones: The telephones.
        packets: Packets of media on the wire.
        clear: Those whose sound could be heard there.
    """

    service: CallManagerService
    phones: list[Telephone] = field(default_factory=list)
    packets: int = 0
    clear: int = 0

    def seen(self, _sender: object, _target: object, packet: bytes) -> None:
        """Look at a packet on the wire: every phone of a hall plays a tone."""
        self.packets += 1
        self.clear += packet[_HEADER : _HEADER + _PERIOD] in _WAVES


@asynccontextmanager
async def hall(count: int, mode: SecurityMode) -> AsyncIterator[Hall]:
    """Have phones of one mode registered; every second one takes calls.

    Args:
        count: How many.
        mode: Theirs.

    Raises:
        TimeoutError: They did not register in time.
    """
    names = [name_of(number) for number in range(count)]
    service = callmanager(Roll(dict.fromkeys(names, mode)), key_of(Purpose.CALLMANAGER), [key_of(Purpose.CAPF)])
    found = Hall(service)
    await service.start()
    try:
        async with AsyncExitStack() as stack:
            for begin in range(0, count, AT_ONCE):
                registrations = [_registration(service, name, mode) for name in names[begin : begin + AT_ONCE]]
                for registration in registrations:
                    media = RtpMedia(tone_of(registration.phone.name), found.seen)
                    takes = len(found.phones) % 2 == 1
                    telephone = Telephone(registration, media, answers=takes)
                    found.phones.append(telephone)
                    registration.start()
                    stack.push_async_callback(registration.stop)
                    stack.callback(telephone.hush)
                if not all(await asyncio.gather(*(each.ready(_SECONDS) for each in registrations))):
                    raise TimeoutError("the phones of a hall did not register in time")
            yield found
    finally:
        await service.stop()


def _registration(service: CallManagerService, name: str, mode: SecurityMode) -> Registration:
    # No real model speaks both SCCP and TLS 1.2; this one does, so that the server's floor need not be lowered.
    phone = Phone(name, replace(get_model("8861"), sip_only=False))
    secure = mode is not SecurityMode.NON_SECURE
    config = (
        "<device><deviceProtocol>SCCP</deviceProtocol><devicePool><callManagerGroup><members>"
        f'<member priority="0"><callManager><ports><ethernetPhonePort>{service.port}</ethernetPhonePort>'
        f"<securedPhonePort>{service.tls_port}</securedPhonePort></ports><processNodeName>127.0.0.1</processNodeName>"
        "</callManager></member></members></callManagerGroup></devicePool>"
        f"<deviceSecurityMode>{mode.value}</deviceSecurityMode></device>"
    )
    phone.state = replace(PhoneState(trust=TrustState(ctl() if secure else None)), config=config.encode())
    return Registration(phone, identity=lsc(name) if secure else None, tvs=None)


@dataclass(frozen=True, slots=True)
class Talked:
    """What came of calls that were there at once.

    Attributes:
        connected: How many were connected at the same time.
        recognised: Ends that recognised the other end's tone.
        statuses: Security statuses that ends showed.
        kinds: How media were sent and received.
        dropped: Packets that were not taken.
    """

    connected: int
    recognised: int
    statuses: frozenset[Protection]
    kinds: frozenset[str]
    dropped: int


async def talk(found: Hall, calls: int, seconds: float = _SECONDS) -> Talked:
    """Have phones call each other, all at once; hang up once every end has heard the other one, or time is over.

    Args:
        found: The hall.
        calls: How many: the first twice as many phones talk.
        seconds: For that.
    """
    pairs = [(found.phones[2 * number], found.phones[2 * number + 1]) for number in range(calls)]
    for begin in range(0, calls, AT_ONCE):
        for one, other in pairs[begin : begin + AT_ONCE]:
            one.dial(other.registration.status.lines[0])
        await asyncio.gather(*(one.wait(_connected, seconds) for one, _ in pairs[begin : begin + AT_ONCE]))
    ends = [(end, tone_of(_name(peer))) for pair in pairs for end, peer in (pair, pair[::-1])]
    await _until(lambda: all(_heard(end, tone) for end, tone in ends), seconds)
    shown = [call for end, _ in ends for call in end.calls.values()]
    sounds = [sound for end, _ in ends for call in end.calls if (sound := end.media.sound(call)) is not None]
    result = Talked(
        sum(_connected(one.calls) and _connected(other.calls) for one, other in pairs),
        sum(_heard(end, tone) for end, tone in ends),
        frozenset(Protection(call.security) for call in shown),
        frozenset(sound.kind(way) for sound in sounds for way in ("sent", "received")),
        sum(sound.dropped.total() for sound in sounds),
    )
    for one, _ in pairs:
        for call in tuple(one.calls.values()):
            one.hang_up(call)
    await asyncio.gather(*(end.wait(lambda calls: not calls, seconds) for end, _ in ends))
    return result


def _name(telephone: Telephone) -> str:
    return telephone.registration.phone.name


def _connected(calls: dict[int, PhoneCall]) -> bool:
    return any(call.was_connected for call in calls.values())


def _heard(end: Telephone, tone: int) -> bool:
    return any((sound := end.media.sound(call)) is not None and sound.tone == tone for call in end.calls)


async def _until(holds: Callable[[], bool], seconds: float) -> None:
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while not holds() and loop.time() < end:  # noqa: ASYNC110 - nobody tells of sound
        await asyncio.sleep(0.05)


async def _serve(mode: SecurityMode, first: int, count: int, server: str, capf: str) -> None:
    signer = load_signer(server)
    assert isinstance(signer, SoftwareSigner)
    roll = Roll({name_of(first + number): mode for number in range(count)})
    service = callmanager(roll, signer, FixedTrust([signer], load_certificates(Path(capf))))
    await service.start()
    print(service.port, service.tls_port, flush=True)
    try:
        await asyncio.to_thread(sys.stdin.read)
    finally:
        await service.stop()


if __name__ == "__main__":
    alone_on_ctrl_c()
    all_files()
    asyncio.run(_serve(SecurityMode(int(sys.argv[1])), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], sys.argv[5]))
