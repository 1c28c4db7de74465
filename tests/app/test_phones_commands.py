"""Phones of a lab register with its CallManager and obey its resets."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import MIXEDMODE, run_mixedmode


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "lab"
    process = subprocess.Popen(
        [MIXEDMODE, "lab", "--directory", folder, "--phones", "3"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        assert until((folder / "lab.json").exists)
        assert until(lambda: len(registered(folder)) == 3)
        yield folder
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0


def until(holds: Callable[[], bool], seconds: float = 30) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.2)
    return False


def registered(lab: Path) -> list[dict[str, Any]]:
    done = run_mixedmode("phones", "list", "--directory", lab, "--json")
    return list(json.loads(done.stdout)) if done.returncode == 0 else []


def ctl_of(lab: Path, phone: str) -> str | None:
    held = json.loads((lab / "phones" / f"{phone}.json").read_text())
    return str(held["ctl"]) if held.get("ctl") else None


def test_a_reset_brings_the_new_ctl_to_every_phone(lab: Path) -> None:
    names = sorted(phone["name"] for phone in registered(lab))
    assert {phone["security"] for phone in registered(lab)} == {"non-secure"}
    for line in ("utils ctl set-cluster mixed-mode", "utils service restart Cisco Tftp"):
        assert run_mixedmode("admin", "--directory", lab, line, stdin=b"y\n").returncode == 0
    assert not any(ctl_of(lab, name) for name in names)
    done = run_mixedmode("phones", "reset", "--all", "--directory", lab)
    assert done.stdout == "3 phones were told to reset\n"
    assert until(lambda: all(ctl_of(lab, name) for name in names))
    assert until(lambda: len(registered(lab)) == 3)


def test_a_phone_that_is_not_registered_is_named(lab: Path) -> None:
    done = run_mixedmode("phones", "reset", "SEPFFFFFFFFFFFF", "--directory", lab)
    assert done.returncode == 1
    assert "SEPFFFFFFFFFFFF" in done.stderr
    assert run_mixedmode("phones", "reset", "--directory", lab).returncode == 2
