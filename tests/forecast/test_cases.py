"""Whole cases: an inventory, lists and a change go in, and the outcome of each phone must come out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support import DATA, run_mixedmode

CASES = sorted(path.parent for path in (DATA / "forecast").glob("*/case.json"))
LOST = {"frozen", "locked-out"}


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)
def test_every_phone_has_the_outcome_that_it_must_have(
    case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(case)
    told = json.loads((case / "case.json").read_bytes())
    out = tmp_path / "phones.ndjson"
    done = run_mixedmode("forecast", *told["arguments"], "--phones-out", out, "--json")
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert {row["name"]: row["outcome"] for row in rows} == told["expected"]
    assert done.returncode == (1 if LOST & set(told["expected"].values()) else 0)
    document = json.loads(done.stdout)
    assert document["phones"] == len(rows) == sum(group["count"] for group in document["groups"])
    assert document["outcomes"] == {
        outcome: sum(row["outcome"] == outcome for row in rows)
        for outcome in ("follows", "follows-by-tvs", "behind", "frozen", "locked-out", "unknown")
    }
    for group in document["groups"]:
        assert bool(group["remedy"]) == (group["outcome"] not in {"follows", "follows-by-tvs"})
        assert (group["tvs"] is not None) == (group["outcome"] == "follows-by-tvs")
        assert {row["remedy"] for row in rows if row["name"] in group["examples"]} == {group["remedy"]}
