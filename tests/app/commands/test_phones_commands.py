"""Phones of a lab register with its CallManager, obey its resets, are seen and healed; a node's are seen."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mixedmode.errors import RemoteError
from mixedmode.node.status import SOCKET_NAME, Command, StatusSocket, ask_status
from tests.support import run_mixedmode, start_mixedmode, until


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("phones") / "lab"
    words = ("lab", "--directory", folder, "--phones", "4", "--nodes", "1")
    process = start_mixedmode(*words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        assert until((folder / "lab.json").exists)
        assert until(lambda: len(registered(folder)) == 3)
        yield folder
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(100) == 0


def registered(lab: Path) -> list[dict[str, Any]]:
    try:
        return list(ask_status(lab / SOCKET_NAME, {"ask": "phones"})["phones"])
    except RemoteError:
        return []


def ctl_of(lab: Path, phone: str) -> str | None:
    held = json.loads((lab / "phones" / f"{phone}.json").read_text())
    return str(held["ctl"]) if held.get("ctl") else None


def test_a_phone_that_speaks_sip_only_does_not_register_and_says_why(lab: Path) -> None:
    found = {each["model"]: each for each in shown(lab)}
    assert "8861" not in {phone["model"] for phone in registered(lab)}
    assert found["8861"]["registration"]["state"] == "off"
    assert found["8861"]["registration"]["reason"].startswith("an 8861 speaks SIP only")
    words = run_mixedmode("phones", "show", found["8861"]["name"], "--directory", lab).stdout
    assert "Cisco 8861: off: an 8861 speaks SIP only" in words


def test_a_phone_that_is_not_registered_is_named(lab: Path) -> None:
    done = run_mixedmode("phones", "reset", "SEPFFFFFFFFFFFF", "--directory", lab)
    assert done.returncode == 1
    assert "SEPFFFFFFFFFFFF" in done.stderr
    assert run_mixedmode("phones", "reset", "--directory", lab).returncode == 2


def shown(lab: Path, *names: str) -> list[dict[str, Any]]:
    return list(ask_status(lab / SOCKET_NAME, {"ask": "phone-show", "devices": list(names) or None})["phones"])


def admin(lab: Path, *lines: str) -> None:
    for line in lines:
        done = run_mixedmode("admin", "--directory", lab, line, stdin=b"y\n")
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_reset_brings_the_new_ctl_the_screen_shows_it_and_a_frozen_phone_is_healed_as_told(
    lab: Path,
) -> None:
    names = sorted(phone["name"] for phone in json.loads((lab / "lab.json").read_text())["phones"])
    assert {phone["security"] for phone in registered(lab)} == {"non-secure"}
    admin(lab, "utils ctl set-cluster mixed-mode", "utils service restart Cisco Tftp")
    assert not any(ctl_of(lab, name) for name in names)
    done = run_mixedmode("phones", "reset", "--all", "--directory", lab)
    assert done.stdout == ("3 phones were told to reset\n1 phone was not registered, and switched off and on\n")
    assert all(ctl_of(lab, name) for name in names)
    assert until(lambda: len(registered(lab)) == 3)

    assert {phone["security"] for phone in registered(lab)} == {"encrypted"}

    admin(lab, "set cert regen CallManager", "utils ctl update CTLFile", "utils service restart Cisco Tftp")
    admin(lab, "utils service restart Cisco CallManager")
    assert run_mixedmode("phones", "reset", "--all", "--directory", lab).returncode == 0
    listing = run_mixedmode("admin", "--directory", lab, "show ctl").stdout
    seen = {phone["model"]: phone for phone in shown(lab)}
    by_md5, by_sha1, legacy = seen["7975"], seen["8861"], seen["7940"]
    assert f"{by_md5['trust_list']['ctl']['checksum']}(MD5)" in listing
    assert f"{by_sha1['trust_list']['ctl']['checksum']}(SHA1)" in listing
    assert by_md5["messages"] == ["Trust List updated"]
    assert legacy["messages"][0] == "Trust List update failed"
    assert legacy["registration"]["state"] != "registered", "its CTL has not the new CallManager"
    assert legacy["trust_list"]["ctl"]["checksum"] not in listing

    name = legacy["name"]
    words = run_mixedmode("phones", "show", name.lower(), "--directory", lab).stdout
    assert f"CTL File                    {legacy['trust_list']['ctl']['checksum']} (MD5)" in words
    remedy = next(line for line in words.splitlines() if line.startswith("remedy: "))
    assert remedy == f"remedy: mixedmode phones delete-ctl {name}, then mixedmode phones reset {name}"
    told = json.loads(run_mixedmode("phones", "log", name, "--last", "30", "--directory", lab, "--json").stdout)
    assert any("TL file verification failed: CTL" in line for line in told[0]["log"])
    assert len(told[0]["log"]) <= 30

    done = run_mixedmode("phones", "delete-ctl", name, "--directory", lab)
    assert f"{name}: the CTL is deleted\n" in done.stdout
    assert f"mixedmode phones reset {name} --directory {lab}" in done.stdout
    emptied = shown(lab, name)[0]
    assert emptied["trust_list"]["ctl"] is None
    assert "Erasing CTL and ITL files" in emptied["messages"]
    assert run_mixedmode("phones", "reset", name, "--directory", lab).returncode == 0
    assert until(lambda: shown(lab, name)[0]["registration"]["state"] == "registered")
    healed = shown(lab, name)[0]
    assert f"{healed['trust_list']['ctl']['checksum']}(MD5)" in listing
    assert not healed["refused"]


def test_a_labs_phones_call_each_other_protected_in_mixed_mode(lab: Path) -> None:
    caller, called = (each for each in shown(lab) if each["model"] in {"7975", "7965"})
    assert until(lambda: {phone["name"] for phone in registered(lab)} >= {caller["name"], called["name"]})
    numbers = {each["name"]: each["registration"]["lines"] for each in shown(lab)}
    [number] = numbers[called["name"]]
    words = ("phones", "call", caller["name"], number, "--talk", "0.5", "--directory", lab)
    done = run_mixedmode(*words, "--json")
    report = json.loads(done.stdout)
    assert (done.returncode, report["call"]["media"], report["call"]["icon"]) == (0, "SRTP", "lock"), done.stderr
    assert report["media"]["sent"] == "SRTP"
    record = json.loads(run_mixedmode("cdr", "--json", "--directory", lab).stdout)[-1]
    assert (record["called"], record["security"]) == (number, "encrypted")
    audited = json.loads(run_mixedmode("audit-log", "--json", "--directory", lab).stdout)
    assert "phones call" in {each["action"] for each in audited}
    lost = run_mixedmode("phones", "call", caller["name"], "9", "--directory", lab)
    assert (lost.returncode, "invalid number" in lost.stderr) == (1, True)
    assert run_mixedmode("phones", "call", caller["name"], "Alice", "--directory", lab).returncode == 2
    silent = run_mixedmode("phones", "call", next(each["name"] for each in shown(lab) if each["model"] == "8861"),
                           number, "--directory", lab)  # fmt: skip
    assert (silent.returncode, "speaks SIP only" in silent.stderr) == (3, True)


def test_an_itl_is_deleted_and_comes_back_by_a_reset(lab: Path) -> None:
    name = shown(lab)[0]["name"]
    done = run_mixedmode("phones", "delete-itl", name, "SEPFFFFFFFFFFFF", "--directory", lab, "--json")
    assert done.returncode == 1
    assert "not a phone of this lab: SEPFFFFFFFFFFFF" in done.stderr
    assert json.loads(done.stdout) == [{"name": name, "held": True}]
    assert shown(lab, name)[0]["trust_list"]["itl"] is None
    told = json.loads(run_mixedmode("phones", "reset", name, "--directory", lab, "--json").stdout)
    assert told == {"told": [name], "restarted": []}
    assert shown(lab, name)[0]["trust_list"]["itl"]["checksum"]


def test_names_are_completed(lab: Path) -> None:
    for command in ("show", "delete-ctl"):
        line = f"mixedmode phones {command} --directory {lab} SEP00"
        env = {"_MIXEDMODE_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": "5"}
        done = run_mixedmode(env=env)
        assert len(done.stdout.split()) == 4, done.stderr


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Path]:
    """A node's settings file; its socket answers for one registered phone."""
    phone = {
        "node": "pub", "name": "SEP001122334455", "model": "7975", "device_type": 437, "address": "10.0.0.9",
        "since": "2026-01-01T00:00:00+00:00", "security": "encrypted", "certificate": "LSC", "cipher": "TLSv1.2",
        "load": "SCCP75.9-3-1SR4-1S", "protocol": 20, "ctl_sha1": "ab" * 20, "itl_sha1": "",
        "certificate_until": "2026-01-31T00:00:00+00:00",
    }  # fmt: skip
    commands: dict[str, Command] = {
        "phones": lambda _user, _: {"phones": [phone]},
        "reset": lambda _user, asked: {
            "told": [name for name in asked["devices"] if name == phone["name"]],
            "restarted": [],
        },
    }
    settings = tmp_path / "mixedmode.toml"
    settings.write_text(f'[node]\nname = "pub"\naddress = "10.0.0.1"\ndirectory = "{tmp_path}"\n')
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    status = StatusSocket(tmp_path / SOCKET_NAME, dict, commands)
    asyncio.run_coroutine_threadsafe(status.start(), loop).result(100)
    yield settings
    asyncio.run_coroutine_threadsafe(status.stop(), loop).result(100)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_a_node_shows_and_resets_its_registered_phones(node: Path) -> None:
    done = run_mixedmode("phones", "show", "sep001122334455", "--config", node)
    assert done.returncode == 0, done.stderr
    assert "SEP001122334455, Cisco 7975: registered with pub, encrypted" in done.stdout
    assert f"CTL (SHA-1) {'ab' * 20}" in done.stdout
    assert "ITL (SHA-1) none" in done.stdout
    assert "LSC until 2026-01-31T00:00:00+00:00, which has ended: who is registered stays so until" in done.stdout
    assert "encrypted (LSC has ended)" in run_mixedmode("phones", "list", "--config", node).stdout
    assert json.loads(run_mixedmode("phones", "show", "--all", "--config", node, "--json").stdout)[0]["model"] == "7975"
    assert run_mixedmode("phones", "reset", "SEP001122334455", "--config", node).stdout == "1 phone was told to reset\n"


@pytest.mark.parametrize(
    ("command", "what"), [("log", "console log"), ("delete-ctl", "a CTL"), ("delete-itl", "an ITL")]
)
def test_what_a_node_cannot_do_is_said(tmp_path: Path, command: str, what: str) -> None:
    done = run_mixedmode("phones", command, "SEP001122334455", cwd=tmp_path)
    assert done.returncode == 2
    assert "a node cannot" in done.stderr
    assert what in done.stderr
    assert "Settings > Security Configuration" in done.stderr
