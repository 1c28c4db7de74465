"""An event loop on a thread of its own, for work that must not keep the services of a node waiting.

Rules:

1. What belongs to the loop where :meth:`SideLoop.start` was called (its locks, its services) is done there, by
   :meth:`SideLoop.at_home`; everything else of the work is done on the side, blocking calls on threads of its own.
2. Stopping cancels what still runs on the side. Blocking calls that have begun come to their end: the process waits
   for them, the loop does not.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final, TypeVar

T = TypeVar("T")
_STOP_SECONDS: Final = 10.0


class SideLoop:
    """A loop on a thread.

    Args:
        name: Of its threads.
        workers: Threads for its blocking calls.
    """

    def __init__(self, name: str, workers: int = 16) -> None:
        self._name = name
        self._workers = workers
        self._home: asyncio.AbstractEventLoop | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix=name)

    async def start(self) -> None:
        """Start the thread; this loop becomes its home."""
        self._home = asyncio.get_running_loop()
        self._loop = asyncio.new_event_loop()
        self._pool = ThreadPoolExecutor(self._workers, thread_name_prefix=self._name)
        self._thread = threading.Thread(target=self._run, args=(self._loop,), name=self._name, daemon=True)
        self._thread.start()

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something on the side and wait for it."""
        return await self._on(self._loop, work)

    async def at_home(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something where :meth:`start` was called and wait for it."""
        return await self._on(self._home, work)

    def begin_at_home(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Begin something there from any thread; it goes on when this loop ends.

        Raises:
            RuntimeError: :meth:`start` was not called.
        """
        if self._home is None:
            work.close()
            raise RuntimeError("the loop was not started")
        return asyncio.run_coroutine_threadsafe(work, self._home)

    async def stop(self) -> None:
        """End the loop (rule 2). Stopping twice does no harm."""
        loop, thread = self._loop, self._thread
        self._loop = self._thread = None
        if loop is None or thread is None:
            return
        loop.call_soon_threadsafe(loop.stop)
        await asyncio.to_thread(thread.join, _STOP_SECONDS)

    def fresh_threads(self) -> None:
        """Have blocking calls from now on done by new threads: those that hang keep nobody waiting. From this loop."""
        if self._loop is not None:
            old, self._pool = self._pool, ThreadPoolExecutor(self._workers, thread_name_prefix=self._name)
            self._loop.set_default_executor(self._pool)
            old.shutdown(wait=False)

    @staticmethod
    async def _on(loop: asyncio.AbstractEventLoop | None, work: Coroutine[Any, Any, T]) -> T:
        if loop is None or loop is asyncio.get_running_loop():
            return await work
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, loop))

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        loop.set_default_executor(self._pool)
        try:
            loop.run_forever()
            left = asyncio.all_tasks(loop)
            for task in left:
                task.cancel()
            loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            self._pool.shutdown(wait=False)
            loop.close()
