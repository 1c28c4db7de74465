"""A cluster at CUCM's size: 10 nodes and 40,000 devices, updated end to end, and ``show ctl`` at the prompt.

No peer does the same work, so the goals are absolute: `utils ctl update CTLFile` with the file on every node under
3 s, `show ctl` under 150 ms, a device look-up that scans no table.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from pathlib import Path

from bench.timing import Goal, Report

NODES, DEVICES = 10, 40_000


def run() -> Report:
    """Measure."""
    from mixedmode.admin.shell.session import AdminSession
    from mixedmode.admin.shell.talk import ScriptedIO
    from mixedmode.cluster.facade import Cluster
    from mixedmode.cluster.topology import ClusterSpec, DeviceSpec, NodeSpec
    from mixedmode.cluster.versions import Version

    with tempfile.TemporaryDirectory(prefix="mixedmode-bench-") as folder:
        spec = ClusterSpec(
            version=Version.parse("10.5.1.10000-7"),
            nodes=tuple(NodeSpec(f"cucm-{number}", f"127.0.1.{number}") for number in range(1, NODES + 1)),
            devices=tuple(DeviceSpec(f"SEP{number:012X}") for number in range(DEVICES)),
        )
        cluster = Cluster.create(Path(folder), spec)

        def typed(line: str, *answers: str) -> float:
            session = AdminSession(cluster, "cucm-1")
            start = time.perf_counter()
            outcome = asyncio.run(session.run(line, ScriptedIO(answers)))
            spent = time.perf_counter() - start
            if outcome.exit_code:
                raise RuntimeError(f"{line}: {outcome.error}")
            return spent

        mixed = typed("utils ctl set-cluster mixed-mode", "y")
        update = statistics.median(typed("utils ctl update CTLFile", "y") for _ in range(5))
        same = {cluster.show_ctl(node.name).data for node in cluster.nodes()}
        show = statistics.median(typed("show ctl") for _ in range(9))
        start = time.perf_counter()
        for number in range(0, DEVICES, 400):
            cluster.device(f"SEP{number:012X}")
        look_up = (time.perf_counter() - start) / (DEVICES / 400)
        cluster.close()
    lines = [
        f"{NODES} nodes, {DEVICES} devices, SQLite, every node's folder on this machine",
        "",
        f"utils ctl set-cluster mixed-mode     {mixed * 1e3:8.1f} ms",
        f"utils ctl update CTLFile             {update * 1e3:8.1f} ms, {len(same)} version on {NODES} nodes",
        f"show ctl at the prompt               {show * 1e3:8.1f} ms",
        f"look-up of one device                {look_up * 1e6:8.1f} us",
    ]
    goals = [
        Goal("utils ctl update CTLFile, seconds", update, 3.0, at_most=True),
        Goal("show ctl, seconds", show, 0.150, at_most=True),
        Goal("versions of the CTL after an update", len(same), 1, at_most=True),
    ]
    return Report("A cluster at full size", lines, goals)
