"""Who would be lost by one operation of a cluster, and is not lost without it."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from mixedmode.forecast.cluster.outlooks import foreseen_step
from mixedmode.forecast.evaluation import Forecaster
from mixedmode.forecast.plan import Plan
from mixedmode.inventory.kinds import as_if_given
from mixedmode.phone.mind.fate.prospect import LOST, Fate

if TYPE_CHECKING:
    from mixedmode.cluster.publishing.outlook import Outlook
    from mixedmode.inventory.kinds import PhoneKind


def lost_by(title: str, before: Outlook, after: Outlook, kinds: Collection[PhoneKind]) -> dict[PhoneKind, Fate]:
    """Return the kinds of phones that an operation freezes or locks out.

    Args:
        title: Of the operation.
        before: The cluster as it is.
        after: The cluster after it.
        kinds: What is known of phones; those of which not enough is known are not counted.
    """
    found = without_and_with(title, before, after, kinds)
    return {kind: fate for kind, (without, fate) in found.items() if fate in LOST and without not in LOST}


def perhaps_lost_by(title: str, before: Outlook, after: Outlook, kinds: Collection[PhoneKind]) -> dict[PhoneKind, Fate]:
    """Return the kinds of phones that an operation loses if they hold what they were given, the worst that can be.

    Args:
        title: Of the operation.
        before: The cluster as it is.
        after: The cluster after it.
        kinds: What is known of phones; those of which it is known what they hold are not counted.
    """
    guesses = {kind: as_if_given(kind) for kind in kinds}
    lost = lost_by(title, before, after, {each for some in guesses.values() for each in some})
    found = {kind: {lost.get(each) for each in some} for kind, some in guesses.items()}
    return {kind: next(fate for fate in LOST if fate in fates) for kind, fates in found.items() if fates & {*LOST}}


def without_and_with(
    title: str, before: Outlook, after: Outlook, kinds: Collection[PhoneKind]
) -> dict[PhoneKind, tuple[Fate, Fate]]:
    """Return what becomes of kinds of phones that restart without an operation, and with it.

    Args:
        title: Of the operation.
        before: The cluster as it is.
        after: The cluster after it.
        kinds: What is known of phones.
    """
    present = foreseen_step("as it is", before, None)
    without = Forecaster(Plan((foreseen_step("phones restart", before, before),), present=present))
    with_it = Forecaster(Plan((foreseen_step(title, after, before),), present=present))
    return {kind: (without.outcome(kind), with_it.outcome(kind)) for kind in kinds}
