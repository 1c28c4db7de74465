"""A forecast that is kept, and whether it still holds."""

from __future__ import annotations

import contextlib
import copy
import gzip
import json
import shutil
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

import pytest

from mixedmode.app.commands.forecasting import saved
from mixedmode.app.commands.forecasting.evaluating import evaluate
from mixedmode.app.commands.forecasting.saved import asked_again, read
from mixedmode.errors import MixedModeError
from tests.docs.pages import ROOT
from tests.support import run_mixedmode

EXAMPLE = ROOT / "docs" / "examples" / "forecast"
WORDS = ("--inventory", "inventory.csv", "--lists", "lists", "--publish", "publish/CTLFile.tlv,publish/ITLFile.tlv")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The example in a folder of its own, with its forecast kept."""
    folder = tmp_path / "site"
    shutil.copytree(EXAMPLE, folder)
    monkeypatch.chdir(folder)
    done = run_mixedmode("forecast", *WORDS, "--tvs-trust", "tvs", "--save", "plans.json")
    assert done.returncode == 1, done.stderr
    return folder


def check(path: str | Path = "plans.json", *words: str | Path, code: int = 1) -> dict[str, Any]:
    done = run_mixedmode("forecast", "--check", path, *words, "--json")
    assert done.returncode == code, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["holds"] == (code == 0)
    return found


def test_it_keeps_plan_inputs_and_forecast(place: Path) -> None:
    kept = json.loads((place / "plans.json").read_text())
    assert (kept["format"], kept["version"], kept["folder"]) == ("mixedmode-forecast", 1, ".")
    assert kept["asked"]["steps"] == [["publish", "publish/CTLFile.tlv,publish/ITLFile.tlv"]]
    assert set(kept["inputs"]["published"]) == {"publish/CTLFile.tlv", "publish/ITLFile.tlv"}
    assert kept["forecast"]["outcomes"]["frozen"] == 1
    names = {name: group["outcome"] for group in kept["phones"] for name in group["names"]}
    assert names["SEP00112233B000"] == "frozen"
    assert len(names) == kept["forecast"]["phones"]


def test_it_holds_from_any_folder_and_after_a_move(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    assert check(place / "plans.json", code=0)["inventory"]["same_bytes"]
    moved = place.rename(place.with_name("moved"))
    check(moved / "plans.json", code=0)
    done = run_mixedmode("forecast", "--check", moved / "plans.json")
    assert done.stdout.startswith("holds, as foreseen ")
    assert "1 frozen, 1 locked out" in done.stdout


def test_rows_that_changed_and_outcomes_that_moved(place: Path) -> None:
    inventory = place / "inventory.csv"
    lines = inventory.read_text().splitlines()
    frozen = next(number for number, line in enumerate(lines) if line.startswith("SEP00112233B000"))
    cells = lines[frozen].split(",")
    columns = lines[0].split(",")
    cells[columns.index("ctl")] = "none"
    lines[frozen] = ",".join(cells)
    gone = lines.pop().split(",")[0]
    inventory.write_text("\n".join([*lines, lines[1].replace("SEP00112233", "SEP00112244")]) + "\n")
    found = check()
    assert found["inventory"]["changed"] == {"count": 1, "names": ["SEP00112233B000"]}
    assert found["inventory"]["went"] == {"count": 1, "names": [gone]}
    assert found["inventory"]["came"]["count"] == 1
    assert found["moved"]["phones"] == [{"name": "SEP00112233B000", "was": "frozen", "now": "follows"}]
    text = run_mixedmode("forecast", "--check", "plans.json").stdout
    assert "  SEP00112233B000: frozen, now follows" in text
    assert f"inventory: 1 row went: {gone}" in text


def test_a_file_that_says_the_same_of_every_phone_holds(place: Path) -> None:
    inventory = place / "inventory.csv"
    inventory.write_text(inventory.read_text() + "\n\n")
    assert not check(code=0)["inventory"]["same_bytes"]


def test_another_list_another_certificate(place: Path) -> None:
    shutil.copy(place / "lists" / "ctl-in-use.tlv", place / "publish" / "CTLFile.tlv")
    (place / "lists" / "more.tlv").write_bytes(b"more")
    found = check()
    assert {"kind": "published", "name": "publish/CTLFile.tlv", "change": "changed"} in found["inputs"]
    assert {"kind": "lists", "name": "lists/more.tlv", "change": "came"} in found["inputs"]


def test_phones_of_another_day(place: Path) -> None:
    shutil.copy(place / "inventory.csv", place / "today.csv")
    check("plans.json", "--inventory", "today.csv", code=0)
    data = (place / "inventory.csv").read_bytes()
    words = ("--inventory", "-", *WORDS[2:], "--tvs-trust", "tvs", "--save", "kept.json.gz")
    assert run_mixedmode("forecast", *words, stdin=data).returncode == 1
    assert "--inventory FILE" in run_mixedmode("forecast", "--check", "kept.json.gz").stderr
    check("kept.json.gz", "--inventory", "today.csv", code=0)
    assert run_mixedmode("forecast", "--check", "kept.json.gz", "--inventory", "-", stdin=data).returncode == 0


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '{"format": "mixedmode-forecast", "version": 2}', '{"format": "mixedmode-forecast", "version": 1}'],
)
def test_what_cannot_be_read(place: Path, content: str) -> None:
    (place / "odd.json").write_text(content)
    done = run_mixedmode("forecast", "--check", "odd.json")
    assert done.returncode == 2
    assert "odd.json" in done.stderr
    assert run_mixedmode("forecast", "--check", "missing.json").returncode == 2


def test_inputs_that_are_gone_and_other_options(place: Path) -> None:
    assert run_mixedmode("forecast", "--check", "plans.json", "--tvs", "down").returncode == 2
    assert run_mixedmode("forecast").returncode == 2
    (place / "inventory.csv").unlink()
    assert run_mixedmode("forecast", "--check", "plans.json").returncode == 2
    assert run_mixedmode("forecast", *WORDS, "--save", "no/such/folder.json").returncode == 2


STRANGE = [None, 1e400, [], "\0", "\ud800", ["\0"], {"a": 1}]


def test_every_kept_file_that_is_damaged_is_refused_or_read(place: Path) -> None:
    kept = json.loads((place / "plans.json").read_text())
    odd = place / "odd.json"
    inside = [("asked", name) for name in kept["asked"]]
    for path in [*((key,) for key in kept), *inside, ("forecast", "outcomes", "frozen")]:
        for value in STRANGE:
            document = copy.deepcopy(kept)
            *above, last = path
            reduce(getitem, above, document)[last] = value
            odd.write_text(json.dumps(document))
            with contextlib.suppress(MixedModeError):
                found = read(odd)
                if path[0] in {"asked", "folder"}:
                    evaluate(asked_again(found, odd, "")[0], found.folder)


def test_a_kept_file_that_grows_without_end_is_refused(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saved, "_LARGEST", 1 << 20)
    (place / "bomb.json.gz").write_bytes(gzip.compress(b" " * (8 << 20), 1))
    with pytest.raises(MixedModeError, match="too large"):
        read(place / "bomb.json.gz")


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("forecast", "outcomes", "follows"), 7),
        (("phones", 0, "outcome"), "unknown"),
        (("asked", "both_ways"), "yes"),
        (("asked", "skip_bad_rows"), []),
    ],
)
def test_a_kept_file_that_somebody_changed_is_refused(place: Path, keys: tuple[str | int, ...], value: object) -> None:
    kept = json.loads((place / "plans.json").read_text())
    reduce(getitem, keys[:-1], kept)[keys[-1]] = value
    (place / "plans.json").write_text(json.dumps(kept))
    with pytest.raises(MixedModeError, match=r"plans\.json"):
        read(place / "plans.json")
