"""A worker process as its crew sees it: asked, listened to, and ended."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Final

from mixedmode.errors import MixedModeError, RemoteError, UsageError
from mixedmode.services.workers.worker import LENGTH_BYTES, LINE_BYTES

_OPEN_SECONDS: Final = 120.0
_ANSWER_SECONDS: Final = 60.0
_END_SECONDS: Final = 10.0


class WorkerGoneError(RemoteError):
    """A worker process ended before it had answered."""


@dataclass(slots=True)
class UnitState:
    """A unit in one worker, as it said last."""

    healthy: bool = True
    draining: bool = False
    metrics: dict[str, int] = field(default_factory=dict)


class WorkerProcess:
    """One worker.

    Attributes:
        units: What runs there.
        heard: When it said something last, on the monotonic clock.
        gone: Set when it has ended.
    """

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        streams: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        noted: Callable[[Any], None],
    ) -> None:
        self.units: dict[str, UnitState] = {}
        self.heard = monotonic()
        self.gone = asyncio.Event()
        self._process = process
        self._reader, self._writer = streams
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._number = 0
        self._noted = noted
        self._listening = asyncio.create_task(self._listen())

    @classmethod
    async def spawned(cls, workshop: bytes, noted: Callable[[Any], None] = lambda _note: None) -> WorkerProcess:
        """Return a new worker that has opened its workshop.

        Args:
            workshop: Pickled.
            noted: Told what the services there have noted.

        Raises:
            MixedModeError: It could not.
        """
        try:
            ours, theirs = socket.socketpair()
        except OSError as error:
            raise _cannot_be_started(error) from error
        ours.setblocking(False)
        with theirs:
            descriptor = theirs.fileno()
            command = (sys.executable, "-P", "-m", "mixedmode.services.workers", str(descriptor))
            try:
                process = await asyncio.create_subprocess_exec(
                    *command,
                    pass_fds=(descriptor,),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.DEVNULL,
                    # Ctrl-C is for the crew's process.
                    start_new_session=True,
                )
            except OSError as error:
                ours.close()
                raise _cannot_be_started(error) from error
        worker = cls(process, await asyncio.open_connection(sock=ours, limit=LINE_BYTES), noted)
        for blob in (json.dumps(sys.path).encode(), workshop):
            worker._writer.write(len(blob).to_bytes(LENGTH_BYTES) + blob)
        try:
            await worker.ask("open", seconds_to_answer=_OPEN_SECONDS)
        except BaseException:
            await worker.end()
            raise
        return worker

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    async def ask(self, do: str, *, seconds_to_answer: float = _ANSWER_SECONDS, **words: Any) -> dict[str, Any]:
        """Return the answer to an order.

        Raises:
            WorkerGoneError: It ended, or does not answer.
            MixedModeError: It could not do that.
        """
        self._number += 1
        number = self._number
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        try:
            if self.gone.is_set():
                raise WorkerGoneError("a worker process has ended")
            self._writer.write(json.dumps({"id": number, "do": do, **words}).encode() + b"\n")
            async with asyncio.timeout(seconds_to_answer):
                found: dict[str, Any] = await answer
        except TimeoutError as error:
            raise WorkerGoneError(f"a worker process does not {do} in {seconds_to_answer:.0f} s") from error
        finally:
            del self._answers[number]
        if "error" in found:
            raise _error_of(found)
        return found

    def kill(self) -> None:
        """End it at once; :attr:`gone` is set when it has."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def end(self) -> None:
        """Hang up, so that it stops its services and ends; kill it when it does not."""
        self._writer.close()
        await self._ended()
        await asyncio.gather(self._listening, return_exceptions=True)

    async def _listen(self) -> None:
        try:
            while line := await self._reader.readline():
                self.heard = monotonic()
                self._hear(json.loads(line))
        except (OSError, ValueError):
            self.kill()
        finally:
            self.gone.set()
            for answer in self._answers.values():
                if not answer.done():
                    answer.set_exception(WorkerGoneError("a worker process has ended"))
            self._writer.close()
            await self._ended()

    async def _ended(self) -> None:
        try:
            async with asyncio.timeout(_END_SECONDS):
                await self._process.wait()
        except TimeoutError:
            self.kill()
            await self._process.wait()

    def _hear(self, message: dict[str, Any]) -> None:
        if "log" in message:
            name, level, text = message["log"]
            logging.getLogger(name).log(level, "%s", text)
        elif "note" in message:
            self._noted(message["note"])
        elif "units" in message:
            for unit, state in message["units"].items():
                if unit in self.units:
                    self.units[unit] = UnitState(**state)
        else:
            answer = self._answers.get(message["id"])
            if answer is not None and not answer.done():
                answer.set_result(message)


def _cannot_be_started(error: OSError) -> RemoteError:
    return RemoteError("no worker process can be started", why=error.strerror or str(error))


def _error_of(found: dict[str, Any]) -> MixedModeError:
    document = found["error"]
    kind = UsageError if found["exit_code"] == UsageError.exit_code else RemoteError
    return kind(
        document["message"],
        where=document.get("where"),
        why=document.get("why"),
        next_step=document.get("next_step"),
        code=document.get("code"),
    )
