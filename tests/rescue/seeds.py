"""Random fleets of phones that lie: no false proof, no confirm key outside of a confirmed sequence.

By hand, for as many as there is time for, from a first one on::

    PYTHONPATH=src:. .venv/bin/python -m tests.rescue.seeds 10000
    PYTHONPATH=src:. .venv/bin/python -m tests.rescue.seeds 4500 --first 5500
"""

from __future__ import annotations

import argparse
import random
from urllib.parse import unquote_plus

from mixedmode.phone.body.pages.layouts import FIVE_RESETS, Layout, layout_of
from mixedmode.rescue.outcomes import Outcome
from tests.rescue.site import WALKED, Fleet, MemoryLog, confirmed, events, handset


def fleet_of(chance: random.Random) -> Fleet:
    models = chance.sample([*WALKED, "8945", "8832"], chance.randint(1, 3))
    liars = chance.random() * 0.6
    phones = []
    for number in range(chance.randint(1, 9)):
        model = chance.choice(models)
        habits: dict[str, object] = {
            "boots": chance.uniform(10, 170), "restarts": chance.random() < 0.5, "resets": chance.random() < 0.9,
            "clock": chance.choice((0.0, 0.0, 3600.0, -86_400.0)), "alarms": chance.random() < 0.5,
            "silent": chance.random() < 0.5,
        }  # fmt: skip
        if chance.random() < liars:
            habits |= chance.choice(
                (
                    {"erases": "nothing"}, {"erases": "ctl"}, {"takes": "old"}, {"takes": "evil"}, {"after": "gone"},
                    {"takes": "stale file"},
                    {"after": "moved"}, {"stale": 60.0},
                    {"answers": chance.choice(("no", "401", "303", "html", "cut"))},
                    {"https": True}, {"in_call": chance.choice((50.0, 1e9))}, {"holds": "new"}, {"holds": "evil"},
                    {"answer_lost": True}, {"layout": odd(chance, model)},
                )
            )  # fmt: skip
        phones.append(handset(number + 1, model, **habits))
    late = chance.random() < 0.1
    changes = chance.uniform(0, 300) if late else float("inf")
    kill = chance.randrange(1, 80) if chance.random() < 0.3 else None
    known = confirmed(named=chance.random() < 0.3)
    return Fleet(phones, known, log=MemoryLog(kill_after=kill), changes_at=changes)


def odd(chance: random.Random, model: str) -> Layout | None:
    from dataclasses import replace

    usual = layout_of(model)
    if usual is None:
        return None
    changes = (
        {"resets": FIVE_RESETS}, {"row": 5}, {"tile": 7}, {"redraw": 3.0}, {"loses": 4}, {"idle": 1.5},
        {"password": "1"},
    )  # fmt: skip
    return replace(usual, **chance.choice(changes))


def check(fleet: Fleet, seed: int) -> None:
    fleet.run()
    if fleet.log.kill_after is not None:
        torn = fleet.log.evidence()
        fleet.log = MemoryLog(bytearray(fleet.log.data[: torn.length]), torn.head, len(torn.records))
        fleet.changes_at = float("inf")
        fleet.run()
    assert not fleet.false, (seed, fleet.false)
    assert set(fleet.results) == {phone.name for phone in fleet.phones}, seed
    planned = {phone.name: phone for phone in fleet.plan.phones}
    for phone in fleet.phones:
        result = fleet.results[phone.name]
        assert result.outcome.is_proof or result.reason, (seed, result)
        assert not result.outcome.is_proof or phone.is_saved, (seed, phone.name)
        if phone.name not in planned:
            assert not phone.presses, seed
            continue
        assert fleet.confirm_presses(phone.name) <= 1, (seed, phone.name)
        # A key that erases is the last one of a confirmed sequence, pressed from its top.
        entries = [fleet.catalogue.find(name) for name in planned[phone.name].entries]
        ways = [[step.uri for step in entry.steps] for entry in entries if entry is not None]
        keys = [unquote_plus(body).partition('URL="')[2].partition('"')[0] for _, body in phone.presses]
        for number, key in enumerate(keys):
            for way in ways:
                if key == way[-1]:
                    assert keys[max(0, number - len(way) + 1) : number + 1] == way, (seed, keys)
        assert result.outcome is not Outcome.NOT_IN_CATALOGUE, seed
    for record in events(fleet.log, "key"):
        assert record["phone"] in planned, seed


if __name__ == "__main__":
    asked = argparse.ArgumentParser(
        prog="python -m tests.rescue.seeds", description="Random fleets of phones that lie."
    )
    asked.add_argument("count", type=int, nargs="?", default=1000, help="how many seeds")
    asked.add_argument("--first", type=int, default=0, help="the first of them")
    meant = asked.parse_args()
    for number in range(meant.first, meant.first + meant.count):
        check(fleet_of(random.Random(number)), number)
        if number % 500 == 499:
            print("seeds up to", number, flush=True)
