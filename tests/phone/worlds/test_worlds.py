"""The code of phones and fleets that ships runs in a world in memory as well, where an hour takes no time."""

from __future__ import annotations

import asyncio
from functools import partial
from itertools import pairwise

from mixedmode.fleet.fleet import Fleet
from mixedmode.fleet.outcomes import FleetReport
from mixedmode.phone.body.client import Phone, Server
from mixedmode.phone.body.registration import Registration
from mixedmode.phone.body.registration_status import RegistrationState
from mixedmode.phone.body.tvs import ask_tvs
from mixedmode.phone.body.world import World
from mixedmode.phone.mind.fate.prospect import Fate
from mixedmode.phone.mind.models import get_model
from mixedmode.phone.mind.outcome import BootOutcome, Verdict
from mixedmode.phone.mind.trust.state import PhoneState
from tests.fleet.site import NEW, OLD, files, fleet_of, itl, names_of, new_ctl
from tests.phone.site import CONFIG, DEVICE, holding
from tests.phone.worlds.memory_world import BEGIN, MemoryNetwork, MemoryPool, in_memory, tftp
from tests.services.tvs.tvsclient import tvs_signer

SERVER = Server("files", 69)
BEHIND = PhoneState(trust=holding(new_ctl(OLD), itl(OLD)))


async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await reader.read()


def test_a_phone_boots_and_registers_in_virtual_time() -> None:
    async def procedure(world: World, network: MemoryNetwork) -> tuple[BootOutcome, Registration]:
        network.answers["files", 69] = tftp(files(OLD, [DEVICE]))
        network.streams["callmanager", 2000] = silent, None
        phone = Phone(DEVICE, get_model("7975"), world=world)
        outcome = await phone.boot(SERVER)
        registration = Registration(phone)
        registration.start()
        await asyncio.sleep(3600)
        await registration.stop()
        return outcome, registration

    network: list[MemoryNetwork] = []

    async def noting(world: World, seen: MemoryNetwork) -> tuple[BootOutcome, Registration]:
        network.append(seen)
        return await procedure(world, seen)

    (outcome, registration), seconds = in_memory(noting)
    assert outcome.exit_code == 0
    assert outcome.messages == ("CTL and ITL installed",)
    assert f"{BEGIN:%H:%M:%S}.0" in outcome.log[0]
    assert registration.status.state is RegistrationState.OFF
    assert registration.status.since is not None
    assert (registration.status.since - BEGIN).total_seconds() >= 3600
    assert seconds >= 3600
    tried = [at for at, host, _ in network[0].connected if host == "callmanager"]
    pauses = [round(later - at) for at, later in pairwise(tried)]
    assert pauses[:8] == [11, 12, 14, 18, 26, 42, 70, 70], "ten seconds of patience, then twice the pause"


def test_a_fleet_starts_in_virtual_time_and_waits_for_silent_servers() -> None:
    phones = fleet_of(*["7975", "8861", "7940"] * 10, state=BEHIND)

    async def procedure(world: World, network: MemoryNetwork) -> FleetReport:
        network.answers["files", 69] = tftp(files(NEW, names_of(phones)))
        network.streams["127.0.0.1", 2445] = silent, tvs_signer().certificate.der
        ask = partial(ask_tvs, world=world)
        return await Fleet(phones, SERVER, tvs=ask, world=world, ports=lambda _size, _family: MemoryPool(network)).run()

    report, seconds = in_memory(procedure)
    assert report.verdicts == {Verdict.OK: 0, Verdict.REFUSED: 30, Verdict.GAVE_UP: 0}
    assert report.failures() == {"CTL: tvs-unreachable": 20, "CTL: tvs-not-usable": 10}
    assert report.numbers[Fate.FROZEN] == 10
    assert report.numbers[Fate.BEHIND] == 20, "TVS could answer"
    assert seconds >= 15, "each phone with TVS waited its whole deadline, for each of three files"
    again, same = in_memory(procedure)
    assert (again.outcomes, again.spans, same) == (report.outcomes, report.spans, seconds)


def test_nothing_that_a_server_of_another_certificate_says_is_heard() -> None:
    async def talks(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"never read")

    async def procedure(world: World, network: MemoryNetwork) -> BootOutcome:
        network.answers["files", 69] = tftp({"CTLFile.tlv": new_ctl(NEW).data, f"{DEVICE}.cnf.xml": CONFIG})
        network.streams["127.0.0.1", 2445] = talks, b"another certificate"
        phone = Phone(DEVICE, get_model("7975"), tvs=partial(ask_tvs, world=world), world=world)
        phone.state = BEHIND
        return await phone.boot(SERVER)

    outcome, seconds = in_memory(procedure)
    assert outcome.refusals()["CTL"].endswith("no TVS server could be asked")
    assert any("TVS 127.0.0.1:2445: the TVS server shows another certificate" in line for line in outcome.log)
    assert seconds < 5
