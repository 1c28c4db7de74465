"""A phone of the fleet comes to the outcome of the single phone, for the same files, lists and servers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mixedmode.fleet.outcomes import FleetReport
from mixedmode.fleet.phones import FleetPhone
from mixedmode.phone.body.client import Phone, Server
from mixedmode.phone.body.tvs import ask_tvs
from mixedmode.phone.mind.outcome import BootOutcome
from mixedmode.phone.mind.trust.state import PhoneState
from mixedmode.services.files.store import MappingStore
from tests.fleet.site import NEW, OLD, after, boot, files, fleet_of, names_of, node, run, tvs
from tests.phone.site import damaged, itl

MODELS = ("7975", "8861", "7940", "7821", "7962")
Files = dict[str, bytes]


def _lists_only(served: Files) -> Files:
    return {name: data for name, data in served.items() if name.endswith(".tlv")}


def _without(*names: str) -> Callable[[Files], Files]:
    return lambda served: {name: data for name, data in served.items() if name not in names}


def _unsigned(served: Files) -> Files:
    return {name: data for name, data in served.items() if not name.endswith(".sgn")}


def _truncated(served: Files) -> Files:
    return {name: data[:-30] for name, data in served.items()}


def _blanked(served: Files) -> Files:
    return {**_without("CTLFile.tlv")(served), "ITLFile.tlv": itl(NEW, blanked=True, servers=()).data}


def _damaged_itl(served: Files) -> Files:
    return {**served, "ITLFile.tlv": damaged(itl(OLD)).data}


def _large(served: Files) -> Files:
    return {**served, "CTLFile.tlv": served["CTLFile.tlv"] + bytes(70_000)}


CASES: dict[str, tuple[str, Callable[[Files], Files]]] = {
    "nothing new": (OLD, lambda served: served),
    "a new signer": (NEW, lambda served: served),
    "an empty server": (OLD, lambda _served: {}),
    "lists, but no configuration": (NEW, _lists_only),
    "no CTL any more": (OLD, _without("CTLFile.tlv")),
    "no ITL any more": (NEW, _without("ITLFile.tlv")),
    "no signed files": (OLD, _unsigned),
    "all files cut": (NEW, _truncated),
    "prepared for rollback": (OLD, _blanked),
    "a damaged ITL": (OLD, _damaged_itl),
    "a list that is too large": (NEW, _large),
}


@pytest.mark.parametrize("held", ["empty", "behind"])
@pytest.mark.parametrize("case", CASES)
def test_same_files_same_outcome(case: str, held: str) -> None:
    signer, change = CASES[case]
    phones = fleet_of(*MODELS)

    async def procedure() -> tuple[list[FleetPhone], FleetReport, list[tuple[BootOutcome, PhoneState]]]:
        store = MappingStore()
        async with tvs(NEW) as port, node(store, retries=1) as server:
            before = phones
            if held == "behind":
                store.replace(files(OLD, names_of(phones), tvs_port=port))
                before = after(phones, await boot(phones, server))
            store.replace(change(files(signer, names_of(phones), tvs_port=port)))
            return before, await boot(before, server, tvs=ask_tvs), await _one_by_one(before, server)

    _before, fleet, single = run(procedure())
    _compare(fleet, single)


@pytest.mark.parametrize("http_port", [None, 9])
def test_a_silent_server(http_port: int | None) -> None:
    phones = fleet_of("7975", "8861")

    async def procedure() -> tuple[FleetReport, list[tuple[BootOutcome, PhoneState]]]:
        server = Server("127.0.0.1", 9, http_port=http_port, timeout=0.05, retries=1)
        return await boot(phones, server), await _one_by_one(phones, server)

    fleet, single = run(procedure())
    _compare(fleet, single)
    assert fleet.exit_code == 3


async def _one_by_one(phones: list[FleetPhone], server: Server) -> list[tuple[BootOutcome, PhoneState]]:
    reports = []
    for each in phones:
        phone = Phone(each.name, each.model, tvs=ask_tvs)
        phone.state = each.state
        report = await phone.boot(server)
        reports.append((report, phone.state))
    return reports


def _compare(fleet: FleetReport, single: list[tuple[BootOutcome, PhoneState]]) -> None:
    for outcome, (report, state) in zip(fleet.outcomes, single, strict=True):
        assert _shown(outcome) == _shown(report)
        assert outcome.state.trust == state.trust
        assert outcome.state.config == state.config
        assert outcome.state.config_name == state.config_name
        assert outcome.state.ctl_backup == state.ctl_backup
        questions = [each.question for each in outcome.state.tvs_cache]
        assert questions == [each.question for each in state.tvs_cache]


def _shown(outcome: BootOutcome) -> tuple[Any, ...]:
    return outcome.name, outcome.alarm, outcome.messages, outcome.reachable, outcome.decisions
