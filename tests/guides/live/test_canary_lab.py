"""Canaries of our own cluster: phones of a lab that are really reset, one that refuses, the old list put back."""

from __future__ import annotations

import asyncio

import pytest

from mixedmode.cluster.engine.principal import Principal
from mixedmode.cluster.model.errors import PreconditionError
from mixedmode.cluster.operations.ctl import UpdateCtl
from mixedmode.cluster.operations.ctl_back import PutBackCtl
from mixedmode.cluster.operations.identity.certificates import RegenerateCertificate
from mixedmode.control.audit_log import Wanted
from mixedmode.control.door import Control
from mixedmode.errors import CheckFailedError
from mixedmode.guides.canary import OwnCanary
from mixedmode.guides.hands import Hands
from mixedmode.guides.lists import list_facts
from mixedmode.guides.observer import published
from mixedmode.phone.mind.trust.decisions import ListKind
from mixedmode.procedures.facts import ListFacts
from tests.guides.live.conftest import LabFromOutside
from tests.guides.live.test_walk import _restart, in_mixed_mode
from tests.support import eventually


def tried(outside: LabFromOutside, before: ListFacts | None, within: float) -> list[str]:
    lab = outside.lab
    anna = Principal("anna", 4, "console", outside.publisher)
    hands = Hands(lab.cluster, anna, lab.control, patience=5.0)
    said: list[str] = []

    async def tell(line: str) -> None:
        said.append(line)

    async def soon(_seconds: float) -> None:
        await asyncio.sleep(0.3)
        for node in lab.nodes.values():
            await asyncio.to_thread(node._writer.write, hurry=True)

    try:
        outside.wait(OwnCanary(lab.cluster, anna, hands, within=within, sleep=soon).run(before, tell))
    except CheckFailedError as error:
        said += error.diagnostics().split("\n")
        raise
    finally:
        outside.said = said
    return said


def test_canaries_pass_and_one_that_refuses_has_the_old_list_put_back(outside: LabFromOutside) -> None:
    in_mixed_mode(outside)
    lab, cluster = outside.lab, outside.lab.cluster
    outside.wait(lab.phones.register_all(lab.phone_server))

    def is_known() -> bool:
        for node in lab.nodes.values():
            node._writer.write(hurry=True)
        return bool(OwnCanary(cluster, lab.principal, Hands(cluster, lab.principal, lab.control)).choice().canaries)

    outside.wait(eventually(is_known, 30))
    old = published(cluster)
    assert old is not None
    # Every phone holds this list already, so that each canary shows it once it is reset.
    said = tried(outside, list_facts(old), 30.0)
    shown = 1  # a 7940 shows nobody what it holds, and an 8861 speaks SIP
    assert sum(line.startswith("  canary SEP") for line in said) == shown
    assert sum("holds the new list" in line for line in said) == shown
    assert any(line.startswith("  not tried") and "7940" in line for line in said)
    # A new signer: a phone that lost its ITL cannot ask TVS, and refuses.
    next(each for name in lab.phones.names if (each := outside._phone(name)).model.name == "7975").erase(ListKind.ITL)
    Control(cluster).run(lab.principal, RegenerateCertificate(outside.publisher, "CallManager"))
    Control(cluster).run(lab.principal, UpdateCtl())
    outside.wait(_restart(outside))
    with pytest.raises(CheckFailedError, match="the canary SEP") as failed:
        tried(outside, list_facts(old), 30.0)
    said = outside.said
    assert failed.value.code == "canary"
    assert "the CTL file of before is put back, and no other phone was reset" in str(failed.value.next_step)
    now = published(cluster)
    assert now is not None
    assert now.data == old.data
    entries = [each for each in Wanted(last=100).of(cluster.operations.journal) if each.action == PutBackCtl.title]
    assert {(each.user, each.outcome) for each in entries} == {("anna", "started"), ("anna", "done")}
    assert any("names a CallManager certificate that is gone" in line for line in said)


def test_only_lists_of_the_archive_are_put_back(outside: LabFromOutside) -> None:
    cluster = outside.lab.cluster
    present = published(cluster)
    assert present is not None
    for data, why in ((present.data, "in force already"), (present.data[:-1] + b"\0", "no CTL file that the cluster")):
        with pytest.raises(PreconditionError, match=why):
            Control(cluster).run(outside.lab.principal, PutBackCtl.of(data))
