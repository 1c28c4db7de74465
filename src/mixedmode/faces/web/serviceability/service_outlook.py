"""What starting or restarting TFTP would publish, and whom that would lose: shown before somebody says yes.

A start that makes no new list loses nobody, and nothing is computed. Who is lost is foreseen as for every other change
(:mod:`..foresight`), but that no other TFTP than those of the wish is restarted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mixedmode.cluster.model.topology import Service
from mixedmode.cluster.publishing.looking import outlook
from mixedmode.errors import MixedModeError
from mixedmode.faces.web.foresight import Foreseen, cannot_be, foresee_between
from mixedmode.faces.web.serviceability.service_acts import Wish

if TYPE_CHECKING:
    from mixedmode.faces.web.kit.asking import Ask


def foresee(ask: Ask, wish: Wish) -> tuple[tuple[str, ...], Foreseen]:
    """Return the nodes whose ITL would be another one, and what would become of the phones."""
    if wish.service is not Service.TFTP or wish.verb == "stop":
        return (), Foreseen()
    try:
        before = after = outlook(ask.cluster)
        for operation in wish.changes:
            after = operation.foresee(after)
    except MixedModeError as error:
        return (), cannot_be(error)
    changed = tuple(sorted({key[0] for key, data in after.files.items() if data != before.files.get(key)}))
    return changed, foresee_between(ask, wish.title, before, after) if changed else Foreseen()
