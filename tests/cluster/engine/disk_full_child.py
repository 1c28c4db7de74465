"""Run by test_disk_full inside a mount namespace of its own: a cluster one of whose nodes has a very small disk."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.operations.identity.certificates import RegenerateCertificate
from mixedmode.errors import MixedModeError
from mixedmode.trustlist import TrustList
from mixedmode.trustlist.kinds import CTL_FILE
from tests.cluster.building import MIXED, PUB, SUB, UPDATE, seed_spec
from tests.quick_keys import use_quick_keys


def fill(folder: Path) -> Path:
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1024))
        except OSError:
            pass
    return filler


def files(cluster: Cluster) -> dict[str, str]:
    found = {}
    for node in (PUB, SUB):
        data = cluster.folder(node).read(CTL_FILE)
        assert data is not None
        assert TrustList.parse(data).verify(), node
        found[node] = TrustList.parse(data).md5
    return found


def main(directory: Path, full_node: str) -> None:
    small = directory / full_node
    small.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=192k", "tmpfs", small], check=True)
    cluster = Cluster.create(directory, seed_spec())
    cluster.run(MIXED)
    before = files(cluster)
    cluster.run(RegenerateCertificate(SUB, "CallManager"))
    filler = fill(small)
    said = undelivered = ""
    try:
        undelivered = cluster.run(UPDATE).undelivered.get(full_node, "")
    except MixedModeError as error:
        said = error.diagnostics()
    during = files(cluster)
    filler.unlink()
    if said:
        cluster.run(UPDATE)
    else:
        cluster.deliver_pending()
    after = files(cluster)
    audit = [(entry.operation, entry.outcome) for entry in cluster.operations.journal.audit()]
    print(json.dumps([before, during, after, said, undelivered, audit]))


if __name__ == "__main__":
    use_quick_keys()
    main(Path(sys.argv[1]), sys.argv[2])
