"""Certificates: what a node makes for itself, what TVS vouches for, keys that never leave their files."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from sqlalchemy import select

from mixedmode.cluster.engine.principal import Principal
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.errors import NotFoundError
from mixedmode.cluster.operations.identity.certificates import DeleteTrust, ImportTrust, RegenerateCertificate
from mixedmode.cluster.store.certificates import take_own
from mixedmode.cluster.store.making import make_certificate
from mixedmode.cluster.store.schema import CertificateRow
from mixedmode.cluster.store.state import utc_now
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.profiles import KeyKind, Purpose, Subject
from tests.cluster.building import PUB, SUB, itl_of, make
from tests.pki import zoo

ANNA = Principal("anna", 4, "192.0.2.7")


def units(cluster: Cluster, node: str) -> set[str]:
    return {stored.unit for stored in cluster.certificates.list_own(node)}


def test_a_node_makes_the_certificates_of_its_version(cluster: Cluster, tmp_path: Path) -> None:
    rsa = {"CallManager", "CAPF", "TVS", "ITLRecovery", "tomcat", "ipsec"}
    assert units(cluster, PUB) == units(cluster, SUB) == rsa
    newer = make(tmp_path / "n", "14SU3")
    assert units(newer, PUB) == rsa | {"CallManager-ECDSA", "tomcat-ECDSA"}
    assert units(newer, PUB) - units(newer, SUB) == {"CAPF", "ITLRecovery"}
    newer.close()


def test_a_new_cluster_has_what_taking_each_certificate_would_have_put_there(cluster: Cluster) -> None:
    def rows() -> list[tuple[str, str, str, str, bool]]:
        query = select(CertificateRow).order_by(CertificateRow.id)
        with cluster.database.read() as session:
            return [(row.unit, row.node, row.name, row.sha256, row.isactive) for row in session.scalars(query)]

    made = rows()
    assert len({(unit, node, sha256) for unit, node, _, sha256, _ in made}) == len(made)
    with cluster.database.write() as session:
        for each in cluster.certificates.list_own():
            take_own(session, each.node, Purpose(each.unit), each.certificate, cluster.now())
    assert rows() == made


def test_private_keys_are_0600_files_and_not_in_the_database(cluster: Cluster) -> None:
    folder = cluster.folder(PUB)
    assert stat.S_IMODE(folder.keys.stat().st_mode) == 0o700
    assert {stat.S_IMODE((folder.keys / name).stat().st_mode) for name in folder.key_names()} == {0o600}
    cluster.run(RegenerateCertificate(PUB, "CallManager"), ANNA)
    for path in cluster.directory.glob("cluster.db*"):
        assert b"PRIVATE KEY" not in path.read_bytes()


def test_regeneration_replaces_key_certificate_and_the_itl_of_its_node(cluster: Cluster) -> None:
    old, other = cluster.own_certificate(PUB, "CallManager"), itl_of(cluster, SUB)
    result = cluster.run(RegenerateCertificate(PUB.upper(), "callmanager"), ANNA)
    new = cluster.own_certificate(PUB, "CallManager")

    assert new != old
    assert new.subject == old.subject
    assert new.key_description == old.key_description == "RSA 1024"
    assert cluster.signer(PUB, "CallManager").certificate == new
    assert len(cluster.folder(PUB).key_names()) == 6
    assert itl_of(cluster).header.signer_serial == new.serial
    assert itl_of(cluster, SUB).data == other.data
    assert (SUB, "Cisco Tftp") in result.restart
    assert [s.active for s in cluster.certificates.list_own(PUB, "CallManager", inactive=True)] == [False, True]


def test_a_new_tvs_certificate_goes_into_every_itl(cluster: Cluster) -> None:
    cluster.run(RegenerateCertificate(PUB, "TVS"), ANNA)
    new = cluster.own_certificate(PUB, "TVS")
    assert all(new in [r.certificate for r in itl_of(cluster, node).records] for node in (PUB, SUB))


def test_tvs_finds_a_certificate_by_issuer_and_serial_with_its_roles(cluster: Cluster) -> None:
    def roles(node: str, unit: str) -> list[str]:
        certificate = cluster.own_certificate(node, unit)
        found = cluster.find_certificates(certificate.issuer, certificate.serial.hex())
        assert {entry.certificate for entry in found} == {certificate}
        return [role.label for role in cluster.roles_of(found)]

    assert roles(PUB, "CallManager") == ["SAST", "CCM+TFTP"]
    assert roles(SUB, "TVS") == ["TVS"]
    assert roles(PUB, "CAPF") == ["CAPF"]
    assert roles(PUB, "tomcat") == ["APP-SERVER"]

    old = cluster.own_certificate(PUB, "CallManager")
    cluster.run(RegenerateCertificate(PUB, "CallManager"), ANNA)
    assert roles(PUB, "CallManager") == ["SAST", "CCM+TFTP"]
    assert cluster.roles_of(cluster.find_certificates(old.issuer, old.serial.hex())) == ()


def test_a_foreign_certificate_is_trusted_for_what_its_stores_say(cluster: Cluster) -> None:
    foreign = make_certificate(
        Purpose.CALLMANAGER, "other-pub", Subject(""), key_kind=KeyKind.RSA_1024, now=utc_now()
    ).certificate

    def roles() -> list[str]:
        return [r.label for r in cluster.roles_of(cluster.find_certificates(foreign.issuer, foreign.serial.hex()))]

    for store in ("CallManager-trust", "phone-sast-trust", "Phone-SAST-trust"):
        cluster.run(ImportTrust(store, foreign.pem().decode()), ANNA)
    assert roles() == ["SAST", "TFTP"]
    assert [s.name for s in cluster.certificates.list_trust("Phone-SAST-trust")] == ["other-pub.pem"]

    cluster.run(DeleteTrust("Phone-SAST-trust", foreign.sha256.hex()), ANNA)
    assert roles() == ["TFTP"]
    with pytest.raises(NotFoundError):
        cluster.run(DeleteTrust("Phone-SAST-trust", foreign.sha256.hex()), ANNA)
    with pytest.raises(NotFoundError, match="no trust store"):
        cluster.run(ImportTrust("nonsense", foreign.pem().decode()), ANNA)


def test_a_missing_key_is_named(cluster: Cluster) -> None:
    for name in cluster.folder(PUB).key_names():
        if name.startswith("CallManager"):
            cluster.folder(PUB).remove_key(name)
    with pytest.raises(NotFoundError, match="private key of CallManager is not on node"):
        cluster.signer(PUB, "CallManager")


def test_an_issuer_is_found_in_any_order_and_without_its_domain(cluster: Cluster) -> None:
    serial = bytes.fromhex("24000000179479b8f124ac3f3b000000000017")
    foreign = Certificate.from_der(zoo.certificate(issuer=zoo.MICROSOFT, issuer_number=1, serial=serial))
    result = cluster.run(ImportTrust("Phone-SAST-trust", foreign.pem().decode()), ANNA)
    assert result.warnings == ()
    for issuer in ("CN=corp-CA01-CA", "CN=corp-CA01-CA;DC=local;DC=corp", "DC=corp,DC=local,CN=corp-CA01-CA"):
        (found,) = cluster.find_certificates(issuer, serial.hex())
        assert found.certificate == foreign
    assert cluster.find_certificates("CN=corp-CA01-CA;DC=other", serial.hex()) == []
    assert cluster.find_certificates("CN=corp-CA01-CA", "17") == []
    elsewhere = zoo.name(zoo.part("DC", "example"), zoo.part("CN", "corp-CA01-CA"))
    other = Certificate.from_der(zoo.certificate(issuer=elsewhere, issuer_number=1, serial=serial))
    cluster.run(ImportTrust("Phone-SAST-trust", other.pem().decode()), ANNA)
    assert cluster.find_certificates("CN=corp-CA01-CA", serial.hex()) == []


def test_an_unusual_certificate_is_taken_with_a_warning(cluster: Cluster) -> None:
    odd = zoo.zoo()["teletex"].der
    result = cluster.run(ImportTrust("CallManager-trust", Certificate.from_der(odd).pem().decode()), ANNA)
    assert "TeletexString" in result.warnings[0]
    found = cluster.find_certificates("CN=cucm;O=Fernbüro;C=NZ", "11")
    assert [each.certificate.der for each in found] == [odd]
