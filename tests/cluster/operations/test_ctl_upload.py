"""Given the seed's cluster, when a CTL Client brings a signed list, then it is the CTL, or nothing changed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.errors import (
    INSERT_ANOTHER,
    TOKEN_NOT_IN_CTL,
    PreconditionError,
    VersionError,
)
from mixedmode.cluster.model.topology import SecurityMode
from mixedmode.cluster.operations.ctl_signers import TokenNotInCtlError
from mixedmode.cluster.operations.ctl_upload import CtlAction, UploadCtl
from mixedmode.cluster.operations.files import DeleteFile
from mixedmode.cluster.operations.identity.certificates import RegenerateCertificate
from mixedmode.cluster.operations.parameters import SetParameter
from mixedmode.control.ctl_description import describe
from mixedmode.errors import CheckFailedError, MalformedError, MixedModeError, UsageError
from mixedmode.faces.ctlclient.lists import check_token, client_list, present_tokens
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.signing.digests import DigestAlgorithm
from mixedmode.protocols.ctlprovider import Action, Description, Mode, NodeCertificate, NodeDescription
from mixedmode.trustlist import Role, TrustList
from mixedmode.trustlist.build import RecordForm, RecordSpec
from mixedmode.trustlist.kinds import CTL_FILE
from tests.cluster.building import MIXED, PUB, SUB, ctl_of, listing, make
from tests.cluster.tokens import ANNA, ONE, THREE, TWO, altered, install, moved, signed, token, upload_tokens
from tests.cluster.uploading import TO_MIXED, refused
from tests.trustlist.samples import ETOKENS, NON_SECURE
from tests.trustlist.test_figures import AbsentKey, certificate_of

UPDATE = CtlAction.UPDATE
PUB_IP, SUB_IP = "10.48.47.153", "10.48.47.154"


def sample_description(path: Path, capf_number: int) -> Description:
    """The seed's cluster as its provider would tell it: certificates of records of sample lists."""
    ccm, capf, sub = (certificate_of(ETOKENS, 2), certificate_of(path, capf_number), certificate_of(ETOKENS, 4))
    of_publisher = NodeCertificate(Role.CCM_TFTP, ccm.der), NodeCertificate(Role.CAPF, capf.der)
    nodes = (
        NodeDescription(PUB, PUB_IP, True, (), of_publisher),
        NodeDescription(SUB, SUB_IP, False, (), (NodeCertificate(Role.CCM_TFTP, sub.der),)),
    )
    return Description("10.5.1", Mode.MIXED, 0, 0, DigestAlgorithm.SHA1, True, None, nodes)


def test_the_clients_lists_are_those_of_the_seed() -> None:
    """Byte for byte but for the signature; the other sample has its tokens' serials another way round."""
    tokens = [certificate_of(ETOKENS, 1), certificate_of(ETOKENS, 5)]
    wanted = TrustList.parse(ETOKENS.read_bytes())
    description = sample_description(ETOKENS, 3)
    data = client_list(description, tokens, AbsentKey(tokens[1]), Mode.MIXED, wanted.header.timestamp or 0)
    assert len(data) == 5728
    assert TrustList.parse(data).header.signed_bytes() == wanted.header.signed_bytes()

    wanted = TrustList.parse(NON_SECURE.read_bytes())
    data = client_list(replace(description, ctl=data), tokens, AbsentKey(tokens[0]), Mode.NON_SECURE, 0)
    found = TrustList.parse(data)
    assert (found.length, found.header.header_length) == (3746, 304)
    for mine, theirs in zip(found.records, wanted.records, strict=True):
        assert (mine.length, mine.role, mine.dns_name) == (theirs.length, theirs.role, theirs.dns_name)
        assert (mine.subject, mine.ip_address) == (theirs.subject, theirs.ip_address)


def test_the_first_list_sets_mixed_mode_on_all_nodes(cluster: Cluster) -> None:
    result = install(cluster)

    ctl = ctl_of(cluster)
    assert listing(ctl) == [
        ("", "SAST"),
        (PUB_IP, "CCM+TFTP"),
        (PUB_IP, "CAPF"),
        (SUB_IP, "CCM+TFTP"),
        ("", "SAST"),
    ]
    assert ctl.verify().record is not None
    assert ctl.records[4].serial == ctl.header.signer_serial
    assert all(record.signature is None for record in ctl.records)
    assert ctl_of(cluster, SUB).data == ctl.data
    assert cluster.mode is SecurityMode.MIXED
    assert not cluster.show_ctl(PUB).differs
    assert (PUB, "Cisco Tftp") in result.restart
    assert (SUB, "Cisco CallManager") in result.restart


def test_the_audit_log_names_client_and_token_but_does_not_hold_the_list(cluster: Cluster) -> None:
    install(cluster)
    started, done = cluster.operations.journal.audit()[-2:]
    assert (started.outcome, done.outcome) == ("started", "done")
    assert (done.user, done.source) == (ANNA.user, ANNA.source)
    assert 'cn="SAST-ADN008580ef' in done.details["arguments"]["token"]
    assert done.details["token_names"] == ["SAST-ADN0054f509", "SAST-ADN008580ef"]
    assert done.details["sha256_after"][f"{PUB}/{CTL_FILE}"] == ctl_of(cluster).sha256
    assert len(str(done.details)) < 2000


def test_non_secure_keeps_the_list_with_emptied_records(cluster: Cluster) -> None:
    install(cluster)
    install(cluster, Action.NON_SECURE, by=ONE)

    ctl = ctl_of(cluster, SUB)
    assert cluster.mode is SecurityMode.NON_SECURE
    assert [record.role_label for record in ctl.records] == ["SAST", "SAST", "CCM+TFTP", "CAPF", "CCM+TFTP"]
    assert [record.length for record in ctl.records][2::2] == [33, 33]
    assert ctl.verify()


def test_update_after_a_regeneration_holds_the_new_certificate(cluster: Cluster) -> None:
    install(cluster)
    old = signed(describe(cluster), Action.UPDATE)
    cluster.run(RegenerateCertificate(SUB, "CallManager"), ANNA)
    error = refused(cluster, old, UPDATE)
    assert error.code == "ctl-records"
    install(cluster, Action.UPDATE, by=ONE)
    records = ctl_of(cluster, SUB).records
    assert records[-1].certificate == cluster.own_certificate(SUB, "CallManager")
    assert [record.role_label for record in records] == ["SAST", "SAST", "CCM+TFTP", "CAPF", "CCM+TFTP"]


@pytest.mark.parametrize(
    ("version", "anchors"),
    [
        ("9.1(2)", []),
        ("10.5(2)", []),
        ("11.5(1)", [f"ITLRECOVERY_{PUB}", PUB]),
        ("12.0(1)", [f"ITLRECOVERY_{PUB}", PUB]),
    ],
)
def test_which_of_the_clusters_certificates_are_anchors_beside_tokens(
    tmp_path: Path, version: str, anchors: list[str]
) -> None:
    cluster = make(tmp_path / "c", version)
    install(cluster)
    names = [r.certificate.common_name.strip() for r in ctl_of(cluster).records if r.certificate and r.is_sast()]
    assert names == ["SAST-ADN0054f509", "SAST-ADN008580ef", *anchors]
    install(cluster, Action.NON_SECURE)
    assert ctl_of(cluster).verify()
    cluster.close()


def test_from_14su3_on_tokens_are_refused(tmp_path: Path) -> None:
    cluster = make(tmp_path / "c", "14SU3")
    description = describe(cluster)
    assert not description.takes_tokens
    error = refused(cluster, signed(description))
    assert isinstance(error, VersionError)
    cluster.close()


def test_tokenless_to_tokens_needs_the_upload_and_the_deletion(cluster: Cluster) -> None:
    """The seed's migration, its steps in every wrong order first."""
    cluster.run(MIXED, ANNA)
    assert present_tokens(describe(cluster)) == []
    with pytest.raises(CheckFailedError, match=TOKEN_NOT_IN_CTL):
        check_token(describe(cluster), ONE.certificate)

    error = refused(cluster, signed(describe(cluster), Action.UPDATE), UPDATE)
    assert isinstance(error, TokenNotInCtlError)
    assert (error.what, error.next_step) == (TOKEN_NOT_IN_CTL, INSERT_ANOTHER)

    cluster.run(DeleteFile(PUB, CTL_FILE), ANNA)
    error = refused(cluster, signed(describe(cluster), Action.UPDATE), UPDATE)
    assert error.what == TOKEN_NOT_IN_CTL
    assert "Phone-SAST-trust" in (error.next_step or "")

    upload_tokens(cluster, ONE, TWO)
    install(cluster, Action.UPDATE)
    assert present_tokens(describe(cluster)) == [ONE.certificate, TWO.certificate]
    assert cluster.mode is SecurityMode.MIXED
    check_token(describe(cluster), ONE.certificate)


def test_lost_tokens_phones_are_cleared_by_hand(cluster: Cluster) -> None:
    install(cluster)
    for node in (PUB, SUB):
        cluster.run(DeleteFile(node, CTL_FILE), ANNA)
    new = (THREE, token("ADN00222222"))
    error = refused(cluster, signed(describe(cluster), Action.UPDATE, new), UPDATE)
    assert isinstance(error, TokenNotInCtlError)
    result = install(cluster, Action.UPDATE, new, phones_cleared=True)
    assert "on every phone" in result.warnings[0]


def test_a_deleted_list_may_be_made_again_by_its_own_tokens(cluster: Cluster) -> None:
    install(cluster)
    cluster.run(DeleteFile(PUB, CTL_FILE), ANNA)
    install(cluster, Action.UPDATE, by=ONE)
    assert ctl_of(cluster).verify()


def test_one_of_two_tokens_is_lost(cluster: Cluster) -> None:
    install(cluster)
    install(cluster, Action.UPDATE, (TWO, THREE), by=TWO)
    assert present_tokens(describe(cluster)) == [TWO.certificate, THREE.certificate]


def test_going_mixed_switches_auto_registration_off(cluster: Cluster) -> None:
    cluster.run(SetParameter("AutoRegistrationEnabled", "True", node=SUB), ANNA)
    result = install(cluster)
    assert cluster.parameter("AutoRegistrationEnabled", node=SUB) == "False"
    assert any("AutoRegistration" in line for line in result.changes)


def test_one_token_is_not_enough(cluster: Cluster) -> None:
    with pytest.raises(UsageError, match="at least 2"):
        signed(describe(cluster), tokens=(TWO,))
    with pytest.raises(UsageError, match="at least 2"):
        signed(describe(cluster), tokens=(TWO, TWO))
    assert refused(cluster, altered(describe(cluster), {1: None})).code == "ctl-tokens"


def test_an_attackers_own_tokens_are_refused_while_there_is_a_ctl(cluster: Cluster) -> None:
    install(cluster)
    data = signed(describe(cluster), Action.UPDATE, (THREE, token("ADN00999999")))
    assert isinstance(refused(cluster, data, UPDATE), TokenNotInCtlError)
    with_both = signed(describe(cluster), Action.UPDATE, (ONE, TWO, THREE), by=THREE)
    assert isinstance(refused(cluster, with_both, UPDATE), TokenNotInCtlError)


def test_an_older_list_is_refused_also_after_the_file_was_deleted(cluster: Cluster) -> None:
    first = signed(describe(cluster))
    cluster.run(UploadCtl.of(first, TO_MIXED), ANNA)
    assert refused(cluster, first).code == "ctl-replayed"
    install(cluster, Action.UPDATE)
    for node in (PUB, SUB):
        cluster.run(DeleteFile(node, CTL_FILE), ANNA)
    assert refused(cluster, first).code == "ctl-replayed"


def test_an_older_list_is_refused_after_the_cluster_went_tokenless(cluster: Cluster) -> None:
    before = signed(moved(describe(cluster), -60))
    cluster.run(MIXED, ANNA)
    cluster.run(DeleteFile(PUB, CTL_FILE), ANNA)
    upload_tokens(cluster, ONE, TWO)
    assert refused(cluster, before, UPDATE).code == "ctl-replayed"


def test_a_list_from_the_future_is_refused(cluster: Cluster) -> None:
    assert refused(cluster, signed(moved(describe(cluster), 3600))).code == "ctl-future"


def test_another_clusters_list_is_refused(cluster: Cluster, tmp_path: Path) -> None:
    other = make(tmp_path / "other")
    assert refused(cluster, signed(describe(other))).code == "ctl-records"
    other.close()


def test_a_list_of_the_other_mode_is_refused(cluster: Cluster) -> None:
    assert refused(cluster, signed(describe(cluster), Action.NON_SECURE), TO_MIXED).code == "ctl-records"


def test_an_update_of_nothing_is_refused(cluster: Cluster) -> None:
    error = refused(cluster, signed(describe(cluster), Action.UPDATE), UPDATE)
    assert isinstance(error, PreconditionError)


def test_an_itl_and_rubbish_are_refused(cluster: Cluster) -> None:
    assert "ITL" in refused(cluster, cluster.show_itl(PUB).data or b"").what
    with pytest.raises(MalformedError):
        cluster.run(UploadCtl.of(b"rubbish", TO_MIXED), ANNA)
    assert refused(cluster, bytes(65536)).code == "too_large"


@pytest.mark.parametrize("kind", ["foreign", "missing", "twice", "altered", "hash", "added", "own"])
def test_a_list_signed_by_a_right_token_over_wrong_records_is_refused(cluster: Cluster, kind: str) -> None:
    description = describe(cluster)
    ccm = cluster.own_certificate(PUB, "CallManager")
    tvs = cluster.own_certificate(PUB, "TVS")
    change: dict[str, tuple[dict[int, RecordSpec | None], list[RecordSpec]]] = {
        "foreign": ({2: RecordSpec(Role.CCM_TFTP, tvs, ip_address=PUB_IP)}, []),
        "missing": ({3: None}, []),
        "twice": ({}, [RecordSpec(Role.CCM_TFTP, ccm, ip_address=PUB_IP)]),
        "altered": ({2: RecordSpec(Role.CCM_TFTP, ccm, ip_address="192.0.2.66")}, []),
        "hash": ({2: RecordSpec(Role.CCM_TFTP, ccm, ip_address=PUB_IP, form=RecordForm.HASH)}, []),
        "added": ({}, [RecordSpec(Role.TVS, tvs, ip_address=PUB_IP)]),
        "own": ({}, [RecordSpec(Role.SAST, ccm)]),
    }
    assert refused(cluster, altered(description, *change[kind])).code == "ctl-records"


def test_a_sast_record_added_after_signing_breaks_the_signature(cluster: Cluster) -> None:
    from mixedmode.trustlist.build import encode_record
    from mixedmode.trustlist.roles import Layout

    data = signed(describe(cluster)) + encode_record(RecordSpec(Role.SAST, THREE.certificate), Layout.CTLCLIENT)
    assert refused(cluster, data).code == "ctl-signature"


def test_the_wrong_digest_is_refused(cluster: Cluster) -> None:
    description = replace(describe(cluster), digest=DigestAlgorithm.SHA512)
    assert "sha512" in refused(cluster, signed(description)).what


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_changed_byte_passes(cluster: Cluster, data: st.DataObject) -> None:
    whole = signed(describe(cluster))
    place = data.draw(st.integers(0, len(whole) - 1))
    value = data.draw(st.integers(0, 255).filter(lambda byte: byte != whole[place]))
    with pytest.raises(MixedModeError):
        cluster.run(UploadCtl.of(whole[:place] + bytes((value,)) + whole[place + 1 :], TO_MIXED), ANNA)
    assert cluster.show_ctl(PUB).data is None


def test_a_present_file_that_cannot_be_read_names_the_way_out(cluster: Cluster) -> None:
    data = signed(describe(cluster))
    cluster.folder(PUB).write(CTL_FILE, b"torn")
    assert refused(cluster, data).next_step == f"file delete tftp {CTL_FILE}"


def test_a_multi_server_certificate_stands_once(cluster: Cluster) -> None:
    from datetime import UTC, datetime

    from mixedmode.cluster.store.certificates import activate_own

    shared: Certificate = cluster.own_certificate(PUB, "CallManager")
    with cluster.database.write() as session:
        activate_own(session, SUB, "CallManager", shared, datetime.now(UTC))
    install(cluster)
    assert [role for _, role in listing(ctl_of(cluster))] == ["SAST", "CCM+TFTP", "CAPF", "SAST"]
    install(cluster, Action.NON_SECURE)
    assert [role for _, role in listing(ctl_of(cluster))] == ["SAST", "SAST", "CCM+TFTP", "CAPF", "CCM+TFTP"]
