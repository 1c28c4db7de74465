"""The command line through OpenSSH's own client."""

from __future__ import annotations

import stat
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.topology import DeviceSpec
from mixedmode.cluster.operations.devices import AddDevices
from tests.faces.conftest import PUBLISHER, SUBSCRIBER
from tests.faces.sshlab import PASSWORD, QUICK, Screen, SshLab, ssh_lab
from tests.faces.transcript import masked, normal, transcript

ELSEWHERE = ("-b", "127.0.0.2")
"""In a test it stands for another host: this machine itself, 127.0.0.1, is never locked."""


@pytest.fixture
def lab(cluster: Cluster, tmp_path: Path) -> Iterator[SshLab]:
    with ssh_lab(cluster, PUBLISHER, tmp_path) as lab:
        yield lab


@pytest.mark.interop("ssh")
def test_the_seed_s_session_through_a_pipe(lab: SshLab) -> None:
    done = lab.ssh(
        "", stdin="show ctl\nutils ctl set-cluster mixed-mode\ny\nutils service restart Cisco Tftp\nshow ctl\n"
    )
    assert done.returncode == 0, done.stderr
    shown = done.stdout.split("admin:")
    assert shown[1].splitlines()[:2] == ["show ctl", "Length of CTL file: 0"]
    assert shown[2].splitlines() == [
        "utils ctl set-cluster mixed-mode",
        "This operation sets the cluster to Mixed mode. Do you want to continue? (y/n):y",
        "Moving Cluster to Mixed Mode",
        "Cluster set to Mixed Mode",
        "Please Restart the TFTP and Cisco CallManager services on all nodes in the cluster that run these services",
    ]
    assert shown[3].splitlines()[-1].startswith("Cisco Tftp[STARTED]")
    zone_masked = [word for word in masked(shown[4].replace("UTC", "CET").splitlines()[1:]) if word]
    assert zone_masked == masked(transcript("118893-e-tokenless-full.txt", "show ctl"))


@pytest.mark.interop("ssh")
def test_a_single_command(lab: SshLab) -> None:
    done = lab.ssh("show ctl")
    assert done.returncode == 0
    assert normal(done.stdout.splitlines()) == normal(transcript("118892-delete-and-recreate.txt", "show ctl"))


@pytest.mark.interop("ssh")
def test_a_single_command_asks_on_standard_input(lab: SshLab, cluster: Cluster) -> None:
    assert lab.ssh("utils ctl set-cluster mixed-mode").returncode == 1
    assert cluster.mode == 0
    assert lab.ssh("utils ctl set-cluster mixed-mode", stdin="y\n").returncode == 0
    assert cluster.mode == 1


@pytest.mark.interop("ssh")
def test_errors_reach_scripts_as_exit_codes(lab: SshLab) -> None:
    done = lab.ssh("show cttl")
    assert done.returncode == 2
    assert "'show cttl' is no command" in done.stdout


@pytest.mark.interop("ssh")
def test_levels(lab: SshLab) -> None:
    assert lab.ssh("show ctl", user="guest").returncode == 0
    refused = lab.ssh("utils ctl update CTLFile", user="guest", stdin="y\n")
    assert refused.returncode == 2
    assert "needs privilege level 1, and account guest has level 0" in refused.stdout
    assert "needs privilege level 4" in lab.ssh("utils itl reset localkey", user="operator").stdout


@pytest.mark.interop("ssh")
def test_a_terminal(lab: SshLab) -> None:
    screen = Screen(lab.command("administrator", "-t", "show ctl")[:-1], lab.environment(PASSWORD))
    screen.wait_for("Welcome to the Platform Command Line Interface\r\n\r\nadmin:")
    screen.type("show ver\tact\t")
    screen.wait_for("show version active ")
    screen.type("\r")
    screen.wait_for("Active Master Version: 10.5.1.10000-7\r\n(.*\r\n)*admin:")
    screen.type("utils service ?")
    assert "utils service restart" in screen.wait_for("admin:utils service ")
    screen.type("\x15utils ctl set-cluster mixed-mode\r")
    screen.wait_for(r"continue\? \(y/n\):")
    screen.type("n\r")
    screen.wait_for("Command cancelled\r\nadmin:")
    screen.type("\x1b[A\x1b[A")
    screen.wait_for("show version active")
    screen.type("\x03")
    screen.wait_for("admin:")
    screen.type("\x15exit\r")
    assert screen.close() == 0


@pytest.mark.interop("ssh")
def test_a_long_file_is_paged_on_a_terminal(lab: SshLab, cluster: Cluster) -> None:
    log = cluster.folder(PUBLISHER).area("activelog") / "cm/trace/long.txt"
    log.write_text("".join(f"line {number}\n" for number in range(1, 61)))
    screen = Screen(lab.command("administrator", "-t", "show ctl")[:-1], lab.environment(PASSWORD))
    screen.wait_for("admin:")
    screen.type("file view activelog cm/trace/long.txt\r")
    first = screen.wait_for(r"\(lines 1 - 22 of 60\) :")
    assert "line 22\r\n" in first
    assert "line 23\r\n" not in first
    screen.type("e\r")
    screen.wait_for("line 60\r\nend of the file reached")
    screen.wait_for(r"of 60\) :")
    screen.type("q\r")
    screen.wait_for("admin:")
    screen.type("exit\r")
    screen.close()
    assert "line 60" in lab.ssh("file view activelog cm/trace/long.txt").stdout


@pytest.mark.interop("ssh")
def test_a_wrong_password_is_delayed_then_locks_out_then_is_forgiven(cluster: Cluster, tmp_path: Path) -> None:
    limits = replace(QUICK, logins=replace(QUICK.logins, attempts=2, lock_seconds=600))
    with ssh_lab(cluster, PUBLISHER, tmp_path, limits) as lab:
        begun = time.monotonic()
        assert lab.ssh(*ELSEWHERE, "show ctl", password="wrong").returncode == 255
        assert time.monotonic() - begun > 0.2
        assert lab.ssh(*ELSEWHERE, "show ctl", password="wrong").returncode == 255
        locked = lab.ssh(*ELSEWHERE, "show ctl")
        assert locked.returncode == 255
        assert "Permission denied" in locked.stderr
        assert lab.ssh(*ELSEWHERE, "show ctl", user="operator").returncode == 0
        lab.service.guard.now = lambda: time.monotonic() + 601
        assert lab.ssh(*ELSEWHERE, "show ctl").returncode == 0
    logins = [entry for entry in cluster.operations.journal.audit() if entry.action == "login"]
    assert [(entry.user, entry.outcome) for entry in logins] == [
        ("administrator", "refused"),
        ("administrator", "refused"),
        ("administrator", "refused"),
        ("operator", "done"),
        ("administrator", "done"),
    ]
    assert {entry.source for entry in logins} == {"127.0.0.2"}
    assert PASSWORD not in str(logins)


@pytest.mark.interop("ssh")
def test_a_lock_outlives_the_service(cluster: Cluster, tmp_path: Path) -> None:
    limits = replace(QUICK, logins=replace(QUICK.logins, attempts=1, delay_seconds=0.01))
    with ssh_lab(cluster, PUBLISHER, tmp_path, limits) as lab:
        assert lab.ssh(*ELSEWHERE, "show ctl", password="wrong").returncode == 255
    with ssh_lab(cluster, PUBLISHER, tmp_path, limits) as lab:
        assert lab.ssh(*ELSEWHERE, "show ctl").returncode == 255
        assert lab.ssh(*ELSEWHERE, "show ctl", user="operator").returncode == 0


@pytest.mark.interop("ssh")
def test_an_unknown_account_looks_like_a_wrong_password(lab: SshLab) -> None:
    unknown, wrong = lab.ssh("show ctl", user="nobody"), lab.ssh("show ctl", password="wrong")
    assert unknown.returncode == wrong.returncode == 255
    assert unknown.stderr.replace("nobody", "administrator") == wrong.stderr


@pytest.mark.interop("ssh")
def test_a_public_key(lab: SshLab, tmp_path: Path) -> None:
    key = tmp_path / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    arguments = ("-i", str(key), "-o", "BatchMode=yes", "show version active")
    assert lab.ssh(*arguments, password="wrong").returncode == 255
    lab.service.accounts.allow_key("operator", key.with_suffix(".pub").read_text())
    assert lab.ssh(*arguments, user="operator").returncode == 0
    assert lab.ssh(*arguments).returncode == 255


@pytest.mark.interop("ssh")
def test_nothing_but_the_command_line(lab: SshLab) -> None:
    assert lab.ssh("-s", "sftp").returncode != 0
    forwarded = lab.ssh("-W", "127.0.0.1:22", "")
    assert "prohibited" in forwarded.stderr or forwarded.returncode != 0


@pytest.mark.interop("ssh")
def test_too_many_connections_are_refused(cluster: Cluster, tmp_path: Path) -> None:
    with ssh_lab(cluster, PUBLISHER, tmp_path, replace(QUICK, per_address=1)) as lab:
        screen = Screen(lab.command("administrator", "-t", "show ctl")[:-1], lab.environment(PASSWORD))
        screen.wait_for("admin:")
        refused = lab.ssh("show ctl")
        assert refused.returncode == 255
        assert "Connection closed" in refused.stderr or "Connection reset" in refused.stderr
        screen.type("exit\r")
        screen.close()
        assert lab.ssh("show ctl").returncode == 0


@pytest.mark.interop("ssh")
def test_an_idle_session_is_closed(cluster: Cluster, tmp_path: Path) -> None:
    with ssh_lab(cluster, PUBLISHER, tmp_path, replace(QUICK, idle_seconds=0.5)) as lab:
        screen = Screen(lab.command("administrator", "-t", "show ctl")[:-1], lab.environment(PASSWORD))
        screen.wait_for("Session closed: nothing was typed")
        assert screen.close() == 1


def test_keys_and_hashes_are_private(lab: SshLab, cluster: Cluster) -> None:
    folder = cluster.folder(PUBLISHER)
    for path in (lab.service.accounts.path, folder.keys / "ssh_host_ed25519_key"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert PASSWORD not in lab.service.accounts.path.read_text()


def test_the_host_key_stays_and_is_the_node_s_own(cluster: Cluster, tmp_path: Path) -> None:
    keys = []
    for node in (PUBLISHER, PUBLISHER, SUBSCRIBER):
        with ssh_lab(cluster, node, tmp_path) as lab:
            keys.append(lab.service.host_public_key)
    assert keys[0] == keys[1] != keys[2]


@pytest.mark.interop("ssh")
def test_the_list_is_shown_again_and_again_at_the_prompt(lab: SshLab) -> None:
    lab.ssh("utils ctl set-cluster mixed-mode", stdin="y\n")
    screen = Screen(lab.command("administrator", "-t", "show ctl")[:-1], lab.environment(PASSWORD))
    screen.wait_for("admin:")
    screen.type("show ctl\r")
    first = screen.wait_for("verified successfully.\r\nadmin:")
    screen.type("show ctl\r")
    assert screen.wait_for("verified successfully.\r\nadmin:") == first
    screen.type("exit\r")
    screen.close()


@pytest.mark.interop("ssh")
def test_what_a_stranger_named_reaches_no_terminal_raw(lab: SshLab, cluster: Cluster) -> None:
    evil = "\x1b]0;own\x07\x9b31m\u202e\u200b\nforged"
    device = DeviceSpec("SEP0011223344AA", "7975", evil, evil, "SCCP", 1)
    cluster.run(AddDevices((device,)))
    folder = cluster.folder(PUBLISHER).area("activelog") / "cm"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "trace\x1b[31m").write_text(evil)
    for line in ("run sql select name,description from device", "file list activelog cm/*", "show \x1b[31m", "? \x9b"):
        for done in (lab.ssh(line), lab.ssh("", stdin=f"{line}\nexit\n")):
            assert all(each.isprintable() or each == "\n" for each in done.stdout + done.stderr), done.stdout
            assert "\nforged" not in done.stdout
