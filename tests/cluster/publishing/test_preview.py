"""What an operation says that it would publish is what it then publishes: every kind of operation, in three stories."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mixedmode.cluster.engine.operation import Operation
from mixedmode.cluster.engine.principal import Principal
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.errors import PreconditionError, PrivilegeError
from mixedmode.cluster.model.lines import LineSpec
from mixedmode.cluster.model.parameters import ROLLBACK, SIGNATURE_ALGORITHM
from mixedmode.cluster.model.topology import DeviceSpec
from mixedmode.cluster.operations import OPERATIONS
from mixedmode.cluster.operations.ctl import ResetCtl
from mixedmode.cluster.operations.ctl_back import PutBackCtl
from mixedmode.cluster.operations.ctl_upload import CtlAction, InstallCtl, UploadCtl
from mixedmode.cluster.operations.devices import AddDevices, ChangeDevice, DeviceValues, RemoveDevice
from mixedmode.cluster.operations.files import DeleteFile
from mixedmode.cluster.operations.identity.certificate_import import ImportCertificate
from mixedmode.cluster.operations.identity.certificates import (
    BringBackTrust,
    DeleteTrust,
    ImportTrust,
    RegenerateCertificate,
)
from mixedmode.cluster.operations.identity.csr import RequestCertificate, needed_request
from mixedmode.cluster.operations.identity.lscs import RevokeLsc
from mixedmode.cluster.operations.identity.missing_certificates import MakeMissingCertificates
from mixedmode.cluster.operations.itl import ResetItl, ResetItlRemotely
from mixedmode.cluster.operations.lines import AddLines, ChangeLine, LineValues, RemoveLine
from mixedmode.cluster.operations.nodes import RemoveNode
from mixedmode.cluster.operations.parameters import SetParameter
from mixedmode.cluster.operations.services import RestartService, StartService, StartWithNode, StopService, Waiting
from mixedmode.cluster.operations.versions import SwitchVersion, Upgrade
from mixedmode.cluster.publishing import archive, preview
from mixedmode.cluster.publishing.looking import outlook
from mixedmode.cluster.publishing.outlook import Files, Outlook
from mixedmode.control.ctl_description import describe
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.profiles import Purpose
from mixedmode.trustlist import TrustList
from mixedmode.trustlist.diff import Change
from mixedmode.trustlist.kinds import CTL_FILE, ITL_FILE
from tests.cluster.building import MIXED, NON_SECURE, PUB, SUB, UPDATE, joining, make
from tests.cluster.tokens import ONE as TOKEN_ONE
from tests.cluster.tokens import signed, upload_tokens
from tests.openssl_ca import OpenSslAuthority

Ask = Callable[[Cluster], Operation]
Names = Mapping[Certificate, str]


def given(*operations: Operation) -> Iterator[tuple[str, Ask]]:
    """Operations that need nothing of the cluster as it is then."""
    for operation in operations:
        yield operation.title, lambda _cluster, operation=operation: operation  # type: ignore[misc]


def names_of(before: Outlook, after: Outlook) -> dict[Certificate, str]:
    """Name what an operation made by its place: a stand-in and the certificate itself have the same name there."""
    known = {*before.view.own.values(), *before.hidden.values()}
    own = {**after.hidden, **after.view.own}
    return {each: f"new {unit} of {node}" for (node, unit), each in own.items() if each not in known}


def shape(data: bytes, names: Names) -> tuple[object, ...]:
    """All that a list says but for its date and its signature, new certificates by their names."""
    found = TrustList.parse(data)

    def name(each: Certificate | None) -> object:
        return each and names.get(each, each.sha256.hex())

    signer = [each for each in found.records if each.is_sast() and each.serial == found.header.signer_serial]
    records = [(each.role_label, each.dns_name, each.ip_address, name(each.certificate)) for each in found.records]
    head = found.kind, found.header.digest, found.header.filename, [name(each.certificate) for each in signer]
    return (*head, *records, len(data) if not names else None)


def files(given: Files, names: Names) -> dict[tuple[str, str], tuple[object, ...]]:
    return {key: shape(data, names) for key, data in given.items()}


def known(seen: Outlook, names: Names) -> dict[str, object]:
    """All of an outlook, comparable."""

    def name(each: Certificate) -> str:
        return names.get(each, each.sha256.hex())

    own = {**seen.hidden, **seen.view.own}
    return {
        "view": replace(seen.view, own={}),
        "digest": seen.digest,
        "here": seen.here,
        "files": files(seen.files, names),
        "own": {key: name(each) for key, each in own.items()},
        "in use": {*seen.view.own},
        "trust": {store: sorted(map(name, each)) for store, each in seen.trust.items() if each},
        "absent": {*seen.absent},
        "inactive": seen.inactive and (seen.inactive.version, files(seen.inactive.files, names)),
    }


def test_every_kind_of_operation_is_in_a_story(tmp_path: Path) -> None:
    assert {title for story in STORIES.values() for title, _ in story(tmp_path)} == set(OPERATIONS)


def check(cluster: Cluster, operation: Operation, before: Outlook) -> Outlook:
    """Run an operation; see that what it foresaw is what it did, and that foreseeing wrote nothing."""
    place = cluster.directory
    written = {path: path.stat().st_mtime_ns for path in place.rglob("*") if path.is_file()}
    seen = cluster.operations.preview(operation)
    assert {path: path.stat().st_mtime_ns for path in place.rglob("*") if path.is_file()} == written
    json.dumps(preview.document(seen))
    cluster.run(operation)
    after = outlook(cluster)
    foreseen, did = names_of(before, seen.after), names_of(before, after)
    assert sorted(foreseen.values()) == sorted(did.values())
    assert known(seen.after, foreseen) == known(after, did)
    told = {(each.node, each.name) for each in seen.lists}
    assert told == {key for key in {*before.files, *after.files} if before.files.get(key) != after.files.get(key)}
    for each in seen.lists:
        if not each.is_foreseen:
            assert each.data == after.files.get((each.node, each.name))
    stand_ins = {each.certificate for each in seen.certificates if each.is_stand_in}
    assert stand_ins == seen.after.stand_ins == (set(foreseen) if stand_ins else set())
    return after


Story = Iterator[tuple[str, Ask]]


def tokenless(directory: Path) -> Story:
    """10.5: trust stores of each node, a signing request, a file taken away, a node that comes and one that leaves."""
    authority = OpenSslAuthority.make(directory, "Root")
    yield from given(
        MIXED,
        ResetItl(),
        RestartService(SUB, "Cisco Tftp"),
        RegenerateCertificate(PUB, "CallManager"),
        RegenerateCertificate(SUB, "TVS", key="RSA-2048", years=10),
        RegenerateCertificate(PUB, "CAPF"),
        RegenerateCertificate(SUB, "ITLRecovery"),
        RegenerateCertificate(SUB, "ipsec"),
        RegenerateCertificate(PUB, "CallManager"),
        UPDATE,
    )
    yield PutBackCtl.title, of_before
    yield from given(
        ImportTrust("CallManager-trust", authority.pem),
        RequestCertificate(SUB, "CallManager"),
    )

    def issued(cluster: Cluster) -> Operation:
        request = needed_request(cluster.folder(SUB), Purpose.CALLMANAGER).request.pem.decode()
        return ImportCertificate(SUB, "CallManager", authority.sign(request))

    yield ImportCertificate.title, issued
    sha256 = Certificate.from_pem(authority.pem.encode()).sha256.hex()
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    yield from given(
        DeleteTrust("CallManager-trust", sha256, SUB),
        BringBackTrust(later),
        DeleteTrust("CallManager-trust", sha256, SUB),
        DeleteTrust("CallManager-trust", sha256, PUB),
        DeleteFile(SUB, CTL_FILE),
        DeleteFile(SUB, ITL_FILE),
        StopService(SUB, "Cisco Tftp"),
        StartService(SUB, "Cisco Tftp"),
        StopService(PUB, "Cisco CallManager"),
        SetParameter(ROLLBACK.name, "True"),
        StartWithNode(SUB, (Waiting("Cisco Tftp", ""),)),
        RestartService(PUB, "cisco tftp"),
        AddDevices((DeviceSpec("SEP0000AAAA0000"),)),
        ChangeDevice("SEP0000AAAA0000", DeviceValues(description="moved")),
    )
    yield RevokeLsc.title, revoking
    yield from given(
        AddLines((LineSpec("SEP0000AAAA0000", "1001"),)),
        ChangeLine("1001", LineValues(label="Desk")),
        RemoveLine("1001"),
        RemoveDevice("SEP0000AAAA0000"),
    )
    yield "node join", lambda cluster: joining(cluster, "sub2", "10.48.47.155")
    yield from given(RemoveNode(SUB), NON_SECURE)


def revoking(cluster: Cluster) -> Operation:
    """A phone that CAPF has given an LSC."""
    cluster.keep_lsc("SEP0000AAAA0000", cluster.own_certificate(PUB, "CAPF"))
    return RevokeLsc("SEP0000AAAA0000")


def newer(_directory: Path) -> Story:
    """12.5: the recovery key signs for every node; SHA-512; keys of both kinds; another version, and back."""

    def recovery(cluster: Cluster) -> Operation:
        return ResetItlRemotely.signed_by(cluster.signer(PUB, "CallManager"), cluster)

    yield from given(
        MIXED, ResetCtl(), SetParameter(SIGNATURE_ALGORITHM.name, "SHA-512"), RestartService(PUB, "Cisco Tftp"), UPDATE
    )
    yield ResetItlRemotely.title, recovery
    yield "node join", lambda cluster: joining(cluster, "sub2", "10.48.47.155")
    yield from given(
        RegenerateCertificate(PUB, "ITLRecovery"),
        RegenerateCertificate(PUB, "CallManager-ECDSA", key="EC-384"),
        Upgrade("8.6.2.20000-2"),
        RegenerateCertificate(SUB, "CallManager"),
        SwitchVersion(),
        RegenerateCertificate(SUB, "CallManager"),
        SwitchVersion(),
        Upgrade("14.0.1.10000-20"),
        SwitchVersion(),
    )


def of_before(cluster: Cluster) -> Operation:
    """The oldest CTL of a cluster."""
    first = next(each for each in archive.history(cluster.database) if each.name == CTL_FILE)
    return PutBackCtl.of(archive.content(cluster.database, first.sha256) or b"")


def from_tokens(_directory: Path) -> Story:
    """8.6: a CTL that tokens sign; certificates that a newer version has."""

    def upload(action: CtlAction) -> Ask:
        return lambda cluster: UploadCtl.of(signed(describe(cluster)), action)

    yield InstallCtl.title, upload(CtlAction.MIXED)
    yield from given(Upgrade("11.0.1.10000-10"), SwitchVersion())
    yield MakeMissingCertificates.title, lambda cluster: MakeMissingCertificates(lacking_one(cluster))
    yield from given(RestartService(SUB, "Cisco Tftp"), MIXED)


def lacking_one(cluster: Cluster) -> str:
    """A node that was down when the version was switched."""
    from sqlalchemy import delete

    from mixedmode.cluster.store.schema import CertificateRow

    units = ("ITLRecovery", "CallManager-ECDSA")
    with cluster.database.write() as session:
        session.execute(delete(CertificateRow).where(CertificateRow.node == SUB, CertificateRow.unit.in_(units)))
    return SUB


STORIES: dict[str, Callable[[Path], Story]] = {"10.5.1.10000-7": tokenless, "12.5(1)": newer, "8.6(2)": from_tokens}


@pytest.mark.parametrize("version", STORIES)
def test_what_is_foreseen_is_what_is_published(version: str, tmp_path: Path) -> None:
    cluster = make(tmp_path / "cluster", version)
    try:
        now = outlook(cluster)
        for number, (title, ask) in enumerate(STORIES[version](tmp_path), 1):
            operation = ask(cluster)
            assert operation.title == title
            try:
                now = check(cluster, operation, now)
            except AssertionError as error:
                error.add_note(f"step {number}: {title} {operation}")
                raise
    finally:
        cluster.close()


def test_operations_are_foreseen_one_after_the_other(cluster: Cluster) -> None:
    plan = (MIXED, RegenerateCertificate(PUB, "TVS"), SetParameter(ROLLBACK.name, "True"), NON_SECURE, UPDATE)
    start = seen = outlook(cluster)
    for operation in plan[:-1]:
        seen = operation.foresee(seen)
    for operation in plan[:-1]:
        cluster.run(operation)
    after = outlook(cluster)
    assert known(seen, names_of(start, seen)) == known(after, names_of(start, after))
    with pytest.raises(PreconditionError):
        cluster.operations.preview(UPDATE)


def changes(seen: preview.Preview) -> list[tuple[str, str, str]]:
    return [(each.change.value, each.unit, each.node) for each in seen.certificates]


def test_a_preview_tells_files_and_certificates(cluster: Cluster) -> None:
    seen = cluster.operations.preview(MIXED)
    assert [(each.node, each.name, each.present) for each in seen.lists] == [
        (PUB, CTL_FILE, None),
        (SUB, CTL_FILE, None),
    ]
    assert seen.certificates == ()
    assert seen.later == ()
    cluster.run(MIXED)

    seen = cluster.operations.preview(RegenerateCertificate(PUB, "CallManager"))
    assert changes(seen) == [
        ("changed", "CallManager", PUB),
        ("added", "CallManager-trust", ""),
        ("removed", "CallManager-trust", ""),
    ]
    (own, _, gone) = seen.certificates
    assert own.is_stand_in
    assert own.before == gone.before == cluster.own_certificate(PUB, "CallManager")
    (itl,) = seen.lists
    assert itl.difference is not None
    assert {(each.role, each.change) for each in itl.difference.records} == {
        ("SAST", Change.CHANGED),
        ("CCM+TFTP", Change.CHANGED),
    }
    told: dict[str, Any] = preview.document(seen)
    assert told["certificates"][0]["new"]["serial"] is None
    assert told["certificates"][0]["old"]["serial"]
    assert (told["lists"][0]["foreseen"], told["lists"][0]["list"]["sha1"]) == (True, None)
    assert told["lists"][0]["list"]["signer"]["name"].startswith(f"CN={PUB}")

    seen = cluster.operations.preview(SetParameter(ROLLBACK.name, "True"))
    assert (seen.lists, seen.certificates) == ((), ())
    assert [(each.node, each.name) for each in seen.later] == [(PUB, ITL_FILE), (SUB, ITL_FILE)]
    empty = seen.later[0].new
    assert empty is not None
    assert [each.certificate for each in empty.records[-2:]] == [None, None]

    seen = cluster.operations.preview(DeleteFile(SUB, CTL_FILE))
    assert [(each.node, each.name, each.data, each.new) for each in seen.lists] == [(SUB, CTL_FILE, None, None)]
    assert preview.document(seen)["lists"][0]["list"] is None


def test_a_token_that_is_uploaded_and_a_torn_file(cluster: Cluster) -> None:
    upload_tokens(cluster, TOKEN_ONE)
    (cluster.folder(SUB).tftp / ITL_FILE).write_bytes(b"torn")
    seen = cluster.operations.preview(RestartService(SUB, "Cisco Tftp"))
    (itl,) = seen.lists
    assert (itl.present, itl.difference) == (b"torn", None)
    sha256 = TOKEN_ONE.certificate.sha256.hex()
    seen = cluster.operations.preview(DeleteTrust("Phone-SAST-trust", sha256, PUB))
    assert changes(seen) == [("removed", "Phone-SAST-trust", PUB)]


def test_a_node_that_lacks_a_certificate_keeps_its_list_and_the_rest_is_foreseen(cluster: Cluster) -> None:
    whole = outlook(cluster)
    own = {key: each for key, each in whole.view.own.items() if key != (SUB, "CallManager")}
    lacking = replace(whole, view=replace(whole.view, own=own))
    seen = preview.preview(lacking, SetParameter(ROLLBACK.name, "True").foresee(lacking))
    assert [(each.node, each.name) for each in seen.later] == [(PUB, ITL_FILE)]


def test_who_may_not_is_told_nothing(cluster: Cluster) -> None:
    with pytest.raises(PrivilegeError):
        cluster.operations.preview(ResetItl(), Principal("anna", 1))
