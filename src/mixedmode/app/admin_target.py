"""Where ``mixedmode admin`` logs in: a node of a lab, found in its ``lab.json``, or any host.

Rules:

1. A password comes from a file or a prompt, never from the command line.
2. A lab's nodes are trusted by the host keys that ``lab.json`` names (``ssh_host_key``); others by known_hosts.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mixedmode.app.known_hosts import known_hosts_file, scan_hint
from mixedmode.app.lab_document import DEFAULT_DIRECTORY, NAME, administrator, read_lab
from mixedmode.app.secret_files import read_secret
from mixedmode.errors import MalformedError, UsageError

if TYPE_CHECKING:
    import asyncssh

DEFAULT_USER = "administrator"


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
        if not sys.stdin.isatty():
            return None
        import getpass

        return getpass.getpass(f"Password of {self.user}@{self.where} (empty to use an SSH key): ") or None

    def trusted_keys(self) -> str | tuple[list[asyncssh.SSHKey], ...]:
        """Return the host keys in the form that the SSH client takes.

        Raises:
            MalformedError: The lab's key is none.
            UsageError: There is no file of host keys.
        """
        import asyncssh

        if self.host_key is None:
            known_hosts = known_hosts_file(self.known_hosts)
            if not known_hosts.is_file():
                raise UsageError(
                    f"there is no file of host keys, so {self.where} cannot be recognised",
                    where=str(known_hosts),
                    next_step=scan_hint(self.host, self.port, known_hosts),
                )
            return str(known_hosts)
        try:
            key = asyncssh.import_public_key(self.host_key)
        except asyncssh.KeyImportError as error:
            raise MalformedError("the lab's host key cannot be read", where=self.where, why=str(error)) from error
        return ([key], [], [], [], [], [], [])


def find_target(words: Sequence[str], directory: Path | None) -> tuple[Target, list[str]]:
    """Return where to log in, and the words of the command.

    Args:
        words: Of the command line: a host or a lab's node, if the first word is one, and a command. With a lab
            in ``./lab`` a first word that begins a command is no host.
        directory: A lab's folder; None looks for one in ``./lab``.

    Raises:
        UsageError: No host is named and there is no lab.
    """
    place = directory or DEFAULT_DIRECTORY
    document = _lab(directory)
    nodes = document.get("nodes", []) if document else []
    first = words[0] if words else None
    for node in nodes:
        if first is not None and first.lower() in {node["name"].lower(), node["address"]}:
            return _lab_target(node, document, place), list(words[1:])
    if nodes and (directory is not None or first is None or _begins_a_command(first)):
        publisher = next(node for node in nodes if node["role"] == "publisher")
        return _lab_target(publisher, document, place), list(words)
    if first is None:
        raise UsageError("no node is named", next_step="mixedmode admin HOST, or --directory with a lab's folder")
    return _host_target(first), list(words[1:])


def _begins_a_command(word: str) -> bool:
    from mixedmode.admin.table import COMMANDS

    return word.lower() in {"help", "?", *(command.path[0] for command in COMMANDS)}


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
    if text.startswith("["):
        host, _, port = text[1:].partition("]")
        port = port.removeprefix(":")
    else:
        host, _, port = text.partition(":") if text.count(":") == 1 else (text, "", "")
    if not host or (port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536)):
        raise UsageError(f"{text!r} is no host", next_step="write HOST or HOST:PORT")
    return Target(host, int(port or 22))
