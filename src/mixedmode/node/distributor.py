"""Where a node's program puts files for every node of the cluster."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mixedmode.cluster.model.errors import NodeDownError
from mixedmode.cluster.model.topology import NodeInfo
from mixedmode.cluster.publishing.distribution import Distributor, LocalDistributor
from mixedmode.cluster.store.folders import NodeFolder


class NodeDistributor:
    """Files for every node: into the folder of a node that lives here, over SFTP to any other.

    The publisher keeps a copy of what another host's node has, so that ``show ctl`` can tell without asking it.

    Args:
        directory: Holds a folder for each node.
        remote: For nodes on other hosts; None leaves their files waiting, as on a subscriber.
    """

    def __init__(self, directory: Path, remote: Distributor | None) -> None:
        self._directory = directory
        self._local = LocalDistributor(directory)
        self._remote = remote

    def reachable(self, node: NodeInfo) -> str | None:
        """Return None if the node takes files now, else why not."""
        if NodeFolder(self._directory / node.name).is_here:
            return self._local.reachable(node)
        return self._remote.reachable(node) if self._remote else "the publisher delivers its files"

    def deliver(self, node: NodeInfo, files: Mapping[str, bytes | None]) -> None:
        """Write files whole on a node; None deletes one.

        Raises:
            NodeDownError: The node did not take them.
        """
        folder = NodeFolder(self._directory / node.name)
        if folder.is_here:
            self._local.deliver(node, files)
            return
        if self._remote is None:
            raise NodeDownError(f"node {node.name}: the publisher delivers its files", where=node.name)
        self._remote.deliver(node, files)
        for name, data in files.items():
            folder.write(name, data)
