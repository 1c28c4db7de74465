"""What phones meet when they start: the files of a node, TVS, the CallManager; each by its real machine.

* TFTP: :class:`~mixedmode.protocols.tftp.ServerEngine` over a :class:`~mixedmode.services.files.store.MappingStore`.
* HTTP: the same store without the bytes of HTTP in between (those are played over sockets).
* TVS: both ends' machines and the service's look-up; TLS is its certificate, which is simply told.
* CallManager: both ends' machines of SCCP, for phones that speak it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, lru_cache
from typing import TYPE_CHECKING, Final

from mixedmode.cluster.model.records import StoredCertificate
from mixedmode.cluster.model.topology import SecurityMode as ClusterMode
from mixedmode.cluster.model.trust_roles import roles_of
from mixedmode.cluster.publishing.outlook import Outlook
from mixedmode.errors import MixedModeError, RemoteError
from mixedmode.phone.body.tvs import ask_in_turn, read_answer
from mixedmode.phone.mind.trust.asking import TvsRequest
from mixedmode.phone.mind.trust.decisions import TVS_UNREACHABLE, TvsAnswer, TvsQuestion
from mixedmode.phone.mind.trust.lookup import tvs_certificates
from mixedmode.phone.mind.trust.state import TrustState
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.signing.digests import DigestAlgorithm
from mixedmode.protocols.sccp.registration.admission import DeviceFacts, Refusal, Security, SecurityMode
from mixedmode.protocols.sccp.registration.phone import PhoneRegistration
from mixedmode.protocols.sccp.registration.phone_events import PhoneFacts
from mixedmode.protocols.sccp.registration.server import ServerRegistration, ServerSettings
from mixedmode.protocols.sccp.registration.server_events import AskDevice
from mixedmode.protocols.tftp.engine import Content, ServerEngine
from mixedmode.protocols.tftp.packets import ErrorCode, Mode
from mixedmode.protocols.tvs import QueryRequest
from mixedmode.protocols.tvs.machines import ClientConnection, ServerConnection
from mixedmode.services.files.phoneconfig import ConfigFacts, Server, render_config
from mixedmode.services.files.store import MappingStore, ServedFileCache
from mixedmode.services.tvs.lookup import TrustLookup
from mixedmode.services.tvs.sources import CtlCache, TableSource
from mixedmode.signedfile import sign_file
from mixedmode.trustlist.kinds import CTL_FILE, ITL_FILE
from tests.simulation.world import keys

if TYPE_CHECKING:
    from datetime import datetime

    from tests.simulation.world.course import Point, Trail

__all__ = ["CallManager", "Node", "TvsServer", "ask_in_turn", "config_text", "tvs_server"]
TVS_PORT: Final = 2445
_STAMP: Final = 1_700_000_000
_SETTINGS: Final = ServerSettings()


@cache
def config_text(tvs: tuple[str, ...], call_manager: str, mode: int, protocol: str) -> bytes:
    """Return a phone's configuration."""
    return render_config(
        ConfigFacts(
            protocol=protocol,
            security_mode=mode,
            call_managers=(Server(call_manager, 2000, 2443),),
            tvs=tuple(Server(each, TVS_PORT) for each in tvs),
        )
    )


@lru_cache(maxsize=1 << 11)
def signed_config(content: bytes, name: str, signer: Certificate, digest: DigestAlgorithm) -> bytes:
    """Return a signed configuration; the same one is signed once."""
    return sign_file(content, keys.signer_of(signer), filename=name, digest=digest, timestamp=_STAMP)


class TvsServer:
    """One node's TVS.

    Args:
        certificate: DER of what it shows.
        lookup: What it knows.

    Attributes:
        certificate: The same.
        lookup: The same.
    """

    def __init__(self, certificate: bytes, lookup: TrustLookup) -> None:
        self.certificate = certificate
        self.lookup = lookup
        self._said: dict[TvsQuestion, TvsAnswer] = {}
        self._vouched: dict[tuple[str, bytes], frozenset[bytes]] = {}

    def vouched(self, issuer: str, serial: bytes) -> frozenset[bytes]:
        """Return what it says of a signer of lists, asked past the phone: the certificate, if that has role 0."""
        found = self._vouched.get((issuer, serial))
        if found is None:
            answer = self.lookup.answer(QueryRequest(1, "CP-7975-SEP000000000000", issuer, issuer, serial))[0]
            found = frozenset([answer.certificate or b""]) if answer.known and 0 in answer.roles else frozenset()
            self._vouched[issuer, serial] = found
        return found

    def ask(self, request: TvsRequest) -> TvsAnswer:
        """Return what it answers to a phone.

        Raises:
            RemoteError: The phone does not trust it.
        """
        if self.certificate not in request.trusted:
            raise RemoteError("the TVS server shows another certificate", code="tvs-untrusted")
        question = request.question
        said = self._said.get(question)
        if said is None:  # all phones are told the same
            said = self._said[question] = self._asked(request.device, question)
        return said

    def _asked(self, device: str, question: TvsQuestion) -> TvsAnswer:
        phone, server = ClientConnection(), ServerConnection()
        phone.send(QueryRequest(1, device, question.subject, question.issuer, question.serial), 0.0)
        for asked in server.receive(phone.bytes_to_send(), 0.0):
            server.send(self.lookup.answer(asked)[0], 0.0)
        return read_answer(phone.receive(server.bytes_to_send(), 0.0)[0])


def tvs_server(outlook: Outlook, certificate: Certificate, node: str) -> TvsServer:
    """Return a node's TVS: the database's certificates, then those of its CTL file."""
    stored = [
        *(_stored(unit, owner, each) for (owner, unit), each in {**outlook.hidden, **outlook.view.own}.items()),
        *(_stored(store, "", each) for store, found in outlook.trust.items() for each in found),
    ]
    by_certificate: dict[Certificate, list[StoredCertificate]] = defaultdict(list)
    for each in stored:
        by_certificate[each.certificate].append(each)
    entries = ((each, [int(role) for role in roles_of(found)]) for each, found in by_certificate.items())
    database = TableSource("CertificateDBCache", [(each, roles) for each, roles in entries if roles])
    cache_ = CtlCache()
    ctl = outlook.files.get((node, CTL_FILE))
    if ctl is not None:
        cache_.load(ctl)
    return TvsServer(certificate.der, TrustLookup([database, cache_]))


def _stored(unit: str, node: str, certificate: Certificate) -> StoredCertificate:
    return StoredCertificate(unit, node, f"{unit}.pem", certificate, keys.BEGIN, active=True)


@dataclass(frozen=True)
class CallManager:
    """The CallManager that phones register with.

    Attributes:
        certificate: What it shows by TLS.
        mode: The cluster's.
    """

    certificate: Certificate
    mode: ClusterMode

    def registers(self, facts: PhoneFacts, security: Security, mode: int) -> bool:
        """Return whether it registers a phone."""
        device = SecurityMode(mode) if self.mode is ClusterMode.MIXED else SecurityMode.NON_SECURE
        return registered(facts, security, device)


@lru_cache(maxsize=1 << 14)
def registered(facts: PhoneFacts, security: Security, device: SecurityMode) -> bool:
    """Return whether a phone that is set to a security mode registers: both ends' machines talk until one says so."""
    phone = PhoneRegistration(facts, 0.0)
    server = ServerRegistration(security, _SETTINGS, 0.0, lambda: keys.BEGIN)
    try:
        while not (phone.registered or phone.closed):
            for event in server.receive(phone.bytes_to_send(), 0.0):
                if isinstance(event, AskDevice):
                    server.send(DeviceFacts(device), 0.0)
            said = server.bytes_to_send()
            phone.receive(said or (None if server.closed else b""), 0.0)
            if not said and not phone.registered:
                break
    except MixedModeError:
        return False
    return phone.registered


@dataclass(frozen=True)
class Node:
    """All that phones of one node meet at a step.

    Attributes:
        files: The lists, by name.
        signer: Who signs configurations.
        digest: Under their signatures.
        call_manager: Whom phones register with.
        tvs: Servers by host; one that is missing does not answer.
        tvs_hosts: The hosts that configurations name.
        http: Whether files come by HTTP too: None: no HTTP; else the code of the failure, empty if it works.
        old_tvs: What the servers know that a phone's own ITL names, if it is these that answer.
        trails: How starts go on where nothing goes wrong, and after how many seconds, by where they begin, and when.
        judged: What the oracle says of them, by how they end.
    """

    files: Mapping[str, bytes]
    signer: Certificate
    digest: DigestAlgorithm
    call_manager: CallManager
    tvs: Mapping[str, TvsServer]
    tvs_hosts: tuple[str, ...]
    http: str | None = None
    old_tvs: TvsServer | None = None
    trails: dict[tuple[Point, datetime], Trail] = field(init=False, default_factory=dict, compare=False)
    judged: dict[Point, tuple[str, ...]] = field(init=False, default_factory=dict, compare=False)
    _files: dict[tuple[str, int, str], bytes | None] = field(init=False, default_factory=dict, compare=False)
    _served: ServedFileCache = field(default_factory=ServedFileCache, compare=False)

    @cached_property
    def silent(self) -> Node:
        """The same with no TVS server."""
        return replace(self, tvs={}, old_tvs=None)

    @cached_property
    def store(self) -> MappingStore:
        """The lists, as the services look them up."""
        return MappingStore(self.files)

    def file(self, name: str, mode: int, protocol: str) -> bytes | None:
        """Return what a phone of a security mode gets under a name."""
        key = name, mode, protocol
        if key not in self._files:
            self._files[key] = self._file(name, mode, protocol)
        return self._files[key]

    def _file(self, name: str, mode: int, protocol: str) -> bytes | None:
        found = self.store.lookup(name)
        if isinstance(found, bytes):
            return found
        device, dot, suffix = name.partition(".cnf.xml")
        if not dot or not device.startswith("SEP") or suffix not in {"", ".sgn"}:
            return None
        content = config_text(self.tvs_hosts, "callmanager", mode, protocol)
        return signed_config(content, name, self.signer, self.digest) if suffix else content

    def engine(self, devices: Mapping[str, tuple[int, str]]) -> ServerEngine:
        """Return the TFTP server.

        Args:
            devices: Mode and protocol of each device.
        """

        def find(name: str, _mode: Mode) -> Content | ErrorCode:
            device = name.partition(".")[0][-15:]
            found = self.file(name, *devices.get(device, (1, "SCCP")))
            return ErrorCode.FILE_NOT_FOUND if found is None else self._served.get(found)

        return ServerEngine(find)

    def is_asked_elsewhere(self, trust: TrustState) -> bool:
        """Return whether a phone's ITL names a server that answers, and its configuration only other ones."""
        named = tvs_certificates(trust.itl)
        answers = {host for host, server in self.tvs.items() if server.certificate in named}
        return self.old_tvs is None and bool(answers) and answers.isdisjoint(each.address for each in trust.tvs_servers)

    def ask(self, requests: tuple[TvsRequest, ...]) -> TvsAnswer:
        """Ask the TVS servers in turn, as a phone does."""
        for request in requests:
            server = self.tvs.get(request.server.address)
            if self.old_tvs is not None and request.trusted:
                server = TvsServer(request.trusted[0], self.old_tvs.lookup)
            if server is not None:
                try:
                    return server.ask(request)
                except RemoteError:
                    continue
        return TVS_UNREACHABLE


LISTS: Final = (CTL_FILE, ITL_FILE)
REFUSED: Final = Refusal
