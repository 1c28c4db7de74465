"""The example of the documents, as they have the reader run it."""

from __future__ import annotations

import subprocess
import sys

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


def test_the_readme_runs_it_from_the_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    place = EXAMPLE.relative_to(ROOT)
    lists = f"{place}/publish/CTLFile.tlv,{place}/publish/ITLFile.tlv"
    words = ("--inventory", place / "inventory.csv", "--lists", place / "lists", "--tvs-trust", place / "tvs")
    assert run_mixedmode("forecast", *words, "--publish", lists).returncode == 1


def test_files_alone_need_no_database_library() -> None:
    code = (
        "import sys; sys.modules['sqlalchemy'] = sys.modules['asyncssh'] = sys.modules['pydantic'] = None\n"
        "sys.argv[0] = 'mixedmode'\nfrom mixedmode.app.main import main\nmain()"
    )
    words = [sys.executable, "-c", code, "forecast", *WORDS, "--tvs-trust", "tvs"]
    done = subprocess.run(words, cwd=EXAMPLE, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
