"""What a rehearsal foresees before it begins, and whether the phones then did it.

Rules:

1. The procedure's own steps are foreseen as a guided run foresees them (:mod:`mixedmode.guides.outlooks`).
2. At the end each phone's outcome, by what it was offered and did, is compared with the one foreseen. A phone that was
   called locked out and that another server of its group holds did what was foreseen: a forecast counts the first one
   alone (forecast.md 5.8).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mixedmode.cluster.publishing.looking import outlook
from mixedmode.forecast.cluster.outlooks import foreseen_step
from mixedmode.forecast.evaluation import Forecaster
from mixedmode.forecast.plan import Plan
from mixedmode.guides.outlooks import restarts
from mixedmode.inventory.kinds import PhoneKind
from mixedmode.phone.mind.fate.observed import NOBODY_LOOKED, Observed, Standing, observed_after
from mixedmode.phone.mind.fate.prospect import OPEN_SETTINGS, Fate
from mixedmode.phone.mind.trust.state import TrustState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mixedmode.phone.mind.outcome import BootOutcome
    from mixedmode.procedures.definition import Procedure
    from mixedmode.rehearsal.stage import Stage


@dataclass(frozen=True, slots=True)
class Foresight:
    """What is foreseen.

    Attributes:
        fates: The outcome of each phone.
        held: What each held before.
        models: The model of each.
    """

    fates: Mapping[str, Fate]
    held: Mapping[str, TrustState]
    models: Mapping[str, str]

    @property
    def numbers(self) -> dict[Fate, int]:
        """How many phones have which outcome, all six of them."""
        every = list(self.fates.values())
        return {fate: every.count(fate) for fate in Fate}

    def named(self, fate: Fate) -> list[str]:
        """Return the phones of an outcome, with their models."""
        return [f"{name} ({self.models[name]})" for name, each in self.fates.items() if each is fate]

    def observed(
        self, boots: Mapping[str, Sequence[BootOutcome]], standings: Mapping[str, Standing]
    ) -> dict[str, Observed]:
        """Return what became of each phone; a phone that never started is not known.

        Args:
            boots: Of each phone since this was foreseen.
            standings: How phones stand with their CallManagers, of those where somebody looked.
        """
        return {
            name: observed_after(boots[name], held, standings.get(name, NOBODY_LOOKED))
            if boots.get(name)
            else Observed(Fate.UNKNOWN)
            for name, held in self.held.items()
        }


def foresee(procedure: Procedure, stage: Stage) -> Foresight | None:
    """Return what becomes of the phones; None if the procedure has none start.

    Args:
        procedure: That is about to begin.
        stage: On which it is played; phones have started.

    Raises:
        MixedModeError: An operation of it cannot be foreseen.
    """
    present = outlook(stage.lab.cluster)
    steps = tuple(restarts(procedure.steps, present, stage.hands.certificate, stage.half))
    if not steps or not stage.boots:
        return None
    plan = Plan(steps, present=foreseen_step("as it is", present, None))
    # What a policy leaves open is settled here: a lab's phones have the settings that they have.
    forecaster = Forecaster(plan, answered=frozenset(OPEN_SETTINGS))
    kinds = {name: _kind(boot) for name, boot in stage.boots.items()}
    return Foresight(
        {name: forecaster.outcome(kind, plan.absences(name)) for name, kind in kinds.items()},
        {name: boot.trust for name, boot in stage.boots.items()},
        {name: boot.model.name for name, boot in stage.boots.items()},
    )


def _kind(boot: BootOutcome) -> PhoneKind:
    mode = (boot.config.device_security_mode if boot.config is not None else None) or 1
    return PhoneKind(boot.model, boot.model.name, boot.trust.ctl, boot.trust.itl, mode)
