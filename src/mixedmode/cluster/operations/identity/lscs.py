"""The certificates that CAPF gave to phones are revoked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Final

from annotated_types import MaxLen

from mixedmode.cluster.engine.operation import About, Operation
from mixedmode.cluster.engine.steps import Step, StepContext
from mixedmode.cluster.operations.devices import DeviceName
from mixedmode.cluster.store.devices import DeviceStore, revoke_lscs
from mixedmode.cluster.store.state import ClusterState
from mixedmode.errors import UsageError

_REASON: Final = 255
_THEN: Final = (
    "CallManager ends the phone's connection. It registers again by another certificate: order an LSC that it proves"
    " itself for by its MIC or by an authentication string."
)


@dataclass(frozen=True, slots=True)
class RevokeLsc(Operation):
    """Every LSC of a phone is revoked: one that was lost, or whose key may be in other hands."""

    title: ClassVar[str] = "capf revoke"

    device: DeviceName
    reason: Annotated[str, MaxLen(_REASON), About("Why, for the record; at most 255 characters.")] = ""

    def plan(self, state: ClusterState) -> list[Step]:
        """Return its steps."""
        now = state.now()

        def commit(context: StepContext) -> None:
            with context.transaction() as session:
                count = revoke_lscs(session, self.device, now, self.reason)
                context.changed(f"{count} LSC{'' if count == 1 else 's'} of {self.device} revoked")

        return [Step(f"Revoke the LSCs of {self.device}", commit, commits=True)]

    def check(self, state: ClusterState) -> list[str]:
        """Refuse a device that has none."""
        if len(self.reason) > _REASON:
            raise UsageError(f"the reason has {len(self.reason)} characters", next_step=f"use at most {_REASON}")
        store = DeviceStore(state.database)
        given = store.given_lscs(self.device)
        held = store.lsc(self.device)
        if held is None and all(each.revoked for each in given):
            # The history outlives a device that was removed; an unknown one with none is refused by its name.
            if not given:
                store.get(self.device)
            raise UsageError(
                f"{self.device} has no LSC that could be revoked",
                where=self.device,
                next_step="mixedmode capf report says which it had",
            )
        return [_THEN]
