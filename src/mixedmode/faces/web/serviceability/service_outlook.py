"""What starting or restarting TFTP would publish, and whom that would lose: shown before somebody says yes.

Rules:

1. A start that makes no new list loses nobody, and nothing is computed.
2. Phones are those of the table that all pages have, by kind; those of which not enough is known are not counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import select

from mixedmode.cluster.model.topology import Service
from mixedmode.cluster.publishing.looking import outlook
from mixedmode.errors import MixedModeError
from mixedmode.faces.web.serviceability.service_acts import Wish
from mixedmode.faces.web.standing.rows import PHONES
from mixedmode.inventory.kinds import Unexplained
from mixedmode.phone.mind.fate.prospect import LOST

if TYPE_CHECKING:
    from mixedmode.faces.web.kit.desk import Desk
    from mixedmode.inventory.kinds import PhoneKind
    from mixedmode.phone.mind.fate.prospect import Fate


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What would become of lists and phones.

    Attributes:
        lists: Nodes whose ITL would be another one.
        lost: Names of the phones that would be lost, by outcome.
        problem: Why it cannot be foreseen; empty if it can.
    """

    lists: tuple[str, ...] = ()
    lost: dict[Fate, list[str]] = field(default_factory=dict)
    problem: str = ""

    @property
    def names(self) -> list[str]:
        """All of them, the worst first."""
        return [name for fate in LOST for name in self.lost.get(fate, ())]


def foresee(desk: Desk, wish: Wish) -> Foreseen:
    """Return what a wish would do to lists and phones."""
    if wish.service is not Service.TFTP or wish.verb == "stop":
        return Foreseen()
    try:
        before = after = outlook(desk.cluster)
        for operation in wish.changes:
            after = operation.foresee(after)
    except MixedModeError as error:
        return Foreseen(problem=str(error))
    changed = tuple(sorted({key[0] for key, data in after.files.items() if data != before.files.get(key)}))
    if not changed:
        return Foreseen()
    from mixedmode.forecast.cluster.losses import lost_by

    kinds = _known_kinds(desk)
    fates = lost_by(wish.title, before, after, kinds) if kinds else {}
    return Foreseen(changed, {fate: _names(desk, fates, kinds, fate) for fate in LOST if fate in fates.values()})


def _known_kinds(desk: Desk) -> dict[PhoneKind, int]:
    """Return the kinds of phones that there are, each with its number in the table of phones."""
    desk.standing.fresh()
    with desk.standing.read() as session:
        numbers = session.scalars(select(PHONES.c.state).distinct()).all()
    kinds = {desk.standing.state(number).kind: number for number in numbers}
    return {kind: at for kind, at in kinds.items() if kind.model is not None and not isinstance(kind.ctl, Unexplained)}


def _names(desk: Desk, fates: Mapping[PhoneKind, Fate], kinds: Mapping[PhoneKind, int], wanted: Fate) -> list[str]:
    numbers = [kinds[kind] for kind, fate in fates.items() if fate is wanted]
    query = select(PHONES.c.name).where(PHONES.c.state.in_(numbers)).order_by(PHONES.c.name)
    with desk.standing.read() as session:
        return list(session.scalars(query))
