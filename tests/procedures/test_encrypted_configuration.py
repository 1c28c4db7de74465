"""Given a phone in encrypted mode, when CAPF has given it its LSC, then its configuration comes encrypted to it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from mixedmode.app.lab import Lab, LabSpec
from mixedmode.cluster.steps import Actor
from mixedmode.cluster.topology import Service
from mixedmode.phone.capf import enrol
from mixedmode.phone.client import BootReport, Phone
from mixedmode.phone.models import get_model
from mixedmode.phone.tvs import ask_tvs
from mixedmode.pki.signer import SoftwareSigner
from mixedmode.protocols.capf import Operation
from mixedmode.signedfile.encrypted import decrypt

NAME = "SEP00112233AA01"


Booted = tuple[BootReport, bytes]
Reports = tuple[Booted, Booted, Booted, str]
"""Before the LSC, with it, without its key; and the publisher's address."""


async def procedure(folder: Path) -> Reports:
    lab = Lab(folder, LabSpec(nodes=1, models=()))
    device = {"name": NAME, "model": "8861", "protocol": "SCCP", "security_mode": 3}
    lab.cluster.run("device add", Actor("anna"), devices=[device])
    await lab.start()
    try:
        node = lab.publisher
        before = await boot(lab, None)
        node.capf_store.order(NAME, Operation.INSTALL, key="rsa-2048", password=None, by_certificate=False)
        outcome = await enrol(node.info.address, node.ports["capf"] or 0, NAME)
        assert outcome.lsc is not None
        await node.restart_service(Service.TFTP)
        return before, await boot(lab, outcome.lsc), await boot(lab, None), node.info.address
    finally:
        await lab.stop()


async def boot(lab: Lab, lsc: SoftwareSigner | None) -> Booted:
    opener = None if lsc is None else (lambda file: decrypt(file, lsc.key))
    phone = Phone(NAME, get_model("8861"), tvs=ask_tvs, decrypt=opener)
    report = await phone.boot(lab.phone_server)
    return report, phone.state.config or b""


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Reports:
    return asyncio.run(procedure(tmp_path_factory.mktemp("lab") / "lab"))


def test_without_an_lsc_it_comes_in_the_clear(reports: Reports) -> None:
    (before, _), _, _, _ = reports
    assert not before.result.refused
    assert "enc.sgn" not in "\n".join(before.log)


def test_with_its_lsc_the_phone_opens_it(reports: Reports) -> None:
    _, (opened, held), _, address = reports
    assert not opened.result.refused, opened.log
    assert f"{NAME}.cnf.xml.enc.sgn" in "\n".join(opened.log)
    assert b"<fullConfig>true" in held
    assert f"<processNodeName>{address}<".encode() in held


def test_without_the_key_only_the_stub_is_there(reports: Reports) -> None:
    _, _, (_, held), _ = reports
    assert b"processNodeName" not in held
