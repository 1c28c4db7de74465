"""Files that are no inventory, and rows that are none: what is wrong and where, without a traceback or much memory."""

from __future__ import annotations

import bz2
import errno
import gzip
import io
import json
import lzma
import os
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixedmode.app.commands.forecasting.asked import Asked
from mixedmode.app.commands.forecasting.evaluating import evaluate
from mixedmode.errors import MixedModeError
from mixedmode.inventory.cells import Cells
from mixedmode.inventory.library import Library
from mixedmode.inventory.reading import Inventory
from tests.support import run_mixedmode

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "forecast"
HEADER = "name,model,ctl,itl,security_mode\n"
ROW = "SEP000000000001,7975,none,none,\n"
TEXT = HEADER + ROW


def workbook() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
    return made.getvalue()


def refused(data: bytes) -> MixedModeError:
    inventory = Inventory("phones.csv", Cells(Library(), Path("/nowhere")))
    with pytest.raises(MixedModeError) as error:
        list(inventory.rows(io.BytesIO(data)))
    assert error.value.exit_code == 2
    assert len(error.value.diagnostics()) < 1000
    return error.value


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (workbook(), "XLSX"),
        (gzip.compress(workbook(), mtime=0), "XLSX"),
        (b"%PDF-1.7\n", "PDF"),
        (b"\x89PNG\r\n\x1a\n" + bytes(40), "PNG"),
        (b"\xff\xd8\xff\xe0" + bytes(40), "JPEG"),
        (TEXT.encode("utf-16"), "UTF-16"),
        (TEXT.encode("utf-16-le"), "UTF-16"),
        (TEXT.encode("utf-16-be"), "UTF-16"),
        (TEXT.encode("utf-32"), "UTF-32"),
        (b"<!DOCTYPE html>", "HTML"),
        (bz2.compress(b"x"), "bzip2"),
        (lzma.compress(b"x"), "xz"),
        (gzip.compress(gzip.compress(TEXT.encode(), mtime=0), mtime=0), "twice"),
        (gzip.compress(TEXT.encode(), mtime=0)[:-9], "damaged"),
        (gzip.compress(TEXT.encode(), mtime=0) + b"more", "damaged"),
        (bytes(1000), "no text"),
        (b"", "empty"),
        (b"\xef\xbb\xbf \r\n\n", "empty"),
        (gzip.compress(b"", mtime=0), "empty"),
        (ROW.encode(), "no column name"),
        (b"model,ctl\n7975,none\n", "no column name"),
        (b"\xef\xbb\xbf <?xml?>", "HTML or XML"),
        (b"name," + b"a" * 2_000_000, "row 0, the header: the line is longer than 1048576 characters"),
        (b"name,mo\0del\n", "row 0, column model: the header holds a character that is not printable"),
        ("name,\u200bctl\n".encode(), "row 0, column ctl: the header holds a character that is not printable"),
        (b"name,m\xfcnchen".replace(b"name", b"n\xffme"), "row 0, the header: this is not UTF-8"),
    ],
)
def test_a_file_of_another_kind_is_called_what_it_is(data: bytes, what: str) -> None:
    assert what in str(refused(data))


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (HEADER + HEADER, "row 1, column name"),
        ("name,ctl,CTL\n", "row 0, column ctl"),
        (TEXT + ROW, "row 2, column name"),
        (TEXT + "SEP0,7975,none,none,\n", "row 2, column name"),
        (TEXT + "SEP00000000000A,79\x0075,none,none,\n", "row 2, column model"),
        (TEXT + "SEP00000000000A,7975,abc,none,\n", "row 2, column ctl"),
        (TEXT + f"SEP00000000000A,7975,none,{'a' * 31},\n", "row 2, column itl"),
        (TEXT + f"SEP00000000000A,7975,{'a' * 5000},none,\n", "row 2, column ctl"),
        (TEXT + f"{'a' * 100_000},7975,none,none,\n", "row 2, column name"),
        (TEXT + "SEP00000000000A,7975,/dev/zero,none,\n", "row 2, column ctl"),
        (TEXT + "SEP00000000000A,7975,none\n", "row 2, column itl"),
        (TEXT + f"SEP00000000000A,7975,none,none,{',' * 100_000}\n", "row 2, column security_mode"),
        (TEXT + f"SEP00000000000A,{'x' * 10_000_000},none,none,\n" + ROW, "row 2, column model"),
        (TEXT + f"SEP00000000000A,7975,none,{'x' * 10_000_000}", "row 2, column itl"),
        ("name;model;ctl\nSEP00000000000A;7975;" + "x" * 10_000_000, "row 1, column ctl"),
        ('[{"name": "SEP000000000001", "model": ["7975"]}]', "row 1, column model"),
        ('[{"name": "SEP000000000001", "ctl": 1.5}]', "row 1, column ctl"),
        ('[{"name": "SEP000000000001", "model": true}]', "row 1, column model"),
        ('[{"name": "SEP000000000001", "security_mode": -0}]', "row 1, column security_mode"),
        ('[{"name": "SEP000000000001", "ctl": "none", "ctl": ""}]', "row 1, column ctl: the object has it twice"),
        ('{"name": "SEP000000000001", "itl": "none", "ITL": ""}', "row 1, column itl: the object has it twice"),
        ('[{"name": "SEP000000000001", "registered": "\\udc80"}]', "row 1, column registered: this is not UTF-8"),
        (f'{{"name": "SEP000000000001", "model": {"9" * 5000}}}', "row 1, column model"),
        (f'{{"name": "SEP000000000001", "x": {"[" * 100_000}', "row 1: this is no JSON that can be read"),
        ("name,last_seen\nSEP000000000001,\x1b[31m\n", "row 1, column last_seen"),
        (TEXT + f"SEP00000000000A,7975,none,none,{'x' * 200_000}\n", "row 2, column security_mode"),
        (TEXT + '"SEP00000000000A,7975,none,none,\n' * 2, "row 2, column name"),
        (
            TEXT + 'SEP00000000000A,7975,"none,none,\n' + ROW * 3,
            "phones.csv:3: row 2, column ctl: this is no CSV: a quote",
        ),
        (TEXT + 'SEP00000000000A,7975,"none"x,none,\n', "row 2, column ctl: this is no CSV: something follows"),
        (TEXT + 'SEP00000000000A,"79\n75",none,none,\n', "phones.csv:3: row 2, column model: the cell goes on"),
        (TEXT + 'SEP00000000000A,"7975,none\n,none,"\n', "phones.csv:3: row 2, column model: the cell goes on"),
        ('name,model,"x\nSEP000000000001,7975,\n', "the header has no column name"),
        (TEXT + "SEP00000000000\u0661,7975,none,none,\n", "row 2, column name"),
        (TEXT + "SEP00000000000\uff11,7975,none,none,\n", "row 2, column name"),
        (TEXT + "\u017fEP000000000002,7975,none,none,\n", "row 2, column name"),
        (TEXT + "CSF\u0131\u00df,7975,none,none,\n", "row 2, column name"),
        (TEXT + ROW.lower(), "row 2, column name: SEP000000000001 is there twice"),
        ('{"name": "SEP000000000001"}\n{"name": "SEP000000000001"}\n', "row 2, column name"),
        ('{"name": "SEP000000000001"}\n[]\n', "row 2"),
        ('{"name": "' + "x" * 10_000_000, "row 1"),
        ('[{"name": "' + "x" * 10_000_000, "row 1"),
        ("[" * 100_000, "row 1"),
    ],
)
def test_a_bad_row_is_named_with_its_column(text: str, where: str) -> None:
    assert where in str(refused(text.encode()))


@pytest.mark.parametrize(
    "text",
    [
        "sep=;\r\n" + TEXT.replace(",", ";"),
        '"sep=\t"\n' + TEXT.replace(",", "\t"),
        TEXT.replace("\n", "\r"),
        "\ufeff\ufeff" + TEXT,
        HEADER.replace("\n", ",,\n") + ROW.replace("\n", ",,\n"),
        HEADER.replace("\n", ",,\n") + ROW,
        TEXT + ",,,,\n \n ,,,,,,\n",
        TEXT.replace("name,", "Name ,").replace("security_mode", '"Security Mode"'),
        '[{" NAME ": "SEP000000000001", "model": 7975, "CTL": "none", "itl": "None", "Security Mode": null, "x": 1.5}]',
        f'{{"name": "SEP000000000001", "model": "7975", "ctl": "none", "itl": "none", "x": {"9" * 5000}}}',
        'name,model,ctl,itl,note\nSEP000000000001,7975,none,none,"of two\nlines, ""with"" quotes"\n',
    ],
)
def test_what_spreadsheets_and_scripts_write_is_read(text: str) -> None:
    inventory = Inventory("phones.csv", Cells(Library(), Path("/nowhere")))
    ((name, kind, _),) = inventory.rows(io.BytesIO(text.encode()))
    assert (name, kind.model_name, kind.ctl, kind.itl, kind.mode) == ("SEP000000000001", "7975", None, None, 1)


@pytest.mark.parametrize(
    ("broken", "bad"),
    [
        ('"SEP00000000000A,7975,none,none,\n', 1),
        ('SEP00000000000A,"7975,none,none,\n', 1),
        ('SEP00000000000A,"7975"x,none,none,\n', 1),
        ('SEP00000000000A,"79\n75",none,none,\n', 2),
        ('SEP00000000000A,7975,none,none,"\n"\n', 2),
    ],
)
def test_a_forgotten_quote_hides_no_other_phone(broken: str, bad: int) -> None:
    rows = [f"SEP{number:012X},7975,none,none,\n" for number in range(3000)]
    text = HEADER + "".join([*rows[:1000], broken, *rows[1000:2000], broken.replace("A", "B"), *rows[2000:]])
    inventory = Inventory("phones.csv", Cells(Library(), Path("/nowhere")), skip_bad=True)
    assert len(list(inventory.rows(io.BytesIO(text.encode())))) == 3000
    assert inventory.bad == 2 * bad
    assert "row 1001, column" in str(inventory.errors[0])
    assert inventory.errors[0].where == "phones.csv:1002"


def test_quotes_that_never_end_take_no_more_time_than_lines() -> None:
    text = HEADER + 'a",",c\n' * 5_000
    inventory = Inventory("phones.csv", Cells(Library(), Path("/nowhere")), skip_bad=True)
    assert not list(inventory.rows(io.BytesIO(text.encode())))
    assert inventory.bad == 5_000


def test_very_many_columns_are_few_words() -> None:
    columns = ",".join(f"column{number}" for number in range(100_000))
    inventory = Inventory("x", Cells(Library(), Path()))
    assert not list(inventory.rows(io.BytesIO(f"name,{columns}\n".encode())))
    assert inventory.ignored[-1] == "and 99995 more"
    assert len(inventory.ignored) == 6


@pytest.mark.parametrize("inside", [b"\0", b"x", b'"', b"["])
def test_a_gzip_bomb_takes_little_memory(inside: bytes) -> None:
    bomb = gzip.compress(HEADER.encode() * (inside == b"x") + inside * 100_000_000, 1, mtime=0)
    tracemalloc.start()
    try:
        refused(bomb)
        assert tracemalloc.get_traced_memory()[1] < 40 << 20
    finally:
        tracemalloc.stop()


GOOD_NAMES = st.integers(0, 30).map("SEP{:012X}".format)
CELLS = st.one_of(st.sampled_from(["", "none", "7975", "ab" * 16, "encrypted"]), st.text(max_size=12))
ROWS = st.lists(st.tuples(st.one_of(GOOD_NAMES, CELLS), CELLS, CELLS, CELLS, CELLS), max_size=8)
COLUMNS = HEADER.strip().split(",")


@pytest.mark.parametrize("head", ["Device Name,Device Type\n", '"MAC ADDRESS";"Description"\n', "ctl\tDeviceName\n"])
def test_a_header_that_cucm_wrote_is_told_what_to_rename(head: str) -> None:
    error = refused(head.encode())
    assert "the header has no column name" in str(error)
    assert (error.next_step or "").startswith("call the column '")


def test_a_file_that_cannot_be_read_to_its_end_is_named() -> None:
    class Failing(io.RawIOBase):
        left = 2

        def readable(self) -> bool:
            return True

        def readinto(self, into: Any) -> int:
            self.left -= 1
            if not self.left:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            into[: len(TEXT)] = TEXT.encode()
            return len(TEXT)

    inventory = Inventory("phones.csv", Cells(Library(), Path("/nowhere")))
    with pytest.raises(MixedModeError, match=r"phones\.csv: cannot read it: Input/output error") as error:
        list(inventory.rows(io.BufferedReader(Failing())))
    assert error.value.exit_code == 2


def as_csv(rows: list[tuple[str, ...]]) -> str:
    return HEADER + "".join(f"{','.join(row)}\n" for row in rows)


def as_json(rows: list[tuple[str, ...]]) -> str:
    return json.dumps([dict(zip(COLUMNS, row, strict=True)) for row in rows])


def as_lines(rows: list[tuple[str, ...]]) -> str:
    return "".join(f"{json.dumps(dict(zip(COLUMNS, row, strict=True)))}\n" for row in rows)


@given(
    ROWS, st.sampled_from([as_csv, as_json, as_lines]), st.booleans(), st.booleans(),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=3),
)  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_whatever_comes_the_command_forecasts_or_says_what_is_wrong(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[str, ...]],
    form: object,
    skip: bool,
    packed: bool,
    damage: list[tuple[int, int]],
) -> None:
    data = bytearray(form(rows).encode("utf-8", "surrogatepass"))  # type: ignore[operator]
    data = bytearray(gzip.compress(bytes(data), mtime=0)) if packed else data
    for place, value in damage:
        if place < len(data):
            data[place] = value
    folder = tmp_path_factory.getbasetemp() / "fuzzed"
    folder.mkdir(exist_ok=True)
    file = folder / "phones"
    file.write_bytes(data)
    steps = (("publish", str(EXAMPLE / "publish" / "CTLFile.tlv")),)
    try:
        made = evaluate(Asked(str(file), steps, skip_bad_rows=skip), Path())
    except MixedModeError as error:
        assert error.exit_code == 2
    else:
        assert sum(cell.count for cell in made.cells) + made.found.bad <= max(len(rows), data.count(b"\n") + 10)
        assert skip or not made.found.bad


def test_the_command_counts_bad_rows(tmp_path: Path) -> None:
    (tmp_path / "phones.csv").write_text(f"{TEXT}{ROW}SEP1,7975,none,none,\nSEP000000000002,7975,none,none,\n")
    words = ("forecast", "--inventory", tmp_path / "phones.csv", "--publish", EXAMPLE / "publish" / "CTLFile.tlv")
    assert run_mixedmode(*words).returncode == 2
    done = run_mixedmode(*words, "--skip-bad-rows", "--json")
    assert done.returncode in {0, 1}, done.stderr
    assert json.loads(done.stdout)["bad_rows"] == 2
    assert "row 2, column name" in done.stderr


def test_a_folder_of_lists_that_is_not_there_explains_nothing(tmp_path: Path) -> None:
    """An empty folder is left out of archives: what it would have explained is unknown, and never safe."""
    (tmp_path / "phones.csv").write_text(HEADER + f"SEP000000000001,7975,{'ab' * 16},none,\n")
    steps = (("publish", str(EXAMPLE / "publish" / "CTLFile.tlv")),)
    made = evaluate(Asked(str(tmp_path / "phones.csv"), steps, lists=("nowhere",)), tmp_path)
    assert made.found.absent == ("nowhere",)
    assert [cell.forecast.outcome.value for cell in made.cells] == ["unknown"]
