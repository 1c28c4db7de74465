"""Given the seed's cluster, when the administrator runs ``utils ctl ...``, then these files are on the nodes."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mixedmode.cluster.engine.principal import Principal
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.errors import PreconditionError, PublisherOnlyError, VersionError
from mixedmode.cluster.model.topology import SecurityMode
from mixedmode.cluster.operations.ctl import ResetCtl
from mixedmode.cluster.operations.identity.certificates import RegenerateCertificate
from mixedmode.cluster.operations.parameters import SetParameter
from mixedmode.cluster.operations.services import RestartService
from mixedmode.pki.signing.digests import DigestAlgorithm
from mixedmode.trustlist import Role
from tests.cluster.building import MIXED, NON_SECURE, PUB, SUB, UPDATE, common_names, ctl_of, itl_of, listing, make

ANNA = Principal("anna", 4, "192.0.2.7")


def test_a_new_cluster_has_no_ctl_file(cluster: Cluster) -> None:
    assert cluster.mode is SecurityMode.NON_SECURE
    assert cluster.show_ctl(PUB).data is None
    assert not cluster.show_ctl(SUB).differs


def test_mixed_mode_makes_the_four_records_of_the_seed_in_its_order(cluster: Cluster) -> None:
    result = cluster.run(MIXED, ANNA)

    ctl = ctl_of(cluster)
    assert listing(ctl) == [(PUB, "SAST"), (PUB, "CCM+TFTP"), (PUB, "CAPF"), (SUB, "CCM+TFTP")]
    assert ctl.records[0].subject == "CN=cucm-1051-a-pub;OU=TAC;O=Cisco;L=Krakow;ST=Malopolska;C=PL"
    assert [record.ip_address for record in ctl.records][::3] == ["10.48.47.153", "10.48.47.154"]
    assert len(ctl.records[0].serial or b"") == 16
    assert ctl.header.header_length == 336
    assert ctl.verify().record is not None
    assert cluster.mode is SecurityMode.MIXED
    assert (PUB, "Cisco Tftp") in result.restart
    assert (SUB, "Cisco CallManager") in result.restart
    assert ctl_of(cluster, SUB).data == ctl.data


@pytest.mark.interop("openssl")
def test_openssl_accepts_the_signature(cluster: Cluster, tmp_path: Path) -> None:
    cluster.run(MIXED, ANNA)
    ctl = ctl_of(cluster)
    signature = ctl.header.signature or b""
    start = ctl.data.index(signature)
    (tmp_path / "signed").write_bytes(ctl.data[: start - 3] + ctl.data[start + len(signature) :])
    (tmp_path / "signature").write_bytes(signature)
    (tmp_path / "cert.pem").write_bytes(cluster.own_certificate(PUB, "CallManager").pem())
    key = subprocess.run(
        ["openssl", "x509", "-in", tmp_path / "cert.pem", "-pubkey", "-noout"], check=True, capture_output=True
    )
    (tmp_path / "key.pem").write_bytes(key.stdout)
    command = ["openssl", "dgst", "-sha1", "-verify", "key.pem", "-signature", "signature", "signed"]
    checked = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
    assert checked.stdout.strip() == "Verified OK"


def test_running_it_again_changes_only_the_date(cluster: Cluster) -> None:
    cluster.run(MIXED, ANNA)
    first = ctl_of(cluster)
    assert "The cluster is in Mixed mode already." in cluster.operations.plan(MIXED).warnings
    cluster.run(MIXED, ANNA)
    second = ctl_of(cluster)
    assert first.data[first.header.header_length or 0 :] == second.data[second.header.header_length or 0 :]


def test_non_secure_keeps_a_signed_list_without_callmanager_certificates(cluster: Cluster) -> None:
    cluster.run(MIXED, ANNA)
    cluster.run(NON_SECURE, ANNA)

    ctl = ctl_of(cluster, SUB)
    assert cluster.mode is SecurityMode.NON_SECURE
    assert listing(ctl) == [(PUB, "SAST"), (PUB, "CCM+TFTP"), (PUB, "CAPF"), (SUB, "CCM+TFTP")]
    assert [record.certificate_der is None for record in ctl.records] == [False, True, False, True]
    assert ctl.verify()


def test_update_after_the_publishers_certificate_was_regenerated_is_signed_by_the_new_key(cluster: Cluster) -> None:
    cluster.run(MIXED, ANNA)
    before = ctl_of(cluster)
    cluster.run(RegenerateCertificate(PUB, "CallManager", key="RSA-2048"), ANNA)
    assert ctl_of(cluster).data == before.data

    cluster.run(UPDATE, ANNA)
    ctl = ctl_of(cluster)
    assert ctl.header.header_length == 464
    assert len(ctl.header.signature or b"") == 256
    assert ctl.records[0].serial != before.records[0].serial
    assert [r.serial for r in ctl.records[2:]] == [r.serial for r in before.records[2:]]
    assert ctl.verify()


def test_update_is_refused_outside_of_mixed_mode(cluster: Cluster) -> None:
    with pytest.raises(PreconditionError) as refused:
        cluster.run(UPDATE, ANNA)
    assert refused.value.next_step == MIXED.title


def test_a_subscriber_refuses_and_names_the_publisher(cluster: Cluster) -> None:
    with pytest.raises(PublisherOnlyError) as refused:
        cluster.run(MIXED, replace(ANNA, node=SUB))
    assert PUB in (refused.value.next_step or "")


def test_sha512_by_the_enterprise_parameter(cluster: Cluster) -> None:
    cluster.run(SetParameter("TFTP File Signature Algorithm", "SHA-512"), ANNA)
    cluster.run(MIXED, ANNA)
    cluster.run(RestartService(PUB, "Cisco Tftp"), ANNA)
    assert ctl_of(cluster).header.digest_code == DigestAlgorithm.SHA512
    assert itl_of(cluster).header.digest_code == DigestAlgorithm.SHA512
    assert itl_of(cluster, SUB).header.digest_code == DigestAlgorithm.SHA1
    assert ctl_of(cluster).verify()


def test_a_multi_server_certificate_stands_once(cluster: Cluster) -> None:
    from mixedmode.cluster.store.certificates import activate_own

    shared = cluster.own_certificate(PUB, "CallManager")
    with cluster.database.write() as session:
        activate_own(session, SUB, "CallManager", shared, datetime.now(UTC))
    cluster.run(MIXED, ANNA)
    assert listing(ctl_of(cluster)) == [(PUB, "SAST"), (PUB, "CCM+TFTP"), (PUB, "CAPF")]


@pytest.mark.parametrize(
    ("version", "anchors", "signer"),
    [
        ("10.0(1)", [PUB], "CallManager"),
        ("10.5(1)", [PUB], "CallManager"),
        ("10.5(2)", [PUB, f"ITLRECOVERY_{PUB}"], "CallManager"),
        ("11.5(1)", [PUB, f"ITLRECOVERY_{PUB}"], "CallManager"),
        ("12.0(1)", [f"ITLRECOVERY_{PUB}", PUB], "ITLRecovery"),
        ("14SU3", [f"ITLRECOVERY_{PUB}", PUB], "ITLRecovery"),
    ],
)
def test_who_signs_by_version(tmp_path: Path, version: str, anchors: list[str], signer: str) -> None:
    cluster = make(tmp_path / "c", version)
    cluster.run(MIXED, ANNA)
    ctl = ctl_of(cluster, SUB)
    sast = [record for record in ctl.records if record.role is Role.SAST]
    assert [record.certificate.common_name for record in sast if record.certificate] == anchors
    assert ctl.header.signer_serial == cluster.own_certificate(PUB, signer).serial
    assert common_names(ctl)[len(anchors)] == PUB
    assert common_names(ctl)[-1] == SUB
    assert ctl.verify()
    cluster.close()


def test_before_10_there_is_no_utils_ctl(tmp_path: Path) -> None:
    cluster = make(tmp_path / "c", "9.1(2)")
    with pytest.raises(VersionError) as refused:
        cluster.run(MIXED, ANNA)
    assert "CTL Client" in (refused.value.next_step or "")
    cluster.close()


def test_reset_localkey_signs_with_callmanager_until_the_next_update(tmp_path: Path) -> None:
    cluster = make(tmp_path / "c", "12.5(1)SU3")
    cluster.run(MIXED, ANNA)
    old = cluster.own_certificate(PUB, "ITLRecovery")
    cluster.run(RegenerateCertificate(PUB, "ITLRecovery"), ANNA)
    new = cluster.own_certificate(PUB, "ITLRecovery")
    cluster.run(ResetCtl(), ANNA)

    ctl = ctl_of(cluster)
    assert ctl.header.signer_serial == cluster.own_certificate(PUB, "CallManager").serial
    assert new.serial in [record.serial for record in ctl.records]
    assert old.serial not in [record.serial for record in ctl.records]
    cluster.run(UPDATE, ANNA)
    assert ctl_of(cluster).header.signer_serial == new.serial
    cluster.close()
