"""A node on another host than the publisher follows upgrades and switches of versions by itself.

The publisher's own operations do this where a node's folder is.
"""

from __future__ import annotations

from typing import Final

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.store.folders import NodeFolder
from mixedmode.pki.files import write_atomic

VERSION_MARK: Final = "version"
"""In a partition: the version that its files were carried into."""


def follow_versions(cluster: Cluster, folder: NodeFolder) -> bool:
    """Carry a node's files into a newly installed version, and switch; return whether it was switched."""
    active = folder.active
    switched = False
    for version in cluster.versions():
        if version.partition == active:
            continue
        mark = folder.root / version.partition / VERSION_MARK
        if not mark.exists() or mark.read_text() != version.version.text:
            for name in folder.names():
                folder.write(name, folder.read(name), partition=version.partition)
            write_atomic(mark, version.version.text.encode())
        if version.active:
            folder.activate(version.partition)
            switched = True
    return switched
