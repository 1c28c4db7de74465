"""Phones are added to the cluster, changed, and removed from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, TypeAlias, TypeVar

from annotated_types import MinLen
from sqlalchemy import delete, select

from mixedmode.cluster.engine.operation import About, Operation
from mixedmode.cluster.engine.steps import Step, StepContext
from mixedmode.cluster.model.errors import NotFoundError
from mixedmode.cluster.model.records import Device
from mixedmode.cluster.model.topology import DeviceSpec
from mixedmode.cluster.store.devices import DeviceStore, add_devices, change_device
from mixedmode.cluster.store.lines import remove_lines_of
from mixedmode.cluster.store.schema import DeviceRow
from mixedmode.cluster.store.state import ClusterState
from mixedmode.errors import UsageError

DeviceName: TypeAlias = Annotated[str, MinLen(1), About("The device's name, such as SEP001122334455.", "device")]
T = TypeVar("T")
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
                context.changed(f"{len(self.devices)} {'device' if len(self.devices) == 1 else 'devices'} added")

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
class DeviceValues:
    """The fields of a device that change; None leaves one as it is."""

    model: str | None = None
    description: str | None = None
    device_pool: str | None = None
    protocol: str | None = None
    security_mode: int | None = None
    web_access: bool | None = None
    authentication_url: str | None = None
    secure_tone: bool | None = None

    def over(self, device: Device) -> DeviceSpec:
        """Return a device as it shall be.

        Raises:
            UsageError: A value is out of its range.
        """
        return DeviceSpec(
            device.name,
            _new(self.model, device.model),
            _new(self.description, device.description),
            _new(self.device_pool, device.device_pool),
            _new(self.protocol, device.protocol),
            _new(self.security_mode, device.security_mode),
            _new(self.web_access, device.web_access),
            _new(self.authentication_url, device.authentication_url),
            _new(self.secure_tone, device.secure_tone),
        )


def _new(given: T | None, present: T) -> T:
    return present if given is None else given


@dataclass(frozen=True, slots=True)
class ChangeDevice(Operation):
    """A phone is changed."""

    title: ClassVar[str] = "device change"

    name: DeviceName
    values: Annotated[DeviceValues, About("What changes; what is not given stays.")]

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
        if self.values == DeviceValues():
            raise UsageError("nothing is to be changed", where=self.name, next_step="give at least one option")
        return self.values.over(DeviceStore(state.database).get(self.name))


@dataclass(frozen=True, slots=True)
class RemoveDevice(Operation):
    """A phone is removed."""

    title: ClassVar[str] = "device remove"

    name: DeviceName

    def plan(self, _state: ClusterState) -> list[Step]:
        """Return its steps."""

        def commit(context: StepContext) -> None:
            with context.transaction() as session:
                remove_lines_of(session, self.name)
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
