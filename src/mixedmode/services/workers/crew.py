"""Several worker processes that run the same services on the same ports (SO_REUSEPORT): one more core each.

Rules:

1. Every worker runs every unit that was begun; the kernel shares connections and datagrams out. The limits of a service
   are those of each worker.
2. A worker that ends, says nothing for long, or in which a unit is not healthy any more, is replaced after a pause that
   doubles from a second to a minute; the others go on. What it had counted is not forgotten.
3. Draining and stopping reach every worker. When the last unit has ended, so do the workers.
4. A port that another program has is refused, though it may be shared among ours.
"""

from __future__ import annotations

import asyncio
import logging
import pickle
import socket
from collections import Counter
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any, Final

from mixedmode.causes import cannot_listen
from mixedmode.errors import MixedModeError
from mixedmode.services.net.service import Address, Service
from mixedmode.services.workers.process import UnitState, WorkerGoneError, WorkerProcess
from mixedmode.services.workers.workshop import Workshop

FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 60.0
_WATCH_SECONDS: Final = 0.5
_SILENT_SECONDS: Final = 30.0
_STOP_SECONDS: Final = 30.0
_REFRESH_SECONDS: Final = 15.0
LEVELS: Final = frozenset({"open", "active", "configurations_ready"})
"""Metrics that fall again: a worker that ended has none of them."""
_log = logging.getLogger(__name__)


class Crew:
    """The workers.

    Args:
        workshop: Makes the services in each of them.
        count: How many.
        noted: Told what services have noted, piece by piece.

    Attributes:
        replaced: Workers that were replaced.
    """

    def __init__(self, workshop: Workshop, count: int, noted: Callable[[Any], None] = lambda _note: None) -> None:
        self.replaced = 0
        self._workshop = pickle.dumps(workshop)
        self._count = count
        self._noted = noted
        self._workers: list[WorkerProcess] = []
        self._ports: dict[str, int] = {}
        self._kept: dict[str, Counter[str]] = {}
        self._lock = asyncio.Lock()
        self._watcher: asyncio.Task[None] | None = None

    @property
    def pids(self) -> list[int]:
        """The numbers of the worker processes that there are."""
        return [worker.pid for worker in self._workers if not worker.gone.is_set()]

    async def begin(self, unit: str, port: int) -> Address:
        """Have every worker run a unit; return where.

        Raises:
            WorkerGoneError: All of them have ended just now.
            MixedModeError: One of them cannot; none runs it then.
        """
        async with self._lock:
            try:
                await self._hire()
                first, *others = self._workers
                host, port = (await self._start(first, unit, port))[:2]
                await asyncio.gather(*(self._start(worker, unit, port) for worker in others))
            except BaseException:
                await self._end(unit)
                raise
            self._ports[unit] = port
            return str(host), int(port)

    async def drain(self, unit: str, seconds: float) -> int:
        """Have every worker take nothing new for a unit; return what is left after some seconds."""
        workers = [worker for worker in self._workers if unit in worker.units]
        asked = (
            worker.ask("drain", seconds_to_answer=seconds + _STOP_SECONDS, unit=unit, seconds=seconds)
            for worker in workers
        )
        left = 0
        for worker, answer in zip(workers, await asyncio.gather(*asked, return_exceptions=True), strict=True):
            if isinstance(answer, dict):
                left += answer["left"]
                worker.units[unit] = UnitState(**answer["state"])
        return left

    async def end(self, unit: str) -> None:
        """Stop a unit everywhere. Ending what does not run does no harm."""
        async with self._lock:
            await self._end(unit)

    async def refresh(self) -> None:
        """Have every worker read anew what has changed; one that cannot is replaced."""
        workers = list(self._workers)
        asked = (worker.ask("refresh", seconds_to_answer=_REFRESH_SECONDS) for worker in workers)
        for worker, answer in zip(workers, await asyncio.gather(*asked, return_exceptions=True), strict=True):
            if isinstance(answer, WorkerGoneError):
                worker.kill()
            elif isinstance(answer, MixedModeError):
                _log.warning("a worker could not read anew what has changed: %s", answer)

    def healthy(self, unit: str) -> bool:
        """Return whether any worker takes what comes for a unit."""
        return any(unit in each.units and each.units[unit].healthy for each in self._workers if not each.gone.is_set())

    def counted(self, unit: str) -> Counter[str]:
        """Return what all workers have counted for a unit, with those that ended."""
        found = Counter(self._kept.get(unit, {}))
        for worker in list(self._workers):
            if unit in worker.units:
                found.update(worker.units[unit].metrics)
        found["workers"] = len(self.pids)
        found["workers_replaced"] = self.replaced
        return found

    async def _start(self, worker: WorkerProcess, unit: str, port: int) -> tuple[str, int]:
        answer = await worker.ask("start", unit=unit, port=port)
        worker.units[unit] = UnitState()
        host, had = answer["address"][:2]
        return host, had

    async def _hire(self) -> None:
        """Have workers; where all have ended, the watcher replaces them, with every unit that was begun."""
        if self._watcher is not None:
            if not self._workers:
                raise WorkerGoneError("every worker process has ended", next_step="wait until others take their places")
            return
        spawned = (WorkerProcess.spawned(self._workshop, self._noted) for _ in range(self._count))
        found = await asyncio.gather(*spawned, return_exceptions=True)
        self._workers = [each for each in found if isinstance(each, WorkerProcess)]
        for each in found:
            if isinstance(each, BaseException):
                raise each
        self._watcher = asyncio.create_task(self._watch())

    async def _end(self, unit: str) -> None:
        self._ports.pop(unit, None)
        # Also one that was asked to start it and has not answered yet.
        workers = [worker for worker in self._workers if not worker.gone.is_set()]
        for worker in workers:
            worker.units.pop(unit, None)
        stopped = (worker.ask("stop", seconds_to_answer=_STOP_SECONDS, unit=unit) for worker in workers)
        for worker, answer in zip(workers, await asyncio.gather(*stopped, return_exceptions=True), strict=True):
            if isinstance(answer, MixedModeError):
                worker.kill()
        self._kept.pop(unit, None)
        if not self._ports:
            await self._dismiss()

    async def _dismiss(self) -> None:
        watcher, self._watcher = self._watcher, None
        if watcher is not None and watcher is not asyncio.current_task():
            watcher.cancel()
            await asyncio.gather(watcher, return_exceptions=True)
        workers, self._workers = self._workers, []
        await asyncio.gather(*(worker.end() for worker in workers))

    def _keep(self, worker: WorkerProcess, unit: str) -> None:
        """Remember what a worker has counted for a unit that ends there."""
        state = worker.units.pop(unit, None)
        if state is not None:
            counts = {name: count for name, count in state.metrics.items() if name not in LEVELS}
            self._kept.setdefault(unit, Counter()).update(counts)

    async def _watch(self) -> None:
        """Replace workers (rule 2), until cancelled."""
        pause, next_try = FIRST_PAUSE, 0.0
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            for worker in self._workers:
                if not worker.gone.is_set() and (why := self._fault(worker)):
                    _log.warning("a worker process is ended: %s", why)
                    worker.kill()
            for worker in [each for each in self._workers if each.gone.is_set()]:
                self._workers.remove(worker)
                for unit in list(worker.units):
                    self._keep(worker, unit)
                self.replaced += 1
                next_try = monotonic() + pause
                pause = min(2 * pause, LONGEST_PAUSE)
                _log.warning("worker process %d has ended; another takes its place", worker.pid)
            if len(self._workers) < self._count and monotonic() >= next_try:
                try:
                    await self._replace()
                except (MixedModeError, OSError) as error:
                    next_try = monotonic() + pause
                    pause = min(2 * pause, LONGEST_PAUSE)
                    _log.warning("a worker process cannot take its place: %s", error)
            elif len(self._workers) == self._count and monotonic() > next_try + LONGEST_PAUSE:
                pause = FIRST_PAUSE

    async def _replace(self) -> None:
        worker = await WorkerProcess.spawned(self._workshop, self._noted)
        try:
            async with self._lock:
                for unit, port in self._ports.items():
                    await self._start(worker, unit, port)
                self._workers.append(worker)
        except BaseException:
            await worker.end()
            raise

    @staticmethod
    def _fault(worker: WorkerProcess) -> str:
        if monotonic() - worker.heard > _SILENT_SECONDS:
            return f"it said nothing for {_SILENT_SECONDS:.0f} s"
        for unit, state in worker.units.items():
            if not state.healthy and not state.draining:
                return f"its {unit} takes nothing any more"
        return ""


class CrewService(Service):
    """A service that a crew runs.

    Args:
        name: As it stands in sentences.
        crew: The workers; they may run other units too.
        unit: Which service of the workshop.
        where: The address that it shall listen on.
        kind: Of its socket: TCP or UDP.
    """

    def __init__(self, name: str, crew: Crew, unit: str, where: Address, kind: socket.SocketKind) -> None:
        super().__init__(name)
        self._crew, self._unit = crew, unit
        self._where, self._kind = where, kind

    async def refresh(self) -> None:
        """Have every worker read anew what has changed."""
        await self._crew.refresh()

    def _levels(self) -> Mapping[str, int]:
        return self._crew.counted(self._unit)

    async def _open(self) -> Address:
        self._refuse_taken()
        return await self._crew.begin(self._unit, self._where[1])

    async def _finish(self, timeout: float) -> int:
        return await self._crew.drain(self._unit, timeout)

    async def _close(self) -> None:
        await self._crew.end(self._unit)

    def _works(self) -> bool:
        return self._crew.healthy(self._unit)

    def _refuse_taken(self) -> None:
        """Refuse a port that another program has, even if it would share it (rule 4)."""
        host, port = self._where
        try:
            family, _, _, _, address = socket.getaddrinfo(host, port, type=self._kind, flags=socket.AI_PASSIVE)[0]
            with socket.socket(family, self._kind) as probe:
                if self._kind is socket.SOCK_STREAM:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
        except (OSError, UnicodeError) as error:
            raise cannot_listen(self.name, host, port, error) from error
