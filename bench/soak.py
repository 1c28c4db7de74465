"""Half an hour at half of the load that TFTP and TVS can carry: memory stays flat, no file descriptor is lost.

Each server has a process of its own on core 0. In turn each is loaded for a moment as fast as it answers, then left
alone for as long; memory and descriptors are noted every ten seconds. ``MIXEDMODE_SOAK_SECONDS`` shortens it.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from bench import tftp, tvs
from bench.peers import compiled, running
from bench.tftp import BYTES, NAME
from bench.timing import Effort, Goal, Report

SECONDS = 1800.0
TRANSFERS, CONNECTIONS = 4000, 3000
"""Of one load of TFTP, and of one of TVS."""
_WARM_UP = 0.1
"""The part of the time that counts as warming up."""


@dataclass(slots=True)
class Watched:
    """A server under load.

    Attributes:
        process: Of the server.
        memory: Resident KiB, by time.
        descriptors: Open files, by time.
        served: How many were served.
        failed: How many failed.
    """

    name: str
    process: int
    memory: list[int] = field(default_factory=list)
    descriptors: list[int] = field(default_factory=list)
    served: int = 0
    failed: int = 0

    def note(self) -> None:
        """Note what it uses now."""
        status = Path(f"/proc/{self.process}/status").read_text()
        self.memory.append(int(status.split("VmRSS:")[1].split()[0]))
        self.descriptors.append(len(list(Path(f"/proc/{self.process}/fd").iterdir())))


def run(effort: Effort) -> Report:
    """Measure."""
    seconds = effort.seconds(float(os.environ.get("MIXEDMODE_SOAK_SECONDS", SECONDS)), 40.0)
    with tempfile.TemporaryDirectory(prefix="mixedmode-bench-") as temporary, ExitStack() as servers:
        folder = Path(temporary)
        served = folder / "served"
        served.mkdir()
        (served / NAME).write_bytes(os.urandom(BYTES))
        pem, request = tvs.material(folder)
        generators = compiled(folder, "tload"), compiled(folder, "tlsload", "-lssl", "-lcrypto")
        files = tftp.ours(served)
        vouching = next(each for each in tvs.make_contenders(folder, pem) if each.name == tvs.OURS)
        watched = [Watched(each.name, servers.enter_context(running(each))) for each in (files, vouching)]
        loads = _Loads(*generators, files.port, vouching.port, request)
        _load(loads, watched, seconds, effort)
    return _report(watched, seconds)


@dataclass(frozen=True, slots=True)
class _Loads:
    tload: Path
    tlsload: Path
    tftp_port: int
    tvs_port: int
    request: Path


def _load(loads: _Loads, watched: list[Watched], seconds: float, effort: Effort) -> None:
    begin = time.monotonic()
    noted, every = 0.0, min(10.0, seconds / 20)
    while (passed := time.monotonic() - begin) < seconds:
        begun = time.monotonic()
        files = tftp.load(loads.tload, loads.tftp_port, 512, TRANSFERS)
        watched[0].served += TRANSFERS - files.failed
        watched[0].failed += files.failed
        asked = tvs.load(loads.tlsload, loads.tvs_port, 32, CONNECTIONS, loads.request)
        watched[1].served += CONNECTIONS - asked.failed
        watched[1].failed += asked.failed
        time.sleep(time.monotonic() - begun)
        if time.monotonic() - noted >= every:
            noted = time.monotonic()
            effort.say(
                f"{passed:.0f} of {seconds:.0f} s: {watched[0].served:,} files, {watched[1].served:,} handshakes"
            )
            for each in watched:
                each.note()


def _report(watched: list[Watched], seconds: float) -> Report:
    lines = [f"{seconds:.0f} s, each server loaded half of the time as fast as it answers", ""]
    goals = []
    for each in watched:
        settled = each.memory[int(len(each.memory) * _WARM_UP) :]
        quarter = max(len(settled) // 4, 1)
        first, last = statistics.median(settled[:quarter]), statistics.median(settled[-quarter:])
        lines.append(
            f"{each.name:<22} {each.served:>10,} served, {each.failed} failed; memory {first / 1024:.1f} MiB at first, "
            f"{last / 1024:.1f} MiB at last; descriptors {each.descriptors[0]} and {each.descriptors[-1]}"
        )
        goals.append(Goal(f"{each.name}: memory at last / at first", last / first, 1.05, at_most=True))
        lost = statistics.median(each.descriptors[-quarter:]) - statistics.median(each.descriptors[:quarter])
        goals.append(Goal(f"{each.name}: descriptors gained", lost, 1, at_most=True))
        goals.append(Goal(f"{each.name}: failed", each.failed, 0, at_most=True))
    return Report("Soak", lines, goals)
