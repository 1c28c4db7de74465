"""Every way in which phones are lost in real life forecasts its loss, and the plan without it is found."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from tests.forecast.stories import FOLDER
from tests.support import run_mixedmode

STORIES = sorted(path.parent for path in FOLDER.glob("*/case.json"))


def outcomes(out: Path) -> dict[str, str]:
    return {row["name"]: row["outcome"] for row in map(json.loads, out.read_text().splitlines())}


@pytest.mark.parametrize("story", STORIES, ids=lambda path: path.name)
def test_a_story_ends_as_it_did_and_as_it_should_have(
    story: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(story)
    told = json.loads((story / "case.json").read_bytes())
    out = tmp_path / "phones.ndjson"
    done = run_mixedmode("forecast", *told["arguments"], "--propose", "--json", "--phones-out", out)
    assert outcomes(out) == told["expected"], done.stdout + done.stderr
    proposal = json.loads(done.stdout)["proposal"]
    promised = {outcome: count for outcome, count in proposal["outcomes"].items() if count}
    assert promised == dict(Counter(told["proposed"].values())), (proposal["steps"], proposal["left"])
    assert all(each["proved"] for each in proposal["left"])
    (tmp_path / "plan.toml").write_text(proposal["plan"])
    pairs = zip(told["arguments"][::2], told["arguments"][1::2], strict=True)
    kept = [word for pair in pairs if pair[0] not in {"--publish", "--off"} for word in pair]
    run_mixedmode("forecast", *kept, "--plan", tmp_path / "plan.toml", "--phones-out", out)
    assert outcomes(out) == told["proposed"]


def test_there_are_stories() -> None:
    assert len(STORIES) > 12
