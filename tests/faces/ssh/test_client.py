"""``mixedmode admin``: our own client against our own server."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mixedmode.cluster.facade import Cluster
from tests.faces.conftest import PUBLISHER
from tests.faces.sshlab import PASSWORD, Screen, SshLab, ssh_lab
from tests.support import MIXEDMODE, run_mixedmode

COMMAND = [str(MIXEDMODE), "admin"]
"""As installed, which has the terminal that it is started on."""


@pytest.fixture
def lab(cluster: Cluster, tmp_path: Path) -> Iterator[SshLab]:
    with ssh_lab(cluster, PUBLISHER, tmp_path) as lab:
        password_file = tmp_path / "password"
        password_file.write_text(f"{PASSWORD}\n")
        node = {
            "name": PUBLISHER,
            "role": "publisher",
            "address": "127.0.0.1",
            "ports": {"ssh": lab.port},
            "ssh_host_key": lab.service.host_public_key,
        }
        administrator = {"username": "administrator", "password_file": str(password_file)}
        (tmp_path / "lab.json").write_text(json.dumps({"nodes": [node], "administrator": administrator}))
        yield lab


def run(lab: SshLab, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return run_mixedmode("admin", *arguments, stdin=stdin.encode(), cwd=lab.folder)


def test_a_command_on_the_labs_publisher(lab: SshLab) -> None:
    done = run(lab, "--directory", str(lab.folder), "show", "version", "active")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Active Master Version: 10.5.1.10000-7\n")


def test_a_node_by_its_name_and_a_question_on_standard_input(lab: SshLab, cluster: Cluster) -> None:
    done = run(lab, "--directory", str(lab.folder), PUBLISHER, "utils", "ctl", "set-cluster", "mixed-mode", stdin="y\n")
    assert done.returncode == 0, done.stderr
    assert "Cluster set to Mixed Mode" in done.stdout
    assert cluster.mode == 1


def test_lines_through_a_pipe(lab: SshLab) -> None:
    done = run(lab, "--directory", str(lab.folder), stdin="show version active\nshow nothing\n")
    assert done.returncode == 2
    assert "admin:show version active\nActive Master Version: 10.5.1" in done.stdout


def test_a_host_with_known_hosts_and_a_password_file(lab: SshLab) -> None:
    options = ("--password-file", str(lab.folder / "password"), "--known-hosts", str(lab.known_hosts))
    done = run(lab, *options, "--user", "guest", f"127.0.0.1:{lab.port}", "show", "ctl")
    assert done.returncode == 0, done.stderr
    assert "Length of CTL file: 0" in done.stdout


def test_an_unknown_host_key_is_refused(lab: SshLab) -> None:
    (lab.folder / "empty").write_text("")
    options = ("--password-file", str(lab.folder / "password"), "--known-hosts", str(lab.folder / "empty"))
    done = run(lab, *options, f"127.0.0.1:{lab.port}", "show", "ctl")
    assert done.returncode == 1
    assert "the host key is not known" in done.stderr
    assert "SHA256:" in done.stderr


def test_a_wrong_password_and_a_silent_port(lab: SshLab) -> None:
    (lab.folder / "wrong").write_text("no\n")
    done = run(lab, "--directory", str(lab.folder), "--password-file", str(lab.folder / "wrong"), "show", "ctl")
    assert done.returncode == 2
    assert "the login was refused" in done.stderr
    done = run(lab, "--directory", str(lab.folder), "--port", "1", "show", "ctl")
    assert done.returncode == 3
    assert "the node does not answer" in done.stderr


def test_without_a_lab_a_host_is_needed(tmp_path: Path) -> None:
    done = run_mixedmode("admin", cwd=tmp_path)
    assert done.returncode == 2
    assert "no node is named" in done.stderr


def test_a_terminal(lab: SshLab) -> None:
    screen = Screen([*COMMAND, "--directory", str(lab.folder)], {**os.environ, "TERM": "xterm"})
    screen.wait_for("admin:")
    screen.type("show version act\t\r")
    screen.wait_for("Active Master Version: 10.5.1.10000-7")
    screen.wait_for("admin:")
    screen.type("exit\r")
    assert screen.close() == 0


@pytest.mark.parametrize("place", [0, 1, 4])
def test_options_stand_anywhere(lab: SshLab, place: int) -> None:
    words = [PUBLISHER, "show", "version", "active"]
    done = run(lab, *words[:place], "--user", "guest", "--directory", str(lab.folder), *words[place:])
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Active Master Version")


def test_words_of_the_node_that_look_like_options(lab: SshLab) -> None:
    done = run(lab, "--directory", str(lab.folder), "run", "sql", "select", "-1")
    assert done.stdout.split() == ["-1", "==", "-1"]
    done = run(lab, "--directory", str(lab.folder), "--", "run", "sql", "select", "5", "--user")
    assert done.returncode == 0, done.stdout
    done = run(lab, "show", "itl", "--directory", str(lab.folder), "--detail")
    assert done.returncode == 2
    assert "'--detail' is one word too many" in done.stdout


def other_key(tmp_path: Path) -> str:
    key = tmp_path / "other"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    return " ".join(key.with_suffix(".pub").read_text().split()[:2])


def test_a_changed_host_key_is_explained_and_taken_after_a_yes(lab: SshLab, tmp_path: Path) -> None:
    place = f"[127.0.0.1]:{lab.port}"
    file = tmp_path / "hosts"
    other = other_key(tmp_path)
    file.write_text(f"# mine\nelsewhere,{place} {other}\n{place} {other}\n")
    options = ("--password-file", str(lab.folder / "password"), "--known-hosts", str(file))
    words = (f"127.0.0.1:{lab.port}", "show", "version", "active")

    done = run(lab, *options, *words, stdin="yes\n")
    assert done.returncode == 1
    assert "the host key is another one than before" in done.stderr
    assert done.stderr.count("SHA256:") >= 3
    assert "--accept-fingerprint" in done.stderr
    shown = done.stderr.rsplit("--accept-fingerprint ", 1)[1].split()[0]

    screen = Screen([*COMMAND, *options, *words], dict(os.environ))
    screen.wait_for("Known until now: ssh-ed25519 SHA256:")
    screen.wait_for("Take the new key")
    screen.type("\x04")
    assert screen.close() == 1
    screen = Screen([*COMMAND, *options, *words], dict(os.environ))
    screen.wait_for("Take the new key")
    screen.type("\x03")
    assert screen.close() == 130
    assert f"{place} {other}" in file.read_text()

    screen = Screen([*COMMAND, *options, *words], dict(os.environ))
    screen.wait_for("Take the new key")
    screen.type("yes\r")
    screen.wait_for("Active Master Version")
    assert screen.close() == 0
    assert file.read_text() == f"# mine\nelsewhere {other}\n{place} {lab.service.host_public_key}\n"
    assert run(lab, *options, *words).returncode == 0

    file.write_text(f"{place} {other}\n")
    done = run(lab, *options, *words, "--accept-fingerprint", "SHA256:" + "A" * 43)
    assert done.returncode == 1
    assert run(lab, *options, *words, "--accept-fingerprint", shown).returncode == 0
    assert run(lab, *options, *words).returncode == 0


def test_an_unknown_host_key_is_taken_after_a_yes(lab: SshLab, tmp_path: Path) -> None:
    file = tmp_path / "deep" / "hosts"
    options = ("--password-file", str(lab.folder / "password"), "--known-hosts", str(file))
    screen = Screen([*COMMAND, *options, f"127.0.0.1:{lab.port}", "show", "version", "active"], dict(os.environ))
    screen.wait_for("is not known: ssh-ed25519 SHA256:.*\r\nIs this the right one")
    screen.type("y\r")
    screen.wait_for("Active Master Version")
    assert screen.close() == 0
    assert file.stat().st_mode & 0o777 == 0o600


def test_ctrl_c_goes_to_the_node(lab: SshLab, cluster: Cluster) -> None:
    screen = Screen([*COMMAND, "--directory", str(lab.folder)], {**os.environ, "TERM": "xterm"})
    screen.wait_for("admin:")
    screen.type("utils ctl set-cluster mixed-mode\r")
    screen.wait_for(r"\(y/n\):")
    screen.type("y\x03")
    screen.wait_for(r"\^C\r\nadmin:")
    screen.type("set cert import trust CallManager\r")
    screen.wait_for("Hit Enter\r\n")
    screen.type("-----BEGIN CERTIFICATE-----\r\x04")
    screen.wait_for("the input ended before a certificate was pasted(.*\r\n)*admin:")
    screen.type("\x04")
    assert screen.close() == 2
    assert cluster.mode == 0
