"""An invented cluster as it is seen from outside: certificates, lists and phones; healthy until a test changes it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from mixedmode.live.observed import (
    CertificateSeen,
    FaceSeen,
    FileSeen,
    NodeSeen,
    Observation,
    ParameterSeen,
    PhoneSeen,
    ServiceSeen,
    Sighting,
    Source,
    Value,
)
from mixedmode.live.provisioned import (
    DefaultLoadSeen,
    Feature,
    FeatureSeen,
    GroupSeen,
    PoolSeen,
    ProfileSeen,
    VouchedSeen,
)
from mixedmode.pki.certificates.issuing import Hash
from mixedmode.pki.certificates.profiles import KeyKind, Purpose, Subject, self_signed
from mixedmode.pki.signing.digests import DigestAlgorithm
from mixedmode.pki.signing.signer import SoftwareSigner
from mixedmode.signedfile.signed import sign_file
from mixedmode.trustlist.build import RecordForm, RecordSpec, build_trust_list
from mixedmode.trustlist.roles import Role
from tests.pki.material import key

NOW = datetime(2026, 11, 26, 9, tzinfo=UTC)
MADE = NOW - timedelta(days=200)
STARTED = NOW - timedelta(days=100)
PUB, SUB = "cucm-pub", "cucm-sub1"
ADDRESSES = {PUB: "192.0.2.10", SUB: "192.0.2.11"}
VERSIONS = {
    "10.5": "10.5.2.10000-5",
    "11.5": "11.5.1.10000-6",
    "12.5": "12.5.1.11900-146",
    "14": "14.0.1.13900-155",
    "15": "15.0.1.10000-32",
}
PORTS = {"TVS": ("tvs", 2445), "CallManager": ("sccp_tls", 2443), "tomcat": ("web", 8443), "CAPF": ("capf", 3804)}
LOAD = "sip88xx.14-3-1-0001-60"
SERVICES = ("Cisco CallManager", "Cisco Tftp", "Cisco Trust Verification Service")


def seen(source: Source, where: str = "", at: datetime = NOW) -> Sighting:
    return Sighting(source, at, where)


PROFILE = ProfileSeen(
    "Encrypted", "Encrypted", "TLS", "By Null String", "RSA Only", "2048", "", True, False, seen(Source.AXL, PUB)
)


@dataclass
class World:
    """A cluster of two nodes; what a test changes is made anew by :meth:`look`."""

    version: str = VERSIONS["14"]
    mixed: bool = True
    certificates: dict[tuple[str, str], SoftwareSigner] = field(default_factory=dict)
    listed: dict[tuple[str, str], SoftwareSigner] = field(default_factory=dict)
    shown: dict[tuple[str, str], SoftwareSigner] = field(default_factory=dict)
    digest: DigestAlgorithm = DigestAlgorithm.SHA1
    serial: int = 0x1000
    phones: tuple[PhoneSeen, ...] = ()

    def __post_init__(self) -> None:
        for node in ADDRESSES:
            for purpose in (Purpose.CALLMANAGER, Purpose.TVS, Purpose.TOMCAT, Purpose.CAPF, Purpose.ITLRECOVERY):
                if node == PUB or purpose not in {Purpose.CAPF, Purpose.ITLRECOVERY}:
                    self.renew(node, purpose, lists=True, store=True)

    @property
    def numbers(self) -> tuple[int, ...]:
        return tuple(int(part) for part in self.version.partition("-")[0].split("."))

    def make(
        self,
        node: str,
        purpose: Purpose,
        *,
        kind: KeyKind = KeyKind.RSA_2048,
        made: datetime = MADE,
        names: tuple[str, ...] | None = None,
        hash: Hash | None = None,  # noqa: A002
        common_name: str = "",
        years: int | None = None,
    ) -> SoftwareSigner:
        self.serial += 1
        name = common_name or {
            Purpose.CAPF: f"CAPF-{self.serial:08x}",
            Purpose.ITLRECOVERY: f"ITLRECOVERY_{node}",
        }.get(purpose, node)
        wanted = names if names is not None else () if purpose in {Purpose.CAPF, Purpose.ITLRECOVERY} else (node,)
        certificate = self_signed(
            purpose,
            subject=Subject(name, "TAC", "Cisco", "Krakow", "Malopolska", "PL"),
            key=key(kind),
            now=made,
            serial=self.serial,
            dns_names=wanted,
            hash=hash,
            years=years,
        )
        return SoftwareSigner(certificate, key(kind))

    def renew(
        self, node: str, purpose: Purpose, signer: SoftwareSigner | None = None, *, lists: bool, store: bool
    ) -> SoftwareSigner:
        """Put a certificate into lists, into the store and onto the ports, or into one of both alone."""
        signer = signer or self.make(node, purpose)
        if lists:
            self.listed[node, purpose.value] = signer
        if store:
            self.certificates[node, purpose.value] = signer
            self.shown[node, purpose.value] = signer
        return signer

    # -- lists

    def record(self, role: Role, node: str, unit: str) -> RecordSpec:
        return RecordSpec(role, self.listed[node, unit].certificate, dns_name=node, ip_address=ADDRESSES[node])

    def signs(self, node: str) -> SoftwareSigner:
        new = self.numbers >= (12,)
        return self.listed[PUB, "ITLRecovery"] if new else self.listed[node, "CallManager"]

    def ctl_records(self) -> list[RecordSpec]:
        record = self.record
        anchors = [record(Role.SAST, PUB, "ITLRecovery"), record(Role.SAST, PUB, "CallManager")]
        servers = [record(Role.CCM_TFTP, node, "CallManager") for node in ADDRESSES]
        return [*anchors, servers[0], record(Role.CAPF, PUB, "CAPF"), *servers[1:]]

    def itl_records(self, node: str) -> list[RecordSpec]:
        record = self.record
        return [
            record(Role.SAST, PUB, "ITLRecovery"),
            record(Role.SAST, node, "CallManager"),
            record(Role.CCM_TFTP, node, "CallManager"),
            record(Role.CAPF, PUB, "CAPF"),
            *(record(Role.TVS, other, "TVS") for other in ADDRESSES),
        ]

    def built(self, records: Iterable[RecordSpec], signer: SoftwareSigner, name: str) -> bytes:
        return build_trust_list(
            list(records), signer, timestamp=int(MADE.timestamp()), filename=name, digest=self.digest
        )

    def ctl(self) -> bytes:
        return self.built(self.ctl_records(), self.signs(PUB), "CTLFile.tlv")

    def itl(self, node: str) -> bytes:
        return self.built(self.itl_records(node), self.signs(node), "ITLFile.tlv")

    def default(self, node: str, signer: SoftwareSigner | None = None) -> bytes:
        return sign_file(
            b"<Default/>",
            signer or self.listed[node, "CallManager"],
            filename="XMLDefault.cnf.xml.sgn",
            digest=self.digest,
            timestamp=int(MADE.timestamp()),
        )

    # -- the whole

    def look(self) -> Observation:
        """Return what is seen of it."""
        files = []
        for node in ADDRESSES:
            at = seen(Source.HTTP, node)
            files += [
                FileSeen(node, "CTLFile.tlv", self.ctl() if self.mixed else None, at),
                FileSeen(node, "ITLFile.tlv", self.itl(node), at),
                FileSeen(node, "XMLDefault.cnf.xml.sgn", self.default(node), at),
                FileSeen(node, "ConfigFileCacheList.txt", None, at),
            ]
        stored = [(node, unit, signer.certificate.der) for (node, unit), signer in self.certificates.items()]
        certificates = [CertificateSeen(n, u, der, seen(Source.REST, n)) for n, u, der in stored]
        certificates += [CertificateSeen(n, u, der, seen(Source.AXL, PUB)) for n, u, der in stored]
        trusted = [(unit, der) for _, unit, der in stored if unit in {"CallManager", "tomcat"}]
        for node in ADDRESSES:
            certificates += [CertificateSeen(node, f"{u}-trust", der, seen(Source.REST, node)) for u, der in trusted]
        certificates += [CertificateSeen("", f"{u}-trust", der, seen(Source.AXL, PUB)) for u, der in trusted]
        faces = [
            FaceSeen(node, *PORTS[unit], "RSA", (signer.certificate.der,), "TLSv1.2", "AES", seen(Source.TLS, node))
            for (node, unit), signer in self.shown.items()
            if unit in PORTS
        ]
        services = [
            ServiceSeen(node, name, "Started", STARTED, seen(Source.CONTROL_CENTER, node))
            for node in ADDRESSES
            for name in SERVICES
        ]
        parameters = (
            ParameterSeen("ClusterSecurityMode", "1" if self.mixed else "0", seen(Source.AXL, PUB)),
            ParameterSeen("PrepareClusterForRollback", "F", seen(Source.AXL, PUB)),
        )
        nodes = tuple(
            NodeSeen(n, a, "publisher" if n == PUB else "subscriber", self.version, 1.0, seen(Source.AXL, n))
            for n, a in ADDRESSES.items()
        )
        return Observation(
            "cluster",
            NOW - timedelta(seconds=30),
            NOW,
            nodes,
            tuple(files),
            tuple(certificates),
            tuple(faces),
            tuple(services),
            parameters,
            self.phones or self.healthy_phones(),
            (),
            True,
            features=tuple(FeatureSeen(feature.value, "683", "568", "", seen(Source.AXL, PUB)) for feature in Feature),
            default_loads=(DefaultLoadSeen("Cisco 8841", "SIP", LOAD, "", seen(Source.AXL, PUB)),),
            groups=(GroupSeen("Default", (PUB, SUB), seen(Source.AXL, PUB)),),
            pools=(PoolSeen("Default", "Default", seen(Source.AXL, PUB)),),
            profiles=(PROFILE,),
            vouched=tuple(self.vouched()),
        )

    def vouched(self) -> Iterable[VouchedSeen]:
        """Yield what TVS vouches for: what stands in stores."""
        roles = {"CallManager": ("CallManagerTFTP", "SAST"), "ITLRecovery": ("SAST",), "TVS": ("TVS",)}
        for (_, unit), signer in self.certificates.items():
            made = signer.certificate
            serial = made.serial.hex().upper()
            at = seen(Source.AXL, PUB)
            yield VouchedSeen(made.subject, made.issuer, serial, roles.get(unit, ()), (unit,), at)

    def healthy_phones(self, count: int = 6) -> tuple[PhoneSeen, ...]:
        itls = {node: sha1(self.itl(node)) for node in ADDRESSES}
        ctl = sha1(self.ctl()) if self.mixed else "none"
        return tuple(
            phone(number, itl=itls[(PUB, SUB)[number % 2]], ctl=ctl, node=(PUB, SUB)[number % 2])
            for number in range(count)
        )


def phone(number: int, **values: str) -> PhoneSeen:
    """Return a phone with nothing wrong, and what a test says of it."""
    known = {
        "model": "Cisco 8841",
        **({} if "model" in values else {"model_number": "683", "product": "568"}),
        "protocol": "SIP",
        "load": LOAD,
        "pool": "Default",
        "security_profile": "Encrypted",
        "httpd": "Yes",
        **({} if "web_access" in values else {"web_access_configured": "yes"}),
        "security_mode": "Encrypted",
        "has_certificate": "t",
        "status": "Registered",
        "status_reason": "0",
        "last_seen": str(int(NOW.timestamp())),
        "lsc_until": str(int((NOW + timedelta(days=900)).timestamp())),
        "tl_status": "1",
        **values,
    }
    sources = {"itl": Source.TRACE, "ctl": Source.TRACE, "tl_status": Source.TRACE, "status": Source.RIS}
    return PhoneSeen(
        f"SEP00005E{number:06X}",
        {name: (Value(text, seen(sources.get(name, Source.AXL))),) for name, text in known.items()},
    )


def sha1(data: bytes) -> str:
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()


def with_file(found: Observation, node: str, name: str, data: bytes | None) -> Observation:
    """Return an observation with another file on a node."""
    others = tuple(each for each in found.files if (each.node, each.name) != (node, name))
    return replace(found, files=(*others, FileSeen(node, name, data, seen(Source.HTTP, node))))


def with_phone(found: Observation, number: int = 99, **values: str) -> Observation:
    """Return an observation with one more phone."""
    return replace(found, phones=(*found.phones, phone(number, **values)))


def lists_alone(found: Observation) -> Observation:
    """Return what is seen without any login and any TLS port."""
    nodes = tuple(replace(node, version="", clock_offset=None, role="") for node in found.nodes)
    return Observation(found.cluster, found.begun, found.ended, nodes, found.files)


def trusted(found: Observation, *added: CertificateSeen) -> Observation:
    return replace(found, certificates=(*found.certificates, *added))


def der(signer: SoftwareSigner) -> bytes:
    return signer.certificate.der


def emptied(record: RecordSpec) -> RecordSpec:
    """Return a record as rollback writes it."""
    return RecordSpec(record.role, None, record.dns_name, record.ip_address, RecordForm.ADDRESS)
