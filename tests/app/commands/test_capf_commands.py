"""CAPF for phones without a cluster, from the command line."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import run_mixedmode, start_mixedmode


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    words = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "30",
        "-subj",
        "/CN=CAPF-e41e7d87/O=Site",
    ]
    subprocess.run(
        [*words, "-keyout", tmp_path / "capf.key", "-out", tmp_path / "capf.crt"], check=True, capture_output=True
    )
    (tmp_path / "capf.pem").write_bytes((tmp_path / "capf.key").read_bytes() + (tmp_path / "capf.crt").read_bytes())
    (tmp_path / "capf.pem").chmod(0o600)
    serve = ["capf", "serve", "--key", str(tmp_path / "capf.pem"), "--directory", str(tmp_path / "devices"), "--port=0"]
    with (tmp_path / "log").open("wb") as log:
        process = start_mixedmode(*serve, "--trace", stderr=log)
    try:
        while not (said := (tmp_path / "log").read_text()).endswith("\n"):
            assert process.poll() is None
            time.sleep(0.05)
        yield tmp_path, said.splitlines()[0].split(";")[0].rsplit(":", 1)[1]
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(100) == 0


@pytest.mark.interop("openssl")
def test_a_phone_gets_its_certificate_and_loses_it(site: tuple[Path, str]) -> None:
    folder, port = site
    devices = folder / "devices"
    (folder / "digits").write_text("12345")
    (folder / "digits").chmod(0o600)
    ordered = run_mixedmode(
        "capf", "set", "SEP001122334455", "install", "--key", "ec-256", "--directory", devices,
        "--password-file", folder / "digits",
    )  # fmt: skip
    assert ordered.returncode == 0, ordered.stderr
    enrol = ("capf", "enrol", "SEP001122334455", "--port", port, "--out", folder / "lsc.pem")
    refused = run_mixedmode(*enrol)
    assert refused.returncode == 1
    done = run_mixedmode(*enrol, "--password-file", folder / "digits")
    assert done.returncode == 0, done.stderr
    assert (folder / "lsc.pem").stat().st_mode & 0o777 == 0o600
    verified = subprocess.run(
        ["openssl", "verify", "-CAfile", folder / "capf.crt", folder / "lsc.pem"], capture_output=True, check=False
    )
    assert verified.returncode == 0
    [listed] = json.loads(run_mixedmode("capf", "list", "--directory", devices, "--json").stdout)
    assert (listed["device"], listed["operation"]) == ("SEP001122334455", "none")
    assert listed["issuer"].startswith("CN=CAPF-e41e7d87")
    run_mixedmode("capf", "set", "SEP001122334455", "delete", "--directory", devices)
    assert "removed" in run_mixedmode(*enrol).stdout
    assert not (folder / "lsc.pem").exists()


def test_a_phone_proves_itself_by_its_certificate_and_people_see_why_another_cannot(site: tuple[Path, str]) -> None:
    folder, port = site
    devices = folder / "devices"
    order = ("capf", "set", "SEP001122334455", "install", "--key", "ec-256", "--directory", devices)
    enrol = ("capf", "enrol", "SEP001122334455", "--port", port, "--out", folder / "lsc.pem")
    assert run_mixedmode(*order).returncode == 0
    assert run_mixedmode(*enrol).returncode == 0
    first = (folder / "lsc.pem").read_bytes()
    assert run_mixedmode(*order, "--by-certificate").returncode == 0
    refused = run_mixedmode(*enrol, "--proof", "password")
    assert refused.returncode == 1
    assert run_mixedmode(*enrol, "--proof", "mic").returncode == 2
    assert run_mixedmode(*enrol).returncode == 0
    assert (folder / "lsc.pem").read_bytes() != first
    notes = [json.loads(line) for line in (devices / "audit.log").read_text().splitlines()]
    assert [note["outcome"] for note in notes] == ["installed", "refused", "installed"]
    assert notes[1]["reason"] == "it shows no certificate; wrong proof 1 of 5"
    log = (folder / "log").read_text()
    assert "SEP001122334455 from 127.0.0.1 refused: it shows no certificate" in log
    assert "> AUTH_RESPONSE, reason OK" in log


def test_a_wrong_value_is_explained(tmp_path: Path) -> None:
    done = run_mixedmode("capf", "set", "SEP001122334455", "install", "--key", "rsa-100", "--directory", tmp_path)
    assert done.returncode == 2
    assert "rsa-2048" in done.stderr
