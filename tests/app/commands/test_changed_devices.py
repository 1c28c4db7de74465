"""What is changed of a phone shows in its configuration on every node at once, without a restart."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import run_mixedmode, start_mixedmode, until

PHONE = "SEP0011223344AA"


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "lab"
    words = ("lab", "--directory", folder, "--phones", "1", "--nodes", "2")
    process = start_mixedmode(*words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        assert until((folder / "lab.json").exists)
        yield folder
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(100) == 0


def nodes(lab: Path) -> list[dict[str, Any]]:
    return list(json.loads((lab / "lab.json").read_text())["nodes"])


def fetch(node: dict[str, Any], scheme: str, name: str) -> bytes | None:
    url = f"{scheme}://{node['address']}:{node['ports'][scheme]}/{name}"
    done = subprocess.run(["curl", "-sf", "--max-time", "60", url], capture_output=True, check=False)
    return done.stdout if done.returncode == 0 else None


def everywhere(lab: Path, name: str, holds: Callable[[bytes | None], bool]) -> bool:
    """Whether every node comes to serve a file so, over TFTP and HTTP, while phones' seconds pass."""
    return until(lambda: all(holds(fetch(node, scheme, name)) for node in nodes(lab) for scheme in ("tftp", "http")))


@pytest.mark.interop("curl")
def test_adding_changing_and_removing_a_phone_shows_on_every_node(lab: Path, tmp_path: Path) -> None:
    config, signed, encrypted = (f"{PHONE}.cnf.xml{suffix}" for suffix in ("", ".sgn", ".enc.sgn"))
    assert everywhere(lab, config, lambda data: data is None)
    assert run_mixedmode("device", "add", PHONE, "--directory", lab).returncode == 0
    assert everywhere(lab, config, lambda data: b"<deviceSecurityMode>1<" in (data or b""))

    changed = run_mixedmode("device", "change", PHONE, "--security-mode", "3", "--protocol", "SIP", "--directory", lab)
    assert (changed.returncode, "changed" in changed.stdout, "Reset" in changed.stdout) == (0, True, True)
    assert everywhere(lab, config, lambda data: b"<deviceProtocol>SIP<" in (data or b""))
    assert everywhere(lab, config, lambda data: b"<deviceSecurityMode>1<" in (data or b"")), "it is not in mixed mode"
    assert everywhere(lab, encrypted, lambda data: data is None)

    publisher = nodes(lab)[0]
    ordered = run_mixedmode("capf", "set", PHONE, "install", "--directory", lab / publisher["name"] / "capf")
    assert ordered.returncode == 0, ordered.stderr
    port = str(publisher["ports"]["capf"])
    enrolled = run_mixedmode(
        "capf", "enrol", PHONE, "--host", publisher["address"], "--port", port, "--out", tmp_path / "lsc.pem"
    )
    assert enrolled.returncode == 0, enrolled.stderr
    assert everywhere(lab, encrypted, lambda data: data is not None)
    assert everywhere(lab, signed, lambda data: b"<deviceSecurityMode>" not in (data or b"<deviceSecurityMode>"))

    assert run_mixedmode("device", "remove", PHONE, "--directory", lab).returncode == 0
    assert everywhere(lab, encrypted, lambda data: data is None)
    refused = run_mixedmode("device", "change", PHONE, "--model", "8861", "--directory", lab)
    assert (refused.returncode != 0, PHONE in refused.stderr) == (True, True)
