"""Phones are added to the cluster, changed, and removed from it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Annotated, Any, ClassVar, TypeAlias

from annotated_types import MinLen
from sqlalchemy import delete, select

from mixedmode.cluster.engine.operation import About, Operation
from mixedmode.cluster.engine.steps import Step, StepContext
from mixedmode.cluster.model.errors import NotFoundError
from mixedmode.cluster.model.topology import DeviceSpec
from mixedmode.cluster.store.devices import DeviceStore, add_devices, change_device
from mixedmode.cluster.store.schema import DeviceRow
from mixedmode.cluster.store.state import ClusterState
from mixedmode.errors import UsageError

DeviceName: TypeAlias = Annotated[str, MinLen(1), About("The device's name, such as SEP001122334455.")]
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class AddDevices(Operation):
    """Phones are added, all or none."""

    title: ClassVar[str] = "device add"

    devices: Annotated[tuple[DeviceSpec, ...], MinLen(1), About("The phones.")]

    def plan(self, _state: ClusterState) -> list[Step]:
        """Return its steps."""

        def commit(context: StepContext) -> None:
            with context.transaction() as session:
                there = set(session.scalars(select(DeviceRow.name)))
                # Repeated after a crash: what the first try wrote is there, whole.
                fresh = [spec for spec in self.devices if spec.name not in there]
                add_devices(session, fresh)
                context.changed(f"{len(self.devices)} devices added")

        return [Step(f"Add {len(self.devices)} devices", commit, commits=True)]

    def check(self, state: ClusterState) -> list[str]:
        """Refuse a device that is there already, or twice."""
        names = [spec.name for spec in self.devices]
        if len(set(names)) != len(names):
            raise UsageError("two devices have the same name", next_step="name each device once")
        with state.database.read() as session:
            for start in range(0, len(names), _CHUNK):
                chunk = names[start : start + _CHUNK]
                there = session.scalars(select(DeviceRow.name).where(DeviceRow.name.in_(chunk))).first()
                if there is not None:
                    raise UsageError(f"device {there} is there already", where=there, next_step="leave it out")
        return []


@dataclass(frozen=True, slots=True)
class ChangeDevice(Operation):
    """A phone is changed."""

    title: ClassVar[str] = "device change"

    name: DeviceName
    values: Annotated[dict[str, str | int], MinLen(1), About("What changes, by field; what is not named stays.")]

    def plan(self, state: ClusterState) -> list[Step]:
        """Return its steps."""
        spec = self._changed(state)

        def commit(context: StepContext) -> None:
            with context.transaction() as session:
                change_device(session, spec)
                context.changed(f"device {spec.name} changed")

        return [Step(f"Change {spec.name}", commit, commits=True)]

    def check(self, state: ClusterState) -> list[str]:
        """Refuse an unknown device, and a value out of its range."""
        self._changed(state)
        return ["Reset the phone: it has the new configuration after that."]

    def _changed(self, state: ClusterState) -> DeviceSpec:
        """Return the device as it shall be."""
        now = DeviceStore(state.database).get(self.name)
        there: dict[str, Any] = {field.name: getattr(now, field.name) for field in fields(DeviceSpec)}
        if unknown := [name for name in self.values if name not in there]:
            raise UsageError(
                f"a device has no {unknown[0]}", where=self.name, next_step=f"its fields: {', '.join(there)}"
            )
        return DeviceSpec(**{**there, **self.values})


@dataclass(frozen=True, slots=True)
class RemoveDevice(Operation):
    """A phone is removed."""

    title: ClassVar[str] = "device remove"

    name: DeviceName

    def plan(self, _state: ClusterState) -> list[Step]:
        """Return its steps."""

        def commit(context: StepContext) -> None:
            with context.transaction() as session:
                session.execute(delete(DeviceRow).where(DeviceRow.name == self.name))
                context.changed(f"device {self.name} removed")

        return [Step(f"Remove {self.name}", commit, commits=True)]

    def check(self, state: ClusterState) -> list[str]:
        """Refuse an unknown device."""
        with state.database.read() as session:
            if session.scalars(select(DeviceRow.id).where(DeviceRow.name == self.name)).first() is None:
                step = "mixedmode device list shows them"
                raise NotFoundError(f"there is no device {self.name!r}", next_step=step)
        return []
