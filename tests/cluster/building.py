"""The seed's cluster, and others, as tests need them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

from sqlalchemy import event

from mixedmode.cluster.engine.results import AuditRecord
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.topology import ClusterSpec, DeviceSpec, NodeSpec
from mixedmode.cluster.model.versions import Version
from mixedmode.cluster.operations.ctl import SetMixedMode, SetNonSecureMode, UpdateCtl
from mixedmode.cluster.operations.nodes import JoinNode
from mixedmode.cluster.store.making import make_installed
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.profiles import KeyKind, Subject, issue_lsc
from mixedmode.trustlist import TrustList
from tests.pki.material import key

PUB = "cucm-1051-a-pub"
SUB = "cucm-1051-a-sub1"
MIXED = SetMixedMode()
NON_SECURE = SetNonSecureMode()
UPDATE = UpdateCtl()
_SERIALS = count(1)
PHONES = tuple(DeviceSpec(f"SEP00112233{number:04X}", description=f"phone {number}") for number in range(3))


def seed_spec(version: str = "10.5.1.10000-7", *, licensed: bool = True) -> ClusterSpec:
    """The two nodes of the seed, with its names and key sizes."""
    return ClusterSpec(
        Version.parse(version),
        (NodeSpec(PUB, "10.48.47.153"), NodeSpec(SUB, "10.48.47.154")),
        rsa_key=KeyKind.RSA_1024,
        devices=PHONES,
        encryption_licence=licensed,
    )


@contextmanager
def copied(template: Path, place: Path) -> Iterator[Cluster]:
    """A copy of a cluster that was made before, in a folder of its own: no keys are made for it."""
    with closing(Cluster.open(Path(shutil.copytree(template, place / "cluster", symlinks=True)))) as cluster:
        yield cluster


@contextmanager
def statements(cluster: Cluster) -> Iterator[list[str]]:
    """What the database is told meanwhile; what one statement does for many rows is one."""
    said: list[str] = []

    def note(*arguments: object) -> None:
        said.append(str(arguments[2]))

    event.listen(cluster.database.engine, "before_cursor_execute", note)
    try:
        yield said
    finally:
        event.remove(cluster.database.engine, "before_cursor_execute", note)


def joining(cluster: Cluster, name: str, address: str) -> JoinNode:
    """A node on another host asks to join, with keys of its own."""
    certificates = {
        purpose.value: make_installed(
            purpose,
            name,
            Subject("", "TAC", "Cisco", "Krakow", "Malopolska", "PL"),
            rsa=KeyKind.RSA_1024,
            ec=KeyKind.EC_256,
            now=datetime.now(UTC),
            signature_hash=None,
        )
        .certificate.pem()
        .decode()
        for purpose in cluster.version.own_purposes(publisher=False)
    }
    return JoinNode(name=name, address=address, certificates=certificates)


def ctl_of(cluster: Cluster, node: str = PUB) -> TrustList:
    data = cluster.show_ctl(node).data
    assert data is not None
    return TrustList.parse(data)


def itl_of(cluster: Cluster, node: str = PUB) -> TrustList:
    data = cluster.show_itl(node).data
    assert data is not None
    return TrustList.parse(data)


def asked_for(cluster: Cluster) -> list[AuditRecord]:
    """What people asked for, by the audit log: not that the cluster was made, and what it does by itself."""
    return [record for record in cluster.operations.journal.audit() if record.user != "system"]


def listing(trust_list: TrustList) -> list[tuple[str, str]]:
    """What stands in a list: DNS name and function of each record."""
    return [(record.dns_name or "", record.role_label) for record in trust_list.records]


def common_names(trust_list: TrustList) -> list[str]:
    return [record.certificate.common_name if record.certificate else "" for record in trust_list.records]


def make(directory: Path, version: str = "10.5.1.10000-7", *, licensed: bool = True) -> Cluster:
    return Cluster.create(directory, seed_spec(version, licensed=licensed))


def lsc_of(cluster: Cluster, name: str, *, since: int = 0, days: int = 365) -> Certificate:
    """An LSC that the publisher's CAPF issued so many days ago."""
    capf = cluster.signer(PUB, "CAPF")
    return issue_lsc(
        name,
        key(KeyKind.RSA_2048, 8).public_key(),
        authority=capf.certificate,
        authority_key=capf.key,
        now=datetime.now(UTC).replace(microsecond=0) - timedelta(days=since),
        serial=next(_SERIALS),
        days=days,
    )
