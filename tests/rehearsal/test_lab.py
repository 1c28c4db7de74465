"""The lab as a newcomer meets it: started, tried with real clients, stopped, started again."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import shlex
import signal
import subprocess
import time
import tomllib
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.store.guide_runs import GuideRuns
from mixedmode.errors import UsageError
from mixedmode.guides.observer import published_sha1
from mixedmode.live.cluster_file import read_cluster_file
from mixedmode.rehearsal.lab.document import administrator, read_lab
from mixedmode.rehearsal.lab.lab import Lab
from mixedmode.rehearsal.lab.spec import LabSpec
from tests.forked import Started
from tests.support import run_mixedmode, start_mixedmode, until


def wait_for_lab(process: Started, directory: Path, output: Path) -> dict[str, Any]:
    deadline = time.monotonic() + 300
    while "What to try" not in output.read_text():
        assert process.poll() is None, output.read_text()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    document: dict[str, Any] = json.loads((directory / "lab.json").read_text())
    return document


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, Any], str]]:
    """A running lab: its folder, lab.json, and what it printed."""
    folder = tmp_path_factory.mktemp("labs") / 'the "first" 100% lab\'s' / ("deep" * 25)
    folder.mkdir(parents=True)
    directory, output = folder / "lab", folder / "output"
    with output.open("w") as sink:
        process = start_mixedmode("lab", "--directory", "lab", "--phones", "4", stdout=sink, cwd=folder)
        try:
            document = wait_for_lab(process, directory, output)
            yield directory, document, output.read_text()
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(100) == 0


def tftp_of(document: dict[str, Any], role: str = "publisher") -> tuple[str, int]:
    node = next(node for node in document["nodes"] if node["role"] == role)
    return node["address"], node["ports"]["tftp"]


def test_lab_json_names_nodes_ports_and_phones(running: tuple[Path, dict[str, Any], str]) -> None:
    directory, document, _ = running
    assert [node["role"] for node in document["nodes"]] == ["publisher", "subscriber"]
    for node in document["nodes"]:
        assert set(node["ports"]) == {
            "tftp", "http", "https", "tvs", "ssh", "sftp", "web", "sccp", "sccp_tls", "capf", "ctl_provider",
        }  # fmt: skip
    assert len(document["phones"]) == 4
    password = Path(document["administrator"]["password_file"])
    assert password.stat().st_mode & 0o777 == 0o600
    assert list(directory.rglob("*.pem"))
    assert all(key.stat().st_mode & 0o077 == 0 for key in directory.rglob("keys/*"))


def test_each_phone_has_pages_of_its_own_with_what_it_holds(running: tuple[Path, dict[str, Any], str]) -> None:
    _, document, _ = running
    pages = {phone["model"]: phone["web"] for phone in document["phones"]}
    assert len(set(pages.values())) == len(pages)
    with urlopen(f"{pages['8861']}CGI/Java/Serviceability?adapter=device.statistics.configuration") as answer:
        text = unescape(answer.read().decode())
    node = next(node for node in document["nodes"] if node["role"] == "publisher")
    with urlopen(f"http://{node['address']}:{node['ports']['http']}/ITLFile.tlv") as served:
        sha1 = hashlib.sha1(served.read()).hexdigest()
    shown = re.search(r"ITL signature</B></TD><td width=20></TD><TD><B>([0-9A-F ]+)</B>", text)
    assert shown is not None
    assert bytes.fromhex(shown[1]).hex() == sha1
    with urlopen(f"{pages['8861']}DeviceLogX") as log:
        assert b"] ITL installed</status>" in log.read()


def test_the_table_says_what_to_try(running: tuple[Path, dict[str, Any], str]) -> None:
    _, document, printed = running
    host, port = tftp_of(document)
    assert "cucm-1051-a-pub" in printed
    assert f"tftp://{host}:{port}/ITLFile.tlv" in printed
    assert "ITL installed" in printed


@pytest.mark.interop("curl")
@pytest.mark.parametrize("role", ["publisher", "subscriber"])
def test_curl_fetches_a_phones_itl_from_each_node(
    running: tuple[Path, dict[str, Any], str], tmp_path: Path, role: str
) -> None:
    host, port = tftp_of(running[1], role)
    out = tmp_path / "ITLFile.tlv"
    url = f"tftp://{host}:{port}/ITLSEP001122334401.tlv"
    subprocess.run(["curl", "--silent", "--fail", "--output", out, url], check=True, timeout=30)
    shown = json.loads(run_mixedmode("show", out, "--json").stdout)
    assert (shown["kind"], shown["verified"]) == ("ITL", True)
    assert run_mixedmode("verify", f"tftp://{host}:{port}/ITLFile.tlv").returncode == 0


def test_a_signed_configuration_opens_with_the_itl_of_its_node(
    running: tuple[Path, dict[str, Any], str], tmp_path: Path
) -> None:
    host, port = tftp_of(running[1])
    name = "SEP001122334402.cnf.xml.sgn"
    fetched = run_mixedmode("tftp", "get", f"tftp://{host}:{port}/{name}", "--output", tmp_path / name)
    assert fetched.returncode == 0, fetched.stderr
    trust = f"tftp://{host}:{port}/ITLFile.tlv"
    opened = run_mixedmode("open-config", tmp_path / name, "--trust", trust)
    assert opened.returncode == 0, opened.stderr
    assert "<TVS>" in opened.stdout
    assert host in opened.stdout
    changed = (tmp_path / name).read_bytes().replace(b"<deviceSecurityMode>1", b"<deviceSecurityMode>3")
    (tmp_path / name).write_bytes(changed)
    assert run_mixedmode("open-config", tmp_path / name, "--trust", trust).returncode == 1


def test_a_file_that_is_not_there_is_an_error_of_the_other_side(running: tuple[Path, dict[str, Any], str]) -> None:
    host, port = tftp_of(running[1])
    missing = run_mixedmode("show", f"tftp://{host}:{port}/CTLFile.tlv")
    assert missing.returncode == 3
    assert "File not found" in missing.stderr


def test_the_admin_prompt_answers_over_ssh(running: tuple[Path, dict[str, Any], str]) -> None:
    directory = running[0]
    answer = run_mixedmode("admin", "--directory", directory, "show", "version", "active")
    assert answer.returncode == 0, answer.stderr
    assert "Active Master Version: 10.5.1.10000-7" in answer.stdout
    subscriber = run_mixedmode(
        "admin", "--directory", directory, "cucm-1051-a-sub1", stdin=b"utils ctl update CTLFile\ny\nexit\n"
    )
    assert "publisher" in subscriber.stdout


def test_the_lab_is_found_from_any_folder(running: tuple[Path, dict[str, Any], str], tmp_path: Path) -> None:
    directory = running[0]
    (tmp_path / "lab").mkdir()
    (tmp_path / "lab" / "administrator.password").write_text("wrong\n")
    assert Path(running[1]["administrator"]["password_file"]) == directory / "administrator.password"
    for place in (directory.parent, tmp_path, Path("/")):
        for words in (["admin", "show", "version", "active"], ["phones", "list"]):
            first = 2 if words[0] == "phones" else 1
            done = run_mixedmode(*words[:first], "--directory", directory, *words[first:], cwd=place)
            assert done.returncode == 0, done.stderr


def test_a_lab_of_an_earlier_release_is_found_too(tmp_path: Path) -> None:
    document = {
        "nodes": [{"name": "pub", "role": "publisher", "address": "127.0.0.1", "ports": {"ssh": 22}}],
        "administrator": {"username": "administrator", "password_file": "labs/one/administrator.password"},
    }
    (tmp_path / "lab.json").write_text(json.dumps(document))
    found = read_lab(tmp_path, missing="", next_step="")
    assert administrator(tmp_path, found) == ("administrator", tmp_path / "administrator.password")


@pytest.mark.parametrize(
    "text", ["{", "[]", "{}", '{"nodes": [3]}', '{"nodes": [{"name": "pub"}]}', '{"nodes": []}', "\udcff"]
)
def test_a_lab_json_that_is_none_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "lab.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    done = run_mixedmode("admin", "--directory", tmp_path, "show", "version", "active")
    assert done.returncode == 2
    assert "next:" in done.stderr


def test_openssh_logs_in_by_the_line_that_is_printed(running: tuple[Path, dict[str, Any], str], tmp_path: Path) -> None:
    directory, document, printed = running
    line = next(line.strip() for line in printed.splitlines() if line.startswith("  ssh -o "))
    askpass = tmp_path / "askpass"
    askpass.write_text(f"#!/bin/sh\ncat {shlex.quote(document['administrator']['password_file'])}\n")
    askpass.chmod(0o700)
    done = subprocess.run(
        ["/bin/sh", "-c", f"{line} -o StrictHostKeyChecking=yes show version active"],
        env={**os.environ, "SSH_ASKPASS": str(askpass), "SSH_ASKPASS_REQUIRE": "force", "HOME": str(tmp_path)},
        cwd="/", stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Active Master Version" in done.stdout
    assert len((directory / "known_hosts").read_text().splitlines()) == 2


def test_cluster_toml_says_what_lab_json_says(running: tuple[Path, dict[str, Any], str]) -> None:
    directory, document, _ = running
    cluster = tomllib.loads((directory / "cluster.toml").read_text())
    for node, described in zip(cluster["node"], document["nodes"], strict=True):
        assert {key: node[key] for key in ("name", "address", "role")} == {
            key: described[key] for key in ("name", "address", "role")
        }
        assert node["ports"].items() <= described["ports"].items()
        assert {"tftp", "http", "https", "tvs", "ssh", "sccp_tls", "ctl_provider"} <= set(node["ports"])
    assert cluster["ssh"] == {
        "user": "administrator",
        "password_file": str(directory / "administrator.password"),
        "known_hosts": str(directory / "known_hosts"),
    }
    assert cluster["axl"] == {
        "user": "administrator",
        "password_file": str(directory / "administrator.password"),
        "cacert": str(directory / "web.pem"),
    }
    assert cluster["web"] == {"cacert": str(directory / "web.pem")}
    ports = {urlsplit(phone["web"]).port for phone in document["phones"]}
    assert cluster.get("phones") == ({"port": ports.pop()} if len(ports) == 1 else None)
    read = read_cluster_file(directory / "cluster.toml")
    assert [node.name for node in read.nodes] == [node["name"] for node in document["nodes"]]
    assert (directory / "web.pem").read_text().count("BEGIN CERTIFICATE") == len(document["nodes"])


def test_a_lab_that_runs_is_not_started_again(running: tuple[Path, dict[str, Any], str]) -> None:
    again = run_mixedmode("lab", "--directory", running[0])
    assert again.returncode == 2
    assert "the lab runs already" in again.stderr


def test_a_command_at_the_prompt_needs_no_standard_input(running: tuple[Path, dict[str, Any], str]) -> None:
    done = run_mixedmode("admin", "show", "ctl", cwd=running[0].parent)
    assert "CTL File not found" in done.stdout, done.stderr


def test_phones_that_speak_sip_are_counted_as_in_step_too(running: tuple[Path, dict[str, Any], str]) -> None:
    directory = running[0]
    at = ("--directory", directory)
    moved = run_mixedmode("admin", *at, "utils ctl set-cluster mixed-mode", stdin=b"y\n")
    assert "Cluster set to Mixed Mode" in moved.stdout, moved.stderr
    for service in ("Tftp", "CallManager"):
        assert "[STARTED]" in run_mixedmode("admin", *at, f"utils service restart Cisco {service}").stdout
    assert run_mixedmode("phones", "reset", *at, "--all").returncode == 0
    cluster = Cluster.attach(directory)
    runs, sha1 = GuideRuns(cluster.database), published_sha1(cluster)

    def three_of_four() -> bool:
        return runs.phones_in_step(sha1) == (3, 4)

    assert until(three_of_four, seconds=90)
    assert runs.phones_untold() == 1, "the 7940 has no Security by Default, and tells nothing"
    cluster.close()


def test_a_lab_is_opened_again_with_the_same_keys(tmp_path: Path) -> None:
    directory = tmp_path / "lab"
    first = run_mixedmode("lab", "--directory", directory, "--phones", "1", "--nodes", "1", "--once")
    assert first.returncode == 0, first.stderr
    itl = next(directory.rglob("ITLFile.tlv")).read_bytes()
    second = run_mixedmode("lab", "--directory", directory, "--nodes", "1", "--once")
    assert second.returncode == 0, second.stderr
    assert "opening the cluster" in second.stderr
    assert next(directory.rglob("ITLFile.tlv")).read_bytes() == itl
    specs = {
        "--nodes": LabSpec(nodes=2),
        "--phones": LabSpec(models=("7975", "7940")),
        "--database": LabSpec(database_url="sqlite:///else.db"),
    }
    for option, spec in specs.items():
        with pytest.raises(UsageError, match=f"{option}.*there is a lab already"):
            Lab(directory, spec)
    other = run_mixedmode("lab", "--directory", directory, "--nodes", "2")
    assert other.returncode == 2
    assert "--nodes 2: there is a lab already, and it has 1" in other.stderr
    place = ("--directory", directory)
    for words in (("admin", *place, "show", "version", "active"), ("phones", "list", *place), ("ctl-client", *place)):
        down = run_mixedmode(*words)
        assert down.returncode == 3
        assert "the lab is not running" in down.stderr
        assert f"mixedmode lab --directory {directory}" in down.stderr


def test_a_damaged_phone_is_named_and_ends_in_no_traceback(tmp_path: Path) -> None:
    directory = tmp_path / "lab"
    run_mixedmode("lab", "--directory", directory, "--phones", "2", "--nodes", "1", "--once")
    state = next((directory / "phones").glob("*.json"))
    state.write_text("{")
    again = run_mixedmode("lab", "--directory", directory, "--once")
    assert again.returncode == 2
    assert state.name in again.stderr
    assert "next:" in again.stderr


def test_a_lab_keeps_the_database_it_was_made_with(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/elsewhere.db"
    spec = LabSpec(nodes=1, models=(), database_url=url)
    made = Lab(tmp_path / "lab", spec)
    serial = made.cluster.own_certificate(made.cluster.publisher.name, "CallManager").serial
    asyncio.run(made.stop())
    assert (tmp_path / "lab" / "lab.database").stat().st_mode & 0o777 == 0o600
    for again in (LabSpec(), spec):
        back = Lab(tmp_path / "lab", again)
        assert back.cluster.own_certificate(back.cluster.publisher.name, "CallManager").serial == serial
        asyncio.run(back.stop())
    with pytest.raises(UsageError, match="there is a cluster already"):
        Lab(tmp_path / "other", spec)
    assert not (tmp_path / "other" / "lab.database").exists()
