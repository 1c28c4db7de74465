"""The example of the documents, as they have the reader run it."""

from __future__ import annotations

import pytest

from tests.docs.pages import ROOT
from tests.support import run_mixedmode

EXAMPLE = ROOT / "docs" / "examples" / "forecast"
WORDS = ("--inventory", "inventory.csv", "--lists", "lists", "--publish", "publish/CTLFile.tlv,publish/ITLFile.tlv")


def test_the_example_says_who_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(EXAMPLE)
    done = run_mixedmode("forecast", *WORDS, "--tvs-trust", "tvs")
    first = done.stdout.splitlines()[:3]
    assert first == [line.strip() for line in (ROOT / "docs/reference/forecast.md").read_text().splitlines()[10:13]]
    assert done.returncode == 1
