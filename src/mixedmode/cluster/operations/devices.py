"""Phones are added to the cluster, changed, and removed from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from sqlalchemy import delete, select

from mixedmode.cluster.engine.steps import Definition, Step, StepContext
from mixedmode.cluster.model.errors import NotFoundError
from mixedmode.cluster.model.topology import DeviceSpec
from mixedmode.cluster.store.devices import DeviceStore, add_devices, change_device
from mixedmode.cluster.store.schema import DeviceRow
from mixedmode.cluster.store.state import ClusterState
from mixedmode.errors import UsageError

ADD = "device add"
CHANGE = "device change"
REMOVE = "device remove"
_CHUNK = 500


def _specs(arguments: Mapping[str, Any]) -> list[DeviceSpec]:
    given = arguments.get("devices")
    if not isinstance(given, list) or not given:
        raise UsageError("no device is named")
    return [DeviceSpec(**each) for each in given]


def _plan_add(_state: ClusterState, arguments: Mapping[str, Any]) -> list[Step]:
    specs = _specs(arguments)

    def commit(context: StepContext) -> None:
        with context.transaction() as session:
            there = set(session.scalars(select(DeviceRow.name)))
            # Repeated after a crash: what the first try wrote is there, whole.
            fresh = [spec for spec in specs if spec.name not in there]
            add_devices(session, fresh)
            context.changed(f"{len(specs)} devices added")

    return [Step(f"Add {len(specs)} devices", commit, commits=True)]


def _check_add(state: ClusterState, arguments: Mapping[str, Any]) -> list[str]:
    specs = _specs(arguments)
    names = [spec.name for spec in specs]
    if len(set(names)) != len(names):
        raise UsageError("two devices have the same name", next_step="name each device once")
    with state.database.read() as session:
        for start in range(0, len(names), _CHUNK):
            chunk = names[start : start + _CHUNK]
            there = session.scalars(select(DeviceRow.name).where(DeviceRow.name.in_(chunk))).first()
            if there is not None:
                raise UsageError(f"device {there} is there already", where=there, next_step="leave it out")
    return []


def _changed(state: ClusterState, arguments: Mapping[str, Any]) -> DeviceSpec:
    """Return the device as it shall be.

    Raises:
        NotFoundError: There is none of this name.
        UsageError: A value is out of its range, or nothing is to be changed.
    """
    name, values = str(arguments.get("name", "")), arguments.get("values")
    if not isinstance(values, dict) or not values:
        raise UsageError("nothing is to be changed", where=name, next_step="give at least one option")
    now = DeviceStore(state.database).get(name)
    there = {field.name: getattr(now, field.name) for field in fields(DeviceSpec)}
    return DeviceSpec(**{**there, **values})


def _plan_change(state: ClusterState, arguments: Mapping[str, Any]) -> list[Step]:
    spec = _changed(state, arguments)

    def commit(context: StepContext) -> None:
        with context.transaction() as session:
            change_device(session, spec)
            context.changed(f"device {spec.name} changed")

    return [Step(f"Change {spec.name}", commit, commits=True)]


def _check_change(state: ClusterState, arguments: Mapping[str, Any]) -> list[str]:
    _changed(state, arguments)
    return ["Reset the phone: it has the new configuration after that."]


def _plan_remove(_state: ClusterState, arguments: Mapping[str, Any]) -> list[Step]:
    name = str(arguments.get("name", ""))

    def commit(context: StepContext) -> None:
        with context.transaction() as session:
            session.execute(delete(DeviceRow).where(DeviceRow.name == name))
            context.changed(f"device {name} removed")

    return [Step(f"Remove {name}", commit, commits=True)]


def _check_remove(state: ClusterState, arguments: Mapping[str, Any]) -> list[str]:
    name = str(arguments.get("name", ""))
    with state.database.read() as session:
        if session.scalars(select(DeviceRow.id).where(DeviceRow.name == name)).first() is None:
            raise NotFoundError(f"there is no device {name!r}", next_step="mixedmode device list shows them")
    return []


DEFINITIONS = (
    Definition(ADD, _plan_add, _check_add),
    Definition(CHANGE, _plan_change, _check_change),
    Definition(REMOVE, _plan_remove, _check_remove),
)
