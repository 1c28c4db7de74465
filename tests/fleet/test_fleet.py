"""Fleets against real services: every phone its own decisions, whatever the network does."""

from __future__ import annotations

import asyncio

import pytest

from mixedmode.errors import RemoteError, UsageError
from mixedmode.fleet.faults import Fates, FaultPlan
from mixedmode.fleet.outcomes import FleetReport
from mixedmode.phone.body.client import Server
from mixedmode.phone.body.tvs import ask_tvs
from mixedmode.phone.mind.alarms import Alarm
from mixedmode.phone.mind.fate.prospect import Fate
from mixedmode.phone.mind.outcome import Verdict
from mixedmode.services.files.store import MappingStore
from tests.fleet.site import NEW, OLD, after, boot, files, fleet_of, itl, names_of, new_ctl, node, run, tvs

MIX = ("7975", "8861", "7965", "7940") * 30


def test_every_phone_takes_the_lists_and_its_own_signed_configuration() -> None:
    phones = fleet_of(*MIX)

    async def procedure() -> FleetReport:
        async with node(MappingStore(files(OLD, names_of(phones)))) as server:
            return await boot(phones, server)

    report = run(procedure())
    assert [each.name for each in report.outcomes] == names_of(phones)
    assert report.verdicts == {Verdict.OK: 120, Verdict.REFUSED: 0, Verdict.GAVE_UP: 0}
    assert report.exit_code == 0
    assert report.alarms() == {"2 CTL_INITIAL_SUCCESS": 30, "4 TL_INITIAL_SUCCESS": 90}
    assert report.reasons()["ITL"] == {"accept: trusted-signer": 90}
    for phone, outcome in zip(phones, report.outcomes, strict=True):
        trust = outcome.state.trust
        assert trust.ctl == new_ctl(OLD)
        assert trust.itl == (itl(OLD) if phone.model.security_by_default else None)
        signed = phone.model.signed_config
        assert outcome.state.config_name == f"{phone.name}.cnf.xml" + (".sgn" if signed else "")
    document = report.document()
    assert document["phones"] == 120
    assert document["failures"] == {}
    assert document["unhappy"] == []
    assert 0 < document["boot_seconds"]["p50"] <= document["boot_seconds"]["p99"] <= document["seconds"]
    assert document["slowest"][0]["seconds"] == document["boot_seconds"]["max"]
    assert report.traffic.lost == 0


def test_a_phone_takes_no_configuration_that_was_signed_for_another() -> None:
    phones = fleet_of(*["7975"] * 4)
    one, other = f"{phones[0].name}.cnf.xml.sgn", f"{phones[1].name}.cnf.xml.sgn"

    async def procedure() -> FleetReport:
        served = files(OLD, names_of(phones))
        served[one] = served[other]
        served[f"{phones[2].name}.cnf.xml.sgn"] = served[f"{phones[2].name}.cnf.xml.sgn"].replace(b"SCCP75", b"SCCP76")
        async with node(MappingStore(served)) as server:
            return await boot(phones, server)

    report = run(procedure())
    assert report.failures() == {"configuration: wrong-filename": 1, "configuration: bad-signature": 1}
    assert [each.verdict for each in report.outcomes] == [Verdict.REFUSED, Verdict.OK, Verdict.REFUSED, Verdict.OK]
    assert report.numbers[Fate.BEHIND] == 2  # whole files help
    assert [each["name"] for each in report.document()["unhappy"]] == [phones[0].name, phones[2].name]


@pytest.mark.parametrize(
    "faults",
    [FaultPlan(loss=0.1, seed=7), FaultPlan(duplication=0.3), FaultPlan(loss=0.05, duplication=0.1, delay=0.15)],
    ids=["loss", "duplication", "all three"],
)
def test_a_bad_network_costs_time_and_no_phone(faults: FaultPlan) -> None:
    phones = fleet_of(*["7975"] * 60)

    async def procedure() -> FleetReport:
        # Without a loss whoever sends again is impatient: then there is time, however busy the machine is.
        wait = 0.1 if faults.loss else 20.0
        async with node(MappingStore(files(OLD, names_of(phones))), timeout=wait, retries=60) as server:
            return await boot(phones, server, faults=faults)

    report = run(procedure())
    assert report.verdicts[Verdict.OK] == 60
    assert all(each.state.trust.ctl == new_ctl(OLD) for each in report.outcomes)
    assert (report.traffic.lost > 50) is bool(faults.loss)
    assert (report.traffic.repeated > 50) is bool(faults.loss)


def test_the_same_seed_has_the_same_fates() -> None:
    plan = FaultPlan(loss=0.3, duplication=0.3, delay=0.1, seed=3)

    def first_fates(plan: FaultPlan, device: str) -> list[tuple[float, ...]]:
        fates = Fates(plan, device)
        return [fates.roll() for _ in range(50)]

    assert first_fates(plan, "SEP000000000001") == first_fates(plan, "SEP000000000001")
    assert first_fates(plan, "SEP000000000001") != first_fates(plan, "SEP000000000002")
    assert {len(copies) for copies in first_fates(plan, "SEP000000000001")} == {0, 1, 2}


def test_more_phones_than_sockets_take_turns() -> None:
    phones = fleet_of(*["7975"] * 100)
    seen: list[int] = []

    async def procedure() -> FleetReport:
        store = MappingStore(files(OLD, names_of(phones)))
        async with node(store) as server:
            from mixedmode.fleet.fleet import Fleet
            from mixedmode.fleet.phones import FleetOptions

            fleet = Fleet(
                phones, server, options=FleetOptions(at_once=3), watch=lambda done, _outcome: seen.append(done)
            )
            return await fleet.run()

    report = run(procedure())
    assert report.verdicts[Verdict.OK] == 100
    assert seen == list(range(1, 101))
    waits = report.document()["since_power_on_seconds"]
    assert waits["p99"] > 3 * report.document()["boot_seconds"]["p50"]


def test_phones_are_switched_on_over_the_ramp() -> None:
    phones = fleet_of(*["7975"] * 10)

    async def procedure() -> FleetReport:
        async with node(MappingStore(files(OLD, names_of(phones)))) as server:
            return await boot(phones, server, ramp=0.5)

    report = run(procedure())
    assert report.seconds >= 0.45
    assert max(each.since_power_on for each in report.spans) < 0.4


def test_a_damaged_ctl_is_refused_by_all_and_the_old_one_stays() -> None:
    phones = fleet_of(*MIX[:40])

    async def procedure() -> FleetReport:
        store = MappingStore(files(OLD, names_of(phones)))
        async with node(store) as server:
            first = await boot(phones, server)
            return await boot(after(phones, first), server, faults=FaultPlan(corrupt=("CTL*",)))

    report = run(procedure())
    assert report.verdicts[Verdict.REFUSED] == 40
    assert report.numbers[Fate.BEHIND] == 40  # the next whole one is taken
    assert set(report.failures()) <= {"CTL: bad-signature", "CTL: corrupt"}
    assert all(each.state.trust.ctl == new_ctl(OLD) for each in report.outcomes)
    assert {each.alarm for each in report.outcomes} == {Alarm.TL_FAILED_OLD_CTL}
    assert report.exit_code == 1


def test_after_a_new_callmanager_certificate_phones_follow_by_tvs_and_legacy_ones_are_frozen() -> None:
    phones = fleet_of(*("7975", "8861", "7940") * 8)

    async def procedure() -> tuple[FleetReport, FleetReport]:
        store = MappingStore()
        async with tvs(NEW) as port, node(store) as server:
            store.replace(files(OLD, names_of(phones), tvs_port=port))
            first = await boot(phones, server, tvs=ask_tvs)
            assert first.verdicts[Verdict.OK] == 24
            store.replace(files(NEW, names_of(phones), tvs_port=port))
            behind = after(phones, first)
            silent = FaultPlan(silent_tvs=("*",))
            followed = await boot(behind, server, tvs=ask_tvs)
            alone = await boot(behind, server, tvs=ask_tvs, faults=silent, tvs_deadline=0.05)
            return followed, alone

    followed, alone = run(procedure())
    assert followed.models() == {"7940": {"frozen": 8}, "7975": {"follows-by-tvs": 8}, "8861": {"follows-by-tvs": 8}}
    assert followed.reasons()["CTL"] == {"accept: trusted-by-tvs": 16, "reject: tvs-not-usable": 8}
    assert followed.numbers[Fate.FROZEN] == 8
    assert followed.tvs_questions == 16
    for outcome in followed.outcomes:
        legacy = outcome.model.name == "7940"
        assert outcome.state.trust.ctl == new_ctl(OLD if legacy else NEW)
        assert bool(outcome.kept_lists) is legacy
    assert alone.failures() == {"CTL: tvs-unreachable": 16, "CTL: tvs-not-usable": 8}
    assert alone.numbers[Fate.FROZEN] == 8
    assert alone.numbers[Fate.BEHIND] == 16  # TVS could answer
    assert alone.tvs_questions == 96  # two servers, for each of three files


def test_a_node_that_is_down_makes_phones_give_up_and_one_that_comes_back_does_not() -> None:
    phones = fleet_of(*["7975"] * 50)

    async def procedure() -> tuple[FleetReport, FleetReport]:
        store = MappingStore(files(OLD, names_of(phones)))
        async with node(store, timeout=0.1, retries=2) as server:
            gone = await boot(phones, server, faults=FaultPlan(down=(0.0, 60.0)))
        async with node(store, timeout=0.1, retries=8) as server:
            return gone, await boot(phones, server, faults=FaultPlan(down=(0.0, 0.35)))

    gone, back = run(procedure())
    assert gone.verdicts[Verdict.GAVE_UP] == 50
    assert gone.failures() == {"CTL: not-fetched": 50}
    assert gone.exit_code == 3
    assert gone.traffic.received == 0
    assert back.verdicts[Verdict.OK] == 50
    assert back.seconds > 0.3
    assert back.exit_code == 0


def test_later_models_fetch_by_http_and_go_back_to_tftp_when_that_fails() -> None:
    phones = fleet_of(*["8861"] * 12)
    served = files(OLD, names_of(phones))
    asked: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        name = request.split()[1].decode()[1:]
        asked.append(name)
        shared = {"CTL": "CTLFile.tlv", "ITL": "ITLFile.tlv"}.get(name[:3], name)
        body = served.get(shared, b"")
        status = "200 OK" if name.startswith(("CTL", "ITL")) else "503 Busy"
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()

    async def procedure() -> FleetReport:
        web = await asyncio.start_server(answer, "127.0.0.1", 0)
        async with web, node(MappingStore(served), http_port=web.sockets[0].getsockname()[1]) as server:
            return await boot(phones, server, http_at_once=4)

    report = run(procedure())
    assert report.verdicts[Verdict.OK] == 12
    assert len(asked) == 36
    assert report.traffic.sent > 0
    assert report.reasons()["configuration"] == {"accept: trusted-signer": 12}


def test_nobody_and_nowhere() -> None:
    server = Server("no-such-host.invalid", 69, http_port=None)
    assert run(boot([], Server("127.0.0.1", 9))).exit_code == 0
    with pytest.raises(RemoteError, match="no such server"):
        run(boot(fleet_of("7975"), server))
    with pytest.raises(UsageError):
        run(boot(fleet_of("7975"), server, at_once=0))
    with pytest.raises(UsageError):
        FaultPlan(loss=1.5)
    with pytest.raises(UsageError):
        FaultPlan(delay=-1)
