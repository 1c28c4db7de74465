"""What a lab's folder holds besides its nodes' own: which database is the lab's, and the files that others read.

Rules:

1. A lab's database is the embedded one, or the one that ``lab.database`` names: its URL, which may hold a password.
2. A lab that is there already keeps what it has. Whatever else is asked for is refused, never ignored.
3. A lab whose making was cut off has a database without nodes; it is made anew.
4. ``lab.json`` is for scripts, ``known_hosts`` for any SSH client, ``cluster.toml`` for the commands that look at a
   cluster (command-line.md), with ``web.pem``: the certificates that the nodes' pages show. They are written when the
   lab has started, and name files by absolute paths.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.errors import NotFoundError
from mixedmode.errors import UsageError
from mixedmode.node.host.toml_files import toml_file
from mixedmode.node.status import SOCKET_NAME, answers
from mixedmode.pki.certificates.purposes import Purpose
from mixedmode.pki.files import PRIVATE, write_atomic
from mixedmode.rehearsal.lab.document import DATABASE, NAME, has_database

KNOWN_HOSTS: Final = "known_hosts"
CLUSTER: Final = "cluster.toml"
WEB_CERTIFICATES: Final = "web.pem"


def database_url(directory: Path) -> str | None:
    """Return the URL of a lab's database, None if it is the embedded one (rule 1)."""
    path = directory / DATABASE
    return path.read_text().strip() if path.exists() else None


def note_database(directory: Path, url: str | None) -> None:
    """Note which database a new lab has (rule 1)."""
    if url is not None:
        write_atomic(directory / DATABASE, url.encode() + b"\n", mode=PRIVATE)


def open_lab(directory: Path, asked_url: str | None) -> Cluster | None:
    """Open the cluster of a lab that is there; return None if there is none (rule 3).

    Args:
        directory: The lab's folder.
        asked_url: The database that the command line names.

    Raises:
        UsageError: The lab has another database (rule 2), runs already, or is another user's.
        DatabaseError: The database cannot be used.
    """
    if directory.is_dir() and not os.access(directory, os.R_OK | os.W_OK | os.X_OK):
        raise UsageError(
            "this user may not use the folder", where=str(directory), next_step="run this as the folder's user"
        )
    if answers(directory / SOCKET_NAME):
        raise UsageError(
            "the lab runs already", where=str(directory), next_step="use it, stop it, or name another --directory"
        )
    has = database_url(directory)
    if not has_database(directory):
        return None
    if asked_url not in {None, has}:
        raise refusal(directory, "--database", "another database")
    try:
        return Cluster.open(directory, database_url=has)
    except NotFoundError:
        return None


def refuse_other(directory: Path, asked: Mapping[str, tuple[Any, Any]]) -> None:
    """Refuse what a lab that is there cannot follow (rule 2).

    Args:
        directory: The lab's folder.
        asked: By option: what the command line asks for, None if it says nothing, and what the lab has.

    Raises:
        UsageError: Something differs.
    """
    for option, (wanted, has) in asked.items():
        if wanted is not None and wanted != has:
            raise refusal(directory, f"{option} {wanted}", str(has))


def refusal(directory: Path, option: str, has: str) -> UsageError:
    """Return the error for an option that a lab cannot follow."""
    return UsageError(
        f"{option}: there is a lab already, and it has {has}",
        where=str(directory),
        next_step="leave the option out to use that lab, or name another --directory",
    )


def write_lab(directory: Path, document: Mapping[str, Any], cluster: Cluster) -> None:
    """Write the files that others read (rule 4).

    Args:
        directory: The lab's folder.
        document: What ``lab.json`` says.
        cluster: Its cluster, which knows what the nodes' pages show.
    """
    write_atomic(directory / KNOWN_HOSTS, _known_hosts(document).encode())
    shown = [cluster.own_certificate(node["name"], Purpose.TOMCAT.value).pem() for node in document["nodes"]]
    write_atomic(directory / WEB_CERTIFICATES, b"".join(shown))
    write_atomic(directory / CLUSTER, _cluster(directory, document).encode())
    write_atomic(directory / NAME, json.dumps(document, indent=2).encode() + b"\n")


def _known_hosts(document: Mapping[str, Any]) -> str:
    return "".join(
        f"[{node['address']}]:{node['ports']['ssh']} {' '.join(node['ssh_host_key'].split()[:2])}\n"
        for node in document["nodes"]
        if node["ports"]["ssh"] and node["ssh_host_key"]
    )


_CLUSTER_PORTS: Final = ("tftp", "http", "https", "tvs", "ssh", "web", "capf", "sccp", "sccp_tls", "ctl_provider")


def _cluster(directory: Path, document: Mapping[str, Any]) -> str:
    login = document["administrator"]
    nodes = [
        {
            **{key: node[key] for key in ("name", "address", "role")},
            "ports": {name: node["ports"][name] for name in _CLUSTER_PORTS if node["ports"].get(name)},
        }
        for node in document["nodes"]
    ]
    ssh = {
        "user": login["username"],
        "password_file": login["password_file"],
        "known_hosts": str(directory.absolute() / KNOWN_HOSTS),
    }
    web = {"cacert": str(directory.absolute() / WEB_CERTIFICATES)}
    axl = {"user": login["username"], "password_file": login["password_file"], **web}
    ports = {urlsplit(phone["web"]).port for phone in document["phones"] if phone["web"]}
    phones = {"phones": {"port": ports.pop()}} if len(ports) == 1 else {}
    comment = "The running lab, for commands that take --cluster; written anew whenever it starts."
    return toml_file(comment, {"node": nodes, "ssh": ssh, "axl": axl, "web": web, **phones})
