"""One rescue over real sockets: a lab's own phones with lists of another cluster, erased, restarted, proved."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mixedmode.app.commands.rescue.asking import named, refuse_opening_hours
from mixedmode.app.commands.rescue.running import windows_named
from mixedmode.errors import CheckFailedError, MixedModeError
from mixedmode.phone.mind.trust.state import PhoneState, TrustState
from mixedmode.rehearsal.lab.lab import Lab
from mixedmode.rehearsal.lab.spec import LabSpec
from mixedmode.rescue.around import Time
from mixedmode.rescue.dry_walk import DryWalk
from mixedmode.rescue.files import catalogue, evidence_file
from mixedmode.rescue.hands import PhoneHands, fetch_served
from mixedmode.rescue.outcomes import Outcome
from mixedmode.rescue.planning import Planned, Served, read_plan
from mixedmode.rescue.resuming import histories
from mixedmode.rescue.runner import Runner
from tests.phone.site import itl
from tests.support import run_mixedmode

FASTER = 60.0
MODELS = {"8841": ("88xx-544", "sip88xx.12-8-1-0001-455"), "7945": ("79xx-itl", "SCCP45.9-4-2SR3-1S")}


class LabSite:
    """The lab, without its door."""

    def __init__(self, lab: Lab, nodes: dict[str, str]) -> None:
        self.lab, self.nodes = lab, nodes

    async def served(self) -> Served:
        return await fetch_served(self.nodes)

    async def served_to(self, name: str) -> Served:
        return await fetch_served(self.nodes, name)

    async def restart(self, name: str) -> bool:
        await self.lab.phones.restart([name], self.lab.phone_server)
        return True

    async def registered(self) -> int | None:
        return None


async def soon(seconds: float) -> None:
    await asyncio.sleep(seconds / FASTER)


async def walked(lab: Lab, path: Path) -> None:
    """Walk one phone of each model, in the presence of somebody who says yes."""
    for name, model in ((each.name, each.model) for each in lab.cluster.devices):
        entry_name, load = MODELS[model]
        entry = catalogue(None).find(entry_name)
        assert entry is not None
        phone = Planned(name, model, load, "", lab.pages.addresses[name], "", "", "", "", (entry_name,), entry.erases)
        with evidence_file(path) as log:
            walk = DryWalk(phone, entry, PhoneHands("rescue", "key"), log, lambda _line: None, soon)
            window = await walk.there()
            await walk.home()
            assert entry.steps[-2].see in window
            walk.confirm("Ada", "2026-11-26T20:00:00+00:00", named=True)


async def procedure(folder: Path, work: Callable[[Lab], object]) -> None:
    lab = Lab(folder / "lab", LabSpec(nodes=1, models=tuple(MODELS)))
    await lab.start()
    try:
        await lab.phones.boot_all(lab.phone_server)
        work(lab)
        await rescued(lab, folder)
    finally:
        await lab.stop()


def lost(lab: Lab) -> None:
    for name in lab.phones.names:
        phone = lab.phones.find(name)
        assert phone is not None
        phone.phone.state = PhoneState(TrustState(None, itl("old", servers=("old",))))


async def rescued(lab: Lab, folder: Path) -> None:
    walks, kept = folder / "walks.jsonl", folder / "evidence.jsonl"
    names = lab.phones.names
    await walked(lab, walks)
    ready = await typed("ready", "--directory", folder / "lab", "--confirmed", walks, "--json")
    assert json.loads(ready)["summary"] == "You could save 2 of 2"
    # A 79xx shows no hash: what it holds is known by the inventory.
    wrong = itl("old", servers=("old",)).sha1
    rows = [f"{name},{model},{lab.pages.addresses[name]},{wrong}" for name, model in zip(names, MODELS, strict=True)]
    (folder / "inventory.csv").write_text("\n".join(["name,model,address,itl", *rows]))
    node = lab.publisher
    url = f"http://{node.info.address}:{node.ports['http']}/"
    said = await typed("plan", "--inventory", folder / "inventory.csv", "--tftp", url, "--confirmed", walks,
                       "--output", folder / "plan.json")  # fmt: skip
    assert said.startswith("2 phones would be erased")
    assert (folder / "plan.json").stat().st_mode & 0o777 == 0o600
    plan = read_plan((folder / "plan.json").read_text(), "plan")
    known = catalogue(walks)
    loop = asyncio.get_running_loop()
    (served,) = (await fetch_served(plan.nodes)).files.values()
    read = {names[1]: served["ITLFile.tlv"][0]}
    with evidence_file(kept) as log:
        runner = Runner(
            plan, plan.checked(known), lambda phone: windows_named(plan, known, phone), PhoneHands("rescue", "key"),
            LabSite(lab, dict(plan.nodes)), log, Time(lambda: loop.time() * FASTER, soon), read=read,
        )  # fmt: skip
        stopped = await runner.run(histories(log.records, plan.sha256, "evidence"), {"person": "Ada", "ticket": "C1"})
    assert not stopped, runner.results
    outcomes = [runner.results[name].outcome for name in names]
    assert outcomes == [Outcome.PROVED_1, Outcome.PROVED_2], runner.results
    assert runner.results[names[0]].itl in served["ITLFile.tlv"]
    assert b"key" not in kept.read_bytes().replace(b'"key"', b"").replace(b"key ", b"")
    await accounted(folder, kept)


async def accounted(folder: Path, kept: Path) -> None:
    page, table = folder / "report.html", folder / "report.csv"
    said = await typed("report", kept, "--html", page, "--csv", table)
    assert said.startswith("2 of 2 proved saved")
    assert "proved(1)" in page.read_text()
    assert len(table.read_text().splitlines()) == 3
    (folder / "password").write_text("secret\n")
    done = await asyncio.to_thread(
        run_mixedmode, "rescue", "run", folder / "plan.json", "--control-user", "rescue", "--control-password-file",
        folder / "password", "--in-hours", "--confirmed", folder / "walks.jsonl", "--person", "Ada", "--ticket", "C1",
        stdin=b"yes\n",
    )  # fmt: skip
    assert (done.returncode, "nothing was pressed" in done.stderr) == (1, True)


async def typed(*arguments: str | Path) -> str:
    done = await asyncio.to_thread(run_mixedmode, "rescue", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_labs_lost_phones_are_erased_restarted_and_proved(tmp_path: Path) -> None:
    asyncio.run(procedure(tmp_path, lost))


# Hostile phones, and people.


def test_what_goes_into_the_evidence_must_be_named() -> None:
    for value in (None, " ", "a\x00b"):
        with pytest.raises(MixedModeError, match="--person is missing"):
            named(value, "--person")
    assert named(" Ada ", "--person") == "Ada"


def test_opening_hours() -> None:
    from datetime import datetime

    thursday = datetime.fromisoformat("2026-11-26T10:00:00+01:00")
    with pytest.raises(CheckFailedError, match="nothing was pressed"):
        refuse_opening_hours(thursday, in_hours=False)
    refuse_opening_hours(thursday, in_hours=True)
    refuse_opening_hours(thursday.replace(hour=21), in_hours=False)
    refuse_opening_hours(thursday.replace(day=28), in_hours=False)


@pytest.mark.parametrize(
    "text",
    [
        "", "name\n", "nothing\nSEP001122334401\n", "name,itl\nSEP001122334401,zz\n", "name\nprinter\n", "[1]", "{}",
        "[{]", "name,address\nSEP001122334401,http://evil/..%2f@x\n", "name\nSEP001122334401\nSEP001122334401\n",
        '{"phones": 3}', '"a\nb', "[" * 100_000,
    ],
)  # fmt: skip
def test_an_inventory_that_is_none_is_refused(text: str, tmp_path: Path) -> None:
    from mixedmode.rescue.inventory import read_phones

    path = tmp_path / "inventory"
    path.write_text(text)
    with pytest.raises(MixedModeError):
        read_phones(path)


def test_what_inventory_collect_wrote_is_read(tmp_path: Path) -> None:
    from datetime import UTC, datetime

    from mixedmode.live.document import write_document
    from mixedmode.live.observed import Observation, PhoneSeen, Sighting, Source, Value
    from mixedmode.rescue.inventory import read_phones

    now = datetime(2026, 11, 26, 20, tzinfo=UTC)

    def said(text: str) -> tuple[Value, ...]:
        return (Value(text, Sighting(Source.PAGE, now, "x")),)

    values = {"model": "Cisco 8841", "load": "sip88xx.12", "address": "192.0.2.1", "itl": "a9" * 20, "ctl": "none",
              "httpd": "No"}  # fmt: skip
    phone = PhoneSeen("SEP001122334401", {name: said(text) for name, text in values.items()})
    seen = Observation("lab", now, now, phones=(phone, PhoneSeen("CTIPORT")))
    path = tmp_path / "collected.json"
    path.write_text("".join(write_document(seen)))
    (found,) = read_phones(path)
    assert (found.kind, found.url, found.ctl, found.itl) == (
        ("8841", "sip88xx.12", ""), "http://192.0.2.1/", "none", "a9" * 20,
    )  # fmt: skip
    assert (found.source, found.time, found.answers) == ("phone-page", "2026-11-26T20:00:00+00:00", False)


def test_inventories_of_each_form(tmp_path: Path) -> None:
    from mixedmode.rescue.inventory import read_phones

    path = tmp_path / "inventory"
    texts = (
        "name;model;ip;itl\nsep001122334401;8841;192.0.2.1;A9 " + "A9 " * 19 + "\n",
        json.dumps([{"name": "SEP001122334401", "model": "8841", "address": {"value": "192.0.2.1"}, "itl": "a9" * 20}]),
        json.dumps({"phones": [{"name": "SEP001122334401", "model": "CP-8841", "ip": "192.0.2.1", "itl": "A9" * 20}]}),
        json.dumps({"name": "SEP001122334401", "model": "8841", "ip": "192.0.2.1", "itl": "a9" * 20}) + "\n",
    )
    for text in texts:
        path.write_text(text)
        (phone,) = read_phones(path)
        assert (phone.name, phone.kind[0], phone.url, phone.itl) == (
            "SEP001122334401", "8841", "http://192.0.2.1/", "a9" * 20,
        )  # fmt: skip
