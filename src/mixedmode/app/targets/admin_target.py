"""Where ``mixedmode admin`` logs in: a node of a lab, found in its ``lab.json``, or any host.

Rules:

1. A password comes from a file or a prompt, never from the command line.
2. ``[HOST] [COMMAND...]``: a node of the lab is a host, what begins a command is a command, and what is written like
   an address (with a dot, a colon or an @) is a host. Any other first word is a host before a command or where there
   is no lab; else it is a host if its name can be found, and a wrong command if not.
3. ``--directory`` names the lab, so no other host is meant then.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mixedmode.errors import UsageError
from mixedmode.faces.terminal.secret_files import read_secret
from mixedmode.numbers import port_number
from mixedmode.rehearsal.lab.document import DEFAULT_DIRECTORY, NAME, administrator, read_lab

DEFAULT_USER = "administrator"
FIRST_WORDS = frozenset(
    {"?", "delete", "exit", "file", "help", "history", "logout", "quit", "run", "set", "show", "utils"}
)
"""What a line of the ``admin:`` prompt may begin with; a copy, since the command tree takes a second to load."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where to log in.

    Attributes:
        password_file: A file whose first line is the password; None asks on a terminal, unless a key logs in.
        known_hosts: A file of host keys; None means ``~/.ssh/known_hosts``.
        host_key: The node's public host key, where a lab names it.
        lab: The lab's folder, if the node is where that says.
    """

    host: str
    port: int = 22
    user: str = DEFAULT_USER
    password_file: Path | None = None
    known_hosts: Path | None = None
    host_key: str | None = None
    lab: Path | None = None

    @property
    def where(self) -> str:
        """Host and port."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def changed(
        self, *, port: int | None, user: str | None, password_file: Path | None, known_hosts: Path | None
    ) -> Target:
        """Return the target with what the options say."""
        named = {"port": port, "user": user, "password_file": password_file, "known_hosts": known_hosts}
        chosen: dict[str, Any] = {name: value for name, value in named.items() if value is not None}
        if known_hosts is not None:
            chosen["host_key"] = None
        if port is not None:
            chosen["lab"] = None
        return replace(self, **chosen)

    def password(self) -> str | None:
        """Return the password; None where nobody can be asked, so that a key must log in."""
        if self.password_file is not None:
            return read_secret(self.password_file)
        from mixedmode.pki.ask import ask_line, is_terminal

        if not is_terminal():
            return None
        return ask_line(f"Password of {self.user}@{self.where} (empty to use an SSH key): ", secret=True) or None


def find_target(words: Sequence[str], directory: Path | None) -> tuple[Target, list[str]]:
    """Return where to log in, and the words of the command (rule 2).

    Args:
        words: Of the command line, without its options: a host, if there is one, and a command.
        directory: A lab's folder; None looks for one in ``./lab``.

    Raises:
        UsageError: No host is named and there is no lab, or the lab has no such node.
        MalformedError: The lab's document cannot be read.
    """
    words = [*(words[0].split(maxsplit=1) if words else ()), *words[1:]]
    place, document = directory or DEFAULT_DIRECTORY, _lab(directory)
    first, rest = (words[0], words[1:]) if words else ("", [])
    if first.startswith("-"):
        raise UsageError(f"there is no option {first}", next_step="mixedmode admin --help")
    node = _node_named(document, first)
    if node is not None and not (rest and _begins_a_command(first) and not _begins_a_command(rest[0])):
        return _lab_target(node, document, place), rest
    if not first or _begins_a_command(first):
        return _publisher(document, place, words), words
    if directory is not None and (_is_written_like_a_host(first) or (rest and _begins_a_command(rest[0]))):
        raise _no_such_node(document, first, directory)
    if _is_written_like_a_host(first) or not document:
        return _host_target(first), rest
    if directory is None and ((rest and _begins_a_command(rest[0])) or _is_found(first)):
        return _host_target(first), rest
    # The node says what is wrong with it, and what the right words are.
    return _publisher(document, place, words), words


def _node_named(document: dict[str, Any], word: str) -> dict[str, Any] | None:
    for node in document.get("nodes", []):
        if word and word.lower() in {node["name"].lower(), node["address"]}:
            return dict(node)
    return None


def _publisher(document: dict[str, Any], place: Path, words: Sequence[str]) -> Target:
    if not document.get("nodes"):
        command = " ".join(words)
        problem = f"{command!r} is a command, and no node is named" if command else "no node is named"
        step = f"mixedmode admin HOST {command}".rstrip()
        raise UsageError(
            problem,
            next_step=f"{step}, or --directory with a lab's folder; a host that is called like a command: HOST:PORT",
        )
    return _lab_target(next(node for node in document["nodes"] if node["role"] == "publisher"), document, place)


def _no_such_node(document: dict[str, Any], word: str, directory: Path) -> UsageError:
    names = ", ".join(node["name"] for node in document["nodes"])
    return UsageError(f"the lab has no node {word!r}", where=str(directory), next_step=f"one of: {names}")


def _begins_a_command(word: str) -> bool:
    return word.lower() in FIRST_WORDS


def _is_written_like_a_host(word: str) -> bool:
    return any(mark in word for mark in ".:@[")


def _is_found(word: str) -> bool:
    try:
        return bool(socket.getaddrinfo(word, None))
    except (OSError, UnicodeError):
        return False


def _lab(directory: Path | None) -> dict[str, Any]:
    if directory is None and not (DEFAULT_DIRECTORY / NAME).exists():
        return {}
    return read_lab(directory or DEFAULT_DIRECTORY, missing="there is no lab here", next_step="mixedmode lab makes one")


def _lab_target(node: dict[str, Any], document: dict[str, Any], directory: Path) -> Target:
    port = node["ports"].get("ssh")
    if port is None:
        raise UsageError(f"node {node['name']} has no SSH port", next_step="start the lab: mixedmode lab")
    user, password_file = administrator(directory, document)
    return Target(node["address"], port, user, password_file, host_key=node.get("ssh_host_key"), lab=directory)


def _host_target(text: str) -> Target:
    user, at, place = text.rpartition("@")
    if place.startswith("["):
        host, _, port = place[1:].partition("]")
        wrong = bool(port) and not port.startswith(":")
        port = port.removeprefix(":")
    else:
        host, colon, port = place.partition(":") if place.count(":") == 1 else (place, "", "")
        wrong = bool(colon) and not port
    wrong = wrong or (bool(port) and port_number(port) is None)
    if wrong or not host or (at and not user):
        raise UsageError(f"{text!r} is no host", next_step="write HOST, HOST:PORT or USER@HOST")
    return Target(host, int(port or 22), user or DEFAULT_USER)
