"""Half an hour at half of the load that TFTP and TVS can carry: memory stays flat, no file descriptor is lost.

Each server has a process of its own on core 0. In turn each is loaded for a moment as fast as it answers, then left
alone for as long; memory and descriptors are noted every ten seconds. ``MIXEDMODE_SOAK_SECONDS`` shortens it.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from bench.tftp import BYTES, NAME, _ours, _running
from bench.tftp import _load as _load_tftp
from bench.timing import Goal, Report
from bench.tvs import OURS, TOTAL, _contenders, _material
from bench.tvs import _load as _load_tvs

SECONDS = 1800.0
_NOTE_SECONDS = 10.0
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


def run() -> Report:
    """Measure."""
    seconds = float(os.environ.get("MIXEDMODE_SOAK_SECONDS", SECONDS))
    with tempfile.TemporaryDirectory(prefix="mixedmode-bench-") as temporary, ExitStack() as running:
        folder = Path(temporary)
        served = folder / "served"
        served.mkdir()
        (served / NAME).write_bytes(os.urandom(BYTES))
        pem, request = _material(folder)
        sources = Path(__file__).parent
        loads = {"tload": (), "tlsload": ("-lssl", "-lcrypto")}
        for name, libraries in loads.items():
            words = ["gcc", "-O2", "-o", str(folder / name), str(sources / f"{name}.c"), *libraries]
            subprocess.run(words, check=True)
        files = _ours(served)
        vouching = next(each for each in _contenders(folder, pem) if each.name == OURS)
        watched = [Watched(each.name, running.enter_context(_running(each))) for each in (files, vouching)]
        _load(folder, request, (files.port, vouching.port), watched, seconds)
    return _report(watched, seconds)


def _load(folder: Path, request: Path, ports: tuple[int, int], watched: list[Watched], seconds: float) -> None:
    end = time.monotonic() + seconds
    noted = 0.0
    while time.monotonic() < end:
        begun = time.monotonic()
        load = _load_tftp(folder / "tload", ports[0], 512, 4000)
        watched[0].served += 4000 - load.failed
        watched[0].failed += load.failed
        asked = _load_tvs(folder / "tlsload", ports[1], 32, request)
        watched[1].served += TOTAL - asked.failed
        watched[1].failed += asked.failed
        time.sleep(time.monotonic() - begun)
        if time.monotonic() - noted >= _NOTE_SECONDS:
            noted = time.monotonic()
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
