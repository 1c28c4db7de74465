"""Files that must be built before TFTP can send them: in threads, while everybody else is served.

Rules:

1. A file is built once for all who wait for it. A client that asks again while it waits is still one client.
2. What is asked for beyond the bounds is dropped without a word, as is every request for a file that could not be
   built: a phone asks again after a second, but takes an ERROR as the last word and may fall back to
   ``XMLDefault.cnf.xml``.
3. A client that has waited too long has given up; the file is kept for its next try.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Final, NamedTuple

from mixedmode.errors import MixedModeError
from mixedmode.protocols.tftp.engine import Waiting
from mixedmode.services.files.disk_files import FileData
from mixedmode.services.tftp.lanes import Lane

BUILDERS: Final = 2
"""Threads at once: one may wait for the database while another signs."""
_AT_ONCE: Final = 16
"""Files built by a thread before those who wait for them are answered."""
_NAMES: Final = 16384
_CLIENTS: Final = 64
"""Of one file."""
_PATIENCE_SECONDS: Final = 8.0


class Client(NamedTuple):
    """Who waits.

    Attributes:
        lane: Where its answer leaves from.
        data: Its request.
        since: When it asked last.
    """

    lane: Lane
    data: bytes
    since: float


class Built(NamedTuple):
    """A file that was waited for.

    Attributes:
        name: Its name.
        data: What it holds, None if there is no such file.
        clients: Who waits for it, by the engine's address.
    """

    name: str
    data: FileData | None
    clients: dict[Hashable, Client]


class Builder:
    """Builds files for clients that wait.

    Args:
        look_up: Returns a file by its name, None if there is none; may take its time.
        done: Given what was built.
        failed: Told of each file that could not be built.
    """

    def __init__(
        self,
        look_up: Callable[[str], FileData | None],
        done: Callable[[Built], None],
        failed: Callable[[str, MixedModeError], None],
    ) -> None:
        self._look_up = look_up
        self._done, self._failed = done, failed
        self._clients: dict[str, dict[Hashable, Client]] = {}
        self._queue: deque[str] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._threads: ThreadPoolExecutor | None = None

    def want(self, lane: Lane, waiting: Waiting, now: float) -> None:
        """Build a file for a client (rules 1 and 2)."""
        clients = self._clients.get(waiting.name)
        if clients is None:
            if len(self._clients) >= _NAMES:
                return
            clients = self._clients[waiting.name] = {}
            self._queue.append(waiting.name)
            if len(self._tasks) < BUILDERS:
                task = asyncio.get_running_loop().create_task(self._work())
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        if len(clients) < _CLIENTS or waiting.address in clients:
            clients[waiting.address] = Client(lane, waiting.data, now)

    def close(self) -> None:
        """Forget who waits. Closing twice does no harm."""
        for task in self._tasks:
            task.cancel()
        self._clients.clear()
        self._queue.clear()
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)
            self._threads = None

    async def _work(self) -> None:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(BUILDERS, "tftp-build")
        loop = asyncio.get_running_loop()
        while self._queue:
            names = [self._queue.popleft() for _ in range(min(len(self._queue), _AT_ONCE))]
            try:
                for name, found in await loop.run_in_executor(self._threads, self._build, names):
                    self._hand_out(name, found)
            finally:
                for name in names:
                    self._clients.pop(name, None)

    def _hand_out(self, name: str, found: FileData | MixedModeError | None) -> None:
        clients = self._clients.pop(name, {})
        if isinstance(found, MixedModeError):
            self._failed(name, found)
        else:
            latest = monotonic() - _PATIENCE_SECONDS
            patient = {address: client for address, client in clients.items() if client.since >= latest}
            self._done(Built(name, found, patient))

    def _build(self, names: Sequence[str]) -> list[tuple[str, FileData | MixedModeError | None]]:
        found: list[tuple[str, FileData | MixedModeError | None]] = []
        for name in names:
            try:
                found.append((name, self._look_up(name)))
            except MixedModeError as error:
                found.append((name, error))
        return found
