"""The phones that do not report the published CTL, as a table, and their reset.

A phone that never told this cluster what it holds is not said to be behind: that is not known. Those are phones that
were never there, models that report nothing, and phones that take files and do not register.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Select, exists, not_, select

from mixedmode.cluster.store.guide_runs import never_told
from mixedmode.cluster.store.schema import DevicePool, DeviceRow, DeviceSighting
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


def remedy(row: Any) -> str:
    """Return what brings a phone back into step, or tells what it holds."""
    if row.untold and not row.there:
        return "it has asked this cluster for nothing yet: see that it is on and finds this TFTP server"
    if row.untold:
        return f"it does not say what it holds: look at its screen; if it keeps an old CTL: {DELETE_CTL.text()}"
    try:
        able = get_model(row.model).security_by_default
    except MixedModeError:
        able = False
    if able:
        return "reset it; if it stays behind, look at its console log for the answer of TVS"
    return f"reset it; if it keeps its CTL: {DELETE_CTL.text()}"


def reported(row: Any) -> str:
    """Return the SHA-1 of the CTL that a phone reported, ``none`` if it holds none; empty if it never told."""
    return row.ctlhash or ("" if row.untold else "none")


def state(row: Any) -> str:
    """Return whether a phone is behind, or not known."""
    return UNKNOWN if row.untold else BEHIND_WORD


BEHIND: Final = Table(
    "phones",
    (
        Column("name", "Device name", _DEVICE.name, lambda row: row.name),
        Column("model", "Model", _DEVICE.model, lambda row: row.model),
        Column("pool", "Device pool", _POOL.name, lambda row: row.pool, low=True),
        Column("holds", "Reports CTL, SHA-1", _DEVICE.ctlhash, reported),
        Column("seen", "Last seen", _DEVICE.lastseen, lambda row: row.lastseen),
        Column("state", "State", None, state),
        Column("remedy", "What to do", None, remedy),
    ),
    (
        Filter("name", "Name", contains(_DEVICE.name)),
        Filter("model", "Model", contains(_DEVICE.model)),
        Filter(
            "state",
            "State",
            lambda wanted: never_told() if wanted == UNKNOWN else not_(never_told()),
            choices=((BEHIND_WORD, "behind"), (UNKNOWN, "unknown, never told")),
        ),
    ),
    sort="name",
    tie=_DEVICE.id,
)


def behind_rows(sha1: str) -> Select[Any]:
    """Return the query of the phones that do not report a CTL of a SHA-1; of all phones if none is published."""
    there = exists().where(DeviceSighting.fkdevice == DeviceRow.id).label("there")
    shown = (
        _DEVICE.name,
        _DEVICE.model,
        _POOL.name.label("pool"),
        _DEVICE.ctlhash,
        _DEVICE.lastseen,
        never_told().label("untold"),
        there,
    )
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
