"""An observation, read once: its lists, certificates and names, and the questions that many rules ask.

Nodes have several names: that of ``CLUSTER.toml``, a host name or its whole domain name in certificates and lists, an
address. They are one node if their first labels are the same, whatever the case, or if the address is.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from ipaddress import ip_address
from typing import Final

from mixedmode.audit.live.certificate import CertificateFacts, facts_of
from mixedmode.audit.live.pasted import described_list, is_listing
from mixedmode.cluster.model.errors import VersionError
from mixedmode.cluster.model.versions import Version
from mixedmode.errors import MalformedError
from mixedmode.live.observed import CertificateSeen, FaceSeen, FileSeen, NodeSeen, Observation, Sighting, Source
from mixedmode.trustlist.kinds import CTL_FILE, ITL_FILE
from mixedmode.trustlist.model import Record, TrustList
from mixedmode.trustlist.pasted.standin import DescribedList

LIST_FILES: Final = {"CTL": CTL_FILE, "ITL": ITL_FILE}
_FACES: Final[Mapping[str, tuple[str, ...]]] = {
    "tvs": ("TVS",),
    "capf": ("CAPF",),
    "sccp_tls": ("CallManager", "CallManager-ECDSA"),
    "sip_tls": ("CallManager", "CallManager-ECDSA"),
    "web": ("tomcat", "tomcat-ECDSA"),
}
"""What a port shows (live-cluster.md 7); ports that sources differ about are not here."""


@dataclass(frozen=True, slots=True)
class ListSeen:
    """A list that a node serves.

    Attributes:
        node: The node.
        kind: ``CTL`` or ``ITL``.
        data: Its bytes.
        parsed: The list; None if it cannot be read.
        fault: Why it cannot be read.
        seen: Where from.
    """

    node: str
    kind: str
    data: bytes
    parsed: TrustList | None
    fault: MalformedError | None
    seen: Sighting

    @property
    def name(self) -> str:
        """The file's name."""
        return LIST_FILES[self.kind]

    @property
    def is_pasted(self) -> bool:
        """Whether a listing of it is all that is known."""
        return isinstance(self.parsed, DescribedList)

    def is_same(self, other: ListSeen) -> bool:
        """Return whether both are one file, as far as bytes or shown hashes tell."""
        if self.parsed is None or other.parsed is None or not (self.is_pasted or other.is_pasted):
            return self.data == other.data
        return self.parsed.md5 == other.parsed.md5 or self.parsed.sha1 == other.parsed.sha1


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate that a node uses, as one source has it.

    Attributes:
        node: The node.
        unit: Its purpose, such as ``CallManager``.
        facts: The certificate.
        seen: Where from.
        how: In words: ``the certificate store``, ``port 2445``.
    """

    node: str
    unit: str
    facts: CertificateFacts
    seen: Sighting
    how: str


def told(seen: Sighting | None) -> str:
    """Return where and when something was seen, in words."""
    if seen is None:
        return "source not noted"
    place = f" of {seen.where}" if seen.where else ""
    return f"{seen.source}{place}, {seen.at:%Y-%m-%d %H:%M:%S} UTC"


def is_on(text: str | None) -> bool | None:
    """Return what a value says as yes or no; None if it says neither."""
    word = (text or "").strip().casefold()
    if word in {"t", "true", "1", "yes", "y", "on", "enabled"}:
        return True
    return False if word in {"f", "false", "0", "no", "n", "off", "disabled", "none"} else None


class Scene:
    """What rules look at.

    Args:
        observation: What was seen.
        archive: Lists that were seen before, by the SHA-1 and MD5 of their bytes in lower hex.
    """

    def __init__(self, observation: Observation, archive: Mapping[str, TrustList] | None = None) -> None:
        self.observation = observation
        self.archive = archive or {}
        self.now: datetime = observation.ended
        self._facts: dict[bytes, CertificateFacts | None] = {}
        self._names: dict[str, str] = {}
        self.nodes = tuple(self._merged(observation.nodes))

    def _merged(self, nodes: tuple[NodeSeen, ...]) -> Iterator[NodeSeen]:
        """Yield each node once, with what any source says of it; several may know it by different names."""
        found: dict[str, NodeSeen] = {}
        # Behind one address there may be several, each by a port of its own.
        shared = Counter(address for address, _ in {(node.address, node.name) for node in nodes})
        for node in nodes:
            name = self.node_of(node.name) or node.name
            for each in (node.name, node.name if _is_address(node.name) else _short(node.name)):
                self._names.setdefault(each.casefold(), name)
            if shared[node.address] == 1:
                self._names.setdefault(node.address.casefold(), name)
            known = found.get(name)
            if known is None:
                found[name] = node
                continue
            found[name] = replace(
                known,
                role=known.role or node.role,
                version=max(known.version, node.version, key=len),
                clock_offset=known.clock_offset if known.clock_offset is not None else node.clock_offset,
                seen=node.seen if node.seen and node.seen.source is Source.AXL else known.seen,
            )
        yield from found.values()

    # -- nodes

    def node_of(self, text: str | None) -> str | None:
        """Return the node that a name or an address means, None if none of those that are known."""
        if not text:
            return None
        return self._names.get(text.casefold()) or (None if _is_address(text) else self._names.get(_short(text)))

    @cached_property
    def publisher(self) -> str:
        """The publisher's name; the first node's, if none is known to be it."""
        if self.nodes and all(node.seen is not None and node.seen.source is Source.FILE for node in self.nodes):
            return "the publisher"
        for node in self.nodes:
            if node.role == "publisher":
                return node.name
        return self.nodes[0].name if self.nodes else ""

    @cached_property
    def version(self) -> Version | None:
        """The publisher's version, else that of any node; None if it is not known."""
        nodes = sorted(self.nodes, key=lambda node: node.name != self.publisher)
        return next((found for node in nodes if (found := _version(node.version)) is not None), None)

    @cached_property
    def versions(self) -> dict[str, Version]:
        """The version of each node of which it is known."""
        found = ((node.name, _version(node.version)) for node in self.nodes)
        return {name: version for name, version in found if version is not None}

    @cached_property
    def phones_at(self) -> Counter[str]:
        """How many phones are registered at which node."""
        return Counter(
            node for phone in self.observation.phones if (node := self.node_of(phone.newest("node"))) is not None
        )

    @cached_property
    def phone_count(self) -> int | None:
        """How many phones there are; None if nobody told."""
        return len(self.observation.phones) or None

    # -- files

    @cached_property
    def files(self) -> dict[tuple[str, str], FileSeen]:
        """What was asked of which node, by node and name; the newest answer counts."""
        found: dict[tuple[str, str], FileSeen] = {}
        for file in self.observation.files:
            key = (self.node_of(file.node) or file.node, file.name)
            if key not in found or found[key].seen.at <= file.seen.at:
                found[key] = file
        return found

    @cached_property
    def lists(self) -> tuple[ListSeen, ...]:
        """Every list that is served."""
        return tuple(self._read_lists())

    def _read_lists(self) -> Iterator[ListSeen]:
        kinds = {name: kind for kind, name in LIST_FILES.items()}
        read: dict[tuple[bytes, bool], tuple[TrustList | None, MalformedError | None]] = {}
        # Listings last: what stands in a list itself says more than a listing of it.
        for (node, name), file in sorted(self.files.items(), key=lambda item: is_listing(item[1])):
            if name not in kinds or file.data is None:
                continue
            key = file.data, is_listing(file)
            if key not in read:
                try:
                    parsed = [each for each, _ in read.values() if each is not None]
                    read[key] = (described_list(file.data, parsed) if key[1] else TrustList.parse(file.data)), None
                except MalformedError as error:
                    read[key] = None, error
            yield ListSeen(node, kinds[name], file.data, *read[key], file.seen)

    def readable(self, kind: str | None = None) -> Iterator[tuple[ListSeen, TrustList]]:
        """Yield the lists of a kind that can be read, with what they say."""
        for each in self.lists:
            if each.parsed is not None and kind in {None, each.kind}:
                yield each, each.parsed

    def served(self, kind: str) -> dict[str, ListSeen]:
        """Return the lists of a kind by the SHA-1 and the MD5 of their bytes."""
        found: dict[str, ListSeen] = {}
        for each in self.lists:
            if each.kind == kind and isinstance(each.parsed, DescribedList):
                found.setdefault(each.parsed.sha1, each)
                found.setdefault(each.parsed.md5, each)
            elif each.kind == kind:
                found.setdefault(hashlib.sha1(each.data, usedforsecurity=False).hexdigest(), each)
                found.setdefault(hashlib.md5(each.data, usedforsecurity=False).hexdigest(), each)
        return found

    def unseen(self, kind: str) -> list[str]:
        """Return the nodes that may serve a list of a kind that was not seen: no answer, neither list nor "none"."""
        name = LIST_FILES[kind]
        return [
            node.name
            for node in self.nodes
            if (node.name, name) not in self.files and self.service(node.name, "Cisco Tftp") != "Not Activated"
        ]

    # -- certificates

    def facts(self, der: bytes | None) -> CertificateFacts | None:
        """Return what a certificate says; None if there is none or it cannot be read."""
        if der is None:
            return None
        if der not in self._facts:
            self._facts[der] = facts_of(der)
        return self._facts[der]

    def record_facts(self, record: Record) -> CertificateFacts | None:
        """Return what a record's certificate says; None if it has none or it cannot be read."""
        facts = self.facts(record.certificate_der)
        digest = record.certificate_hash
        return facts if facts is None or digest is None else replace(facts, pasted_sha1=digest.hex())

    @cached_property
    def identities(self) -> tuple[Identity, ...]:
        """What nodes use by their certificate stores and by what TLS shows."""
        return (*self._stored(), *self._shown())

    def _stored(self) -> Iterator[Identity]:
        for each in self.observation.certificates:
            facts = self.facts(each.der)
            if facts is not None and not each.is_trust:
                node = self.node_of(each.node) or each.node or self.publisher
                yield Identity(node, unit_name(each.unit), facts, each.seen, "the certificate store")

    def _shown(self) -> Iterator[Identity]:
        for face in self.observation.faces:
            facts = self.facts(face.chain[0]) if face.chain else None
            units = _FACES.get(face.service)
            if facts is None or units is None:
                continue
            unit = units[-1] if facts.key_kind == "EC" else units[0]
            yield Identity(self.node_of(face.node) or face.node, unit, facts, face.seen, f"port {face.port}")

    def live(self, unit: str, node: str | None = None) -> list[Identity]:
        """Return the certificates in use for a purpose, of one node or of all."""
        return [each for each in self.identities if each.unit == unit and node in {None, each.node}]

    @cached_property
    def trust(self) -> dict[tuple[str, str, str], list[tuple[CertificateSeen, CertificateFacts]]]:
        """Trust stores: certificates by node (empty: the database's), store and source."""
        found: dict[tuple[str, str, str], list[tuple[CertificateSeen, CertificateFacts]]] = {}
        for each in self.observation.certificates:
            facts = self.facts(each.der)
            if each.is_trust and facts is not None:
                key = (self.node_of(each.node) or each.node, unit_name(each.unit), each.seen.source.value)
                found.setdefault(key, []).append((each, facts))
        return found

    # -- services and parameters

    @cached_property
    def _services(self) -> dict[tuple[str, str], str]:
        return {
            (self.node_of(each.node) or each.node, each.name.casefold()): each.status
            for each in self.observation.services
        }

    def service(self, node: str, name: str) -> str | None:
        """Return the state of a service; None if nobody told."""
        return self._services.get((node, name.casefold()))

    def parameter(self, *parts: str) -> tuple[str, Sighting] | None:
        """Return the value of the enterprise parameter whose name holds all parts, whatever the case (Q2)."""
        for each in self.observation.parameters:
            name = "".join(each.name.casefold().split())
            if all(part in name for part in parts):
                return each.value, each.seen
        return None

    @cached_property
    def is_mixed(self) -> bool | None:
        """Whether the cluster is in mixed mode, by its parameter; None if that was not seen."""
        found = self.parameter("clustersecuritymode")
        return None if found is None else is_on(found[0])

    def faces(self, service: str) -> list[FaceSeen]:
        """Return what TLS showed at a service."""
        return [face for face in self.observation.faces if face.service == service and face.chain]


_UNITS: Final = {
    each.casefold(): each
    for each in (
        *("CallManager", "CallManager-ECDSA", "TVS", "CAPF", "ITLRecovery", "tomcat", "tomcat-ECDSA", "ipsec"),
        *("CallManager-trust", "CAPF-trust", "TVS-trust", "tomcat-trust", "ipsec-trust", "directory-trust"),
        *("Phone-trust", "Phone-VPN-trust", "Phone-SAST-trust", "Phone-CTL-trust", "userlicensing-trust"),
    )
}


def unit_name(text: str) -> str:
    """Return a purpose or store as CUCM spells it."""
    return _UNITS.get(text.strip().casefold(), text.strip())


def _short(name: str) -> str:
    return name.partition(".")[0].casefold()


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _version(text: str) -> Version | None:
    try:
        return Version.parse(text) if text else None
    except VersionError:
        return None
