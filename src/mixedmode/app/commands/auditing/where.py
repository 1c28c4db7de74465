"""Which cluster an audit is about: hosts, a ``CLUSTER.toml``, or a lab's folder."""

from __future__ import annotations

import re
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from mixedmode.errors import UsageError

if TYPE_CHECKING:
    from mixedmode.live.cluster_file import ClusterFile, Node

_LABEL: Final = r"[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?"
_NAME: Final = re.compile(rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*\.?")
_SCHEMES: Final = {"http": "http", "https": "https", "tftp": "tftp"}
CLUSTER_FILE: Final = "cluster.toml"
_FILES: Final = (".toml", ".json", ".tlv", ".txt", ".log")


def cluster_of(hosts: list[str], cluster: Path | None, directory: Path | None) -> ClusterFile:
    """Return the nodes that a command line names.

    Raises:
        UsageError: None is named, or in two ways, or one cannot be a host.
    """
    from mixedmode.live.cluster_file import ClusterFile, read_cluster_file

    ways = [bool(hosts), cluster is not None, directory is not None]
    if sum(ways) != 1:
        raise UsageError(
            "nothing says which cluster" if not any(ways) else "HOST, --cluster and --directory each name a cluster",
            next_step="name hosts, or --cluster CLUSTER.toml, or a lab's folder with --directory DIR",
        )
    if cluster is not None:
        return read_cluster_file(cluster)
    if directory is not None:
        return read_cluster_file(directory / CLUSTER_FILE)
    nodes: list[Node] = []
    for host in hosts:
        node = node_of(host, first=not nodes)
        if all((node.address, node.ports) != (other.address, other.ports) for other in nodes):
            nodes.append(node)
    return ClusterFile(Path(CLUSTER_FILE), tuple(nodes))


def node_of(text: str, *, first: bool = True) -> Node:
    """Return the node of ``host``, ``host:port``, ``[v6]:port`` or a URL; a port is that of HTTP, or the URL's scheme.

    Args:
        text: As it is written.
        first: Whether it is the first one, which is asked for what only a publisher has.

    Raises:
        UsageError: It is no host.
    """
    from mixedmode.live.cluster_file import CUCM_PORTS, PUBLISHER, SUBSCRIBER, Node

    if text.endswith(_FILES) or is_file(text):
        raise UsageError(
            f"{text} is a file, not a host" if is_file(text) else f"there is no file {text}",
            next_step="name a CLUSTER.toml with --cluster FILE, an earlier audit with --baseline FILE; files alone, "
            "without hosts, are lists or listings of them",
        )
    scheme, rest = ("http", text) if "://" not in text else text.split("://", 1)
    service = _SCHEMES.get(scheme.lower())
    if service is None or not text.isprintable():
        raise _no_host(text)
    if rest.count(":") > 1 and not rest.startswith("["):
        rest = f"[{rest}]"  # an IPv6 address by itself
    try:
        parts = urlsplit(f"//{rest}")
        host, port = parts.hostname, parts.port
        if "[" in rest:
            ip_address(host or "")
    except ValueError:
        raise _no_host(text) from None
    extra = parts.username or parts.password or parts.query or parts.fragment or parts.path not in {"", "/"}
    if not host or extra or port == 0 or not (_NAME.fullmatch(host) or ":" in host):
        raise _no_host(text)
    ports = dict(CUCM_PORTS)
    if port is not None:
        ports[service] = port
    name = host if port is None else f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return Node(name, host, PUBLISHER if first else SUBSCRIBER, ports)


def is_file(text: str) -> bool:
    """Return whether there is a file of that name; what can be no name is none."""
    try:
        return Path(text).is_file()
    except (OSError, ValueError):
        return False


def _no_host(text: str) -> UsageError:
    return UsageError(
        f"{text!r} is no host",
        next_step="write host, host:port, [IPv6]:port or http://host:port",
    )
