"""How long a newcomer waits: a lab until it is up, a rehearsal of four phones, a list that is shown.

No peer does the same, so the goals are absolute, and mean a machine with nothing else to do: a lab is up in 2 s, a
rehearsal of four phones ends within 4 s, what only reads takes less than 0.3 s of processor time. Processor time stands
beside each figure: on a busy machine it is what can be compared. Modules are compiled before, as after an installation.
"""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.timing import Effort, Goal, Report

LAB_SECONDS, REHEARSAL_SECONDS, READING_SECONDS = 2.0, 4.0, 0.3
PHONES = 4
_COMMAND = str(Path(sys.executable).with_name("mixedmode"))
_UP = "the lab is running"
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Run:
    """One run.

    Attributes:
        wall: Seconds until it was where it should be.
        cpu: Of these, seconds of processors, with its children that ended.
    """

    wall: float
    cpu: float


def run(effort: Effort) -> Report:
    """Measure."""
    rounds = effort.of(7, 2)
    with tempfile.TemporaryDirectory(prefix="mixedmode-bench-") as name:
        folder = Path(name)
        file = _a_list(folder)
        reading = {
            "show FILE": lambda: ended(["show", str(file)]),
            "verify FILE": lambda: ended(["verify", str(file)]),
            "--help": lambda: ended(["--help"]),
            "completion of a word": lambda: ended([], _completing("mixedmode sh")),
        }
        contenders: dict[str, Callable[[], Run]] = {
            "a lab is up": lambda: _lab(Path(tempfile.mkdtemp(dir=folder))),
            f"a rehearsal of {PHONES} phones": lambda: ended(
                ["rehearse", "non-secure-to-mixed", "--phones", str(PHONES)]
            ),
            **reading,
        }
        found: dict[str, list[Run]] = {each: [] for each in contenders}
        for number in range(rounds + 1):
            effort.say("warming up" if number == 0 else f"round {number} of {rounds}")
            for each, begin in contenders.items():
                taken = begin()
                if number > 0:
                    found[each].append(taken)
    walls = {each: statistics.median(one.wall for one in runs) for each, runs in found.items()}
    cpus = {each: statistics.median(one.cpu for one in runs) for each, runs in found.items()}
    best = {each: min(one.wall for one in runs) for each, runs in found.items()}
    lines = [f"{os.cpu_count()} cores, {rounds} rounds, a lab of 2 nodes and {PHONES} phones", ""]
    lines += [
        f"{each:26} {walls[each]:6.2f} s  (best {best[each]:.2f}), {cpus[each]:.2f} s of processors" for each in found
    ]
    slowest = max(cpus[each] for each in reading)
    goals = [
        Goal("a lab is up, seconds", walls["a lab is up"], LAB_SECONDS, at_most=True),
        Goal(
            f"a rehearsal of {PHONES} phones, seconds",
            walls[f"a rehearsal of {PHONES} phones"],
            REHEARSAL_SECONDS,
            at_most=True,
        ),
        Goal("the slowest that only reads, seconds of processors", slowest, READING_SECONDS, at_most=True),
    ]
    return Report("Starting", lines, goals)


def _environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, **(more or {})}


def _completing(line: str) -> dict[str, str]:
    return {"_MIXEDMODE_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(line.split()) - 1)}


def _a_list(folder: Path) -> Path:
    from datetime import UTC, datetime

    from mixedmode.cluster.facade import Cluster
    from mixedmode.cluster.model.topology import ClusterSpec, NodeSpec
    from mixedmode.cluster.model.versions import Version

    spec = ClusterSpec(version=Version.parse("10.5.1.10000-7"), nodes=(NodeSpec("cucm-pub", "192.0.2.1"),))
    cluster = Cluster.create(folder / "cluster", spec, clock=lambda: datetime(2026, 1, 1, tzinfo=UTC))
    path = folder / "ITLFile.tlv"
    path.write_bytes(cluster.show_itl("cucm-pub").data or b"")
    cluster.close()
    return path


def ended(words: list[str], more: Mapping[str, str] | None = None) -> Run:
    """Run a command to its end."""
    begun = time.perf_counter()
    with subprocess.Popen(
        [_COMMAND, *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=_environment(more), text=True
    ) as process:
        said = process.stderr.read() if process.stderr else ""
        _pid, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"mixedmode {' '.join(words)}: exit code {process.returncode}: {said}")
    return Run(time.perf_counter() - begun, used.ru_utime + used.ru_stime)


def _lab(folder: Path) -> Run:
    """Start a lab, take the time when it says that it runs, and end it."""
    words = ["lab", "--directory", str(folder / "lab"), "--phones", str(PHONES)]
    begun = time.perf_counter()
    with subprocess.Popen(
        [_COMMAND, *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=_environment(), text=True
    ) as process:
        said: list[str] = []
        for line in process.stderr or ():
            said.append(line)
            if line.startswith(_UP):
                break
        up = Run(time.perf_counter() - begun, _cpu_so_far(process.pid))
        process.send_signal(signal.SIGINT)
        said.append(process.stderr.read() if process.stderr else "")
    if not any(line.startswith(_UP) for line in said):
        raise RuntimeError(f"the lab did not start: {''.join(said)}")
    return up


def _cpu_so_far(pid: int) -> float:
    """Return the processor time of a process and of its children that ended, seconds; fields 14 to 17 of proc(5)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / _TICKS
