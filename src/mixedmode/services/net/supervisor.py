"""The services of one node as supervised units: started, stopped, restarted, watched, and tried again.

Rules:

1. A unit is one of STOPPED, STARTING, STARTED and STOPPING, as ``utils service`` prints it; what asks for two
   changes of one unit at the same time is served in turn.
2. A unit that shall run and does not, because its port is taken or it died, is started again after a pause that
   doubles from a second to a minute; its problem is kept for people to read.
3. A restart drains first: what is under way may finish for a bounded time.
4. Each start makes the service anew, so it reads its files, keys and parameters anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from mixedmode.errors import MixedModeError, UsageError
from mixedmode.services.net.service import Service

DRAIN_SECONDS: Final = 2.0
WATCH_SECONDS: Final = 0.5
FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 60.0


class UnitState(StrEnum):
    """What a unit does (rule 1)."""

    STARTED = "STARTED"
    STOPPED = "STOPPED"
    STARTING = "STARTING"
    STOPPING = "STOPPING"


@dataclass(frozen=True, slots=True)
class UnitStatus:
    """A unit as people and metrics see it.

    Attributes:
        name: The unit.
        state: What it does.
        port: Where it listens, None while it does not.
        starts: How often it was started, by people or by the supervisor.
        failures: How often a start failed or the service died.
        problem: Why it does not run though it shall; empty otherwise.
    """

    name: str
    state: UnitState
    port: int | None
    starts: int
    failures: int
    problem: str


class Unit:
    """One service of a node.

    Args:
        name: Short, such as ``tftp``.
        make: Makes the service for a port.
        port: The port wanted; 0 is any free one.
        elsewhere: Whether any free port will do when the wanted one is taken. Once a port was had, it is kept.
        prepare: Done before the service is made.
    """

    def __init__(
        self,
        name: str,
        make: Callable[[int], Service],
        port: int,
        *,
        elsewhere: bool = False,
        prepare: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self.name = name
        self.service: Service | None = None
        self.port: int | None = None
        self.state = UnitState.STOPPED
        self.starts = self.failures = 0
        self.problem = ""
        self.lock = asyncio.Lock()
        self.wanted = False
        self.pause = FIRST_PAUSE
        self.next_try = 0.0
        self._make = make
        self._port = port
        self._elsewhere = elsewhere
        self._prepare = prepare

    async def open(self) -> Service:
        """Make the service and start it.

        Raises:
            MixedModeError: It cannot be started.
        """
        if self._prepare is not None:
            await self._prepare()
        wanted = self.port if self.port is not None else self._port
        try:
            return await self._opened(wanted)
        except MixedModeError:
            if self.port is not None or wanted == 0 or not self._elsewhere:
                raise
            return await self._opened(0)

    async def _opened(self, port: int) -> Service:
        service = self._make(port)
        await service.start()
        return service

    @property
    def status(self) -> UnitStatus:
        """What the unit does now."""
        port = (self.port or None) if self.state is UnitState.STARTED else None
        return UnitStatus(self.name, self.state, port, self.starts, self.failures, self.problem)


class Supervisor:
    """Starts, stops and watches units.

    Args:
        units: In the order in which they start; they stop in the opposite one.
        changed: Told of every change of state, for logs.
    """

    def __init__(self, units: Iterable[Unit], *, changed: Callable[[UnitStatus], None] = lambda _status: None) -> None:
        self._units = {unit.name: unit for unit in units}
        self._changed = changed

    def __contains__(self, name: str) -> bool:
        return name in self._units

    def __iter__(self) -> Iterator[UnitStatus]:
        return iter([unit.status for unit in self._units.values()])

    def status(self, name: str) -> UnitStatus:
        """Return what a unit does."""
        return self._unit(name).status

    def service(self, name: str) -> Service | None:
        """Return a unit's service while it runs."""
        return self._unit(name).service

    async def start(self, name: str) -> None:
        """Start a unit; one that runs is left alone.

        Raises:
            MixedModeError: It cannot be started now; :meth:`watch` tries again.
        """
        unit = self._unit(name)
        async with unit.lock:
            unit.wanted = True
            await self._start(unit)

    async def stop(self, name: str, *, problem: str = "") -> None:
        """Drain and stop a unit.

        Args:
            name: The unit.
            problem: Why it stays stopped though it shall run, for people to read; empty if that was asked for.
        """
        unit = self._unit(name)
        async with unit.lock:
            unit.wanted = False
            unit.problem = problem
            await self._stop(unit)

    async def restart(self, name: str) -> None:
        """Drain, stop and start a unit.

        Raises:
            MixedModeError: It cannot be started now; :meth:`watch` tries again.
        """
        unit = self._unit(name)
        async with unit.lock:
            unit.wanted = True
            await self._stop(unit)
            await self._start(unit)

    async def stop_all(self) -> None:
        """Drain and stop every unit, the last one first."""
        for name in reversed(list(self._units)):
            await self.stop(name)

    async def watch(self) -> None:
        """Restart what died and try again what could not start (rule 2), until cancelled."""
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            for unit in self._units.values():
                if unit.wanted and not unit.lock.locked():
                    await self._tend(unit)

    async def _tend(self, unit: Unit) -> None:
        async with unit.lock:
            if not unit.wanted:
                return
            if unit.service is not None and not unit.service.healthy:
                self._failed(unit, "it stopped answering")
                await self._stop(unit)
            if unit.service is None and asyncio.get_running_loop().time() >= unit.next_try:
                try:
                    await self._start(unit)
                except MixedModeError:
                    return

    async def _start(self, unit: Unit) -> None:
        if unit.service is not None:
            return
        self._become(unit, UnitState.STARTING)
        try:
            service = await unit.open()
        except MixedModeError as error:
            self._failed(unit, str(error))
            self._become(unit, UnitState.STOPPED)
            raise
        unit.service, unit.port = service, service.port
        unit.starts += 1
        unit.problem, unit.pause = "", FIRST_PAUSE
        self._become(unit, UnitState.STARTED)

    async def _stop(self, unit: Unit) -> None:
        service, unit.service = unit.service, None
        if service is None:
            return
        self._become(unit, UnitState.STOPPING)
        await service.drain(DRAIN_SECONDS)
        await service.stop()
        self._become(unit, UnitState.STOPPED)

    def _failed(self, unit: Unit, problem: str) -> None:
        unit.failures += 1
        unit.problem = problem
        unit.next_try = asyncio.get_running_loop().time() + unit.pause
        unit.pause = min(2 * unit.pause, LONGEST_PAUSE)

    def _become(self, unit: Unit, state: UnitState) -> None:
        unit.state = state
        self._changed(unit.status)

    def _unit(self, name: str) -> Unit:
        try:
            return self._units[name]
        except KeyError:
            known = ", ".join(self._units)
            raise UsageError(f"there is no service {name!r} here", next_step=f"there are: {known}") from None
