"""The same plans over real sockets: fleets with their packed downloads, TFTP, TVS over TLS, on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

import pytest

from mixedmode.fleet.fleet import Fleet
from mixedmode.fleet.phones import FleetPhone
from mixedmode.phone.body.client import Server
from mixedmode.phone.body.tvs import TvsClient, ask_tvs
from mixedmode.phone.mind.config import TvsServer
from mixedmode.phone.mind.outcome import BootOutcome
from mixedmode.phone.mind.trust.asking import TvsRequest
from mixedmode.phone.mind.trust.decisions import TvsAnswer
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.services.files.store import MappingStore
from mixedmode.services.net.server_tls import TlsFloor
from mixedmode.services.tftp.service import TftpService
from tests.services.tvs.tvsclient import serving
from tests.simulation.history import History
from tests.simulation.schedule import Schedule, made
from tests.simulation.world import keys
from tests.simulation.world.handset import Handset
from tests.simulation.world.network import Weather
from tests.simulation.world.served import Node

PHONES = 8


def plan(seed: int) -> Schedule:
    """A seed's plan without what sockets of loopback and fleets, which go by a model's name, do not do."""
    schedule = made(seed, phones=PHONES, kinds=200)
    phones = tuple(replace(each, node=0, old_load=False) for each in schedule.phones)
    steps = tuple(replace(each, tvs="up" if each.tvs == "old" else each.tvs) for each in schedule.steps)
    return replace(schedule, phones=phones, steps=steps, weather=Weather(), crashes=0.0, http="off")


@asynccontextmanager
async def asking(node: Node) -> AsyncIterator[TvsClient]:
    """The TVS servers of a node's phones, each on a port of its own."""
    async with AsyncExitStack() as stack:
        ports = {}
        for host, server in node.tvs.items():
            signer = keys.signer_of(Certificate.from_der(server.certificate))
            service = serving(*server.lookup.sources, signers=(signer,), floor=TlsFloor.TLS_1_0)
            ports[host] = (await stack.enter_async_context(service)).address[1]

        async def ask(request: TvsRequest) -> TvsAnswer:
            port = ports.get(request.server.address, 9)
            return await ask_tvs(replace(request, server=TvsServer("127.0.0.1", port)))

        yield ask


def files(node: Node, phones: list[Handset]) -> dict[str, bytes]:
    """What the node's TFTP has: lists, and two configurations for each phone."""
    served = dict(node.files)
    for phone in phones:
        for name in (f"{phone.name}.cnf.xml", f"{phone.name}.cnf.xml.sgn"):
            served[name] = node.file(name, phone.mode, phone.protocol) or b""
    return served


def shown(outcome: BootOutcome) -> tuple[object, ...]:
    decisions = {file: each and (each.outcome, each.reason, each.row) for file, each in outcome.decisions.items()}
    return outcome.trust.ctl, outcome.trust.itl, decisions, outcome.alarm, outcome.messages


async def play(schedule: Schedule) -> None:
    """Play a schedule twice, step by step: in memory and over sockets."""
    history = History(schedule)
    phones = [history.handset(each) for each in schedule.phones]
    store = MappingStore()
    service = TftpService(store)
    await service.start()
    try:
        for number, moment in enumerate(history.moments):
            node = history.node(number, 0)
            here = [each for each in phones if moment.plan.reset and not history.off(number, each.name)]
            store.replace(files(node, here))
            fleet = [FleetPhone(each.name, each.model, each.state) for each in here]
            async with asking(node) as ask:
                report = await Fleet(fleet, Server("127.0.0.1", service.port, http_port=None), tvs=ask).run()
            for phone, real in zip(here, report.outcomes, strict=True):
                outcome = phone.starts(node, moment.when)
                assert shown(outcome) == shown(real), f"seed {schedule.seed}, step {number + 1}: {phone.name}"
                phone.state = replace(phone.state, tvs_cache=())
    finally:
        await service.stop()


@pytest.mark.parametrize("first", range(0, 25, 5))
def test_over_sockets_phones_do_what_they_do_in_memory(first: int) -> None:
    for seed in range(first, first + 5):
        asyncio.run(play(plan(seed)))
