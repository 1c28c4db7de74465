"""A service of the cluster as the units that make it up: they start together or not at all.

Rules:

1. A unit of a service that cannot start stops the others, so that a service which failed to start does not go on
   answering. All of them are tried again together, after a pause that doubles from a second to a minute.
2. At the start of a node each unit counts for itself: phones get files over TFTP although port 6971 is taken. The
   supervisor tries what is missing again.
3. A service runs while any of its units does: one that is listed as stopped answers nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from mixedmode.cluster.model.topology import Service
from mixedmode.errors import MixedModeError
from mixedmode.services.net.supervisor import FIRST_PAUSE, LONGEST_PAUSE, Supervisor, UnitState


@dataclass(frozen=True, slots=True)
class _Again:
    """When a service that failed to start is tried again.

    Attributes:
        moment: Of the event loop's clock.
        pause: Seconds since the last try.
    """

    moment: float
    pause: float


class ServiceUnits:
    """Starts and stops services by their units.

    Args:
        supervisor: Has the units.
        units: Their names by service, in the order in which they start.
    """

    def __init__(self, supervisor: Supervisor, units: Mapping[Service, tuple[str, ...]]) -> None:
        self._supervisor = supervisor
        self._units = units
        self._again: dict[Service, _Again] = {}

    def runs(self, service: Service) -> bool:
        """Return whether a service is running here (rule 3)."""
        return any(self._supervisor.service(name) is not None for name in self._units.get(service, ()))

    async def start(self, service: Service) -> None:
        """Start a service's units (rule 1).

        Raises:
            MixedModeError: One cannot be started now; none of them runs.
        """
        for name in self._units[service]:
            try:
                await self._supervisor.start(name)
            except MixedModeError as error:
                await self._give_up(service, name, str(error))
                raise
        self._again.pop(service, None)

    async def stop(self, service: Service) -> None:
        """Drain and stop a service's units."""
        self._again.pop(service, None)
        for name in reversed(self._units[service]):
            await self._supervisor.stop(name)

    async def tend(self, service: Service) -> None:
        """Start what is stopped and shall run, unless it is too early to try again.

        Raises:
            MixedModeError: It cannot be started now.
        """
        if (again := self._again.get(service)) is not None:
            if asyncio.get_running_loop().time() >= again.moment:
                await self.start(service)
            return
        for name in self._units[service]:
            status = self._supervisor.status(name)
            if status.state is UnitState.STOPPED and not status.problem:
                await self._supervisor.start(name)

    async def _give_up(self, service: Service, failed: str, problem: str) -> None:
        before = self._again.get(service)
        pause = FIRST_PAUSE if before is None else min(2 * before.pause, LONGEST_PAUSE)
        self._again[service] = _Again(asyncio.get_running_loop().time() + pause, pause)
        for name in reversed(self._units[service]):
            await self._supervisor.stop(name, problem=problem if name == failed else f"{failed} did not start")
