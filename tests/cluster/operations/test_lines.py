"""Lines of phones: added, changed, removed, and what is refused."""

from __future__ import annotations

import json

import pytest

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.errors import NotFoundError
from mixedmode.cluster.model.lines import LineSpec
from mixedmode.cluster.model.topology import DeviceSpec
from mixedmode.cluster.operations.devices import AddDevices, RemoveDevice
from mixedmode.cluster.operations.lines import AddLines, ChangeLine, LineValues, RemoveLine
from mixedmode.errors import UsageError

PHONE, OTHER = "SEP0011223344AA", "SEP0011223344BB"


@pytest.fixture
def phones(cluster: Cluster) -> Cluster:
    cluster.run(AddDevices((DeviceSpec(PHONE), DeviceSpec(OTHER))))
    return cluster


def test_lines_take_the_first_free_buttons_and_change(phones: Cluster) -> None:
    lines = (LineSpec(PHONE, "1001", 2, "Alice"), LineSpec(PHONE, "1002"), LineSpec(PHONE, "1003"))
    done = phones.run(AddLines(lines))
    assert list(done.changes) == ["3 lines added"]
    assert [(line.position, line.number) for line in phones.lines_of(PHONE)] == [(1, "1002"), (2, "1001"), (3, "1003")]
    phones.run(ChangeLine("1001", LineValues(forward_busy="1003", calls=2)))
    assert phones.lines.get("1001") == LineSpec(PHONE, "1001", 2, "Alice", forward_busy="1003", calls=2)
    phones.run(ChangeLine("1001", LineValues(forward_busy="")))
    assert phones.lines.get("1001").forward_busy == ""
    phones.run(RemoveLine("1002"))
    assert [line.number for line in phones.all_lines()] == ["1001", "1003"]


def test_the_lines_of_a_removed_phone_are_free(phones: Cluster) -> None:
    phones.run(AddLines((LineSpec(PHONE, "1001"),)))
    phones.run(RemoveDevice(PHONE))
    assert phones.all_lines() == []
    phones.run(AddLines((LineSpec(OTHER, "1001"),)))
    assert [line.number for line in phones.lines_of(OTHER)] == ["1001"]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ((LineSpec(PHONE, "1001"), LineSpec(OTHER, "1001")), "the same number"),
        ((LineSpec(PHONE, "1001"), LineSpec(OTHER, "2001")), "line 2001 is there already"),
        ((LineSpec(PHONE, "1001", 1), LineSpec(PHONE, "1002", 1)), "button 1 of"),
        ((LineSpec("SEP0011223344CC", "1001"),), "there is no device"),
        (tuple(LineSpec(PHONE, str(number)) for number in range(1000, 1043)), "no free button"),
    ],
)
def test_what_is_taken_or_unknown_is_refused_and_nothing_is_added(
    phones: Cluster, lines: tuple[LineSpec, ...], words: str
) -> None:
    phones.run(AddLines((LineSpec(OTHER, "2001"),)))
    with pytest.raises((UsageError, NotFoundError), match=words):
        phones.run(AddLines(lines))
    assert [line.number for line in phones.all_lines()] == ["2001"]


@pytest.mark.parametrize(
    "values",
    [
        {"number": "12a"},
        {"number": ""},
        {"number": "1" * 25},
        {"forward_all": "x"},
        {"position": 43},
        {"calls": 0},
        {"name": "x" * 31},
        {"label": "a\nb"},
    ],
)
def test_values_out_of_their_range_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        LineSpec(**{"device": PHONE, "number": "1001", **values})  # type: ignore[arg-type]


def test_changing_nothing_or_what_is_not_there_is_refused(phones: Cluster) -> None:
    with pytest.raises(UsageError, match="nothing is to be changed"):
        phones.run(ChangeLine("1001", LineValues()))
    for operation in (ChangeLine("1001", LineValues(name="x")), RemoveLine("1001")):
        with pytest.raises(NotFoundError, match="there is no line '1001'"):
            phones.run(operation)


def test_lines_by_the_command(phones: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    from mixedmode.app.commands.cluster import line

    where = phones.directory
    line.add(PHONE, "1001", 0, "Alice", "", "", "", "", 1, where, None)
    line.change("1001", None, "Desk", None, None, "1002", None, where, None)
    capsys.readouterr()
    line.list_lines(where, None, json=True)
    [found] = json.loads(capsys.readouterr().out)
    assert (found["number"], found["label"], found["forward_no_answer"]) == ("1001", "Desk", "1002")
    line.remove("1001", where, None)
    assert phones.all_lines() == []
