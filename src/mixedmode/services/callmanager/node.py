"""The CallManager of one node, put together: its key, the cluster's devices, who vouches for phones."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from mixedmode.cluster.model.topology import NodeInfo
from mixedmode.cluster.reader import ClusterReader
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.protocols.sccp.registration.server import ServerSettings
from mixedmode.services.callmanager.directory import ClusterDirectory, DeviceNotes
from mixedmode.services.callmanager.service import CallManagerService
from mixedmode.services.callmanager.tls import NodeTrust
from mixedmode.services.files.phoneconfig import ConfigFacts
from mixedmode.services.net.server_tls import TlsFloor


class NotedCluster(ClusterReader, Protocol):
    """A cluster that also takes what phones report."""

    @property
    def devices(self) -> DeviceNotes:
        """Takes it."""

    def last_change(self) -> int:
        """Return a number that grows when the cluster changes."""


def node_callmanager(
    cluster: NotedCluster,
    node: NodeInfo,
    *,
    host: str | None = None,
    port: int = 2000,
    tls_port: int = 2443,
    tls_elsewhere: bool = False,
    floor: TlsFloor = TlsFloor.TLS_1_2,
    anchors: Iterable[Certificate] = (),
    locate: Callable[[str], ConfigFacts] | None = None,
    log: Callable[[str], None] = lambda _line: None,
) -> CallManagerService:
    """Return the CallManager service of a node, not started yet.

    Args:
        cluster: The cluster.
        node: The node.
        host: The address to listen on; None is the node's own.
        port: TCP port without TLS; 0 chooses a free one.
        tls_port: TCP port with TLS; 0 chooses a free one.
        tls_elsewhere: Whether any free TLS port will do when the wanted one is taken.
        floor: The oldest TLS; 1.0 where phones of the 7900 series register.
        anchors: Who vouches for phones besides CAPF and ``CAPF-trust``: manufacturing CAs.
        locate: Returns the servers that a phone is told of, by device name.
        log: Told a line on each phone that comes, goes or is refused.
    """
    # Only the publisher's database can be written; what phones report elsewhere is in the service's own list.
    notes = cluster.devices if node.is_publisher else None
    return CallManagerService(
        ClusterDirectory(cluster, notes, locate, cluster.last_change),
        NodeTrust(cluster, node.name, anchors),
        host=host or node.address,
        port=port,
        tls_port=tls_port,
        tls_elsewhere=tls_elsewhere,
        floor=floor,
        settings=ServerSettings(name=node.name),
        log=log,
    )
