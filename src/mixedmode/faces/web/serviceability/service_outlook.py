"""What starting or restarting TFTP would publish, and whom that would lose: shown before somebody says yes.

Rules:

1. A start that makes no new list loses nobody, and nothing is computed.
2. Phones are those of the cluster's own records; those of which not enough is known are not counted.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mixedmode.cluster.model.topology import Service
from mixedmode.cluster.publishing.looking import outlook
from mixedmode.errors import MixedModeError
from mixedmode.faces.web.serviceability.service_acts import Wish
from mixedmode.inventory.kinds import Unexplained
from mixedmode.phone.mind.fate.prospect import LOST

if TYPE_CHECKING:
    from mixedmode.cluster.facade import Cluster
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


def foresee(cluster: Cluster, wish: Wish) -> Foreseen:
    """Return what a wish would do to lists and phones."""
    if wish.service is not Service.TFTP or wish.verb == "stop":
        return Foreseen()
    try:
        before = after = outlook(cluster)
        for operation in wish.operations:
            after = operation.foresee(after)
        changed = sorted({key[0] for key, data in after.files.items() if data != before.files.get(key)})
        if not changed:
            return Foreseen()
        from mixedmode.forecast.cluster.losses import lost_by

        names = _known_phones(cluster)
        fates = lost_by(wish.title, before, after, names) if names else {}
    except MixedModeError as error:
        return Foreseen(problem=str(error))
    lost: dict[Fate, list[str]] = defaultdict(list)
    for kind, fate in fates.items():
        lost[fate] += names[kind]
    return Foreseen(tuple(changed), {fate: sorted(found) for fate, found in lost.items()})


def _known_phones(cluster: Cluster) -> dict[PhoneKind, list[str]]:
    from mixedmode.inventory.cluster import ClusterInventory
    from mixedmode.inventory.library import Library

    names: dict[PhoneKind, list[str]] = defaultdict(list)
    for name, kind, _ in ClusterInventory(cluster, Library()).rows():
        if kind.model is not None and not isinstance(kind.ctl, Unexplained):
            names[kind].append(name)
    return names
