"""A CallManager with a directory in memory, the keys of its cluster, and phones that hold what they need."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache

from mixedmode.errors import RemoteError
from mixedmode.phone.body.client import Phone
from mixedmode.phone.body.registration import OnRefused, OnReset, Registration
from mixedmode.phone.body.registration_status import RegistrationState, RegistrationStatus, RegistrationTimes
from mixedmode.phone.body.tvs import TvsClient
from mixedmode.phone.mind.config import TvsServer
from mixedmode.phone.mind.models import get_model
from mixedmode.phone.mind.trust.state import PhoneState, TrustState
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.profiles import KeyKind, Purpose, Subject, issue, issue_lsc, self_signed
from mixedmode.pki.signing.signer import SoftwareSigner
from mixedmode.protocols.sccp import FrameBuffer, Message, parse_message
from mixedmode.protocols.sccp.messages.server_list import ServerEntry
from mixedmode.protocols.sccp.registration.admission import DeviceFacts, Line, Refusal, SecurityMode
from mixedmode.protocols.sccp.registration.server import ServerSettings
from mixedmode.services.callmanager.directory import KnownDevice
from mixedmode.services.callmanager.service import CallManagerLimits, CallManagerService
from mixedmode.services.callmanager.switch.plan import DialPlan, Entry
from mixedmode.services.callmanager.tls import FixedTrust
from mixedmode.services.net.server_tls import TlsFloor
from mixedmode.trustlist.build import RecordForm, RecordSpec, build_trust_list
from mixedmode.trustlist.model import TrustList
from mixedmode.trustlist.roles import Role
from tests.pki.material import NOW, PUBLISHER, key, signer
from tests.support import DATA, eventually

DEVICE = "SEP001122334455"
OTHER = "SEP001122334466"
QUICK = RegistrationTimes(connect=30, answer=30, first_pause=0.05, longest_pause=0.2, settled=0.5, leave=30)


class Table:
    """A directory in memory."""

    def __init__(self, modes: dict[str, SecurityMode] | None = None) -> None:
        self.modes = modes or {DEVICE: SecurityMode.NON_SECURE}
        self.notes: list[tuple[str, str | None, str | None]] = []
        self.down = False
        self.entries: list[Entry] = []

    def find(self, name: str) -> KnownDevice | Refusal:
        if self.down:
            raise RemoteError("the database is down")
        if name not in self.modes:
            return Refusal()
        lines = (Line("1001", "Line 1"), Line("1002", "Line 2"))
        return KnownDevice("8861", DeviceFacts(self.modes[name], lines))

    def servers(self, name: str, *, secure: bool) -> tuple[ServerEntry, ...]:
        if self.down:
            raise RemoteError("the database is down")
        return (ServerEntry("one", 2443 if secure else 2000, "10.0.0.1"),) if name in self.modes else ()

    def plan(self, mark: int | None) -> tuple[int, DialPlan] | None:
        return None if mark else (1, DialPlan(self.entries))

    def note(self, name: str, now: datetime, *, ctl: str | None, itl: str | None) -> None:
        assert now.tzinfo is UTC
        self.notes.append((name, ctl, itl))


@cache
def authority(name: str = "CAPF-1234abcd") -> SoftwareSigner:
    """CAPF, or a manufacturing CA."""
    purpose = Purpose.CAPF if name.startswith("CAPF") else Purpose.MANUFACTURING_CA
    kind = key(KeyKind.RSA_2048, 7)
    return SoftwareSigner(self_signed(purpose, subject=PUBLISHER.named(name), key=kind, now=NOW, serial=0x77), kind)


@cache
def lsc(device: str = DEVICE, issuer: str = "CAPF-1234abcd") -> SoftwareSigner:
    """A phone's certificate of the cluster."""
    own, by = key(KeyKind.RSA_2048, 8), authority(issuer)
    certificate = issue_lsc(
        device, own.public_key(), authority=by.certificate, authority_key=by.key, now=NOW, serial=0x88, days=3560
    )
    return SoftwareSigner(certificate, own)


@cache
def mic(device: str = DEVICE, issuer: str = "Cisco Manufacturing CA") -> SoftwareSigner:
    """A phone's certificate of its maker."""
    own, by = key(KeyKind.RSA_2048, 9), authority(issuer)
    certificate = issue(
        Purpose.PHONE_MIC,
        subject=Subject(f"CP-8861-{device}", organization="Cisco Systems"),
        public_key=own.public_key(),
        authority=by.certificate,
        authority_key=by.key,
        now=NOW,
        serial=0x99,
    )
    return SoftwareSigner(certificate, own)


@cache
def list_of(role: Role | None, certificate: Certificate, *, tvs: Certificate | None = None) -> TrustList:
    """A trust list with a CallManager's certificate in a role; None: a record without one."""
    records = [RecordSpec(Role.SAST, signer().certificate, dns_name="cucm-1051-a-pub")]
    if role is None:
        records.append(RecordSpec(Role.CCM_TFTP, None, dns_name="cucm-1051-a-pub", form=RecordForm.ADDRESS))
    else:
        records.append(RecordSpec(role, certificate, dns_name="cucm-1051-a-pub"))
    if tvs is not None:
        records.append(RecordSpec(Role.TVS, tvs, dns_name="cucm-1051-a-pub"))
    return TrustList.parse(build_trust_list(records, signer(), timestamp=1_500_000_000))


def config(servers: Iterable[tuple[int, int]], mode: int = 1, *, protocol: str = "SCCP") -> bytes:
    """A configuration with CallManagers on ports of this host, plain and TLS."""
    members = "".join(
        f'<member priority="{number}"><callManager><ports><ethernetPhonePort>{plain}</ethernetPhonePort>'
        f"<securedPhonePort>{secure}</securedPhonePort></ports>"
        "<processNodeName>127.0.0.1</processNodeName></callManager></member>"
        for number, (plain, secure) in enumerate(servers)
    )
    return (
        f"<device><deviceProtocol>{protocol}</deviceProtocol><loadInformation>sip88xx.12-8</loadInformation>"
        f"<devicePool><callManagerGroup><members>{members}</members></callManagerGroup></devicePool>"
        f"<deviceSecurityMode>{mode}</deviceSecurityMode></device>"
    ).encode()


def phone_at(
    *services: CallManagerService,
    mode: int = 1,
    name: str = DEVICE,
    model: str = "8861",
    ctl: TrustList | None = None,
    itl: TrustList | None = None,
    tvs: tuple[TvsServer, ...] = (),
) -> Phone:
    """A phone that has booted with a configuration naming these servers.

    No real model speaks both SCCP and TLS 1.2; this one does, so that the server's floor need not be lowered.
    """
    phone = Phone(name, replace(get_model(model), sip_only=False))
    content = config([(each.port, each.tls_port) for each in services], mode)
    phone.state = replace(PhoneState(trust=TrustState(ctl, itl, tvs)), config=content)
    return phone


@asynccontextmanager
async def callmanager(
    directory: Table | None = None,
    *,
    server: SoftwareSigner | None = None,
    anchors: Iterable[Certificate] | None = None,
    keepalive: int = 30,
    first_seconds: float = 60,
    floor: TlsFloor = TlsFloor.TLS_1_2,
    limits: CallManagerLimits | None = None,
    log: Callable[[str], None] = lambda _line: None,
) -> AsyncIterator[CallManagerService]:
    """A running CallManager on free ports."""
    service = CallManagerService(
        directory or Table(),
        trust(server, anchors),
        port=0,
        tls_port=0,
        floor=floor,
        settings=ServerSettings(keepalive=keepalive, first_seconds=first_seconds),
        limits=limits,
        log=log,
    )
    await service.start()
    try:
        yield service
    finally:
        await service.stop()


def trust(server: SoftwareSigner | None = None, anchors: Iterable[Certificate] | None = None) -> FixedTrust:
    """The keys of a CallManager; CAPF and a manufacturing CA vouch for phones."""
    if anchors is None:
        anchors = (authority().certificate, authority("Cisco Manufacturing CA").certificate)
    return FixedTrust([server or signer()], anchors)


@asynccontextmanager
async def registering(
    phone: Phone,
    *,
    identity: SoftwareSigner | None = None,
    on_reset: OnReset | None = None,
    tvs: TvsClient | None = None,
    on_change: Callable[[RegistrationStatus], None] = lambda _status: None,
    on_refused: OnRefused | None = None,
    times: RegistrationTimes = QUICK,
) -> AsyncIterator[Registration]:
    """A phone that keeps itself registered."""
    registration = Registration(
        phone,
        identity=identity,
        on_reset=on_reset,
        on_change=on_change,
        tvs=tvs,
        times=times,
        on_refused=on_refused,
    )
    registration.start()
    try:
        yield registration
    finally:
        await registration.stop()


async def registered(registration: Registration) -> None:
    """Wait until a phone is registered and has set itself up."""
    assert await registration.wait(RegistrationState.REGISTERED, 60), registration.status
    await eventually(lambda: bool(registration.status.lines))


async def refused(registration: Registration) -> str:
    """Wait until a phone knows that it is not registered; return why."""
    assert await registration.wait(RegistrationState.UNREGISTERED, 60), registration.status
    return registration.status.reason


SCCP = DATA / "wire" / "sccp"
REGISTER = (SCCP / "04-register-v17-124.bin").read_bytes()
KEEPALIVE = (SCCP / "01-keepalive.bin").read_bytes()


class Client:
    """Frames by hand."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self._buffer = FrameBuffer()

    async def next(self) -> Message | None:
        """The next message, None at the end."""
        async with asyncio.timeout(60):
            while True:
                frame = self._buffer.take()
                if frame is not None:
                    return parse_message(frame)
                try:
                    data = await self.reader.read(4096)
                except ConnectionError:
                    return None
                if not data:
                    return None
                self._buffer.add(data)


@asynccontextmanager
async def client(service: CallManagerService, data: bytes = b"") -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_connection(*service.address)
    try:
        writer.write(data)
        yield Client(reader, writer)
    finally:
        writer.transport.abort()


def ctl() -> TrustList:
    return list_of(Role.CCM_TFTP, signer().certificate)
