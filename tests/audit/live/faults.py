"""Observations with one fault each, by the name of the finding that it has to give."""

from __future__ import annotations

from collections.abc import Callable

from mixedmode.live.observed import Observation
from mixedmode.pki.certificates.profiles import Purpose

CALLMANAGER, TVS, CAPF, RECOVERY = Purpose.CALLMANAGER, Purpose.TVS, Purpose.CAPF, Purpose.ITLRECOVERY
FAULTS: dict[str, tuple[str, Callable[[], Observation]]] = {}


def fault(*ids: str) -> Callable[[Callable[[], Observation]], Callable[[], Observation]]:
    def keep(plant: Callable[[], Observation]) -> Callable[[], Observation]:
        for each in ids:
            FAULTS[f"{plant.__name__}:{each}"] = each, plant
        return plant

    return keep
