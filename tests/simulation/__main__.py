"""``python -m tests.simulation``: one seed again, or many of them with a report; Ctrl-C ends it with what there is."""

from __future__ import annotations

import argparse
import platform
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from tests.simulation.running import Tally, in_processes, replay
from tests.simulation.tracked import Finding

_BAR = 40


def main(words: Sequence[str] | None = None) -> int:
    """Run the command; returns 0 if every seed held, 1 if one did not."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, help="play this one, and shorten it if it fails")
    parser.add_argument("--seeds", type=int, default=300, help="play so many")
    parser.add_argument("--first", type=int, default=0, help="from this one on")
    parser.add_argument("--phones", type=int, default=50, help="so many phones each")
    parser.add_argument("--kinds", type=int, help="of so many kinds at most, not as each seed has it; 200: all differ")
    parser.add_argument("--jobs", type=int, default=1, help="in so many processes")
    parser.add_argument("--report", type=Path, help="write what came of it")
    chosen = parser.parse_args(words)
    if chosen.seed is not None:
        found = replay(chosen.seed, phones=chosen.phones, kinds=chosen.kinds)
        print(found or f"seed {chosen.seed} holds")
        return 1 if found else 0
    seeds, begun = range(chosen.first, chosen.first + chosen.seeds), time.monotonic()
    tally = Tally()

    def watch(so_far: Tally) -> None:
        nonlocal tally
        tally = so_far
        _bar(so_far, len(seeds))

    with suppress(KeyboardInterrupt):  # a report of what was played by then is one too
        in_processes(seeds, chosen.jobs, phones=chosen.phones, kinds=chosen.kinds, watch=watch)
    lines = _lines(tally, chosen.phones, time.monotonic() - begun)
    print("\n" + "\n".join(lines))
    if chosen.report is not None:
        chosen.report.write_text("\n".join(lines) + "\n")
    for seed in tally.worst_first[:3]:
        print("\n" + replay(seed, phones=chosen.phones, kinds=chosen.kinds))
    return 1 if tally.failed else 0


def _bar(tally: Tally, seeds: int) -> None:
    if sys.stderr.isatty():
        done = _BAR * tally.seeds // seeds
        rate = f"{tally.rate:.0f} seeds/s and core, {len(tally.failed)} failed{_kinds(tally)}"
        print(f"\r[{'#' * done}{'.' * (_BAR - done)}] {tally.seeds:,} of {seeds:,}, {rate}", end="", file=sys.stderr)


def _lines(tally: Tally, phones: int, seconds: float) -> list[str]:
    counts = tally.counts
    rates = f"{tally.rate:.1f} seeds/s and core, {counts['starts'] / max(tally.cpu, 1e-9):,.0f} starts/s and core"
    return [
        f"{tally.seeds:,} seeds of {phones} phones: {len(tally.failed)} failed{_kinds(tally)}",
        f"{counts['starts']:,} starts of phones, by TFTP block by block, in {seconds:,.0f} s",
        f"{rates} (processor time; {platform.machine()}, Python {platform.python_version()})",
        *(f"{name}: {count:,}" for name, count in sorted(counts.items()) if name != "starts"),
        *(f"failed: {seed}: {_of_each_kind(tally.failed[seed])}" for seed in tally.worst_first),
    ]


def _kinds(tally: Tally) -> str:
    kinds = ", ".join(f"{rule} in {seeds:,}" for rule, seeds in tally.kinds.items())
    return f" ({kinds})" if kinds else ""


def _of_each_kind(findings: Sequence[Finding]) -> str:
    """Return the first finding of each rule, and how many more there are."""
    first: dict[str, Finding] = {}
    for each in findings:
        first.setdefault(each.rule, each)
    counts = Counter(each.rule for each in findings)
    more = (f" and {counts[rule] - 1} more" if counts[rule] > 1 else "" for rule in first)
    return "; ".join(f"{each}{rest}" for each, rest in zip(first.values(), more, strict=True))


if __name__ == "__main__":
    sys.exit(main())
