"""Every pair of versions: there and back, every list signed by the right key, every certificate regenerated."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from mixedmode.cluster.authority.authority import itl_keys
from mixedmode.cluster.authority.view import TrustView
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.errors import NotFoundError, OperationFailedError, VersionError
from mixedmode.cluster.model.topology import (
    PUBLISHER_SERVICES,
    SUBSCRIBER_SERVICES,
    NodeInfo,
    NodeRole,
    SecurityMode,
    Service,
)
from mixedmode.cluster.model.versions import RELEASES, Version
from mixedmode.cluster.operations.identity.certificates import RegenerateCertificate
from mixedmode.cluster.operations.identity.missing_certificates import lacking
from mixedmode.cluster.operations.services import RestartService
from mixedmode.cluster.operations.versions import SwitchVersion, Upgrade
from mixedmode.cluster.publishing import lists
from mixedmode.cluster.publishing.distribution import LocalDistributor
from mixedmode.cluster.store import making
from mixedmode.cluster.store.making import make_installed
from mixedmode.node.distributor import NodeDistributor
from mixedmode.node.versions import follow_versions
from mixedmode.pki.certificates.profiles import KeyKind, Purpose, Subject, generate_key
from mixedmode.pki.signing.digests import DigestAlgorithm
from mixedmode.pki.signing.signer import SoftwareSigner
from mixedmode.trustlist import TrustList
from mixedmode.trustlist.roles import Role
from tests.cluster.building import MIXED, PUB, SUB, UPDATE, ctl_of, itl_of, make

ALL = (*RELEASES, "8.6.2.20000-2", "10.5.1.10000-7", "10.5.2.10000-5", "11.5(1)SU3", "12.5.1.13900-152", "14SU3")
NODES = (
    NodeInfo(PUB, NodeRole.PUBLISHER, "10.48.47.153", frozenset(PUBLISHER_SERVICES)),
    NodeInfo(SUB, NodeRole.SUBSCRIBER, "10.48.47.154", frozenset(SUBSCRIBER_SERVICES)),
)
Own = dict[tuple[str, str], SoftwareSigner]
_NOW = datetime(2015, 3, 6, tzinfo=UTC)


@pytest.fixture
def fast_keys(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keys out of a small stock, and no waiting for the disk: what is tested is who has which certificate."""
    stock = {
        kind: itertools.cycle([generate_key(kind) for _ in range(8)]) for kind in (KeyKind.RSA_1024, KeyKind.EC_256)
    }

    def take(kind: KeyKind) -> Any:
        return next(stock[kind])

    def careless(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA synchronous=OFF").close()

    monkeypatch.setattr(making, "generate_key", take)
    monkeypatch.setattr(os, "fsync", lambda _handle: None)
    event.listen(Engine, "connect", careless)
    yield
    event.remove(Engine, "connect", careless)


@pytest.fixture(scope="module")
def every_certificate() -> Own:
    """Two nodes with one certificate of every purpose that any version has."""
    subject = Subject("", "TAC", "Cisco", "Krakow", "Malopolska", "PL")
    purposes = {purpose for each in ALL for purpose in Version.parse(each).own_purposes(publisher=True)}
    return {
        (node.name, purpose.value): make_installed(
            purpose,
            node.name,
            subject,
            rsa=KeyKind.RSA_1024,
            ec=KeyKind.EC_256,
            now=_NOW,
            signature_hash=None,
        )
        for node in NODES
        for purpose in purposes
    }


def check_lists(version: Version, own: Own) -> None:
    """Build every list that a version has from what the nodes have, and verify it with the anchor it must have."""
    seen = {
        key: signer for key, signer in own.items() if Purpose(key[1]) in version.own_purposes(publisher=key[0] == PUB)
    }
    certificates = {key: signer.certificate for key, signer in seen.items()}
    view = TrustView(version, NODES, certificates, mode=SecurityMode.MIXED)
    for node in NODES:
        holder, purpose = lists.itl_signer(view, node.name)
        itl = TrustList.parse(lists.itl(view, node, seen[holder, purpose.value], DigestAlgorithm.SHA1, _NOW))
        assert itl.verify()
        assert purpose is (Purpose.ITLRECOVERY if version.release >= (12, 0) else Purpose.CALLMANAGER)
        assert sum(record.is_sast() for record in itl.records) == (2 if version.release >= (10, 0) else 1)
        assert sum(record.role is Role.TVS for record in itl.records) == 2
    if version.release < (10, 0):
        with pytest.raises(VersionError):
            lists.ctl_signer(view)
        return
    signer = seen[PUB, version.ctl_anchors[0].value]
    ctl = TrustList.parse(lists.ctl(view, signer, DigestAlgorithm.SHA1, _NOW))
    assert ctl.verify()
    assert ctl.records[0].certificate == signer.certificate
    assert not any(record.role is Role.TVS for record in ctl.records)


@pytest.mark.parametrize("first", ALL)
def test_from_every_version_to_every_other_and_back(first: str, every_certificate: Own) -> None:
    here = Version.known(first)
    installed = {
        key: signer
        for key, signer in every_certificate.items()
        if Purpose(key[1]) in here.own_purposes(publisher=key[0] == PUB)
    }
    check_lists(here, installed)
    for second in ALL:
        there, own = Version.known(second), dict(installed)
        for node, purpose in lacking(there, NODES, own):
            own[node, purpose.value] = every_certificate[node, purpose.value]
        check_lists(there, own)
        assert lacking(there, NODES, own) == []
        assert lacking(here, NODES, own) == [], "and back, nothing is missing"


@pytest.mark.parametrize(
    ("first", "second", "regenerated"),
    [("8.6.2.20000-2", "15.0.1.10000-33", (PUB,)), ("14", "11.5", (SUB,))],
)
def test_up_and_back_with_tftp_restarted_and_every_certificate_regenerated(
    tmp_path: Path, fast_keys: None, first: str, second: str, regenerated: tuple[str, ...]
) -> None:
    cluster = make(tmp_path / "c", first)
    if cluster.version.has_tokenless_ctl:
        cluster.run(MIXED)
    cluster.run(Upgrade(second))
    for _ in range(2):
        cluster.run(SwitchVersion())
        has = {node.name: cluster.version.own_purposes(publisher=node.is_publisher) for node in cluster.nodes()}
        for node in cluster.nodes():
            cluster.run(RestartService(node.name, Service.TFTP.value))
            listed = [stored.unit for stored in cluster.certificates.list_own(node.name)]
            assert sorted(listed) == sorted(has[node.name])
            for unit in listed if node.name in regenerated else ():
                cluster.run(RegenerateCertificate(node.name, unit))
                assert cluster.signer(node.name, unit).certificate == cluster.own_certificate(node.name, unit)
        if cluster.version.has_tokenless_ctl:
            cluster.run(UPDATE if cluster.mode is SecurityMode.MIXED else MIXED)
            ctl = ctl_of(cluster, SUB)
            assert ctl.verify()
            signer = cluster.own_certificate(PUB, cluster.version.ctl_anchors[0])
            assert ctl.records[0].certificate == signer
        for node in cluster.nodes():
            cluster.run(RestartService(node.name, Service.TFTP.value))
            itl = itl_of(cluster, node.name)
            assert itl.verify()
            anchors = [record.certificate for record in itl.records if record.is_sast()]
            holders = itl_keys(cluster.view(), node.name)
            assert anchors == [cluster.own_certificate(holder, purpose) for holder, purpose in holders]
    cluster.close()


def test_a_certificate_that_the_version_does_not_have_cannot_be_regenerated(tmp_path: Path, fast_keys: None) -> None:
    cluster = make(tmp_path / "c", "9.1(2)")
    with pytest.raises(VersionError, match=r"9\.1\.2.* has no certificate CallManager-ECDSA"):
        cluster.run(RegenerateCertificate(PUB, "CallManager-ECDSA"))
    with pytest.raises(NotFoundError, match=r"on version 9\.1\.2.* has no CallManager-ECDSA certificate"):
        cluster.own_certificate(PUB, "CallManager-ECDSA")
    cluster.run(Upgrade("14SU3"))
    cluster.run(SwitchVersion())
    with pytest.raises(VersionError, match="only the publisher has a certificate ITLRecovery"):
        cluster.run(RegenerateCertificate(SUB, "ITLRecovery"))
    cluster.run(SwitchVersion())
    assert "CallManager-ECDSA" not in [stored.unit for stored in cluster.certificates.list_own(PUB)]
    cluster.close()


def test_a_node_in_the_dead_end_gets_what_it_lacks_when_it_starts_or_is_regenerated(
    tmp_path: Path, fast_keys: None
) -> None:
    """As a cluster that an earlier release upgraded, or a node on another host that was down meanwhile."""
    from sqlalchemy import delete

    from mixedmode.cluster.store.schema import CertificateRow

    cluster = make(tmp_path / "c", "11.5(1)")
    units = ("ITLRecovery", "CallManager-ECDSA", "tomcat-ECDSA")
    with cluster.database.write() as session:
        session.execute(delete(CertificateRow).where(CertificateRow.unit.in_(units), CertificateRow.node != ""))
    for unit in units[:2]:
        cluster.run(RegenerateCertificate(PUB, unit))
    assert cluster.signer(PUB, "CallManager-ECDSA").certificate.key_kind == "EC"
    cluster.close()
    again = Cluster.open(tmp_path / "c")
    for node in (PUB, SUB):
        assert {stored.unit for stored in again.certificates.list_own(node)} >= set(units)
        assert again.signer(node, "ITLRecovery").certificate.key_bits == 1024, "as the node's other keys"
    again.close()


def test_a_node_on_another_host_makes_its_own_and_gets_the_itl_that_the_publisher_signs(
    tmp_path: Path, fast_keys: None
) -> None:
    here, there = tmp_path / "publisher", tmp_path / "subscriber"
    make(here).close()
    shutil.copytree(here, there, symlinks=True)
    shutil.rmtree(here / SUB / "keys")
    shutil.rmtree(there / PUB / "keys")
    url = f"sqlite:///{here / 'cluster.db'}"
    publisher = Cluster.open(here)
    publisher.deliveries.distributor = NodeDistributor(here, LocalDistributor(there))
    subscriber = Cluster.attach(there, database_url=url)
    subscriber.deliveries.distributor = NodeDistributor(there, None)

    publisher.run(Upgrade("12.5.1.13900-152"))
    publisher.run(SwitchVersion())
    ec = "CallManager-ECDSA"
    assert ec not in [stored.unit for stored in publisher.certificates.list_own(SUB)]
    assert follow_versions(subscriber, subscriber.folder(SUB))
    subscriber.make_missing_certificates(SUB)
    assert subscriber.signer(SUB, ec).certificate == publisher.own_certificate(SUB, ec)
    assert not (here / SUB / "keys").exists()

    publisher.run(RestartService(PUB, Service.TFTP.value))
    data = subscriber.folder(SUB).read("ITLFile.tlv")
    assert data is not None
    itl = TrustList.parse(data)
    assert itl.verify()
    assert itl.records[0].certificate == publisher.own_certificate(PUB, "ITLRecovery")
    waiting = {state.service for state in publisher.services(SUB) if state.restart_needed}
    assert Service.TFTP in waiting
    subscriber.close()
    publisher.close()


def test_a_switch_that_fails_leaves_no_key_behind(
    tmp_path: Path, fast_keys: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = make(tmp_path / "c", "10.5(1)")
    before = cluster.folder(SUB).key_names()
    cluster.run(Upgrade("12.0(1)"))
    monkeypatch.setattr(
        "mixedmode.cluster.operations.versions.take_made", lambda *_: (_ for _ in ()).throw(VersionError("not now"))
    )
    with pytest.raises(OperationFailedError, match="not now"):
        cluster.run(SwitchVersion())
    assert cluster.folder(SUB).key_names() == before
    monkeypatch.undo()
    cluster.run(SwitchVersion())
    assert cluster.signer(SUB, "CallManager-ECDSA")
    cluster.close()


def test_every_spelling_of_a_version_that_there_is() -> None:
    for text in (
        "8.6", "8.6(2a)", "9.1.2.10000-28", "10.0.1.11900-2", "10.5(1)", "10.5(2.14900.16)", "11.0(1a)SU3", "11.5.1SU9",
        "12.0.1.21900-7", "12.5.1 SU7a", "12.5(1)su3", "14", "14SU4a", "14.0(1)SU2", "14.0.1.13900-155", "15SU2",
        "15.0.1.10000-33",
    ):  # fmt: skip
        assert Version.known(text).release >= (8, 6)
    assert Version.known("12.5(1.13900.152)").text == "12.5.1.13900-152"
    assert Version.known("12.5.1SU3") == Version.known("12.5(1)SU3")
    for text in ("13", "13.0.1.10000-1", "16", "7.1(5)", "11.6.1.10000-1", "0", "99999999999.1.1.1-1", "15SU", "١٤"):
        with pytest.raises(VersionError):
            Version.known(text)


def test_an_upgrade_to_a_version_that_there_is_not_is_refused(cluster: Cluster) -> None:
    with pytest.raises(VersionError, match="no version of a known release"):
        cluster.run(Upgrade("13.0.1.10000-1"))
    assert len(cluster.versions()) == 1
