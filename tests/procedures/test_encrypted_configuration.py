"""Given a phone in encrypted mode, when CAPF has given it its LSC, then its configuration comes encrypted to it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from mixedmode.cluster.engine.principal import Principal
from mixedmode.cluster.model.topology import DeviceSpec, Service
from mixedmode.cluster.operations.devices import AddDevices
from mixedmode.phone.body.capf import Outcome, enrol
from mixedmode.phone.body.client import Phone
from mixedmode.phone.body.renewal import PhoneKeys, renew
from mixedmode.phone.body.tvs import ask_tvs
from mixedmode.phone.mind.models import get_model
from mixedmode.phone.mind.outcome import BootOutcome
from mixedmode.pki.certificates.profiles import KeyKind, Purpose, Subject, generate_key, self_signed
from mixedmode.pki.signing.signer import SoftwareSigner
from mixedmode.protocols.capf import Operation
from mixedmode.rehearsal.lab.lab import Lab
from mixedmode.rehearsal.lab.spec import LabSpec
from mixedmode.signedfile.encrypted import decrypt

NAME = "SEP00112233AA01"


Booted = tuple[BootOutcome, bytes]
Renewals = tuple[Outcome | None, Outcome | None, Outcome | None, list[str]]
Reports = tuple[Booted, Booted, Booted, str, Renewals]
"""Before the LSC, with it, without its key; the publisher's address; and what became of the phone's visits to CAPF."""


async def procedure(folder: Path) -> Reports:
    lab = Lab(folder, LabSpec(nodes=1, models=()))
    device = DeviceSpec(NAME, "8861", protocol="SCCP", security_mode=3)
    lab.cluster.run(AddDevices((device,)), Principal("anna", 4))
    await lab.start()
    try:
        node = lab.publisher
        before = await boot(lab, None)
        node.capf_store.order(NAME, Operation.INSTALL, key="rsa-2048", password=None, by_certificate=False)
        outcome = await enrol(node.info.address, node.ports["capf"] or 0, NAME)
        assert outcome.lsc is not None
        await node.restart_service(Service.TFTP)
        booted = await boot(lab, outcome.lsc), await boot(lab, None)
        return before, *booted, node.info.address, await renewals(lab, outcome.lsc)
    finally:
        await lab.stop()


async def renewals(lab: Lab, lsc: SoftwareSigner) -> Renewals:
    """A phone goes to CAPF as its configuration says: with nothing to do, by its LSC, with another's LSC."""
    node = lab.publisher
    phone = Phone(NAME, get_model("8861"), tvs=ask_tvs, decrypt=lambda file: decrypt(file, lsc.key))
    await phone.boot(lab.phone_server)
    idle = await renew(phone, PhoneKeys(lsc))
    node.capf_store.order(NAME, Operation.INSTALL, key="ec-256", password=None, by_certificate=True)
    await node.restart_service(Service.TFTP)
    await phone.boot(lab.phone_server)
    foreign = await renew(phone, PhoneKeys(None, lsc_of_another(lsc)))
    proved = await renew(phone, PhoneKeys(lsc))
    audit = [
        f"{record.user} {record.outcome} {record.details['device']}: {record.details['reason']}"
        for record in lab.cluster.operations.journal.audit()
        if record.action == "CAPF"
    ]
    return idle, foreign, proved, audit


def lsc_of_another(lsc: SoftwareSigner) -> SoftwareSigner:
    key = generate_key(KeyKind.RSA_2048)
    now = lsc.certificate.not_before
    made = self_signed(Purpose.PHONE_LSC, subject=Subject("SEP00112233AA02"), key=key, now=now, serial=5)
    return SoftwareSigner(made, key)


async def boot(lab: Lab, lsc: SoftwareSigner | None) -> Booted:
    opener = None if lsc is None else (lambda file: decrypt(file, lsc.key))
    phone = Phone(NAME, get_model("8861"), tvs=ask_tvs, decrypt=opener)
    report = await phone.boot(lab.phone_server)
    return report, phone.state.config or b""


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Reports:
    return asyncio.run(procedure(tmp_path_factory.mktemp("lab") / "lab"))


def test_without_an_lsc_it_comes_in_the_clear(reports: Reports) -> None:
    (before, _), *_ = reports
    assert not before.refused
    assert "enc.sgn" not in "\n".join(before.log)


def test_with_its_lsc_the_phone_opens_it(reports: Reports) -> None:
    _, (opened, held), _, address, _ = reports
    assert not opened.refused, opened.log
    assert f"{NAME}.cnf.xml.enc.sgn" in "\n".join(opened.log)
    assert b"<fullConfig>true" in held
    assert f"<processNodeName>{address}<".encode() in held


def test_without_the_key_only_the_stub_is_there(reports: Reports) -> None:
    _, _, (_, held), _, _ = reports
    assert b"processNodeName" not in held


def test_a_phone_that_holds_its_lsc_does_not_go_to_capf_until_something_waits(reports: Reports) -> None:
    idle, _, proved, _ = reports[-1]
    assert idle is None
    assert proved is not None
    assert proved.did == "installed"


def test_who_shows_another_certificate_is_refused_and_stands_in_the_audit_log(reports: Reports) -> None:
    _, foreign, _, audit = reports[-1]
    assert foreign is not None
    assert foreign.reason == 7
    [line] = audit
    assert line.startswith(f"CAPF refused {NAME}: its certificate is that of CN=SEP00112233AA02, not of {NAME}")
