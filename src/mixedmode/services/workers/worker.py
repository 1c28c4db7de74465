"""A worker process: makes services when its crew asks for them, and says how they are every second.

Rules:

1. A socket to the crew is all that it has: where modules are and a pickled workshop come first, then lines of JSON go
   both ways. When the socket ends, because the crew has no more use for the worker or is dead, the worker stops its
   services and ends.
2. Signals are for the crew's process: what a terminal or systemd sends to all is not obeyed here.
3. What is logged goes to the crew, whose limits hold for all workers together.
"""

from __future__ import annotations

import asyncio
import json
import logging
import pickle
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from typing import Any, Final

from mixedmode.errors import MixedModeError, UsageError
from mixedmode.services.net.service import Service
from mixedmode.services.workers.workshop import Workshop

TELL_SECONDS: Final = 0.5
LINE_BYTES: Final = 1 << 20
LENGTH_BYTES: Final = 8
"""Before what comes first."""
_log = logging.getLogger(__name__)


def main(descriptor: int) -> None:
    """Work until the crew hangs up."""
    import uvloop

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    with socket.socket(fileno=descriptor) as channel:
        sys.path[:] = json.loads(_blob(channel))
        workshop: Workshop = pickle.loads(_blob(channel))  # noqa: S301 - from the process that started this one
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_Bench(workshop).work(channel.dup()))


def _blob(channel: socket.socket) -> bytes:
    return _exactly(channel, int.from_bytes(_exactly(channel, LENGTH_BYTES)))


def _exactly(channel: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = channel.recv(size - len(data))
        if not more:
            raise SystemExit(0)
        data += more
    return data


class _Bench:
    """The services of this process."""

    def __init__(self, workshop: Workshop) -> None:
        self._workshop = workshop
        self._services: dict[str, Service] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._changing = asyncio.Lock()
        """Starts and stops come one after the other: one that is stopped while it starts is stopped all the same."""
        self._writer: asyncio.StreamWriter
        self._orders: dict[str, Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]] = {
            "open": self._open,
            "start": self._start,
            "drain": self._drain,
            "stop": self._stop,
            "refresh": self._refresh,
        }

    async def work(self, channel: socket.socket) -> None:
        channel.setblocking(False)
        reader, self._writer = await asyncio.open_connection(sock=channel, limit=LINE_BYTES)
        root = logging.getLogger()
        root.handlers[:] = [_ToCrew(asyncio.get_running_loop(), self._send)]
        root.setLevel(logging.WARNING)
        telling = asyncio.create_task(self._tell())
        try:
            while line := await reader.readline():
                task = asyncio.create_task(self._answer(json.loads(line)))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        except OSError:
            pass  # the crew died
        finally:
            telling.cancel()
            for task in self._tasks:
                task.cancel()
            for service in self._services.values():
                await service.stop()
            self._workshop.close()

    async def _tell(self) -> None:
        while True:
            await asyncio.sleep(TELL_SECONDS)
            self._send({"units": {unit: _state(service) for unit, service in self._services.items()}})
            self._send_notes()

    def _send_notes(self) -> None:
        for note in self._workshop.noted():
            self._send({"note": note})

    async def _answer(self, order: dict[str, Any]) -> None:
        try:
            answer = await self._orders[order["do"]](order)
        except MixedModeError as error:
            answer = {"error": error.as_document(), "exit_code": error.exit_code}
        except Exception as error:  # noqa: BLE001 - whoever asked is told, and the other units go on
            _log.exception("a worker could not %s", order["do"])
            answer = {"error": {"message": f"a worker failed: {error!r}"}, "exit_code": 3}
        self._send({"id": order["id"], **answer})

    async def _open(self, _order: dict[str, Any]) -> dict[str, Any]:
        await asyncio.to_thread(self._workshop.open)
        return {}

    async def _start(self, order: dict[str, Any]) -> dict[str, Any]:
        unit = order["unit"]
        async with self._changing:
            if unit in self._services:
                raise UsageError(f"{unit} runs already in this worker")
            service = self._workshop.service(unit, order["port"])
            await service.start()
            self._services[unit] = service
            return {"address": service.address}

    async def _drain(self, order: dict[str, Any]) -> dict[str, Any]:
        service = self._services.get(order["unit"])
        if service is None:
            raise UsageError(f"{order['unit']} does not run in this worker")
        left = await service.drain(order["seconds"])
        return {"left": left, "state": _state(service)}

    async def _stop(self, order: dict[str, Any]) -> dict[str, Any]:
        async with self._changing:
            service = self._services.pop(order["unit"], None)
            if service is not None:
                await service.stop()
                self._send_notes()
        return {}

    async def _refresh(self, _order: dict[str, Any]) -> dict[str, Any]:
        await asyncio.to_thread(self._workshop.refresh)
        return {}

    def _send(self, message: dict[str, Any]) -> None:
        if not self._writer.is_closing():
            self._writer.write(json.dumps(message).encode() + b"\n")


def _state(service: Service) -> dict[str, Any]:
    return {"healthy": service.healthy, "draining": service.draining, "metrics": dict(service.metrics)}


class _ToCrew(logging.Handler):
    """Sends what is logged to the crew (rule 3)."""

    def __init__(self, loop: asyncio.AbstractEventLoop, send: Callable[[dict[str, Any]], None]) -> None:
        super().__init__()
        self._loop, self._send = loop, send

    def emit(self, record: logging.LogRecord) -> None:
        """Send one event; threads log too."""
        try:
            told = {"log": [record.name, record.levelno, self.format(record)]}
            self._loop.call_soon_threadsafe(self._send, told)
        except RuntimeError:
            return  # the loop has ended
