"""Many seeds: one after the other, or over several processes."""

from __future__ import annotations

import gc
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

from tests.simulation.play import Play
from tests.simulation.schedule import WORLD_SEEDS, made
from tests.simulation.shrink import shrunk, told
from tests.simulation.tracked import WORST, Finding, worst_first
from tests.simulation.world.handset import forget

_CHUNK = 3 * WORLD_SEEDS


@dataclass
class Tally:
    """What came of seeds.

    Attributes:
        seeds: How many were played.
        failed: What was found, by seed; the worst of each seed first.
        counts: How often what happened.
        cpu: Seconds of processor time.
    """

    seeds: int = 0
    failed: dict[int, list[Finding]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    cpu: float = 0.0

    def add(self, other: Tally) -> None:
        """Add another tally."""
        self.seeds += other.seeds
        self.failed |= other.failed
        self.counts += other.counts
        self.cpu += other.cpu

    @property
    def kinds(self) -> dict[str, int]:
        """In how many seeds each rule does not hold, the worst first."""
        found = Counter(rule for each in self.failed.values() for rule in {one.rule for one in each})
        return dict(sorted(found.items(), key=lambda kind: (kind[0] != WORST, kind[0])))

    @property
    def worst_first(self) -> list[int]:
        """The seeds that failed, those first in which somebody who was called safe is lost."""
        return sorted(self.failed, key=lambda seed: self.failed[seed][0].rule != WORST)

    @property
    def rate(self) -> float:
        """Seeds a second and core."""
        return self.seeds / self.cpu if self.cpu else 0.0


def played(seeds: Iterable[int], *, phones: int = 50, kinds: int | None = None) -> Tally:
    """Play seeds here, one after the other."""
    tally, begun = Tally(), time.process_time()
    gc.disable()
    try:
        for seed in seeds:
            play = Play(made(seed, phones=phones, kinds=kinds)).run()
            tally.seeds += 1
            tally.counts.update(play.counts)
            if play.findings:
                tally.failed[seed] = worst_first(play.findings)
    finally:
        forget()
        gc.freeze()  # a seed leaves no cycles, and what is remembered from seed to seed is no garbage
        gc.enable()
    tally.cpu = time.process_time() - begun
    return tally


def in_processes(seeds: range, jobs: int, *, phones: int, kinds: int | None, watch: Callable[[Tally], object]) -> Tally:
    """Play seeds over several processes, here if it is one; the watcher is told after each portion."""
    tally = Tally()
    if jobs == 1:  # so that a profiler sees it
        for chunk in _chunks(seeds):
            tally.add(played(chunk, phones=phones, kinds=kinds))
            watch(tally)
        return tally
    with ProcessPoolExecutor(jobs) as pool:
        for part in pool.map(_portion, ((chunk, phones, kinds) for chunk in _chunks(seeds))):
            tally.add(part)
            watch(tally)
    return tally


def _portion(what: tuple[range, int, int | None]) -> Tally:
    seeds, phones, kinds = what
    return played(seeds, phones=phones, kinds=kinds)


def _chunks(seeds: range) -> Iterator[range]:
    for start in range(seeds.start, seeds.stop, _CHUNK):
        yield range(start, min(start + _CHUNK, seeds.stop))


def replay(seed: int, *, phones: int = 50, kinds: int | None = None) -> str:
    """Return what one seed shows, and the shortest schedule that still shows it; empty if it shows nothing."""
    schedule = made(seed, phones=phones, kinds=kinds)
    findings = worst_first(Play(schedule).run().findings)
    if not findings:
        return ""
    others = Counter(each.rule for each in findings)
    shortest, left = shrunk(schedule, findings[0].rule)
    again = f"replay it: python -m tests.simulation --seed {seed}" + (f" --phones {phones}" if phones != 50 else "")
    again += f" --kinds {kinds}" if kinds is not None else ""
    return "\n".join(
        [
            f"seed {seed} fails: {findings[0]}",
            f"all that was found: {', '.join(f'{rule} {count}' for rule, count in others.items())}",
            again,
            f"the shortest schedule in which {findings[0].rule} does not hold:",
            *told(shortest, worst_first(left)),
        ]
    )
