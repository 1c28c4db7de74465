"""``show status``, ``show network cluster``, ``utils dbreplication runtimestate``, ``show tech``, ``history``.

Nodes are asked all at once: one that is silent makes nobody wait for the others.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import time
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from mixedmode.cluster.model.topology import NodeInfo
from mixedmode.cluster.publishing.distribution import PARALLEL
from mixedmode.cluster.replication.replication import SharedDatabase
from mixedmode.control.acts import SHOW_TECH
from mixedmode.faces.shell import texts
from mixedmode.faces.shell.call import Call
from mixedmode.faces.shell.commands.bundles import bundle_name
from mixedmode.faces.shell.model import Argument, Command
from mixedmode.faces.shell.talk import ScriptedIO
from mixedmode.pki.files import write_atomic

REPLICATION_TIMEOUT = 300
"""Seconds; the default of ``utils dbreplication setrepltimeout``."""
BUNDLED: dict[str, tuple[str, ...]] = {
    "runtime": ("show status", "utils service list"),
    "version": ("show version active", "show version inactive", "utils system upgrade status"),
    "network": ("show network cluster",),
    "database": (
        "utils dbreplication runtimestate",
        "run sql select name,tknodeusage,address from processnode",
        "run sql select tkmodel,count(*) from device group by tkmodel",
    ),
    "params": ("run sql select paramname,paramvalue,service,node from processconfig",),
    "certificates": ("show cert list own", "show cert list trust", "show csr list own"),
    "trust": ("file list tftp * detail", "show ctl", "show itl"),
}
"""What ``show tech`` collects, by its word; ``all`` collects everything. None of it holds a secret."""


async def show_status(call: Call) -> None:
    """Print what the node is and how it fares."""
    version = await call.blocking(lambda: call.cluster.version)
    mode = await call.blocking(lambda: call.cluster.mode)
    root = call.cluster.folder(call.node).root
    now = call.session.local(call.cluster.now())
    await call.write(
        "",
        f"Host Name          : {call.node}",
        f"Date               : {now:%a %b %d, %Y %H:%M:%S}",
        f"Time Zone          : {now:%Z}",
        f"Product Ver        : {version}",
        f"Security Mode      : {mode.label}",
        f"Database           : {call.cluster.database.label}",
        "",
        "Uptime:",
        f" {now:%H:%M:%S} up {_uptime()},  load average: {', '.join(f'{load:.2f}' for load in os.getloadavg())}",
        "",
        *_memory(),
        "",
        *_disk(root),
    )


def _uptime() -> str:
    try:
        seconds = int(float(Path("/proc/uptime").read_text().split()[0]))
    except (OSError, ValueError):
        return "unknown"
    days, rest = divmod(seconds, 86400)
    return f"{days} days, {rest // 3600:02d}:{rest // 60 % 60:02d}"


def _memory() -> list[str]:
    try:
        rows = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines() if ":" in line)
        total, free = (int(rows[name].split()[0]) for name in ("MemTotal", "MemAvailable"))
    except (OSError, KeyError, ValueError):
        return []
    return [f"Memory Total: {total:>14}K", f"        Free: {free:>14}K", f"        Used: {total - free:>14}K"]


def _disk(root: Path) -> list[str]:
    usage = shutil.disk_usage(root)
    cells = "".join(f"{size // 1024:>14}K" for size in (usage.total, usage.free, usage.used))
    heads = "".join(f"{head:>15}" for head in ("Total", "Free", "Used"))
    percent = usage.used * 100 // max(usage.total, 1)
    return [f"{'':<15}{heads}", f"{'Disk/active':<15}{cells} ({percent}%)"]


async def show_cluster(call: Call) -> None:
    """Print the nodes, and whether each answers."""
    nodes = await call.blocking(call.cluster.nodes)
    for node, (reason, _) in zip(nodes, await _reach_all(call, nodes), strict=True):
        usage = "Publisher callmanager DBPub" if node.is_publisher else "Subscriber callmanager DBSub"
        state = "authenticated" if reason is None else f"not authenticated ({reason})"
        await call.write(f"{node.address} {node.name} {node.name} {usage} {state}")


async def _reach_all(call: Call, nodes: Sequence[NodeInfo]) -> list[tuple[str | None, float]]:
    """Ask all nodes at once, a bounded number at a time; see :func:`_reach`."""
    slots = asyncio.Semaphore(PARALLEL)

    async def reach(node: NodeInfo) -> tuple[str | None, float]:
        async with slots:
            return await call.blocking(partial(_reach, call, node))

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(reach(node)) for node in nodes]
    return [task.result() for task in tasks]


def _reach(call: Call, node: NodeInfo) -> tuple[str | None, float]:
    """Return why a node does not answer, None if it does, and after how many milliseconds."""
    begun = time.perf_counter()
    reason = call.cluster.deliveries.distributor.reachable(node)
    return reason, (time.perf_counter() - begun) * 1000


async def runtime_state(call: Call) -> None:
    """Print whether every node holds the publisher's data."""
    nodes = await call.blocking(call.cluster.nodes)
    version = await call.blocking(lambda: call.cluster.version)
    states = await call.blocking(lambda: call.cluster.replication.states([node.name for node in nodes]))
    shared = isinstance(call.cluster.replication, SharedDatabase)
    await call.write("", f"Server Time: {call.session.date(call.cluster.now(), padded=False)}", "")
    await call.say(texts.REPLICATION_SHARED if shared else texts.REPLICATION_OWN)
    await call.write("", f"DB Version: ccm{re.sub('[^0-9]+', '_', version.text)}", "")
    await call.write(f"Repltimeout set to: {REPLICATION_TIMEOUT}s", "PROCESS option set to: 1", "", "")
    await call.write(f"Cluster Detailed View from {call.node} ({len(nodes)} Servers):", "")
    width = max(20, max(len(node.name) for node in nodes) + 2)
    widths = (width, 18, 10, 10, 9, 15)
    for head in (
        ("", "", "PING", "DB/RPC/", "REPL.", "Replication", "REPLICATION SETUP"),
        ("SERVER-NAME", "IP ADDRESS", "(msec)", "DbMon?", "QUEUE", "Group ID", "(RTMT) & Details"),
        ("-----------", "----------", "------", "-------", "-----", "-----------", "------------------"),
    ):
        await call.write(_row(head, widths))
    waiting = Counter(delivery.node for delivery in await call.blocking(call.cluster.deliveries.pending))
    answers = await _reach_all(call, nodes)
    for number, (node, (reason, milliseconds)) in enumerate(zip(nodes, answers, strict=True), start=2):
        state = states.get(node.name)
        ping = f"{milliseconds:.3f}" if reason is None else "Failed"
        flags = "/".join(("Y" if state is not None else "N", "Y" if reason is None else "N", "Y" if state else "N"))
        details = state.text if state is not None else "(-) DB Down"
        queue = str(waiting[node.name])
        await call.write(_row((node.name, node.address, ping, flags, queue, f"(g_{number})", details), widths))


def _row(cells: tuple[str, ...], widths: tuple[int, ...]) -> str:
    padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=False)]
    return "".join((*padded, *cells[len(widths) :])).rstrip()


async def collect(call: Call) -> None:
    """Write what support asks for into one file of the active log; what fails is told in its place."""
    lines: list[str] = []
    part = call.value("part")
    wanted = [line for word, collected in BUNDLED.items() if part in {"all", word} for line in collected]
    for line in wanted:
        io = ScriptedIO()
        await call.session.run_aside(line, io)
        lines += [f"{texts.PROMPT.line()}{line}", *io.lines, ""]
    name = bundle_name(part, call.session.local(call.cluster.now()), call.session.privilege)
    path = call.cluster.folder(call.node).area("activelog") / name
    data = "\n".join(lines).encode()
    await call.do(SHOW_TECH, lambda: write_atomic(path, data, mode=0o640), file=name)
    await call.say(texts.BUNDLE, path=name)


async def show_history(call: Call) -> None:
    """Print the lines of this session."""
    await call.write(*(f"{number:>5}  {line}" for number, line in enumerate(call.session.history, start=1)))


COMMANDS = (
    Command(("show", "status"), "Shows how this node fares.", show_status, privilege=0),
    Command(("show", "network", "cluster"), "Shows the nodes of the cluster.", show_cluster, privilege=0),
    Command(
        ("utils", "dbreplication", "runtimestate"),
        "Shows whether every node holds the publisher's data.",
        runtime_state,
        privilege=0,
    ),
    Command(
        ("show", "tech"),
        "Collects what support asks for into one file.",
        collect,
        (Argument("part", "What to collect.", choices=("all", *BUNDLED)),),
    ),
    Command(("history",), "Shows the lines of this session.", show_history, privilege=0),
)
