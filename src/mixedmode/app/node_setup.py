"""Making a node and opening its cluster as ``mixedmode.toml`` says."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mixedmode.admin.accounts import account_store, check_password
from mixedmode.app.settings import Settings
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.topology import ClusterSpec, NodeSpec
from mixedmode.cluster.versions import Version
from mixedmode.pki.files import PRIVATE, write_atomic
from mixedmode.pki.load import read_key_file
from mixedmode.pki.profiles import Subject

ADMINISTRATOR = "administrator"
ADMINISTRATOR_LEVEL = 4


@dataclass(frozen=True, slots=True)
class Organization:
    """The attributes of every certificate's subject, beside the common name."""

    name: str
    unit: str
    locality: str
    state: str
    country: str

    @property
    def subject(self) -> Subject:
        """As the certificates take it."""
        return Subject("", self.unit, self.name, self.locality, self.state, self.country)


@dataclass(frozen=True, slots=True)
class Made:
    """A node that was just made.

    Attributes:
        password_file: Where the administrator's password is.
    """

    password_file: Path


def make_publisher(
    settings: Settings,
    *,
    version: str,
    organization: Organization,
    password_file: Path | None,
    say: Callable[[str], None],
) -> Made:
    """Make a cluster of one node.

    Raises:
        UsageError: There is a cluster already, or a value is out of its range.
        DatabaseError: The database cannot be used.
    """
    node = settings.node
    spec = ClusterSpec(
        version=Version.parse(version),
        nodes=(NodeSpec(node.name, node.address),),
        organization=organization.subject,
    )
    password = _password(password_file)
    say(f"making keys and certificates of {node.name} in {node.directory}")
    cluster = Cluster.create(node.directory, spec, database_url=settings.database.url or None)
    try:
        node.directory.chmod(0o700)
        account_store(cluster.folder(node.name)).put(ADMINISTRATOR, password, ADMINISTRATOR_LEVEL)
    finally:
        cluster.close()
    if password_file is None:
        password_file = node.directory / "administrator.password"
        write_atomic(password_file, password.encode() + b"\n", mode=PRIVATE)
    return Made(password_file)


def _password(path: Path | None) -> str:
    if path is None:
        return secrets.token_urlsafe(12)
    lines = read_key_file(path).decode("utf-8", "replace").splitlines()
    password = lines[0] if lines else ""
    check_password(password)
    return password


def open_cluster(settings: Settings) -> Cluster:
    """Open the cluster as this node sees it.

    Raises:
        NotFoundError: There is none.
        DatabaseError: The database cannot be used.
    """
    url = settings.database.url or None
    return Cluster.open(settings.node.directory, database_url=url)
