"""A folder of lists as an inventory."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mixedmode.errors import MixedModeError
from mixedmode.inventory.cells import Cells
from mixedmode.inventory.csv_rows import Raw
from mixedmode.inventory.folder import folder_batches
from mixedmode.inventory.kinds import held_text
from mixedmode.inventory.library import Library
from mixedmode.inventory.reading import Inventory
from tests.phone.site import ctl, itl
from tests.support import run_mixedmode

CTL, ITL = ctl("callmanager"), itl("callmanager")


def put(folder: Path, name: str, data: bytes) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def read(
    folder: Path, *, skip: bool = False
) -> tuple[Inventory, list[Raw], list[tuple[str, str, str | None, str | None]]]:
    """Return the inventory, its rows as they were filled, and what is known of each phone."""
    inventory = Inventory(str(folder), Cells(Library(), folder), skip)
    told: list[Raw] = []
    found = [
        (name, known.kind.model_name, held_text(known.kind.ctl), held_text(known.kind.itl))
        for batch in folder_batches(inventory, folder, told.append)
        for name, known in zip(batch.names, batch.known, strict=True)
    ]
    return inventory, told, found


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
    inventory, told, found = read(folder)
    assert found == [
        ("SEP001122334401", "7975", CTL.sha256, ITL.sha256),
        ("SEP001122334402", "8841", "none", ITL.sha256),
        ("SEP001122334403", "7975", None, None),
    ]
    assert [row[3][1:3] for row in told][:2] == [
        ("SEP001122334401/CTLFile.tlv", "SEP001122334401/ITLFile.tlv"),
        ("none", "itlsep001122334402.tlv"),
    ]
    assert inventory.missing == ()


@pytest.mark.parametrize(
    "head", ["Name, Model", "name;model", "\nNAME\tModel", "sep=;\nname;model", "\ufeffname,model,,"]
)
def test_the_header_of_its_phones_is_read_as_that_of_a_file(tmp_path: Path, head: str) -> None:
    separator = next(each for each in ";,\t" if each in head.splitlines()[-1])
    put(tmp_path, "phones.csv", f"{head}\n00-11-22-33-44-01{separator}7975\n".encode())
    put(tmp_path, "sep001122334401/ITLFile.tlv", ITL.data)
    assert read(tmp_path)[2] == [("SEP001122334401", "7975", None, ITL.sha256)]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "no phone's lists"),
        (b"", "phones.csv: the inventory is empty"),
        (b"PK\x03\x04" + bytes(40), "phones.csv: this is a ZIP archive"),
        ("name\nSEP001122334401\n".encode("utf-16"), "phones.csv: this is UTF-16"),
        (b"model\n7975\n", "no column name"),
        (b"name,name\nSEP001122334401,SEP001122334402\n", "row 0, column name"),
        (
            b"name\nSEP001122334401\nsep001122334401\n",
            "phones.csv:3: row 2, column name: SEP001122334401 is there twice",
        ),
        (b"name\nSEP001122334401,7975\n", "phones.csv:2: row 1, column name: the row has 2 fields"),
        (b'name\n"SEP', "phones.csv:2: row 1, column name: this is no CSV: a quote is not closed"),
        (b"name,itl\nSEP001122334401,\0\n", "phones.csv:2: row 1, column itl"),
        (b"name,itl\nSEP001122334401,gone.tlv\n", "phones.csv:2: row 1, column itl"),
        (b"name,model\nSEP001122334401,!\n", "phones.csv:2: row 1, column model"),
        (b"name,last_seen\nSEP001122334401,\xff\n", "phones.csv:2: row 1, column last_seen: this is not UTF-8"),
        (b"name,model\nSEP001122334401," + b"x" * 2_000_000, "phones.csv:2: row 1, column model: the line is longer"),
    ],
)
def test_a_folder_that_says_nothing_is_bad_input(tmp_path: Path, content: bytes | None, said: str) -> None:
    if content is not None:
        put(tmp_path, "phones.csv", content)
    with pytest.raises(MixedModeError, match=said) as error:
        read(tmp_path)
    assert error.value.exit_code == 2


def test_bad_rows_of_its_phones_are_counted(folder: Path) -> None:
    rows = b'name,model\n"SEP001122334401,7975\nSEP001122334402,8841\nSEP001122334403,!\nSEP1,7975\n'
    put(folder, "phones.csv", rows)
    put(folder, "backup/ITLFile.tlv", ITL.data)
    inventory, _, found = read(folder, skip=True)
    assert [name for name, *_ in found] == ["SEP001122334402", "SEP001122334401"]
    assert [str(each).partition(": ")[2].partition(":")[0] for each in inventory.errors] == [
        "row 1, column name",
        "row 3, column model",
        "row 4, column name",
        "row 6, column name",
    ]
    assert inventory.bad == 4


def test_two_files_that_say_otherwise_of_one_list_are_bad_input(folder: Path) -> None:
    put(folder, "ITLSEP001122334401.tlv", ITL.data)
    assert len(read(folder)[2]) == 3
    put(folder, "ITLSEP001122334401.tlv", itl("recovery").data)
    with pytest.raises(MixedModeError, match=r"row 1, column itl: SEP001122334401: .* are not the same"):
        read(folder)


def test_the_command_says_what_is_wrong_with_a_folder(tmp_path: Path) -> None:
    put(tmp_path, "phones.csv", b'name\n"SEP')
    done = run_mixedmode("forecast", "--inventory", tmp_path, "--publish", __file__)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
