"""Each TFTP node has its own ITL file."""

from __future__ import annotations

from pathlib import Path

import pytest

from mixedmode.cluster.engine.principal import Principal
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.topology import ClusterSpec, NodeSpec
from mixedmode.cluster.model.versions import Version
from mixedmode.cluster.operations.itl import ResetItl, ResetItlRemotely
from mixedmode.cluster.operations.parameters import SetParameter
from mixedmode.cluster.operations.services import RestartService
from mixedmode.cluster.store.making import make_certificate
from mixedmode.cluster.store.state import utc_now
from mixedmode.errors import UsageError
from mixedmode.pki.certificates.profiles import KeyKind, Purpose, Subject
from tests.cluster.building import PUB, SUB, common_names, itl_of, listing, make

ANNA = Principal("anna", 4, "192.0.2.7")


def test_a_node_has_its_own_servers_and_every_tvs(cluster: Cluster) -> None:
    itl = itl_of(cluster, SUB)
    assert listing(itl) == [
        (SUB, "SAST"),
        (SUB, "SAST"),
        (SUB, "CCM+TFTP"),
        (PUB, "CAPF"),
        (PUB, "TVS"),
        (SUB, "TVS"),
    ]
    assert common_names(itl)[:2] == [SUB, f"ITLRECOVERY_{SUB}"]
    assert itl.kind == "ITL"
    assert itl.verify()
    assert not cluster.show_itl(SUB).differs


def test_from_12_5_one_recovery_key_signs_every_nodes_itl(tmp_path: Path) -> None:
    cluster = make(tmp_path / "c", "12.5(1)")
    serials = {itl_of(cluster, node).header.signer_serial for node in (PUB, SUB)}
    assert serials == {cluster.own_certificate(PUB, "ITLRecovery").serial}
    cluster.close()


def test_8_x_has_no_recovery_certificate(tmp_path: Path) -> None:
    cluster = make(tmp_path / "c", "8.6(2)")
    assert [role for _, role in listing(itl_of(cluster))] == ["SAST", "CCM+TFTP", "CAPF", "TVS", "TVS"]
    cluster.close()


def test_reset_localkey_signs_with_the_other_anchor_on_every_tftp_node_until_tftp_restarts(cluster: Cluster) -> None:
    own = itl_of(cluster, SUB)
    result = cluster.run(ResetItl(), ANNA)

    assert result.reload == (PUB, SUB)
    assert itl_of(cluster, SUB).data == itl_of(cluster, PUB).data
    assert itl_of(cluster).header.signer_serial == cluster.own_certificate(PUB, "ITLRecovery").serial
    assert itl_of(cluster).verify()

    cluster.run(RestartService(SUB, "Cisco Tftp"), ANNA)
    assert itl_of(cluster, SUB).header.signer_serial == own.header.signer_serial
    assert listing(itl_of(cluster, SUB)) == listing(own)


def test_a_restart_that_finds_nothing_new_keeps_the_file(cluster: Cluster) -> None:
    before = itl_of(cluster)
    cluster.run(RestartService(PUB, "cisco tftp"), ANNA)
    assert itl_of(cluster).data == before.data


def test_reset_remotekey_signs_with_an_imported_recovery_key(cluster: Cluster) -> None:
    signer = cluster.signer(PUB, "ITLRecovery")
    cluster.run(ResetItlRemotely.signed_by(signer, cluster), ANNA)
    assert itl_of(cluster, SUB).header.signer_serial == signer.certificate.serial


def test_a_key_that_phones_cannot_find_in_the_list_is_refused(cluster: Cluster) -> None:
    stranger = make_certificate(Purpose.ITLRECOVERY, "elsewhere", Subject(""), key_kind=KeyKind.RSA_1024, now=utc_now())
    with pytest.raises(UsageError, match="not among the SAST records"):
        cluster.run(ResetItlRemotely.signed_by(stranger, cluster), ANNA)


def test_rollback_empties_the_server_and_tvs_records(cluster: Cluster) -> None:
    cluster.run(SetParameter("Prepare Cluster for Rollback to pre-8.0", "True"), ANNA)
    cluster.run(RestartService(PUB, "Cisco Tftp"), ANNA)
    empty = [(r.role_label, r.certificate_der is None) for r in itl_of(cluster).records]
    assert empty == [
        ("SAST", False),
        ("SAST", False),
        ("CCM+TFTP", True),
        ("CAPF", False),
        ("TVS", True),
        ("TVS", True),
    ]


def test_a_list_over_64_kb_is_refused(tmp_path: Path) -> None:
    """With a 4096-bit TVS key on each of 21 nodes and long names the ITL is refused, not published."""
    from mixedmode.cluster.authority.authority import itl_records
    from mixedmode.trustlist.build import build_trust_list

    cluster = Cluster.create(
        tmp_path / "c", ClusterSpec(Version.parse("10.5(1)"), (NodeSpec(PUB, "127.0.0.2"),), rsa_key=KeyKind.RSA_1024)
    )
    records = itl_records(cluster.view(), cluster.publisher)
    with pytest.raises(UsageError) as refused:
        build_trust_list(records * 12, cluster.signer(PUB, "CallManager"), timestamp=0)
    assert refused.value.code == "too_large"
    cluster.close()
