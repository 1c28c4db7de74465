"""Inventories of every form, and every way in which one can be wrong."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixedmode.app.commands.forecasting.phones_out import _CsvRows
from mixedmode.errors import MixedModeError
from mixedmode.inventory.cells import Cells
from mixedmode.inventory.kinds import Unexplained
from mixedmode.inventory.library import Library
from mixedmode.inventory.reading import Inventory, Row
from mixedmode.printable import of_spreadsheet_cell, spreadsheet_cell
from tests.phone.site import ctl, itl

CTL, ITL = ctl("callmanager"), itl("callmanager")
HEAD = "name,model,ctl,itl,security_mode\n"
ONE = f"SEP001122334455,7975,{CTL.md5},{ITL.sha1.upper()},encrypted\n"


def library() -> Library:
    made = Library()
    for each in (CTL, ITL):
        made.add(each.data)
    return made


def read(data: bytes, folder: Path = Path(), *, skip: bool = False) -> tuple[list[Row], Inventory]:
    inventory = Inventory("phones", Cells(library(), folder), skip)
    return list(inventory.rows(io.BytesIO(data))), inventory


def refused(data: bytes, folder: Path = Path()) -> MixedModeError:
    with pytest.raises(MixedModeError) as caught:
        read(data, folder)
    assert caught.value.exit_code == 2
    return caught.value


def numbered(value: object) -> str:
    """Name a case by its number or its word: lists are made anew in each process, and so are their hashes."""
    return value if isinstance(value, str) and "," not in value else "case"


OBJECT = {"name": "SEP001122334455", "model": 7975, "ctl": CTL.sha256, "itl": None, "security_mode": "encrypted"}


@pytest.mark.parametrize(
    "data",
    [
        (HEAD + ONE).encode(),
        ("\ufeff" + HEAD + ONE).encode(),
        (HEAD + ONE).replace(",", ";").encode(),
        (HEAD + ONE).replace(",", "\t").encode(),
        (HEAD + ONE).replace("\n", "\r\n").encode(),
        (HEAD + ONE).replace("\n", "\r").encode(),
        (HEAD + ONE).rstrip("\n").encode(),
        ("\n" + HEAD + "\n" + ONE).encode(),
        gzip.compress((HEAD + ONE).encode(), mtime=0),
        (HEAD.upper() + ONE).encode(),
        (HEAD + ONE.replace("SEP001122334455", "00:11:22:33:44:55")).encode(),
        json.dumps([OBJECT]).encode(),
        b"\xef\xbb\xbf \n" + json.dumps([OBJECT], indent=2).encode() + b"\n",
        json.dumps(OBJECT).encode(),
        gzip.compress(json.dumps(OBJECT).encode() + b"\n\n", mtime=0),
    ],
    ids=numbered,
)
def test_each_form_says_the_same(data: bytes) -> None:
    (name, kind, _), *others = read(data)[0]
    assert (name, others) == ("SEP001122334455", [])
    assert kind.model is not None
    assert (kind.model.name, kind.ctl, kind.mode) == ("7975", CTL, 3)


def test_what_phones_of_one_kind_have_in_common_is_one_value() -> None:
    rows = read((HEAD + ONE + ONE.replace("4455,7975", "4456,Cisco 7975").upper()).encode())[0]
    assert rows[0][1] is rows[1][1]


def test_a_list_is_a_hash_a_path_none_or_not_known(tmp_path: Path) -> None:
    (tmp_path / "held.tlv").write_bytes(CTL.data)
    spaced = ":".join(CTL.sha1[place : place + 2] for place in range(0, 40, 2))
    strange = "0" * 40
    values = ["held.tlv", spaced, "none", "None", "", strange]
    text = HEAD + "".join(f"SEP00112233445{place},7975,{value},none,\n" for place, value in enumerate(values))
    found = [kind.ctl for _, kind, _ in read(text.encode(), tmp_path)[0]]
    assert found == [CTL, CTL, None, None, Unexplained(), Unexplained(strange)]


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ("hello,7975,none,none,", "name"),
        (",7975,none,none,", "name"),
        ("SEP00112233445,7975,none,none,", "name"),
        ("SEP001122334455,???,none,none,", "model"),
        ("SEP001122334455,7975,xyz,none,", "ctl"),
        ("SEP001122334455,7975,no/such/file.tlv,none,", "ctl"),
        (f"SEP001122334455,7975,{ITL.md5},none,", "ctl"),
        (f"SEP001122334455,7975,none,{CTL.md5},", "itl"),
        ("SEP001122334455,7975,none,\x00,", "itl"),
        ("SEP001122334455,7975,none,none,secret", "security_mode"),
        ("SEP001122334455,7975,none", "itl"),
        ("SEP001122334455,7975,none,none,,,", "security_mode"),
    ],
    ids=numbered,
)
def test_a_bad_row_is_named_by_row_and_column_and_can_be_skipped(row: str, column: str) -> None:
    good = "SEPAABBCCDDEEF0,7975,none,none,\n"
    data = (HEAD + good + row + "\n" + good.replace("F0", "F1")).encode()
    error = refused(data)
    assert error.where == "phones:3"
    assert f"row 2, column {column}:" in error.what
    rows, inventory = read(data, skip=True)
    assert [name for name, _, _ in rows] == ["SEPAABBCCDDEEF0", "SEPAABBCCDDEEF1"]
    assert inventory.bad == 1


def test_names_are_unique_in_any_spelling() -> None:
    data = (HEAD + ONE + ONE.lower().replace("sep001122334455", "0011.2233.4455")).encode()
    error = refused(data)
    assert "row 2, column name: SEP001122334455 is there twice" in error.what


def test_a_model_that_is_not_known_is_no_error() -> None:
    (_, kind, _), *_ = read((HEAD + ONE.replace(",7975,", ",Phonograph 1,")).encode())[0]
    assert (kind.model, kind.model_name) == (None, "Phonograph 1")


def test_bytes_that_are_no_utf8_are_named() -> None:
    error = refused((HEAD + ONE).encode().replace(b",7975,", b",79\xff75,"))
    assert "row 1, column model: this is not UTF-8" in error.what


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf\n", "empty"),
        (b"PK\x03\x04" + bytes(100), "XLSX"),
        ((HEAD + ONE).encode("utf-16"), "UTF-16"),
        (b"phone,type\nSEP001122334455,7975\n", "no column name"),
        (b"name,model,Name\n", "has it twice"),
        (gzip.compress((HEAD + ONE).encode(), mtime=0)[:-9], "damaged"),
        (b'[{"name": "SEP001122334455"}', "end is missing"),
        (b'[{"name": }]', "no JSON"),
        (b"[1]", "no object"),
        (b'{"name": ["SEP001122334455"]}', "column name: this is no text"),
        (b'{"name": "SEP001122334455"\n', "no JSON"),
        (b"[" * 100_000, "no JSON"),
    ],
    ids=numbered,
)
def test_a_file_that_is_no_inventory_is_said_to_be_none(data: bytes, word: str) -> None:
    error = refused(data)
    assert word in f"{error.what}", error.what


def test_a_line_without_end_is_one_bad_row() -> None:
    long = "SEP001122334456," + "x" * (10 << 20) + "\n"
    error = refused((HEAD + ONE + long).encode())
    assert "row 2" in error.what
    rows, inventory = read((HEAD + ONE + long + ONE.replace("4455,", "4457,")).encode(), skip=True)
    assert (len(rows), inventory.bad >= 1) == (2, True)
    commas = "SEP001122334456" + "," * (10 << 20) + "\n"
    rows, inventory = read((HEAD + ONE + commas + ONE.replace("4455,", "4457,")).encode(), skip=True)
    assert (len(rows), inventory.bad) == (2, 1)


def test_a_json_array_is_read_in_pieces() -> None:
    count = 20_000
    data = json.dumps([{"name": f"SEP{number:012X}", "model": "7975"} for number in range(count)]).encode()
    assert len(read(data)[0]) == count


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for given_bytes in (data, HEAD.encode() + data, b"[" + data, b"{" + data, b"\x1f\x8b" + data):
        for skip in (False, True):
            try:
                read(given_bytes, skip=skip)
            except MixedModeError as error:
                assert error.exit_code == 2


CELL = st.one_of(st.sampled_from(["none", "", CTL.md5, ITL.md5, "7975", "SEP001122334455", "encrypted"]), st.text())


@given(st.lists(st.lists(CELL, min_size=5, max_size=5), max_size=4))
def test_any_cells_are_read_or_refused_in_csv_and_json(rows: list[list[str]]) -> None:
    names = HEAD.strip().split(",")
    text = HEAD + "".join(",".join(cells) + "\n" for cells in rows)
    objects = "\n".join(json.dumps(dict(zip(names, cells, strict=True))) for cells in rows)
    for data in (text.encode("utf-8", "surrogatepass"), objects.encode()):
        try:
            read(data, skip=True)
        except MixedModeError as error:
            assert error.exit_code == 2


def test_what_a_spreadsheet_would_calculate_is_quoted_where_it_is_written_and_read_as_it_was() -> None:
    for text in ("=cmd|'/C calc'!A0", "+1", "-1", "@x", "\tx", "plain", "'quoted", ""):
        written = spreadsheet_cell(text)
        assert of_spreadsheet_cell(written) == text
        assert not written.startswith(("=", "+", "-", "@", "\t"))
    rows, _ = read(b"name,device_pool,lsc_issuer\nSEP001122334455,'=1+1,'@x\n")
    assert (rows[0][1].pool, rows[0][1].lsc_issuer) == ("=1+1", "@x")
    file = io.StringIO()
    forecast = SimpleNamespace(outcome=SimpleNamespace(value="follows"), reason="r")
    rows_out = _CsvRows(file)
    rows_out("SEP001122334455", cast("Any", SimpleNamespace(forecast=forecast, remedy="")), ("=1+1", "yesterday"))
    assert file.getvalue().splitlines()[1] == "SEP001122334455,follows,r,,'=1+1,yesterday"
