"""What is installed on request: the reading parts do without it, and a command that needs it says how to get it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from mixedmode.app.parts import EXTRAS, UNIX
from tests.support import DATA

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
WITHOUT = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
for name in [name for name in sys.modules if name.partition(".")[0] in {blocked!r}]:
    del sys.modules[name]
from mixedmode.app.main import main

sys.argv[0] = "mixedmode"
main()
"""
TRANSCRIPT = ROOT / "tests" / "data" / "transcripts" / "118893-e-tokenless-full.txt"
SEED = DATA / "tlv" / "50-seed-tokenless-4947.tlv"
MOST_PACKAGES = 12


def run_without(blocked: set[str], *words: str | Path) -> subprocess.CompletedProcess[str]:
    code = WITHOUT.format(blocked=blocked)
    return subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, timeout=60, check=False)


def distribution(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found is not None
    return found.group().lower().replace("_", "-")


def closure(requirements: list[str]) -> set[str]:
    found: set[str] = set()
    todo = {distribution(each) for each in requirements}
    while todo:
        name = todo.pop()
        try:
            needs = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue  # its marker does not hold here
        found.add(name)
        todo |= {distribution(each) for each in needs if "extra ==" not in each} - found
    return found


def test_reading_needs_few_packages() -> None:
    assert len(closure(PROJECT["dependencies"])) + 1 <= MOST_PACKAGES


def test_every_module_of_an_extra_is_known() -> None:
    brought = {
        name: extra
        for extra, requirements in PROJECT["optional-dependencies"].items()
        for name in map(distribution, requirements)
    }
    known = {"python-pkcs11": "pkcs11"}
    modules = {known.get(name, name.replace("-", "_")): extra for name, extra in brought.items()}
    assert modules.items() <= EXTRAS.items()
    direct = {distribution(each) for each in PROJECT["dependencies"]}
    assert not {module.replace("_", "-") for module in EXTRAS} & direct


@pytest.mark.parametrize("blocked", [set(EXTRAS), set(UNIX)], ids=["without extras", "without Unix"])
def test_the_reading_commands_run_without(blocked: set[str], tmp_path: Path) -> None:
    shown = run_without(blocked, "show", SEED)
    assert shown.returncode == 0, shown.stderr
    assert "Length of CTL file: 4947" in shown.stdout
    assert run_without(blocked, "verify", "--json", SEED).returncode == 0
    assert json.loads(run_without(blocked, "diff", "--json", SEED, SEED).stdout)
    assert run_without(blocked, "extract", SEED, tmp_path / "certificates").returncode == 0
    assert run_without(blocked, "models").returncode == 0
    assert run_without(blocked, "explain", TRANSCRIPT).returncode == 0
    assert run_without(blocked, "calendar", SEED).returncode == 0


@pytest.mark.parametrize(
    ("words", "extra"),
    [
        (("lab", "--phones", "1"), "node"),
        (("node", "status"), "node"),
        (("device", "list"), "node"),
    ],
)
def test_a_command_that_needs_more_says_what_to_install(words: tuple[str, ...], extra: str, tmp_path: Path) -> None:
    done = run_without(set(EXTRAS), *words)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert f'pip install "mixedmode[{extra}]"' in done.stderr
