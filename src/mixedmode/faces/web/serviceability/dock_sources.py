"""Long acts that others keep: operations of the cluster, wherever they were begun, and resets of phones."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from mixedmode.faces.web.serviceability.dock import LongAct

if TYPE_CHECKING:
    from mixedmode.control.door import Control
    from mixedmode.faces.web.standing.resets import Resets

_OPERATION: Final = -1
_RESETS: Final = -1000


def operation_acts(control: Control) -> Iterator[LongAct]:
    """Yield the operation that holds the cluster's lock, of whichever face, node or program."""
    found = control.running()
    if found is not None and found["state"] == "running":
        since = datetime.fromisoformat(str(found["since"]))
        where = str(found["node"] or found["host"])
        yield LongAct(
            _OPERATION, str(found["operation"]), str(found["user"]), since, "/ccmservice/audit", text=f"At {where}."
        )


def reset_acts(resets: Resets) -> Iterator[LongAct]:
    """Yield the phones that are being reset from these pages."""
    for each in resets.running():
        total, told = len(each.names), len(each.told)
        yield LongAct(
            _RESETS - each.number,
            f"Reset of {total:,} phone{'' if total == 1 else 's'}",
            each.user,
            datetime.fromtimestamp(each.begun, UTC),
            f"/ccmadmin/phones/resets/{each.number}",
            total,
            told,
            f"{told:,} told, {len(each.unreached):,} not reached.",
        )
