"""The page about the house names rooms and functions that are there."""

from __future__ import annotations

import re
from importlib import import_module

import pytest

from tests.docs.pages import ROOT

PAGE = (ROOT / "docs" / "explanation" / "architecture.md").read_text()
SOURCE = ROOT / "src" / "mixedmode"


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`([a-z_.]+:[A-Za-z_.]+)`", PAGE)) - {"module:function"}))
def test_each_function_of_the_ways_is_there(name: str) -> None:
    module, _, path = name.partition(":")
    found: object = import_module(f"mixedmode.{module}")
    for word in path.split("."):
        found = getattr(found, word)


def test_the_four_ways_are_told() -> None:
    ways = re.findall(r"^### (\w+)$", PAGE, re.MULTILINE)
    assert ways == ["Publish", "Take", "Foresee", "Look"]


def test_the_picture_names_every_room() -> None:
    rooms = {path.name for path in SOURCE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert rooms == set(re.findall(r"^  (\w+)/ ", PAGE, re.MULTILINE))


def test_small_changes_touch_files_that_are_there() -> None:
    told = PAGE.partition("## Three small changes")[2].partition("## Where to put what")[0]
    changes = [part for part in told.split("\n\n") if part.startswith("**")]
    assert len(changes) == 3
    for change in changes:
        files = re.findall(r"`([\w/]+\.py)`", change)
        assert 0 < len(files) <= 4
        folder = SOURCE
        for file in files:
            path = ROOT / file if "/" in file else folder / file
            assert path.is_file(), file
            folder = path.parent
