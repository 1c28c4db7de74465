"""What a phone has accepted it has read once: on the way of its boot, on the way to its CallManager, and in a fleet."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from mixedmode.fleet.fleet import Fleet
from mixedmode.phone.body.client import Phone, Server
from mixedmode.phone.body.registration import Registration
from mixedmode.phone.body.world import World
from mixedmode.phone.mind import boot, config
from mixedmode.phone.mind.models import get_model
from mixedmode.phone.mind.trust import state
from mixedmode.phone.mind.trust.decisions import TvsAnswer
from mixedmode.phone.mind.trust.state import PhoneState
from mixedmode.signedfile.signed import SignedFile
from mixedmode.trustlist.model import TrustList
from tests.fleet.site import NEW, OLD, files, fleet_of, itl, names_of, new_ctl
from tests.phone.site import DEVICE, Tvs, holding
from tests.phone.worlds.memory_world import MemoryNetwork, MemoryPool, in_memory, tftp

SERVER = Server("files", 69)
BEHIND = PhoneState(trust=holding(new_ctl(OLD), itl(OLD)))


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each kind of file was read."""
    counted: Counter[str] = Counter()

    def counting(name: str, parse: Callable[..., Any]) -> Callable[..., Any]:
        def counted_parse(*arguments: Any) -> Any:
            counted[name] += 1
            return parse(*arguments)

        return counted_parse

    for name, kind in (("list", TrustList), ("signed file", SignedFile)):
        monkeypatch.setattr(kind, "parse", counting(name, kind.parse))
    for module in (boot, state):
        monkeypatch.setattr(module, "parse_config", counting("configuration", config.parse_config))
    return counted


def test_by_a_phone_that_asks_tvs_and_registers(read: Counter[str], tmp_path: Path) -> None:
    tvs = Tvs(NEW, roles=(0, 2))

    async def ask(request: Any) -> TvsAnswer:
        return tvs(request.question)

    async def procedure(world: World, network: MemoryNetwork) -> None:
        network.answers["files", 69] = tftp(files(NEW, [DEVICE]))
        phone = Phone(DEVICE, get_model("7975"), state_file=tmp_path / "phone.json", tvs=ask, world=world)
        phone.state = BEHIND
        read.clear()
        outcome = await phone.boot(SERVER)
        assert outcome.exit_code == 0
        assert outcome.trust.ctl == new_ctl(NEW)
        registration = Registration(phone)
        registration.start()
        await asyncio.sleep(60)
        await registration.stop()

    in_memory(procedure)
    assert len(tvs.questions) == 1
    assert read == {"list": 2, "signed file": 1, "configuration": 1}


def test_by_a_fleet_where_each_list_is_read_once_for_all(read: Counter[str]) -> None:
    phones = fleet_of(*["7975"] * 20, state=BEHIND)
    tvs = Tvs(NEW, roles=(0, 2))

    async def ask(request: Any) -> TvsAnswer:
        return tvs(request.question)

    async def procedure(world: World, network: MemoryNetwork) -> int:
        network.answers["files", 69] = tftp(files(NEW, names_of(phones)))
        read.clear()
        ports = partial(_pool, network)
        report = await Fleet(phones, SERVER, tvs=ask, world=world, ports=ports).run()
        return report.exit_code

    assert in_memory(procedure)[0] == 0
    assert read == {"list": 2, "signed file": 20, "configuration": 20}


def _pool(network: MemoryNetwork, _size: int, _family: object) -> MemoryPool:
    return MemoryPool(network)
