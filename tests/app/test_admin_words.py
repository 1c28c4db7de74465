"""``mixedmode admin [HOST] [COMMAND...]``: which words are the host, which the command, wherever options stand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mixedmode.app.targets import admin_target
from mixedmode.app.targets.admin_target import FIRST_WORDS, find_target
from mixedmode.errors import UsageError
from mixedmode.faces.shell.session import ENDING
from mixedmode.faces.shell.table import COMMANDS
from tests.support import run_mixedmode

PUBLISHER, SUBSCRIBER = "cucm-pub", "cucm-sub1"


def write_lab(folder: Path, **renamed: str) -> Path:
    nodes = [
        {
            "name": renamed.get(name, name),
            "role": role,
            "address": address,
            "ports": {"ssh": 2222},
            "ssh_host_key": None,
        }
        for name, role, address in (
            (PUBLISHER, "publisher", "127.0.9.11"),
            (SUBSCRIBER, "subscriber", "127.0.9.12"),
        )
    ]
    (folder / "administrator.password").write_text("x\n")
    administrator = {"username": "administrator", "password_file": str(folder / "administrator.password")}
    folder.mkdir(exist_ok=True)
    (folder / "lab.json").write_text(json.dumps({"nodes": nodes, "administrator": administrator}))
    return folder


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lab in ``./lab``, and a name service that knows one name."""
    (tmp_path / "lab").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(admin_target, "_is_found", lambda word: word == "cucm1")
    return write_lab(tmp_path / "lab")


@pytest.mark.parametrize(
    ("line", "host", "command"),
    [
        ("", "127.0.9.11", ""),
        ("show itl", "127.0.9.11", "show itl"),
        ("SHOW itl", "127.0.9.11", "SHOW itl"),
        ("help", "127.0.9.11", "help"),
        ("? utils", "127.0.9.11", "? utils"),
        ("exit", "127.0.9.11", "exit"),
        (PUBLISHER, "127.0.9.11", ""),
        (f"{SUBSCRIBER} show itl", "127.0.9.12", "show itl"),
        (f"{SUBSCRIBER.upper()} show itl", "127.0.9.12", "show itl"),
        ("127.0.9.12 show itl", "127.0.9.12", "show itl"),
        (f"{SUBSCRIBER} shwo itl", "127.0.9.12", "shwo itl"),
        ("shwo itl", "127.0.9.11", "shwo itl"),
        ("shwo", "127.0.9.11", "shwo"),
        ("sh itl", "127.0.9.11", "sh itl"),
        ("cucm1", "cucm1", ""),
        ("cucm1 show itl", "cucm1", "show itl"),
        ("cucm1 shwo itl", "cucm1", "shwo itl"),
        ("elsewhere show itl", "elsewhere", "show itl"),
        ("10.1.2.3", "10.1.2.3", ""),
        ("10.1.2.3 shwo", "10.1.2.3", "shwo"),
        ("pub.example.com shwo", "pub.example.com", "shwo"),
        ("pub:2022 show itl", "pub", "show itl"),
        ("show:22 show itl", "show", "show itl"),
        ("anna@pub show itl", "pub", "show itl"),
        ("::1 show itl", "::1", "show itl"),
        ("[::1]:2222 show itl", "::1", "show itl"),
    ],
)
def test_beside_a_lab(lab: Path, line: str, host: str, command: str) -> None:
    target, rest = find_target(line.split(), None)
    assert (target.host, " ".join(rest)) == (host, command)


@pytest.mark.parametrize("quoted", ["show itl", "  show itl ", f"{PUBLISHER} show itl"])
def test_words_in_one_argument(lab: Path, quoted: str) -> None:
    target, rest = find_target([quoted], None)
    assert target.host == "127.0.9.11"
    assert " ".join(rest).split() == ["show", "itl"]


def test_blanks_within_a_query_stay(lab: Path) -> None:
    assert find_target(["run", "sql", "select 'a  b'"], None)[1] == ["run", "sql", "select 'a  b'"]


@pytest.mark.parametrize(
    ("node", "line", "command"),
    [("show", "show itl", "show itl"), ("show", "show show itl", "show itl"), ("show", "show", "")],
)
def test_a_node_that_is_called_like_a_command(lab: Path, node: str, line: str, command: str) -> None:
    write_lab(lab, **{SUBSCRIBER: node})
    assert " ".join(find_target(line.split(), None)[1]) == command


@pytest.mark.parametrize("line", ["10.1.2.3 show itl", "elsewhere show itl", "a.example.com", "cucm-pbu show itl"])
def test_a_lab_that_is_named_means_no_other_host(lab: Path, line: str) -> None:
    with pytest.raises(UsageError, match="the lab has no node") as error:
        find_target(line.split(), lab)
    assert SUBSCRIBER in str(error.value.next_step)
    assert find_target(["cucm1"], lab)[1] == ["cucm1"]


@pytest.mark.parametrize("line", ["show itl", "help", "utils service list", "exit", ""])
def test_a_command_without_a_lab_needs_a_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="no node is named") as error:
        find_target(line.split(), None)
    assert f"mixedmode admin HOST {line}".strip() in str(error.value.next_step)


@pytest.mark.parametrize("line", ["pub", "pub shwo itl", "pub show itl"])
def test_without_a_lab_the_first_word_is_the_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    monkeypatch.chdir(tmp_path)
    target, rest = find_target(line.split(), None)
    assert (target.host, rest) == ("pub", line.split()[1:])


@pytest.mark.parametrize("text", ["pub:", "pub:0", "pub:65536", "pub:ssh", "@pub", "[::1", "[::1]22", "user@"])
def test_what_is_no_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.chdir(tmp_path)
    if text == "[::1":
        assert find_target([text], None)[0].host == "::1"
        return
    with pytest.raises(UsageError, match="is no host"):
        find_target([text], None)


@pytest.mark.parametrize("line", ["--usr anna show itl", "-x", "--direcotry lab"])
def test_an_option_that_is_none(line: str) -> None:
    done = run_mixedmode("admin", *line.split())
    assert done.returncode == 2
    assert f"there is no option {line.split(maxsplit=1)[0]}" in done.stderr


def test_the_words_that_begin_a_command_are_those_of_the_command_tree() -> None:
    assert {"help", "?", *ENDING, *(command.path[0].lower() for command in COMMANDS)} == FIRST_WORDS
