"""The cluster of this host's node, or of a lab, under the hands of who runs a command here.

Rules:

1. The machine says who runs the command, and the node's accounts what he may (:mod:`mixedmode.control.people`).
2. Changes are made on the publisher's host, where its keys are. Looking is done anywhere, and changes nothing: a
   subscriber looks at its own copy.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from mixedmode.cluster.engine.operation import Operation
from mixedmode.cluster.engine.principal import Principal
from mixedmode.cluster.engine.results import OperationResult
from mixedmode.cluster.facade import Cluster
from mixedmode.control.accounts import account_store
from mixedmode.control.acts import Act
from mixedmode.control.door import Control
from mixedmode.control.people import who_runs_this
from mixedmode.errors import MixedModeError, UsageError
from mixedmode.node.setup import open_cluster
from mixedmode.rehearsal.lab.document import has_database, meant_lab
from mixedmode.rehearsal.lab.folder import database_url

if TYPE_CHECKING:
    from mixedmode.node.host.settings import Settings

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Hands:
    """A cluster, and who works on it.

    Attributes:
        cluster: To be read.
        control: The door for what is to be changed.
        principal: Who runs this command.
    """

    cluster: Cluster
    control: Control
    principal: Principal

    def run(self, operation: Operation) -> OperationResult:
        """Run an operation to its end; see :meth:`.door.Control.run`."""
        return self.control.run(self.principal, operation)

    def do(self, act: Act, change: Callable[[], T], **details: object) -> T:
        """Change something that is no operation; see :meth:`.door.Control.do`."""
        return self.control.do(self.principal, act, change, **details)

    @classmethod
    def on(cls, cluster: Cluster, node: str, *, is_copy: bool = False) -> Hands:
        """Return the hands of who runs this command on a node's cluster, or on a subscriber's copy of its database."""
        return cls(cluster, Control(cluster, is_copy=is_copy), who_runs_this(account_store(cluster.folder(node)), node))


@contextmanager
def administered(directory: Path | None, config: Path | None, *, what: str) -> Iterator[Hands]:
    """Open the publisher's cluster to change it (rule 2).

    Args:
        directory: A lab's folder; None is ./lab if that is one and no settings are named.
        config: A node's settings file.
        what: What is done on the publisher, for the refusal elsewhere, such as ``phones are added``.

    Raises:
        UsageError: This host's node is a subscriber.
        NotFoundError: There is no cluster.
        DatabaseError: The database cannot be used.
    """
    lab = meant_lab(directory, config)
    if lab is None:
        from mixedmode.node.host.settings import load_settings

        with administered_by(load_settings(config), what=what) as hands:
            yield hands
        return
    cluster = Cluster.open(lab, database_url=database_url(lab))
    try:
        yield Hands.on(cluster, cluster.publisher.name)
    finally:
        cluster.close()


@contextmanager
def administered_by(settings: Settings, *, what: str) -> Iterator[Hands]:
    """Open the cluster of this host's node to change it; see :func:`administered`."""
    if settings.node.role != "publisher":
        raise UsageError(f"{what} on the publisher", where=settings.node.name)
    cluster = open_cluster(settings).cluster
    try:
        yield Hands.on(cluster, cluster.publisher.name)
    finally:
        cluster.close()


@contextmanager
def looked_at(directory: Path | None, config: Path | None) -> Iterator[Hands]:
    """Open a node's or a lab's cluster for reading only.

    Args:
        directory: A lab's folder; None is ./lab if that is one and no settings are named.
        config: A node's settings file.

    Raises:
        NotFoundError: There is no cluster.
        DatabaseError: The database cannot be used.
    """
    lab, is_copy = meant_lab(directory, config), False
    if lab is not None:
        cluster = Cluster.attach(lab, database_url=database_url(lab))
    else:
        from mixedmode.node.host.settings import load_settings

        settings = load_settings(config)
        is_copy = settings.node.role != "publisher"
        url = settings.database.url or None
        cluster = Cluster.attach(settings.node.directory, database_url=url, writes=not is_copy)
    try:
        here = (node.name for node in cluster.nodes() if cluster.folder(node.name).is_here)
        yield Hands.on(cluster, next(here, cluster.publisher.name), is_copy=is_copy)
    finally:
        cluster.close()


@contextmanager
def of_folder(folder: Path) -> Iterator[Hands | None]:
    """Open the cluster whose node has a folder within its own, for reading; None if no cluster of this host has.

    Args:
        folder: Such as ``LAB/NODE/capf``.

    Raises:
        DatabaseError: The database cannot be used.
    """
    inside = Path(os.path.realpath(folder)).parent
    root, node = inside.parent, inside.name
    url, is_lab = None, has_database(root)
    if is_lab:
        url = database_url(root)
    elif (settings := _publisher()) is None or os.path.realpath(settings.node.directory) != str(root):
        yield None
        return
    else:
        url = settings.database.url or None
    cluster = Cluster.attach(root, database_url=url)
    try:
        yield Hands.on(cluster, node)
    finally:
        cluster.close()


def _publisher() -> Settings | None:
    """Return the settings of this host's node, None if it has none or is no publisher."""
    from mixedmode.node.host.settings import load_settings

    try:
        found = load_settings(None)
    except MixedModeError:
        return None
    return found if found.node.role == "publisher" else None
