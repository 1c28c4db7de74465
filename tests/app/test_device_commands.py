"""Phones of a node: added, imported all or none, listed, removed, and served at once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support import run_mixedmode


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "mixedmode.toml"
    made = run_mixedmode(
        "node", "init", "--name=pub1", "--address=127.0.0.1", "--directory", tmp_path / "data", "--config", path
    )
    assert made.returncode == 0, made.stderr
    return path


def names(config: Path) -> list[str]:
    return [each["name"] for each in json.loads(run_mixedmode("device", "list", "--json", "--config", config).stdout)]


def test_phones_come_and_go(config: Path, tmp_path: Path) -> None:
    added = run_mixedmode("device", "add", "SEP001122334455", "--model", "8861", "--config", config)
    assert added.returncode == 0, added.stderr
    again = run_mixedmode("device", "add", "SEP001122334455", "--config", config)
    assert (again.returncode, "there already" in again.stderr) == (2, True)
    (tmp_path / "phones.csv").write_text("name,model,device_pool\nSEP0011223344AA,7975,Krakow\nSEP0011223344AB,7940,\n")
    assert run_mixedmode("device", "import", tmp_path / "phones.csv", "--config", config).returncode == 0
    assert names(config) == ["SEP001122334455", "SEP0011223344AA", "SEP0011223344AB"]
    assert run_mixedmode("device", "remove", "SEP001122334455", "--config", config).returncode == 0
    assert run_mixedmode("device", "remove", "SEP001122334455", "--config", config).returncode != 0
    assert names(config) == ["SEP0011223344AA", "SEP0011223344AB"]
    assert "Krakow" in run_mixedmode("device", "list", "--config", config).stdout


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name,model\nSEP0011223344AA,7975\nnonsense,7975\n", "nonsense"),
        ("name,colour\nSEP0011223344AA,red\n", "colour"),
        ("model\n7975\n", "no column"),
        ("name,model\nSEP0011223344AA,9999999\n", "9999999"),
        ("name\n", "no phone"),
        ("name,security_mode\nSEP0011223344AA,high\n", ":2"),
    ],
)
def test_a_bad_file_adds_nothing(config: Path, tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "phones.csv").write_text(text)
    done = run_mixedmode("device", "import", tmp_path / "phones.csv", "--config", config)
    assert done.returncode == 2
    assert said in done.stderr
    assert names(config) == []
