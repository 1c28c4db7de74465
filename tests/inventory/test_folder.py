"""A folder of lists as an inventory."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mixedmode.errors import MixedModeError
from mixedmode.inventory.folder import folder_as_csv
from tests.phone.site import ctl, itl
from tests.support import run_mixedmode

CTL, ITL = ctl("callmanager"), itl("callmanager")


def put(folder: Path, name: str, data: bytes) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three phones: a folder of its own, files by name, and one of whom only the model is known."""
    put(tmp_path, "lists/SEP001122334401/CTLFile.tlv", CTL.data)
    put(tmp_path, "lists/SEP001122334401/ITLFile.tlv", ITL.data)
    put(tmp_path, "lists/CTLSEP001122334402.tlv", b"")
    put(tmp_path, "lists/itlsep001122334402.tlv", ITL.data)
    put(tmp_path, "lists/ITLFile.tlv", ITL.data)
    put(tmp_path, "lists/notes.txt", b"of no phone")
    names = "name,model\nSEP001122334401,7975\nSEP001122334402,8841\nSEP001122334403,7975\n"
    put(tmp_path, "lists/phones.csv", names.encode())
    put(tmp_path, "new.tlv", ITL.data)
    return tmp_path / "lists"


def test_phones_of_a_folder_are_forecast(folder: Path) -> None:
    out = folder.parent / "out.ndjson"
    done = run_mixedmode(
        "forecast", "--inventory", folder, "--publish", folder.parent / "new.tlv", "--phones-out", out, "--json"
    )
    assert (done.returncode, json.loads(done.stdout)["phones"]) == (0, 3), done.stderr
    outcomes = {row["name"]: row["outcome"] for row in map(json.loads, out.read_text().splitlines())}
    assert outcomes == {
        "SEP001122334401": "follows",
        "SEP001122334402": "follows",
        "SEP001122334403": "unknown",
    }


def test_what_is_not_there_is_not_known(folder: Path) -> None:
    text = folder_as_csv(folder).decode().splitlines()
    assert text == [
        "name,model,ctl,itl",
        "SEP001122334401,7975,SEP001122334401/CTLFile.tlv,SEP001122334401/ITLFile.tlv",
        "SEP001122334402,8841,none,itlsep001122334402.tlv",
        "SEP001122334403,7975,,",
    ]


@pytest.mark.parametrize("head", ["Name, Model", "name;model", "\nNAME\tModel"])
def test_the_header_of_its_phones_is_read_as_that_of_a_file(tmp_path: Path, head: str) -> None:
    separator = next(each for each in ",;\t" if each in head)
    put(tmp_path, "phones.csv", f"{head}\nSEP001122334401{separator}7975\n".encode())
    assert folder_as_csv(tmp_path).decode().splitlines() == ["name,model,ctl,itl", "SEP001122334401,7975,,"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "no phone's lists"),
        (b"model\n7975\n", "no column name"),
        (b"name\nSEP001122334401\nSEP001122334401\n", "stands in it already"),
        (b"name\nSEP001122334401,7975\n", "more cells"),
        (b'name\n"SEP', "no CSV"),
    ],
)
def test_a_folder_that_says_nothing_is_bad_input(tmp_path: Path, content: bytes | None, said: str) -> None:
    if content is not None:
        put(tmp_path, "phones.csv", content)
    with pytest.raises(MixedModeError, match=said):
        folder_as_csv(tmp_path)
    done = run_mixedmode("forecast", "--inventory", tmp_path, "--publish", __file__)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
