"""The storm: 40,000 phones take a new CTL, a new ITL and their own signed configuration, after a power cut.

The node is its real folder, a cluster with 40,000 devices in SQLite, and TFTP with every configuration built and signed
before the power comes back: once in one process, once with a worker for each of two cores. The phones are one compiled
program (``bench/tstorm.c``), each with an address of its own, so that the server is the limit. What came is judged
afterwards, by the rules of each phone and with its own verified signature. No peer does the same; what as many
datagrams cost at least is measured by ``bench/tceiling.c`` in the same run, under the same load.

Goals: every phone ends with the new lists and accepts its configuration; the server's peak memory stays below 300 MB;
it spends at most 3 times the processor time of the ceiling; phones repeat themselves in less than 1 % of the boots;
two workers do 1.7 times as much in the processor time of the busier one; 10,000 requests at the same instant are done
within a second, and none is repeated. Where the phones have no core of their own beside two workers, the clock says
little about what these gain: the report names who was the limit.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import IO, Any

from bench.fleet import Boots, boot_all
from bench.peers import Contender, compiled, free_port, processor_seconds, running
from bench.timing import Effort, Goal, Report

PHONES, QUICK_PHONES = 40_000, 2_000
AT_ONCE = 2048
RUSH = 10_000
"""Requests at the same instant."""
RUSH_FILE, RUSH_BYTES = "rush.bin", 5000
_TREE = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Storm:
    """What came of a storm.

    Attributes:
        boots: As the phones saw it.
        rushes: Requests at the same instant, as the phones saw them.
        spent: Seconds of processor time of each process of the server.
        peak: MB of memory of each process of the server, at most.
        ahead: Seconds of processor time for signing before the storm.
        counters: Of the server, at the end.
    """

    boots: Boots
    rushes: list[Boots]
    spent: list[float]
    peak: list[float]
    ahead: float = 0.0
    counters: dict[str, int] = field(default_factory=dict)

    @property
    def total(self) -> float:
        """Seconds of processor time of the server."""
        return sum(self.spent)

    @property
    def rate(self) -> float:
        """Boots a second, by the clock."""
        return self.boots.done / self.boots.seconds

    @property
    def rush_seconds(self) -> float:
        """Seconds until the last of the requests at the same instant has its file."""
        return statistics.median(each.seconds for each in self.rushes)

    @property
    def rush_repeated(self) -> int:
        """Of these requests, how many were repeated or failed."""
        return sum(each.repeated + each.failed for each in self.rushes)


def run(effort: Effort) -> Report:
    """Measure."""
    phones = effort.of(PHONES, QUICK_PHONES)
    with tempfile.TemporaryDirectory(prefix="mixedmode-bench-") as folder:
        site = _Site(Path(folder), phones, effort.of(5, 3))
        effort.say(f"making a cluster with {phones:,} phones")
        _child("make", folder, str(phones))
        with _serving(site, 1) as server:
            _child("pilot", str(server.port), str(site.before))
        effort.say("changing its lists")
        _child("change", folder, RUSH_FILE, str(RUSH_BYTES))
        effort.say("one process: signing the configurations of all, then starting all phones at once")
        one = _storm(site, 1, kept=site.kept)
        effort.say("sending such datagrams from the ceiling")
        ceiling = _ceiling(site)
        effort.say("two workers: the same")
        two = _storm(site, 2)
        effort.say("letting each phone judge what it got")
        seen = json.loads(_child("judge", folder, str(site.before), str(site.kept)))
    return report(phones, one, two, ceiling, seen)


@dataclass
class _Site:
    folder: Path
    phones: int
    rushes: int

    @property
    def before(self) -> Path:
        """What a phone holds before the change."""
        return self.folder / "before.json"

    @property
    def kept(self) -> Path:
        """The configurations that came."""
        return self.folder / "kept"

    @cached_property
    def generator(self) -> Path:
        return compiled(self.folder, "tstorm")

    @cached_property
    def files(self) -> Sequence[str]:
        """What each phone asks for."""
        files: list[str] = json.loads(_child("plan", str(self.folder), str(self.before)))
        return files

    def storm(self, port: int, files: Sequence[str], phones: int, kept: Path | None = None) -> Boots:
        return boot_all(self.generator, port, files, phones=phones, at_once=AT_ONCE, kept=kept)

    def rush(self, port: int) -> list[Boots]:
        return [boot_all(self.generator, port, [RUSH_FILE], phones=RUSH, at_once=RUSH) for _ in range(self.rushes)]


def _storm(site: _Site, workers: int, *, kept: Path | None = None) -> Storm:
    with _serving(site, workers) as server:
        process = server.process.pid
        begun = sum(processor_seconds(process).values())
        if int(_line(server.process.stdout)) < site.phones * workers:
            raise RuntimeError("the server did not sign all configurations")
        before = processor_seconds(process)
        boots = site.storm(server.port, site.files, site.phones, kept)
        after = processor_seconds(process)
        peak = [_memory(each, "VmHWM") for each in after]
        rushes = site.rush(server.port)
    spent = [seconds - before[each] for each, seconds in after.items()]
    return Storm(boots, rushes, spent, peak, sum(before.values()) - begun, server.counters)


def _ceiling(site: _Site) -> Storm:
    port = free_port(socket.SOCK_DGRAM)
    command = (str(compiled(site.folder, "tceiling")), str(port), str(RUSH_BYTES))
    names = [each.partition("=")[0] for each in site.files]
    with running(Contender("ceiling", port, command)) as process:
        site.storm(port, names, 1000)
        before = processor_seconds(process)[process]
        boots = site.storm(port, names, max(site.phones // 2, 10_000))
        spent = processor_seconds(process)[process] - before
        return Storm(boots, site.rush(port), [spent], [])


@dataclass(slots=True)
class _Server:
    process: subprocess.Popen[str]
    port: int
    counters: dict[str, int] = field(default_factory=dict)


@contextmanager
def _serving(site: _Site, workers: int) -> Iterator[_Server]:
    cores = ["0"] if workers == 1 else ["0", "1" if (os.cpu_count() or 1) < 3 else "2"]
    words = _command("serve", str(site.folder), str(site.phones), str(workers))
    with subprocess.Popen(
        ["taskset", "-c", ",".join(cores), *words], cwd=_TREE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            server = _Server(process, int(_line(process.stdout)))
            yield server
            process.send_signal(signal.SIGTERM)
            server.counters.update(json.loads(process.communicate(timeout=60)[0].splitlines()[-1]))
        finally:
            process.kill()


def _child(role: str, *arguments: str) -> str:
    words = _command(role, *arguments)
    return subprocess.run(words, cwd=_TREE, stdout=subprocess.PIPE, text=True, check=True).stdout


def _command(role: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "bench.storm_site", role, *arguments]


def _line(stream: IO[str] | None) -> str:
    line = stream.readline() if stream is not None else ""
    if not line:
        raise RuntimeError("the server has ended")
    return line


def _memory(process: int, field: str) -> float:
    """Return a field of ``/proc/PID/status`` in MB."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) / 1e3
    raise RuntimeError(f"/proc/{process}/status has no {field}")


def report(phones: int, one: Storm, two: Storm, ceiling: Storm, seen: dict[str, Any]) -> Report:
    """Return the table and the goals of what was measured.

    Args:
        phones: How many there were.
        one: With one process.
        two: With two workers.
        ceiling: The same for the ceiling.
        seen: What the phones made of what they got.
    """
    boots, sizes = one.boots, seen["bytes"]
    datagram = ceiling.total / ceiling.boots.datagrams
    least = [datagram * each.boots.datagrams for each in (one, two)]
    repeats = [each.boots.repeated / phones for each in (one, two)]

    def row(name: str, form: str, *values: float) -> str:
        return f"{name:<43}" + "".join(f"{value:{form}}".rjust(13) for value in values)

    lines = [
        f"{phones} phones (7975) with the lists from before, switched on at the same instant, {AT_ONCE} boots at once;",
        f"CTL {sizes['CTL']} bytes, ITL {sizes['ITL']} bytes, XML in a signed file of {sizes['configuration']} bytes,",
        "built and signed (RSA 2048) for each phone before it asks; SQLite; 512-byte blocks in lockstep, as phones do;",
        f"one process: server on core 0, phones on core 1; two workers: on two of {os.cpu_count()} cores",
        "",
        f"{'':<43}{'one process':>13}{'two workers':>13}",
        row("whole storm, s", ".2f", boots.seconds, two.boots.seconds),
        row("phones a second", ",.0f", one.rate, two.rate),
        row("one phone's boot, p50, s", ".3f", boots.boot_p50, two.boots.boot_p50),
        row("one phone's boot, p99, s", ".3f", boots.boot_p99, two.boots.boot_p99),
        row("one phone's boot, max, s", ".3f", boots.boot_max, two.boots.boot_max),
        row("since the power came, p99, s", ".2f", boots.wait_p99, two.boots.wait_p99),
        row("datagrams both ways", ",d", boots.datagrams, two.boots.datagrams),
        row("repeated by phones", ",d", boots.repeated, two.boots.repeated),
        row("repeated by the server", ",d", *(each.counters["retransmissions"] for each in (one, two))),
        row("lost on the phones' side", ",d", boots.lost_here, two.boots.lost_here),
        row("server: processor time, s", ".2f", one.total, two.total),
        row("server: the same, us a phone", ".0f", *(each.total / phones * 1e6 for each in (one, two))),
        row("server: of its busiest process, s", ".2f", max(one.spent), max(two.spent)),
        row("ceiling: for as many datagrams, s", ".2f", *least),
        row("server: signing ahead, s of processor time", ".1f", one.ahead, two.ahead),
        row("server: peak memory, all processes, MB", ".0f", sum(one.peak), sum(two.peak)),
        row("phones: processor time, s", ".2f", boots.processor_seconds, two.boots.processor_seconds),
        "",
        f"one process: {_limit(one)}",
        f"two workers: {_limit(two)}; {two.rate / one.rate:.2f} times one process by the clock",
        "",
        f"{RUSH:,} requests for {RUSH_BYTES} bytes at the same instant, median of {len(one.rushes)}, s:",
        row("", ".2f", one.rush_seconds, two.rush_seconds) + f"   ceiling {ceiling.rush_seconds:.2f}",
        "",
        *(f"{file}: {_counted(reasons)}" for file, reasons in seen["decisions"].items()),
    ]
    lacking = phones - seen["complete"] + phones - two.boots.done
    goals = [
        Goal("phones that lack the new CTL, ITL or configuration", lacking, 0, at_most=True),
        Goal("peak memory of the server, MB", sum(one.peak), 300, at_most=True),
        Goal("processor time, the server's / the ceiling's", one.total / least[0], 3, at_most=True),
        Goal("the same, two workers", two.total / least[1], 3, at_most=True),
        Goal("datagrams repeated by phones, for each boot", max(repeats), 0.01, at_most=True),
        Goal("two workers / one, by the busier one's processor time", one.total / max(two.spent), 1.7, at_most=False),
        Goal(f"{RUSH:,} requests at once, seconds", one.rush_seconds, 1, at_most=True),
        Goal(f"{RUSH:,} requests at once, repetitions", one.rush_repeated + two.rush_repeated, 0, at_most=True),
    ]
    return Report("A boot storm of a whole cluster", lines, goals)


def _limit(storm: Storm) -> str:
    """Say what a storm waited for, by the shares of time that server and phones had a core."""
    phones, busiest = storm.boots.busy, max(storm.spent) / storm.boots.seconds
    cores = storm.total / storm.boots.seconds + phones
    said = f"busiest process {busiest:.0%}, phones {phones:.0%} of a core"
    if busiest >= _BUSY:
        return f"{said}: the server is the limit"
    if phones >= _BUSY:
        return f"{said}: the phones are the limit"
    if cores >= _BUSY * (os.cpu_count() or 1):
        return f"{said}: the phones take the workers' cores"
    return f"{said}: something else took the cores"


_BUSY = 0.9
"""Of the time; whoever has a core for so long has no more to give."""


def _counted(reasons: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {reason}" for reason, count in reasons.items())
