"""A cluster at CUCM's size: 10 nodes and 40,000 devices, updated end to end, and ``show ctl`` at the prompt.

No peer does the same work, so the goals are absolute: `utils ctl update CTLFile` with the file on every node under
3 s, `show ctl` under 150 ms, a device look-up that scans no table. The nine subscribers get their files over SFTP, from
servers in a process of their own on this machine.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.timing import Effort, Goal, Report
from mixedmode.services.ssh.distribution import SftpEndpoint
from mixedmode.services.ssh.ssh_keys import ensure_key

NODES = 10


_SERVER = """
import asyncio, json, sys
from pathlib import Path
from mixedmode.cluster.store.folders import NodeFolder
from mixedmode.services.ssh.sftp import NodeSftpService

async def main():
    folder, key, *names = sys.argv[1:]
    services = {name: NodeSftpService(NodeFolder(Path(folder) / name), authorized_keys=[key]) for name in names}
    for service in services.values():
        await service.start()
    print(json.dumps({name: [each.port, each.host_public_key] for name, each in services.items()}), flush=True)
    await asyncio.to_thread(sys.stdin.read)

asyncio.run(main())
"""


@contextmanager
def _nodes(folder: Path, key: Path, names: list[str]) -> Iterator[dict[str, SftpEndpoint]]:
    """Run the SFTP service of every subscriber in a process of their own."""
    words = [sys.executable, "-c", _SERVER, str(folder), ensure_key(key), *names]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("no pipes")
        found = json.loads(process.stdout.readline())
        try:
            yield {name: SftpEndpoint("127.0.0.1", port, host_key) for name, (port, host_key) in found.items()}
        finally:
            process.stdin.close()


def run(effort: Effort) -> Report:
    """Measure."""
    devices = effort.of(40_000, 4_000)
    effort.say(f"making a cluster of {NODES} nodes with {devices:,} devices")
    from mixedmode.cluster.facade import Cluster
    from mixedmode.cluster.model.topology import ClusterSpec, DeviceSpec, NodeSpec
    from mixedmode.cluster.model.versions import Version
    from mixedmode.faces.shell.session import AdminSession
    from mixedmode.faces.shell.talk import ScriptedIO
    from mixedmode.rehearsal.lab.distributor import LabDistributor
    from mixedmode.services.ssh.distribution import SftpDistributor

    with tempfile.TemporaryDirectory(prefix="mixedmode-bench-") as folder, ExitStack() as running:
        spec = ClusterSpec(
            version=Version.parse("10.5.1.10000-7"),
            nodes=tuple(NodeSpec(f"cucm-{number}", f"127.0.1.{number}") for number in range(1, NODES + 1)),
            devices=tuple(DeviceSpec(f"SEP{number:012X}") for number in range(devices)),
        )
        cluster = Cluster.create(Path(folder), spec)
        key = Path(folder) / "publisher_key"
        endpoints = running.enter_context(_nodes(Path(folder), key, [node.name for node in cluster.nodes()[1:]]))
        by_sftp = LabDistributor(Path(folder), "cucm-1", SftpDistributor(lambda node: endpoints[node.name], key))
        in_folders = cluster.deliveries.distributor

        def typed(line: str, *answers: str) -> float:
            session = AdminSession(cluster, "cucm-1")
            start = time.perf_counter()
            outcome = asyncio.run(session.run(line, ScriptedIO(answers)))
            spent = time.perf_counter() - start
            if outcome.exit_code:
                raise RuntimeError(f"{line}: {outcome.error}")
            return spent

        effort.say("changing its mode and updating its CTL file")
        mixed = typed("utils ctl set-cluster mixed-mode", "y")
        local = statistics.median(typed("utils ctl update CTLFile", "y") for _ in range(5))
        cluster.deliveries.distributor = by_sftp
        update = statistics.median(typed("utils ctl update CTLFile", "y") for _ in range(5))
        cluster.deliveries.distributor = in_folders
        same = {cluster.show_ctl(node.name).data for node in cluster.nodes()}
        show = statistics.median(typed("show ctl") for _ in range(9))
        start = time.perf_counter()
        for number in range(0, devices, 400):
            cluster.device(f"SEP{number:012X}")
        look_up = (time.perf_counter() - start) / (devices / 400)
        cluster.close()
    lines = [
        f"{NODES} nodes, {devices} devices, SQLite, all nodes on this machine",
        "",
        f"utils ctl set-cluster mixed-mode     {mixed * 1e3:8.1f} ms",
        f"utils ctl update CTLFile over SFTP   {update * 1e3:8.1f} ms, {len(same)} version on {NODES} nodes",
        f"the same into folders                {local * 1e3:8.1f} ms",
        f"show ctl at the prompt               {show * 1e3:8.1f} ms",
        f"look-up of one device                {look_up * 1e6:8.1f} us",
    ]
    goals = [
        Goal("utils ctl update CTLFile over SFTP, seconds", update, 3.0, at_most=True),
        Goal("show ctl, seconds", show, 0.150, at_most=True),
        Goal("versions of the CTL after an update", len(same), 1, at_most=True),
    ]
    return Report("A cluster at full size", lines, goals)
