"""Many lines at once say the same as one after the other: phones, kinds, what is skipped, and each error's place."""

from __future__ import annotations

import gzip
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mixedmode.errors import MixedModeError
from mixedmode.inventory import fast_lane, reading, sources
from mixedmode.inventory.cells import Cells
from mixedmode.inventory.library import Library
from mixedmode.inventory.reading import Inventory

HEADER = "name,model,ctl,itl,security_mode"
NAMES = [f"SEP{number:012X}" for number in range(6)]
ODD_NAMES = ["sep00000000000A", "00:11:22:33:44:55", "CSFanna", "", "SEP1", "\udcffx", "SEP00000000000G", "x" * 200]
RESTS = [
    "7975,none,none,encrypted", "8861,none,,", f"7940,{'ab' * 16},,", "nomodel,none,none,", ",,,",
]  # fmt: skip
BAD_RESTS = [
    "7975,none",
    "7975,none,none,secure",
    "7975,nofile,none,",
    "7975,none,none,,,",
    "7\0,,,",
    "\udcff,,,",
    "!,,,",
]
LINES = st.one_of(
    st.builds("{},{}".format, st.sampled_from(NAMES), st.sampled_from(RESTS)),
    st.builds("{},{}".format, st.sampled_from(NAMES + ODD_NAMES), st.sampled_from(RESTS + BAD_RESTS)),
    st.builds('"{}","{}"'.format, st.sampled_from(NAMES), st.sampled_from(RESTS)),
    st.sampled_from(["", " ", '"', 'a"b,c', '"multi\nline",,,,', "\r", NAMES[0]]),
    st.text('SEP0123456789ABCDEF,;\t"\r\n \0é', max_size=30),
)
FILES = st.tuples(st.lists(LINES, max_size=12), st.sampled_from(["\n", "\r\n", "\r"]), st.booleans())


def read(data: bytes, *, fast: bool, skip: bool) -> tuple[list[Any], Any]:
    inventory = Inventory("phones.csv", Cells(Library(), Path("/nowhere")), skip, fast=fast)
    error = None
    rows: list[Any] = []
    try:
        for name, kind, carried in inventory.rows(io.BytesIO(data)):
            rows.append((name, kind, carried))
    except MixedModeError as found:
        error = (type(found), str(found), found.where, found.code)
    skipped = [(str(each), each.where) for each in inventory.errors]
    return rows if error is None else [], (error, inventory.bad, skipped, inventory.missing, inventory.ignored)


@given(FILES, st.booleans(), st.sampled_from([1 << 19, 40, 7]))
@example((["SEP000000000001,7975,none,none,"] * 2, "\n", True), False, 40)
@settings(max_examples=400, deadline=None)
def test_both_lanes_say_the_same(file: tuple[list[str], str, bool], skip: bool, piece: int) -> None:
    lines, end, ends = file
    data = (end.join([HEADER, *lines]) + (end if ends else "")).encode("utf-8", "surrogateescape")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sources, "PIECE", piece)
        assert read(data, fast=True, skip=skip) == read(data, fast=False, skip=skip)


def many(count: int, rest: str = "7975,none,none,") -> str:
    return "".join(f"SEP{number:012X},{rest}\n" for number in range(count))


@pytest.mark.parametrize(
    ("bad", "column"),
    [
        ("SEP00000000000X,7975,none,none,\n", "name"),
        ("SEP000000000007,7975,none,none,\n", "name"),
        ("SEPAAAAAAAAAAAA,7975,none,none,secret\n", "security_mode"),
        ("SEPAAAAAAAAAAAA,7975,none,nofile.tlv,\n", "itl"),
        ("SEPAAAAAAAAAAAA,7975,none\n", "itl"),
        ("SEPAAAAAAAAAAAA,\xff,none,none,\n", "model"),
        ('SEPAAAAAAAAAAAA,"7975,none,none,\n', None),
    ],
)
@pytest.mark.parametrize("at", [0, 20_000, 50_000])
def test_a_bad_row_among_fifty_thousand_is_named(bad: str, column: str | None, at: int) -> None:
    rows = many(50_000).splitlines(keepends=True)
    text = HEADER + "\n" + "".join([*rows[:at], bad, *rows[at:]])
    data = text.encode("latin-1")
    fast, careful = read(data, fast=True, skip=False), read(data, fast=False, skip=False)
    assert fast == careful
    error = fast[1][0]
    if column is not None:
        # Of two phones of one name the second is the one too many.
        row = 9 if at == 0 and "000007" in bad else at + 1
        assert f"row {row}, column {column}" in error[1]
        assert error[2] == f"phones.csv:{row + 1}"


def test_blank_lines_above_the_header_are_counted() -> None:
    _, (error, *_) = read(f"\n\n{HEADER}\nSEP1,7975,none,none,\n".encode(), fast=True, skip=False)
    assert error[2] == "phones.csv:4"


def test_rests_that_all_differ_close_the_lane(monkeypatch: pytest.MonkeyPatch) -> None:
    """Times in each row make each rest another one: their number must not grow with the file."""
    monkeypatch.setattr(fast_lane, "MOST_RESTS", 100)
    monkeypatch.setattr(sources, "PIECE", 1 << 12)
    text = "name,model,ctl,itl,last_seen\n" + "".join(
        f"SEP{number:012X},7975,none,none,2026-01-01T00:00:{number}\n" for number in range(3000)
    )
    inventory = Inventory("x", Cells(Library(), Path()))
    batches = list(inventory.batches(io.BytesIO(text.encode())))
    assert sum(len(each.names) for each in batches) == 3000
    assert sum(len(each.names) for each in batches if each.shared) < 300
    assert batches[-1].known[-1].carried == ("", "2026-01-01T00:00:2999")


def test_most_lines_take_the_lane() -> None:
    inventory = Inventory("x", Cells(Library(), Path()))
    batches = list(inventory.batches(io.BytesIO(gzip.compress(f"{HEADER}\n{many(20_000)}".encode(), mtime=0))))
    assert all(each.shared for each in batches)
    assert sum(len(each.names) for each in batches) == 20_000
    assert reading.Batch is type(batches[0])
