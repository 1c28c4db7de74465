"""The storm: 40,000 phones take a new CTL, a new ITL and their own signed configuration, after a power cut.

One process is the node: its real folder, a cluster with 40,000 devices in SQLite, TFTP, every configuration built and
signed before the power comes back. Another one, on the other core, is the fleet: each phone holds the lists from before
the change and runs the whole boot over UDP, with its own policy decisions and its own verified signature. No peer does
the same; what as many datagrams cost at least is measured with ``bench/tceiling.c`` in the same run.

Goals: every phone ends with the new lists and accepts its configuration; the server's peak memory stays below 300 MB;
it spends at most 3 times the processor time of the ceiling; phones repeat themselves in less than 1 % of the boots.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from bench import tftp
from bench.peers import Contender, compiled, free_port, processor_seconds, running
from bench.timing import Effort, Goal, Report

if TYPE_CHECKING:
    from mixedmode.cluster.facade import Cluster
    from mixedmode.fleet.outcomes import FleetReport

PHONES, QUICK_PHONES = 40_000, 2_000
FIRST = "SEP000000000000"
AT_ONCE = 2048
NODE = "cucm-1"
_TREE = Path(__file__).resolve().parents[1]


def run(effort: Effort) -> Report:
    """Measure."""
    phones = effort.of(PHONES, QUICK_PHONES)
    with tempfile.TemporaryDirectory(prefix="mixedmode-bench-") as folder:
        kept = str(Path(folder) / "before.json")
        effort.say(f"making a cluster with {phones:,} phones")
        _child("make", folder, str(phones))
        with _serving(folder) as server:
            before = json.loads(_child("pilot", str(server.port), kept))
        effort.say("changing its lists")
        _child("change", folder)
        with _serving(folder) as server:
            effort.say("signing the configurations of all")
            begun = _cpu(server.process.pid)
            _wait_until_ready(server, phones)
            ahead = _cpu(server.process.pid) - begun
            resting = _memory(server.process.pid, "VmRSS")
            spent = _cpu(server.process.pid)
            effort.say("starting all phones at once")
            seen = json.loads(_child("fleet", str(server.port), kept, str(phones), core=1))
            spent = _cpu(server.process.pid) - spent
            peak = _memory(server.process.pid, "VmHWM")
        effort.say("sending as many datagrams from the ceiling")
        least = _ceiling(Path(folder), effort.of(40_000, 10_000))
    return _report(before, seen, server.counters, _Spent(resting, peak, spent, ahead, least), phones)


def _wait_until_ready(server: _Server, phones: int) -> None:
    """Wait until the configurations of all phones are ready."""
    if server.process.stdout is None or int(_line(server.process.stdout)) < phones:
        raise RuntimeError("the server did not sign all configurations")


def _ceiling(folder: Path, transfers: int) -> float:
    """Return the processor time that the ceiling spends on a datagram, coming or going."""
    generator, port = compiled(folder, "tload"), free_port(socket.SOCK_DGRAM)
    command = (str(compiled(folder, "tceiling")), str(port), str(tftp.BYTES))
    with running(Contender("ceiling", port, command)) as process:
        tftp.load(generator, port, 64, 1000)
        before = sum(processor_seconds(process).values())
        tftp.load(generator, port, 512, transfers)
        spent = sum(processor_seconds(process).values()) - before
    return spent / (transfers * tftp.DATAGRAMS)


@dataclass(slots=True)
class _Server:
    process: subprocess.Popen[str]
    port: int
    counters: dict[str, int] = field(default_factory=dict)


def _child(role: str, *arguments: str, core: int | None = None) -> str:
    done = subprocess.run(
        _command(role, *arguments, core=core), cwd=_TREE, stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout


def _command(role: str, *arguments: str, core: int | None) -> list[str]:
    pinned = [] if core is None or (os.cpu_count() or 1) <= core else ["taskset", "-c", str(core)]
    return [*pinned, sys.executable, "-m", "bench.storm", role, *arguments]


@contextmanager
def _serving(folder: str) -> Iterator[_Server]:
    command = _command("serve", folder, core=0)
    with subprocess.Popen(command, cwd=_TREE, stdout=subprocess.PIPE, text=True) as process:
        try:
            server = _Server(process, int(_line(process.stdout)))
            yield server
            process.send_signal(signal.SIGTERM)
            server.counters.update(json.loads(process.communicate(timeout=30)[0].splitlines()[-1]))
        finally:
            process.kill()


def _line(stream: IO[str] | None) -> str:
    line = stream.readline() if stream is not None else ""
    if not line:
        raise RuntimeError("the server did not start")
    return line


def _memory(process: int, field: str) -> float:
    """Return a field of ``/proc/PID/status`` in MB."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) / 1e3
    raise RuntimeError(f"/proc/{process}/status has no {field}")


def _cpu(process: int) -> float:
    """Return the seconds of processor time that a process has used."""
    words = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class _Spent:
    resting: float
    peak: float
    seconds: float
    ahead: float
    least: float
    """Of the ceiling, for a datagram."""


def _report(
    before: dict[str, Any], seen: dict[str, Any], counters: dict[str, int], spent: _Spent, phones: int
) -> Report:
    boots, waits = seen["boot_seconds"], seen["since_power_on_seconds"]
    datagrams = seen["datagrams"]
    held = seen["held"]
    repeats = datagrams["repeated"] / phones
    least = (datagrams["sent"] + datagrams["received"]) * spent.least
    lines = [
        f"{phones} phones (7975) with the lists from before, switched on at the same instant, {AT_ONCE} boots at once;",
        f"CTL {held['ctl_bytes']} bytes, ITL {held['itl_bytes']} bytes, XML of {held['config_bytes']} bytes built and",
        "signed (RSA 2048) for each phone before it asks;",
        "server on core 0 (SQLite, one process), fleet on core 1, 512-byte blocks in lockstep, as phones do",
        "",
        f"whole storm                          {seen['seconds']:10.1f} s",
        f"phones a second                      {seen['phones_per_second']:10,.0f}",
        f"one phone's boot, p50 / p99 / max    {boots['p50']:10.2f} {boots['p99']:10.2f} {boots['max']:10.2f} s",
        f"since the power came, p50 / p99      {waits['p50']:10.2f} {waits['p99']:10.2f} s",
        f"datagrams to / from the server       {datagrams['sent']:10,} {datagrams['received']:10,}",
        f"repeated by phones / by the server   {datagrams['repeated']:10,} {counters['retransmissions']:10,}",
        f"datagrams repeated, for each boot     {repeats:10.3f}",
        f"server: signing ahead                {spent.ahead:10.1f} s of processor time",
        f"server: processor time               {spent.seconds:10.1f} s",
        f"ceiling, for as many datagrams       {least:10.1f} s",
        f"files built while phones waited      {counters['configurations_signed'] - phones:10,}",
        f"server: memory before / peak         {spent.resting:10.0f} {spent.peak:10.0f} MB",
        "",
        *(f"{file}: {_counted(reasons)}" for file, reasons in seen["decisions"].items()),
    ]
    new = held["ctl_sha1"] != before["ctl_sha1"] and held["itl_sha1"] != before["itl_sha1"]
    goals = [
        Goal("phones that lack the new CTL, ITL or configuration", phones - held["complete"] * new, 0, at_most=True),
        Goal("peak memory of the server, MB", spent.peak, 300, at_most=True),
        Goal("processor time, the server's / the ceiling's", spent.seconds / least, 3, at_most=True),
        Goal("datagrams repeated by phones, for each boot", repeats, 0.01, at_most=True),
    ]
    return Report("A boot storm of a whole cluster", lines, goals)


def _counted(reasons: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {reason}" for reason, count in reasons.items())


# What follows runs in processes of its own.


def _make(folder: str, phones: str) -> None:
    from mixedmode.cluster.facade import Cluster
    from mixedmode.cluster.model.topology import ClusterSpec, DeviceSpec, NodeSpec
    from mixedmode.cluster.model.versions import Version
    from mixedmode.fleet.phones import device_names

    spec = ClusterSpec(
        version=Version.parse("10.5.1.10000-7"),
        nodes=(NodeSpec(NODE, "127.0.0.1"), NodeSpec("cucm-2", "127.0.0.2")),
        devices=tuple(DeviceSpec(name) for name in device_names(int(phones), FIRST)),
    )
    cluster = Cluster.create(Path(folder), spec)
    _type(cluster, "utils ctl set-cluster mixed-mode")
    cluster.close()


def _change(folder: str) -> None:
    """Make both lists anew, by the same signer: the TVS certificate changes, then the CTL is updated."""
    from mixedmode.cluster.facade import Cluster

    cluster = Cluster.open(Path(folder))
    _type(cluster, "set cert regen TVS")
    time.sleep(1.1)  # the time in a list's header has a resolution of a second
    _type(cluster, "utils ctl update CTLFile")
    cluster.close()


def _type(cluster: Cluster, line: str) -> None:
    from mixedmode.faces.shell.session import AdminSession
    from mixedmode.faces.shell.talk import ScriptedIO

    outcome = asyncio.run(AdminSession(cluster, NODE).run(line, ScriptedIO(["y", "y"])))
    if outcome.exit_code:
        raise RuntimeError(f"{line}: {outcome.error}")


def _serve(folder: str) -> None:
    import uvloop

    uvloop.run(_serve_until_told(folder))


async def _serve_until_told(folder: str) -> None:
    from mixedmode.cluster.facade import Cluster
    from mixedmode.services.files.ahead import Ahead
    from mixedmode.services.files.configs import ConfigStore
    from mixedmode.services.files.phoneconfig import ConfigFacts, Server
    from mixedmode.services.files.store import FolderStore
    from mixedmode.services.tftp.service import TftpService

    cluster = Cluster.open(Path(folder))
    addresses = {node.name: node.address for node in cluster.nodes()}

    def locate(device: str) -> ConfigFacts:
        group = [addresses[name] for name in cluster.trust_servers(device) or list(addresses)]
        return ConfigFacts(
            call_managers=[Server(each, 2000, 2443) for each in group],
            tvs=[Server(each, 2445) for each in group],
            capf=[Server(group[0], 3804)],
        )

    store = ConfigStore(FolderStore(cluster.folder(NODE).tftp), cluster, NODE, locate)
    service = TftpService(store, ahead=Ahead(store, lambda: cluster.devices, share=0.95))
    await service.start()
    told = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told.set)
    print(service.port, flush=True)
    phones = len(cluster.devices)
    while store.ready_count < phones and not told.is_set():  # noqa: ASYNC110 - a thread does it
        await asyncio.sleep(0.05)
    print(store.ready_count, flush=True)
    await told.wait()
    await service.drain(1.0)
    await service.stop()
    cluster.close()
    print(json.dumps(service.metrics))


def _pilot(port: str, path: str) -> None:
    """Start one phone, and keep what it holds for the others."""
    from mixedmode.phone.body.client import Phone, Server
    from mixedmode.phone.mind.models import get_model

    phone = Phone(FIRST, get_model("7975"), state_file=Path(path))
    report = asyncio.run(phone.boot(Server("127.0.0.1", int(port), http_port=None)))
    trust = report.trust
    if report.exit_code or trust.ctl is None or trust.itl is None:
        raise RuntimeError(f"the first phone did not start: {report.messages}")
    print(json.dumps({"ctl_sha1": trust.ctl.sha1, "itl_sha1": trust.itl.sha1}))


def _fleet(port: str, path: str, count: str) -> None:
    from mixedmode.fleet.fleet import Fleet
    from mixedmode.fleet.phones import FleetOptions, make_phones
    from mixedmode.phone.body.client import Server
    from mixedmode.phone.body.storage import load_state
    from mixedmode.phone.mind.models import get_model

    before = load_state(Path(path), FIRST)
    if before is None:
        raise RuntimeError("the first phone left no state")
    phones = make_phones([(get_model("7975"), int(count))], [before], first=FIRST)
    fleet = Fleet(phones, Server("127.0.0.1", int(port), http_port=None), options=FleetOptions(at_once=AT_ONCE))
    report = asyncio.run(fleet.run())
    print(json.dumps(report.document() | {"held": _held(report)}))


def _held(report: FleetReport) -> dict[str, Any]:
    """Return what the phones hold now: all must hold the same."""
    states = [each.state for each in report.outcomes]
    trust = states[0].trust
    if trust.ctl is None or trust.itl is None:
        raise RuntimeError("the first phone holds no lists")
    complete = sum(
        each.state.trust.ctl == trust.ctl
        and each.state.trust.itl == trust.itl
        and all(decision is not None and decision.accepted for decision in each.decisions.values())
        and each.state.config_name == f"{each.name}.cnf.xml.sgn"
        for each in report.outcomes
    )
    return {
        "complete": complete,
        "ctl_sha1": trust.ctl.sha1,
        "itl_sha1": trust.itl.sha1,
        "ctl_bytes": len(trust.ctl),
        "itl_bytes": len(trust.itl),
        "config_bytes": len(states[0].config or b""),
    }


_ROLES: dict[str, Callable[..., None]] = {
    "make": _make,
    "change": _change,
    "serve": _serve,
    "pilot": _pilot,
    "fleet": _fleet,
}

if __name__ == "__main__":
    _ROLES[sys.argv[1]](*sys.argv[2:])
