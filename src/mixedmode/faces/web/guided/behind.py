"""The phones that do not report the published CTL, as a table, and their reset.

A phone that this cluster never saw is not said to be behind: what it holds is not known.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Select, select

from mixedmode.cluster.store.schema import DevicePool, DeviceRow
from mixedmode.control.phone_orders import order_phones
from mixedmode.errors import MixedModeError, UsageError
from mixedmode.faces.web.kit.asking import Ask
from mixedmode.faces.web.kit.tables import Column, Filter, Table, contains
from mixedmode.phone.mind.models import get_model
from mixedmode.procedures.phones import DELETE_CTL

_MOST: Final = 1000
UNKNOWN: Final = "unknown"
BEHIND_WORD: Final = "behind"
_DEVICE: Final = DeviceRow.__table__.c
_POOL: Final = DevicePool.__table__.c


def remedy(model: str, *, seen: bool = True) -> str:
    """Return what brings a phone of a model back into step, or tells what it holds."""
    if not seen:
        return "it has asked this cluster for nothing yet: see that it is on and finds this TFTP server"
    try:
        able = get_model(model).security_by_default
    except MixedModeError:
        able = False
    if able:
        return "reset it; if it stays behind, look at its console log for the answer of TVS"
    return f"reset it; if it keeps its CTL: {DELETE_CTL.text()}"


def state(row: Any) -> str:
    """Return whether a phone is behind, or not known."""
    return UNKNOWN if row.lastseen is None else BEHIND_WORD


BEHIND: Final = Table(
    "phones",
    (
        Column("name", "Device name", _DEVICE.name, lambda row: row.name),
        Column("model", "Model", _DEVICE.model, lambda row: row.model),
        Column("pool", "Device pool", _POOL.name, lambda row: row.pool, low=True),
        Column("holds", "Reports CTL, SHA-1", _DEVICE.ctlhash, lambda row: row.ctlhash or "none"),
        Column("seen", "Last seen", _DEVICE.lastseen, lambda row: row.lastseen),
        Column("state", "State", None, state),
        Column("remedy", "What to do", None, lambda row: remedy(row.model, seen=row.lastseen is not None)),
    ),
    (
        Filter("name", "Name", contains(_DEVICE.name)),
        Filter("model", "Model", contains(_DEVICE.model)),
        Filter(
            "state",
            "State",
            lambda wanted: _DEVICE.lastseen.is_(None) if wanted == UNKNOWN else _DEVICE.lastseen.is_not(None),
            choices=((BEHIND_WORD, "behind"), (UNKNOWN, "unknown, never seen")),
        ),
    ),
    sort="name",
    tie=_DEVICE.id,
)


def behind_rows(sha1: str) -> Select[Any]:
    """Return the query of the phones that do not report a CTL of a SHA-1; of all phones if none is published."""
    shown = (_DEVICE.name, _DEVICE.model, _POOL.name.label("pool"), _DEVICE.ctlhash, _DEVICE.lastseen)
    query: Select[Any] = select(*shown).join(DevicePool, DevicePool.id == DeviceRow.fkdevicepool)
    return query.where(_DEVICE.ctlhash != sha1) if sha1 else query


def reset_picked(ask: Ask) -> int:
    """Have the phones reset that are ticked, or all; return the order's number.

    Raises:
        UsageError: None is ticked.
        PrivilegeError: The person may not.
    """
    if ask.form.get("every") == "yes":
        return order_phones(ask.cluster, ask.control, ask.principal, None)
    names = ask.lists.get("pick", ())
    if not names or len(names) > _MOST:
        raise UsageError("no phone is ticked", next_step="tick the phones that shall be reset")
    return order_phones(ask.cluster, ask.control, ask.principal, list(names))
