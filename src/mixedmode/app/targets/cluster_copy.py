"""Which cluster a command reads: a lab's, or that of this host's node, a subscriber's from its own copy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mixedmode.cluster.facade import Cluster


def read_cluster(directory: Path | None, config: Path | None) -> Cluster:
    """Open a cluster for reading only; nothing is migrated, resumed or written.

    Args:
        directory: A lab's folder.
        config: A node's settings file.

    Raises:
        NotFoundError: There is none.
        UsageError: There are no settings of a node.
        DatabaseError: The database cannot be used.
    """
    from mixedmode.cluster.facade import Cluster
    from mixedmode.rehearsal.lab.document import meant_lab

    lab = meant_lab(directory, config)
    if lab is not None:
        from mixedmode.rehearsal.lab.folder import database_url

        return Cluster.attach(lab, database_url=database_url(lab))
    from mixedmode.node.host.settings import load_settings

    settings = load_settings(config)
    return Cluster.attach(settings.node.directory, database_url=settings.database.url or None)
