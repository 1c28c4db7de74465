"""``CLUSTER.toml``: the nodes of a live cluster, their ports, and who logs in (docs/specification/command-line.md 3).

Rules:

1. A secret stands in a file of its own, in the environment, or is asked for; never in ``CLUSTER.toml``, where a
   ``password`` is refused.
2. A path is relative to the folder of ``CLUSTER.toml``; ``~`` is the user's home.
3. A name that is not known is an error that says which are: a word that is misspelt would be a login that is not used.
4. A port that is not named is CUCM's.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from mixedmode.errors import MixedModeError, UsageError
from mixedmode.toml_reader import read_toml

PUBLISHER: Final = "publisher"
SUBSCRIBER: Final = "subscriber"
CUCM_PORTS: Final[Mapping[str, int]] = {
    "tftp": 69,
    "http": 6970,
    "https": 6971,
    "tvs": 2445,
    "ssh": 22,
    "web": 8443,
    "capf": 3804,
    "sccp": 2000,
    "sccp_tls": 2443,
    "sip_tls": 5061,
    "ctl_provider": 2444,
}
"""What a CUCM listens on (docs/specification/live-cluster.md 6.1, 7). ``web`` has AXL, RIS and Control Center too."""
LONGEST: Final = 1 << 20
"""Bytes of the longest ``CLUSTER.toml``."""
_LONGEST_SECRET: Final = 4096
_NODE: Final = ("name", "address", "role", "ports")
_LOGIN: Final = ("user", "password_file", "key_file", "known_hosts", "cacert")
_TABLES: Final[Mapping[str, tuple[str, ...]]] = {
    "ssh": ("user", "password_file", "key_file", "known_hosts"),
    "axl": ("user", "password_file", "cacert"),
    "platform": ("user", "password_file", "cacert"),
    "web": ("cacert",),
    "phones": ("user", "password_file", "port"),
}


@dataclass(frozen=True, slots=True)
class Node:
    """A node of a cluster.

    Attributes:
        name: Its host name, as lists and certificates have it.
        address: Where it is reached.
        role: ``publisher`` or ``subscriber``.
        ports: By service, each of :data:`CUCM_PORTS`.
    """

    name: str
    address: str
    role: str = SUBSCRIBER
    ports: Mapping[str, int] = field(default_factory=lambda: dict(CUCM_PORTS))

    @property
    def is_publisher(self) -> bool:
        """Whether it is the publisher."""
        return self.role == PUBLISHER


@dataclass(frozen=True, slots=True)
class Login:
    """Who logs in to an interface, and how the other side is recognised.

    Attributes:
        interface: ``ssh``, ``axl``, ``platform``, ``web`` or ``phones``.
        user: Empty if none is named.
        password_file: A file that holds the password alone; its last line end does not count.
        key_file: A private key; SSH only.
        known_hosts: Host keys; SSH only.
        cacert: Certificates, PEM: authorities, or the nodes' own.
        port: Where phones have their pages; ``phones`` only, 0 is the phones' own.
    """

    interface: str
    user: str = ""
    password_file: Path | None = None
    key_file: Path | None = None
    known_hosts: Path | None = None
    cacert: Path | None = None
    port: int = 0

    def password(self, environment: Mapping[str, str] | None = None) -> str | None:
        """Return the password of :attr:`password_file`, else of the environment; None if neither has one.

        Args:
            environment: ``MIXEDMODE_SSH_PASSWORD`` and its like, by interface; None takes the process's.

        Raises:
            UsageError: The file cannot be read, is empty, or holds more than a password.
        """
        if self.password_file is not None:
            return secret_of(self.password_file)
        known = os.environ if environment is None else environment
        return known.get(f"MIXEDMODE_{self.interface.upper()}_PASSWORD") or None


@dataclass(frozen=True, slots=True)
class ClusterFile:
    """What ``CLUSTER.toml`` says.

    Attributes:
        path: The file; for messages.
        nodes: In its order, at least one.
        ssh: For the ``admin:`` prompt.
        axl: For AXL, RIS, Control Center and logs.
        platform: For the certificate REST interface: an account of the platform.
        web: How the nodes' certificates are recognised where nobody logs in.
        phones: Who may press keys, and where phones have their pages.
    """

    path: Path
    nodes: tuple[Node, ...]
    ssh: Login | None = None
    axl: Login | None = None
    platform: Login | None = None
    web: Login | None = None
    phones: Login | None = None

    @property
    def publisher(self) -> Node:
        """The publisher; the only node, if none is said to be it."""
        return next((node for node in self.nodes if node.is_publisher), self.nodes[0])


def read_cluster_file(path: Path) -> ClusterFile:
    """Read ``CLUSTER.toml``.

    Raises:
        UsageError: It cannot be read, or says something that is not known; the error names the key.
    """
    try:
        with path.open("rb") as file:
            data = file.read(LONGEST + 1)
    except OSError as error:
        raise UsageError(
            "the file cannot be read",
            where=str(path),
            why=error.strerror,
            next_step="name a CLUSTER.toml that is there",
        ) from error
    if len(data) > LONGEST:
        raise UsageError(f"the file has over {LONGEST} bytes", where=str(path), next_step="name a CLUSTER.toml")
    try:
        document = read_toml(data)
    except ValueError as error:
        raise UsageError("the file is no TOML", where=str(path), why=str(error)) from error
    try:
        return _cluster_file(path, document)
    except MixedModeError as error:
        raise error.located(str(path)) from error


def secret_of(path: Path) -> str:
    """Return what a file of a secret holds, without its last line end.

    Raises:
        UsageError: It cannot be read, is empty, or is no line of text.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_LONGEST_SECRET + 1)
        text = data.decode().removesuffix("\n").removesuffix("\r")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError("the password file cannot be read", where=str(path), why=why) from error
    if not text or len(data) > _LONGEST_SECRET or not text.isprintable():
        raise UsageError(
            "the password file does not hold a password", where=str(path), next_step="write the password alone into it"
        )
    return text


def _cluster_file(path: Path, document: Mapping[str, Any]) -> ClusterFile:
    _only_known(document, ("node", *_TABLES), "")
    entries = document.get("node")
    if not isinstance(entries, list) or not entries or not all(isinstance(entry, dict) for entry in entries):
        raise UsageError(
            "there is no [[node]]", next_step='write [[node]], name = "...", address = "..." for each node'
        )
    nodes = tuple(_node(entry, number) for number, entry in enumerate(entries, 1))
    for what in ("name", "address"):
        seen: set[str] = set()
        for node in nodes:
            value = getattr(node, what) if what == "name" else f"{node.address} {sorted(node.ports.items())}"
            if value in seen:
                raise UsageError(f"two nodes have the {what} {getattr(node, what)}")
            seen.add(value)
    if sum(node.is_publisher for node in nodes) > 1:
        raise UsageError("two nodes are publisher", next_step='a cluster has one; the others are role = "subscriber"')
    logins = {name: _login(name, document[name], path.parent) for name in _TABLES if name in document}
    return ClusterFile(path, nodes, **logins)


def _node(entry: Mapping[str, Any], number: int) -> Node:
    here = f"node {number}"
    _only_known(entry, _NODE, f"{here}: ")
    address = _text(entry, "address", here) or _text(entry, "name", here)
    if not address:
        raise UsageError(f"{here} has neither name nor address")
    if address.startswith("[") and address.endswith("]"):
        address = address[1:-1]
    if any(each in address for each in "/[]@ "):
        raise UsageError(
            f"{here}: {address} is no address", next_step="write a host name or an IP address, and ports in ports"
        )
    role = _text(entry, "role", here) or SUBSCRIBER
    if role not in {PUBLISHER, SUBSCRIBER}:
        raise UsageError(f"{here}: role is {role!r}", next_step=f"write {PUBLISHER} or {SUBSCRIBER}")
    ports = entry.get("ports", {})
    if not isinstance(ports, dict):
        raise UsageError(f"{here}: ports is no table", next_step="write ports = { tftp = 69, http = 6970 }")
    _only_known(ports, tuple(CUCM_PORTS), f"{here}: ports.")
    for name, port in ports.items():
        _port(port, f"{here}: ports.{name}")
    return Node(_text(entry, "name", here) or address, address, role, {**CUCM_PORTS, **ports})


def _login(name: str, entry: object, folder: Path) -> Login:
    if not isinstance(entry, dict):
        raise UsageError(f"{name} is no table", next_step=f"write [{name}]")
    if "password" in entry:
        raise UsageError(
            f"{name}.password: a password does not stand in this file",
            next_step="write it into a file that only you can read, and name that as password_file",
        )
    _only_known(entry, _TABLES[name], f"{name}.")
    paths = {key: _path(entry, key, name, folder) for key in _LOGIN[1:] if key in entry}
    port = _port(entry["port"], f"{name}.port") if "port" in entry else 0
    return Login(name, _text(entry, "user", name), **paths, port=port)


def _only_known(entry: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    for key in entry:
        if key not in known:
            raise UsageError(f"{where}{key} is not known", next_step=f"the names are {', '.join(known)}")


def _text(entry: Mapping[str, Any], key: str, where: str) -> str:
    value = entry.get(key, "")
    if not isinstance(value, str) or not value.isprintable() or value != value.strip():
        raise UsageError(f"{where}: {key} is no text", next_step=f'write {key} = "..."')
    return value


def _path(entry: Mapping[str, Any], key: str, where: str, folder: Path) -> Path:
    text = _text(entry, key, where)
    if not text:
        raise UsageError(f"{where}.{key} is empty", next_step="name a file, or leave the line out")
    try:
        return folder / Path(text).expanduser()
    except RuntimeError as error:
        raise UsageError(f"{where}.{key}: there is no home folder for {text}") from error


def _port(value: object, where: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 1 << 16:
        raise UsageError(f"{where} is no port", next_step="write a number from 1 to 65535")
    return value
