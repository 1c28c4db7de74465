"""What every phone of a live cluster would do by the end of a procedure, as a document that a run keeps."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.publishing.looking import outlook
from mixedmode.forecast.cluster.outlooks import foreseen_step
from mixedmode.forecast.evaluation import Forecaster
from mixedmode.forecast.plan import Plan
from mixedmode.guides.observer import published
from mixedmode.guides.outlooks import restarts
from mixedmode.guides.plugged import StandIns
from mixedmode.inventory.cluster import ClusterInventory
from mixedmode.inventory.library import Library
from mixedmode.phone.mind.fate.prospect import LOST, Fate
from mixedmode.procedures.steps import Step

NAMED: Final = 2000
"""Phones of each outcome that are named; the worst ones are what somebody has to walk to."""
_TOLD: Final = (*LOST, Fate.BEHIND, Fate.UNKNOWN)


def foresee(cluster: Cluster, steps: Sequence[Step], choices: Mapping[str, str]) -> dict[str, Any]:
    """Return a forecast: when it was made, how many phones have which outcome, and who.

    Args:
        cluster: As it is.
        steps: That are yet to be done.
        choices: What the run knows of tokens.

    Raises:
        MixedModeError: A step cannot be foreseen.
    """
    begun, now = time.perf_counter(), cluster.now()
    present = outlook(cluster)
    stand_ins = StandIns(choices, published(cluster), now)
    todo = tuple(restarts(steps, present, stand_ins.certificate))
    if not todo:
        return {}
    forecaster = Forecaster(Plan(todo, present=foreseen_step("as it is", present, None)))
    numbers: Counter[Fate] = Counter()
    names: dict[Fate, list[list[str]]] = {fate: [] for fate in _TOLD}
    for name, kind, _ in ClusterInventory(cluster, Library()).rows():
        fate = forecaster.outcome(kind)
        numbers[fate] += 1
        if fate in names and len(names[fate]) < NAMED:
            names[fate].append([name, kind.model_name])
    return {
        "made": now.isoformat(),
        "milliseconds": round((time.perf_counter() - begun) * 1000),
        "numbers": {fate.value: numbers[fate] for fate in Fate},
        "names": {fate.value: found for fate, found in names.items() if found},
        "lost": sum(numbers[fate] for fate in LOST),
    }
