"""The certificates and lists of a small cluster, made once, and a server that can misbehave."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache

from mixedmode.phone.mind.boot import Boot, Decrypt
from mixedmode.phone.mind.config import TvsServer
from mixedmode.phone.mind.console import Console
from mixedmode.phone.mind.models import get_model
from mixedmode.phone.mind.outcome import BootOutcome
from mixedmode.phone.mind.requests import AskTvs, Fetch
from mixedmode.phone.mind.trust.decisions import TVS_UNKNOWN, TVS_UNREACHABLE, TvsAnswer, TvsOutcome, TvsQuestion
from mixedmode.phone.mind.trust.policy import TrustPolicy
from mixedmode.phone.mind.trust.settings import BootSettings, PolicySettings
from mixedmode.phone.mind.trust.state import PhoneState, TrustState
from mixedmode.pki.certificates.profiles import KeyKind, Purpose, Subject, generate_key, self_signed
from mixedmode.pki.signing.digests import DigestAlgorithm
from mixedmode.pki.signing.signer import SoftwareSigner
from mixedmode.signedfile.signed import sign_file
from mixedmode.trustlist.build import RecordForm, RecordSpec, build_trust_list
from mixedmode.trustlist.model import TrustList
from mixedmode.trustlist.roles import Role

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DEVICE = "SEP001122334455"
TVS_SERVER = TvsServer("127.0.0.1", 2445)


@cache
def identity(name: str, *, years: int = 5) -> SoftwareSigner:
    """A key and its certificate; the same for the same name."""
    key = generate_key(KeyKind.RSA_1024)
    serial = int.from_bytes(name.encode()[:12].ljust(12, b"\x01"))
    begins = NOW.replace(year=NOW.year - 1)
    subject = Subject(name, "TAC", "Cisco", "Krakow", "Malopolska", "PL")
    certificate = self_signed(Purpose.CALLMANAGER, subject=subject, key=key, now=begins, serial=serial, years=years)
    return SoftwareSigner(certificate, key)


def _specs(
    sast: Iterable[str], servers: Iterable[str], *, tvs: bool, empty: bool, role: Role = Role.CCM_TFTP
) -> list[RecordSpec]:
    records = [RecordSpec(Role.SAST, identity(name).certificate, dns_name=name) for name in sast]
    roles = [(role, name) for name in servers] + ([(Role.TVS, "tvs")] if tvs else [])
    for server_role, name in roles:
        if empty:
            records.append(RecordSpec(server_role, None, dns_name=name, form=RecordForm.ADDRESS))
        else:
            records.append(RecordSpec(server_role, identity(name).certificate, dns_name=name))
    return records


@cache
def ctl(
    signer: str,
    *others: str,
    servers: tuple[str, ...] = ("callmanager",),
    empty: bool = False,
    digest: DigestAlgorithm = DigestAlgorithm.SHA1,
    timestamp: int = 1_500_000_000,
) -> TrustList:
    """A CTL signed by the first name; the others are SAST too."""
    specs = _specs((signer, *others), servers, tvs=False, empty=empty)
    return TrustList.parse(build_trust_list(specs, identity(signer), timestamp=timestamp, digest=digest))


@cache
def itl(
    signer: str,
    *others: str,
    servers: tuple[str, ...] = ("callmanager",),
    tvs: bool = True,
    blanked: bool = False,
    digest: DigestAlgorithm = DigestAlgorithm.SHA1,
    timestamp: int = 1_500_000_000,
    filename: str = "ITLFile.tlv",
) -> TrustList:
    """An ITL signed by the first name, with a TVS record; blanked: its TVS and TFTP records are empty."""
    specs = _specs((signer, *others), servers, tvs=tvs, empty=blanked)
    data = build_trust_list(specs, identity(signer), timestamp=timestamp, digest=digest, filename=filename)
    return TrustList.parse(data)


def damaged(trust_list: TrustList) -> TrustList:
    """The same list with one bit of its last certificate changed."""
    data = bytearray(trust_list.data)
    data[-12] ^= 1
    return TrustList.parse(bytes(data))


def signed_config(
    signer: str, content: bytes, *, name: str = f"{DEVICE}.cnf.xml.sgn", digest: DigestAlgorithm = DigestAlgorithm.SHA1
) -> bytes:
    """A signed configuration file."""
    return sign_file(content, identity(signer), filename=name, digest=digest, timestamp=1_500_000_000)


CONFIG = b"""<?xml version="1.0" encoding="UTF-8"?>
<device><deviceProtocol>SCCP</deviceProtocol>
<devicePool><callManagerGroup><members><member priority="0"><callManager>
<ports><ethernetPhonePort>2000</ethernetPhonePort></ports><processNodeName>callmanager</processNodeName>
</callManager></member></members></callManagerGroup></devicePool>
<TVS><members>
<member priority="1"><port>2445</port><address>127.0.0.2</address></member>
<member priority="0"><port>2445</port><address>127.0.0.1</address></member>
</members></TVS>
<loadInformation>SCCP75.9-3-1SR4-1S</loadInformation>
<deviceSecurityMode>1</deviceSecurityMode><certHash></certHash><encrConfig>false</encrConfig></device>
"""


def holding(
    ctl_file: TrustList | None = None, itl_file: TrustList | None = None, *, tvs_configured: bool = True
) -> TrustState:
    """What a phone holds, with a TVS server in its configuration unless said otherwise."""
    return TrustState(ctl_file, itl_file, (TVS_SERVER,) if tvs_configured else ())


class Tvs:
    """A TVS that knows some signers, with their roles."""

    def __init__(self, *known: str, roles: Iterable[int] = (0,), ttl: int = 86400) -> None:
        self.known = {identity(name).certificate.serial: identity(name).certificate for name in known}
        self.roles = frozenset(roles)
        self.ttl = ttl
        self.questions: list[TvsQuestion] = []

    def __call__(self, question: TvsQuestion) -> TvsAnswer:
        self.questions.append(question)
        certificate = self.known.get(question.serial)
        if certificate is None:
            return TVS_UNKNOWN
        return TvsAnswer(TvsOutcome.KNOWN, certificate, self.roles, self.ttl)


def silent_tvs(_question: TvsQuestion) -> TvsAnswer:
    """A TVS that nobody reaches."""
    return TVS_UNREACHABLE


@dataclass
class Simulator:
    """A file server in memory that can lie, truncate, replay and go silent."""

    files: dict[str, bytes] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    def publish(self, ctl_file: TrustList | None = None, itl_file: TrustList | None = None) -> None:
        """Serve lists under this phone's names."""
        for kind, trust_list in (("CTL", ctl_file), ("ITL", itl_file)):
            if trust_list is not None:
                self.files[f"{kind}{DEVICE}.tlv"] = trust_list.data

    def truncate(self, name: str, size: int) -> None:
        self.files[name] = self.files[name][:size]

    def lie(self, name: str) -> None:
        """Change a byte of a file's content."""
        data = bytearray(self.files[name])
        data[-12] ^= 0xFF
        self.files[name] = bytes(data)

    def boot(
        self,
        state: PhoneState,
        *,
        model: str = "7975",
        tvs: Tvs | None = None,
        policy_settings: PolicySettings | None = None,
        settings: BootSettings | None = None,
        decrypt: Decrypt | None = None,
        console: Console | None = None,
        now: datetime = NOW,
    ) -> tuple[BootOutcome, PhoneState]:
        """Let a phone start against this server."""
        policy = TrustPolicy(get_model(model), policy_settings)
        boot = Boot(DEVICE, policy, state, settings=settings, decrypt=decrypt, console=console)
        for _ in range(20):
            request = boot.request
            if isinstance(request, BootOutcome):
                return request, boot.state
            if isinstance(request, AskTvs):
                boot.answered(tvs(request.question) if tvs else TVS_UNREACHABLE, now)
            elif isinstance(request, Fetch):
                self.asked.append(request.name)
                if request.name in self.silent:
                    boot.failed("no answer")
                elif request.name in self.files:
                    boot.received(self.files[request.name], now)
                else:
                    boot.not_found(now)
        raise AssertionError(f"the boot does not end; it asked for {self.asked}")
