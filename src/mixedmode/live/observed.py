"""What was seen of a live cluster: values with their source and time. No value is ever without both.

Rules (docs/specification/live-cluster.md 9):

1. What was not asked, or not answered, is no value: it is a :class:`NotSeen`, with the reason. "No evidence" is never
   a finding.
2. Sources may disagree; every value that was seen stays. The newest counts, and a difference is a finding of its own.
3. Secrets and what is personal (passwords, PINs, directory numbers, user names) are thrown away where they are parsed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from mixedmode.live.provisioned import (
    CounterSeen,
    DefaultLoadSeen,
    FeatureSeen,
    GroupSeen,
    ModelSeen,
    PoolSeen,
    ProfileSeen,
    VouchedSeen,
)
from mixedmode.live.sighting import Sighting, Source

__all__ = [
    "CertificateSeen",
    "FaceSeen",
    "FileSeen",
    "NodeSeen",
    "NotSeen",
    "Observation",
    "ParameterSeen",
    "PhoneSeen",
    "ServiceSeen",
    "Sighting",
    "Source",
    "Value",
]


@dataclass(frozen=True, slots=True)
class NodeSeen:
    """A node.

    Attributes:
        name: Its name in ``CLUSTER.toml``, or as the cluster itself has it.
        address: Where it was asked.
        role: ``publisher`` or ``subscriber``; empty if that is not known.
        version: Such as ``14.0.1.10000-20``; empty if that is not known.
        clock_offset: Seconds that its clock is ahead of ours; None if that is not known.
        seen: Where from.
    """

    name: str
    address: str
    role: str = ""
    version: str = ""
    clock_offset: float | None = None
    seen: Sighting | None = None


@dataclass(frozen=True, slots=True)
class FileSeen:
    """A file that a node serves, or serves not.

    Attributes:
        node: The node's name.
        name: The file's, such as ``CTLFile.tlv``.
        data: Its bytes; None if the node says that there is none.
        seen: Where from.
    """

    node: str
    name: str
    data: bytes | None
    seen: Sighting


@dataclass(frozen=True, slots=True)
class CertificateSeen:
    """A certificate of a node, or in a trust store.

    Attributes:
        node: The node's name; empty if it is the cluster's.
        unit: Its purpose or store, such as ``CallManager`` or ``Phone-SAST-trust``.
        der: The certificate.
        seen: Where from.
        roles: What TVS vouches for it as, such as ``SAST``; empty if that is not known.
    """

    node: str
    unit: str
    der: bytes
    seen: Sighting
    roles: tuple[str, ...] = ()

    @property
    def is_trust(self) -> bool:
        """Whether it stands in a trust store."""
        return self.unit.lower().endswith("-trust")


@dataclass(frozen=True, slots=True)
class FaceSeen:
    """What a node shows to whoever connects by TLS.

    Attributes:
        node: The node's name.
        service: The port's name in ``CLUSTER.toml``: ``web``, ``tvs``, ``sccp_tls``, ...
        port: Its number.
        key: ``RSA`` or ``EC``: which kind was asked for.
        chain: Certificates, DER, the node's own first; empty if there was no handshake.
        version: Such as ``TLSv1.2``; empty if there was none.
        cipher: Such as ``ECDHE-RSA-AES256-GCM-SHA384``.
        seen: Where from.
    """

    node: str
    service: str
    port: int
    key: str
    chain: tuple[bytes, ...]
    version: str
    cipher: str
    seen: Sighting


@dataclass(frozen=True, slots=True)
class ServiceSeen:
    """A service of a node.

    Attributes:
        node: The node's name.
        name: As Control Center calls it, such as ``Cisco Tftp``.
        status: ``Started``, ``Stopped``, ``Not Activated``, ...
        started: Since when it runs; None if that is not known.
        seen: Where from.
    """

    node: str
    name: str
    status: str
    started: datetime | None
    seen: Sighting


@dataclass(frozen=True, slots=True)
class ParameterSeen:
    """A parameter.

    Attributes:
        name: As the database calls it, such as ``ClusterSecurityMode``.
        value: Its value.
        seen: Where from.
        service: ``Enterprise Wide``, or the service's name.
    """

    name: str
    value: str
    seen: Sighting
    service: str = "Enterprise Wide"


@dataclass(frozen=True, slots=True)
class Value:
    """One thing that is known of a phone.

    Attributes:
        text: Such as a hash in lower hex without blanks, ``none``, or ``encrypted``.
        seen: Where from.
    """

    text: str
    seen: Sighting


@dataclass(frozen=True, slots=True)
class PhoneSeen:
    """A phone.

    Attributes:
        name: Its device name.
        values: What is known of it, by name, newest first. Names: ``model``, ``model_number``, ``product``,
            ``protocol``, ``description``, ``pool``, ``security_profile``, ``security_mode`` (configured),
            ``phone_security_mode`` (what the phone says), ``load``, ``address``, ``status``, ``status_reason``,
            ``node`` (where it is registered), ``last_seen``, ``httpd``, ``web_access``, ``certificate_status``,
            ``lsc_until``, ``lsc_key_bits`` (as its profile orders it), ``lsc_issuer``, ``lsc_issuer_until``,
            ``has_certificate``, ``ctl``, ``itl`` (SHA-1 or MD5 in lower hex, or ``none``), ``ctl_server``,
            ``itl_server``, ``tl_status`` (result code of the last list update), ``itl_file_status``, ``messages``,
            ``configured_load`` (of its own, beside the model's), ``web_access`` (what its page says),
            ``web_access_configured``, ``config_changed`` (when its configuration last was).
    """

    name: str
    values: Mapping[str, tuple[Value, ...]] = field(default_factory=dict)

    def newest(self, name: str) -> str | None:
        """Return what was seen last under a name, None if nothing was."""
        values = self.values.get(name)
        return values[0].text if values else None


@dataclass(frozen=True, slots=True)
class NotSeen:
    """What was looked for and not seen, or not looked for.

    Attributes:
        what: Such as ``ITLFile.tlv`` or ``AXL``.
        where: The node or phone; empty for the whole cluster.
        why: In a few words.
    """

    what: str
    where: str
    why: str


@dataclass(frozen=True, slots=True)
class Observation:
    """A live cluster, as it was seen in one run.

    Attributes:
        cluster: Its name: that of the file or of the host that was named.
        begun: When the run began, UTC.
        ended: When it ended, UTC.
        nodes: Its nodes.
        files: Lists and signed files that nodes serve.
        certificates: Identities and trust stores.
        faces: What TLS shows.
        services: Control Center.
        parameters: Enterprise and service parameters.
        phones: By name.
        not_seen: What is missing, and why.
        replication_ok: Whether the database is replicated; None if that is not known.
        models: The numbers of models and their names.
        features: What models can do, as the cluster itself has it.
        default_loads: The firmware of models.
        groups: CallManager groups.
        pools: Device pools, with their groups.
        profiles: Security profiles of phones.
        counters: Of PerfMon.
        vouched: What TVS vouches for, as AXL's own view of it has it.
    """

    cluster: str
    begun: datetime
    ended: datetime
    nodes: tuple[NodeSeen, ...] = ()
    files: tuple[FileSeen, ...] = ()
    certificates: tuple[CertificateSeen, ...] = ()
    faces: tuple[FaceSeen, ...] = ()
    services: tuple[ServiceSeen, ...] = ()
    parameters: tuple[ParameterSeen, ...] = ()
    phones: tuple[PhoneSeen, ...] = ()
    not_seen: tuple[NotSeen, ...] = ()
    replication_ok: bool | None = None
    models: tuple[ModelSeen, ...] = ()
    features: tuple[FeatureSeen, ...] = ()
    default_loads: tuple[DefaultLoadSeen, ...] = ()
    groups: tuple[GroupSeen, ...] = ()
    pools: tuple[PoolSeen, ...] = ()
    profiles: tuple[ProfileSeen, ...] = ()
    vouched: tuple[VouchedSeen, ...] = ()
    counters: tuple[CounterSeen, ...] = ()
