"""The TVS of one node, put together: its key, both caches, its trace in ``activelog``."""

from __future__ import annotations

from mixedmode.cluster.model.topology import NodeInfo
from mixedmode.cluster.reader import ClusterReader
from mixedmode.cluster.store.folders import NodeFolder
from mixedmode.services.net.server_tls import TlsFloor
from mixedmode.services.sightings.collector import Sightings
from mixedmode.services.traces.catalogue import TVS
from mixedmode.services.traces.trace_file import TraceFile
from mixedmode.services.tvs.credentials import NodeCredentials
from mixedmode.services.tvs.files import WatchedList
from mixedmode.services.tvs.lookup import TrustLookup
from mixedmode.services.tvs.service import TvsLimits, TvsService
from mixedmode.services.tvs.sources import DatabaseCache
from mixedmode.trustlist.kinds import CTL_FILE


def node_tvs(
    reader: ClusterReader,
    node: NodeInfo,
    folder: NodeFolder,
    *,
    host: str | None = None,
    port: int = 2445,
    floor: TlsFloor = TlsFloor.TLS_1_2,
    limits: TvsLimits | None = None,
    reuse_port: bool = False,
    seen: Sightings | None = None,
) -> TvsService:
    """Return the TVS service of a node, not started yet.

    Args:
        reader: The cluster.
        node: The node.
        folder: Its folder.
        host: The address to listen on; None is the node's own.
        port: TCP port; 0 chooses a free one.
        floor: The oldest TLS; 1.0 where phones of the 7900 series ask.
        limits: What clients may use.
        reuse_port: Let several processes share the port.
        seen: Told which phone asked for what.
    """
    ctl = WatchedList(folder.tftp / CTL_FILE)
    return TvsService(
        TrustLookup((DatabaseCache(reader), ctl.cache)),
        NodeCredentials(reader, node.name),
        host=host or node.address,
        port=port,
        floor=floor,
        limits=limits,
        lists=(ctl,),
        trace=TraceFile(folder.area("activelog") / TVS.folder),
        reuse_port=reuse_port,
        seen=seen,
    )
