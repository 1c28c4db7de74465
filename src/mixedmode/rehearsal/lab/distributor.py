"""How the files of a lab get to its nodes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mixedmode.cluster.model.topology import NodeInfo
from mixedmode.cluster.publishing.distribution import LocalDistributor
from mixedmode.services.ssh.distribution import SftpDistributor


class LabDistributor:
    """Files for a lab's nodes: the publisher's own into its folder, all others over SFTP.

    Args:
        directory: Of the lab.
        publisher: The publisher's name.
        remote: For all other nodes.
    """

    def __init__(self, directory: Path, publisher: str, remote: SftpDistributor) -> None:
        self._publisher = publisher
        self._own = LocalDistributor(directory)
        self._remote = remote

    def reachable(self, node: NodeInfo) -> str | None:
        """Return None if the node takes files now, else why not."""
        return self._of(node).reachable(node)

    def deliver(self, node: NodeInfo, files: Mapping[str, bytes | None]) -> None:
        """Write files whole on a node.

        Raises:
            NodeDownError: The node did not take them.
        """
        self._of(node).deliver(node, files)

    def _of(self, node: NodeInfo) -> LocalDistributor | SftpDistributor:
        return self._own if node.name == self._publisher else self._remote
