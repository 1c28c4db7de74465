"""A node of its own: made, run, asked, handled over SSH, stopped."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mixedmode.cluster.engine.principal import Principal
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.operations.itl import ResetItl
from mixedmode.cluster.store.folders import NodeFolder
from mixedmode.errors import RemoteError
from mixedmode.node.status import SOCKET_NAME, ask_status
from tests.support import MIXEDMODE, run_mixedmode, start_mixedmode, until


def free_port(kind: int = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


UNITS = ("tftp", "http", "https", "tvs", "ssh", "sftp", "sccp", "sccp_tls", "capf", "ctl_provider", "web")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A publisher that was made: the folder of its settings file."""
    folder = tmp_path_factory.mktemp("node")
    ports = [
        f"--port={name}={free_port(socket.SOCK_DGRAM if name == 'tftp' else socket.SOCK_STREAM)}" for name in UNITS
    ]
    done = run_mixedmode(
        "node", "init", "--name", "pub1", "--address", "127.0.0.1", "--directory", str(folder / "data"),
        "--config", str(folder / "mixedmode.toml"), *ports,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    with (folder / "mixedmode.toml").open("a") as file:
        file.write(f"\n[metrics]\nport = {free_port()}\n")
    return folder


class RunningNode:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "node.log"
        with self.log.open("w") as log:
            self.process = start_mixedmode("node", "run", "--config", str(folder / "mixedmode.toml"), stderr=log)

    def ask(self) -> dict[str, Any]:
        done = run_mixedmode("node", "status", "--json", "--config", str(self.folder / "mixedmode.toml"))
        return dict(json.loads(done.stdout))

    def wait(self) -> dict[str, Any]:
        assert until(self._started, pause=0.02), self.log.read_text()
        return self.ask()

    def _started(self) -> bool:
        try:
            units = ask_status(self.folder / "data" / SOCKET_NAME)["units"]
        except RemoteError:
            return False
        return all(unit["state"] == "STARTED" or unit["problem"] for unit in units)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(100)


@pytest.fixture
def node(made: Path) -> Iterator[RunningNode]:
    running = RunningNode(made)
    try:
        running.wait()
        yield running
    finally:
        running.process.kill()
        running.process.wait()


def ports_of(document: dict[str, Any]) -> dict[str, int]:
    return {unit["name"]: unit["port"] for unit in document["units"]}


def test_what_init_makes_is_for_its_owner_alone(made: Path) -> None:
    assert (made / "mixedmode.toml").stat().st_mode & 0o777 == 0o600
    assert (made / "data").stat().st_mode & 0o777 == 0o700
    assert (made / "data" / "administrator.password").stat().st_mode & 0o777 == 0o600
    again = run_mixedmode("node", "init", "--name=a", "--address=127.0.0.1", "--config", str(made / "mixedmode.toml"))
    assert again.returncode == 2
    assert "exists already" in again.stderr


@pytest.mark.interop("ssh", "ssh-keyscan")
def test_a_node_serves_is_administered_and_stops(node: RunningNode, tmp_path: Path) -> None:
    document = node.ask()
    assert (document["node"], document["role"], document["security_mode"]) == ("pub1", "publisher", "Non Secure Mode")
    ports = ports_of(document)

    verified = run_mixedmode("verify", f"tftp://127.0.0.1:{ports['tftp']}/ITLFile.tlv")
    assert verified.returncode == 0, verified.stderr

    def admin(*words: str) -> subprocess.CompletedProcess[str]:
        known = tmp_path / "known_hosts"
        if not known.exists():
            scanned = subprocess.run(
                ["ssh-keyscan", "-p", str(ports["ssh"]), "127.0.0.1"], capture_output=True, text=True, check=True
            )
            known.write_text(scanned.stdout)
        return run_mixedmode(
            "admin", "--known-hosts", str(known),
            "--password-file", str(node.folder / "data" / "administrator.password"),
            f"127.0.0.1:{ports['ssh']}", *words,
        )  # fmt: skip

    shown = admin("utils", "service", "list")
    assert "Cisco Tftp[STARTED]" in shown.stdout, shown.stderr
    restarted = admin("utils", "service", "restart", "Cisco", "Tftp")
    assert "[STARTED]" in restarted.stdout
    units = {unit["name"]: unit for unit in node.ask()["units"]}
    assert (units["tftp"]["starts"], units["tftp"]["port"]) == (2, ports["tftp"])
    assert units["tvs"]["starts"] == 1

    assert node.stop() == 0
    assert "node stops" in node.log.read_text()
    gone = run_mixedmode("node", "status", "--config", str(node.folder / "mixedmode.toml"))
    assert gone.returncode == 3
    assert "mixedmode node run" in gone.stderr


def test_prometheus_sees_the_units(node: RunningNode) -> None:
    settings = (node.folder / "mixedmode.toml").read_text()
    port = settings.rsplit("port = ", 1)[1].strip()
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
        text = answer.read().decode()
    assert 'mixedmode_unit_up{node="pub1",unit="tftp"} 1.0' in text
    assert "process_resident_memory_bytes" in text


def test_a_second_node_in_the_same_directory_is_refused(node: RunningNode) -> None:
    second = run_mixedmode("node", "run", "--config", str(node.folder / "mixedmode.toml"))
    assert second.returncode == 2
    assert "runs already" in second.stderr
    assert node.ask()["node"] == "pub1"


def test_a_taken_port_is_a_problem_that_status_names_and_that_heals(made: Path) -> None:
    toml = (made / "mixedmode.toml").read_text()
    port = int(toml.split("tvs = ")[1].split()[0])
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        running = RunningNode(made)
        try:
            units = {unit["name"]: unit for unit in running.wait()["units"]}
            assert units["tvs"]["problem"]
            assert units["tftp"]["state"] == "STARTED"
            shown = run_mixedmode("node", "status", "--config", str(made / "mixedmode.toml"))
            assert shown.returncode == 1
            assert "tvs" in shown.stderr
            taken.close()
            assert until(lambda: not {u["name"]: u for u in running.ask()["units"]}["tvs"]["problem"])
            assert running.stop() == 0
        finally:
            running.process.kill()
            running.process.wait()


def test_a_node_left_behind_by_a_crash_starts_again(made: Path) -> None:
    running = RunningNode(made)
    running.wait()
    running.process.kill()
    running.process.wait()
    assert (made / "data" / "node.sock").exists()
    again = RunningNode(made)
    assert again.wait()["node"] == "pub1"
    assert again.stop() == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[node]\nname = 'a'\n", "node.address"),
        ("[node]\nname = 'a'\naddress = '10.0.0'\n", "node.address"),
        ("[node]\nname = 'a'\naddress = '10.0.0.1'\nport = 3\n", "node.port"),
        ("[node]\nname = 'a'\naddress = '10.0.0.1'\n[ports]\ntftpd = 3\n", "ports.tftpd"),
        ("[node]\nname = 'a'\naddress = '10.0.0.1'\n[ports]\ntftp = 70000\n", "ports.tftp"),
        ("[node\n", "not TOML"),
    ],
)
def test_a_slip_in_the_settings_is_named(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "mixedmode.toml"
    path.write_text(text)
    done = run_mixedmode("node", "run", "--config", str(path))
    assert done.returncode == 2
    assert said in done.stderr
    assert str(path) in done.stderr
    assert "Traceback" not in done.stderr


def test_the_environment_wins_over_the_file(made: Path) -> None:
    environment = {"MIXEDMODE_NODE__NAME": "sub9"}
    done = run_mixedmode("node", "run", "--config", str(made / "mixedmode.toml"), env=environment)
    assert done.returncode == 2
    assert "sub9" in done.stderr


def test_systemd_is_told_when_the_node_is_ready(made: Path, tmp_path: Path) -> None:
    place = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(place)
        sock.settimeout(100)
        process = subprocess.Popen(
            [MIXEDMODE, "node", "run", "--config", str(made / "mixedmode.toml")],
            env={**os.environ, "NOTIFY_SOCKET": place}, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            assert sock.recv(100) == b"READY=1"
            process.terminate()
            assert sock.recv(100) == b"STOPPING=1"
            assert process.wait(100) == 0
        finally:
            process.kill()
            process.wait()


def test_who_holds_the_lock_is_shown_and_what_was_cut_off_is_settled(
    node: RunningNode, made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered, go = threading.Event(), threading.Event()

    def stuck(_folder: NodeFolder, *_: object, **__: object) -> None:
        entered.set()
        go.wait(100)
        raise SystemExit  # as if its thread was cancelled

    def run() -> None:
        with contextlib.suppress(SystemExit):
            cluster.run(operation, Principal("anna", 4, "192.0.2.7"))

    cluster = Cluster.attach(made / "data")
    operation = ResetItl()
    with monkeypatch.context() as patched:
        patched.setattr(NodeFolder, "write", stuck)
        thread = threading.Thread(target=run)
        thread.start()
        assert entered.wait(100)
        shown = node.ask()["operation"]
        assert (shown["operation"], shown["user"], shown["source"]) == (operation.title, "anna", "192.0.2.7")
        assert (shown["node"], shown["state"]) == ("pub1", "running")
        told = run_mixedmode("node", "status", "--config", str(made / "mixedmode.toml")).stdout
        assert f"Operation: {operation.title}, by anna (192.0.2.7) on pub1, since {shown['since']}: running" in told
        go.set()
        thread.join()
    assert until(lambda: node.ask()["operation"] is None), node.log.read_text()
    assert cluster.operations.journal.history()[-1].state in {"done", "undone"}
    cluster.close()


def test_a_torn_list_is_named_by_status_and_put_right_at_the_next_start(made: Path) -> None:
    config = ("--config", str(made / "mixedmode.toml"))
    served = made / "data" / "pub1" / "active" / "log" / "cm" / "tftpdata" / "ITLFile.tlv"
    whole = served.read_bytes()
    running = RunningNode(made)
    try:
        assert running.wait()["lists"] == [
            {"file": "ITLFile.tlv", "state": "as published", "length": len(whole), "problem": None}
        ]
        served.write_bytes(whole[:900])
        (torn,) = running.ask()["lists"]
        assert (torn["state"], torn["length"]) == ("torn", 900)
        shown = run_mixedmode("node", "status", *config)
        assert shown.returncode == 1
        assert "ITLFile.tlv of pub1 is torn: " in shown.stdout
        assert "ITLFile.tlv of pub1 is torn: " in shown.stderr
        assert "restart Cisco Tftp" in shown.stderr
        assert running.stop() == 0
        running = RunningNode(made)
        document = running.wait()
        assert document["lists"][0]["state"] == "as published"
        assert served.read_bytes() == whole
        assert "trust list put right" in running.log.read_text()
        port = ports_of(document)["tftp"]
        assert run_mixedmode("verify", f"tftp://127.0.0.1:{port}/ITLFile.tlv").returncode == 0
        assert run_mixedmode("node", "status", *config).returncode == 0
        assert running.stop() == 0
    finally:
        running.process.kill()
        running.process.wait()
