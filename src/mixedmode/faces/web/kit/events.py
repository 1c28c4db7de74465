"""What changes, told to open pages as server-sent events: one stream for each tab, ``/api/v1/events?topics=a,b/7``.

Rules:

1. A topic is looked at, every few seconds, only while somebody listens, once for all who do; what is told is its whole
   state, and only when it is another one. So it is the same wherever a change was made: here, at the prompt, on another
   node. :meth:`Hub.nudge` has it looked at now.
2. A listener that does not take what it is told is let go; the browser comes again and gets the present state.
3. Listening is no sign of life: a session that only listens ends as one that does nothing.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from mixedmode.errors import MixedModeError

if TYPE_CHECKING:
    from mixedmode.faces.web.kit.desk import Desk

Look: TypeAlias = "Callable[[Desk, str], Any]"
"""Returns a topic's state as JSON values: given the desk and what stands behind the slash; called in a thread."""
BEAT_SECONDS: Final = 15.0
_WAITING: Final = 32
_MOST_LISTENERS: Final = 256
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Topic:
    """Something that pages follow.

    Attributes:
        name: Before the slash.
        look: Returns its state.
        seconds: Between two looks.
        level: That one needs to follow it.
    """

    name: str
    look: Look
    seconds: float = 2.0
    level: int = 0


@dataclass(slots=True, eq=False)
class _Listener:
    told: asyncio.Queue[tuple[str, str] | None] = field(default_factory=lambda: asyncio.Queue(_WAITING))


@dataclass(slots=True, eq=False)
class _Followed:
    """A topic that somebody listens to."""

    listeners: set[_Listener] = field(default_factory=set)
    now: asyncio.Event = field(default_factory=asyncio.Event)
    state: str = ""
    task: asyncio.Task[None] | None = None


class Hub:
    """The hub of one node; lives on the loop of the pages.

    Args:
        desk: What topics look at.
    """

    def __init__(self, desk: Desk) -> None:
        self.topics: dict[str, Topic] = {}
        self._desk = desk
        self._followed: dict[str, _Followed] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._listeners: set[_Listener] = set()

    @property
    def full(self) -> bool:
        """Whether there is no room for another listener."""
        return len(self._listeners) >= _MOST_LISTENERS

    def known(self, names: str, level: int) -> list[str]:
        """Return those of a list with commas that there are and that a level may follow."""
        asked = dict.fromkeys(name.strip() for name in names.split(",")[:16])
        return [name for name in asked if (topic := self._topic(name)) is not None and topic.level <= level]

    def nudge(self, name: str) -> None:
        """Look at a topic now; may be called from any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._look_now, name)

    async def listen(self, names: list[str]) -> AsyncIterator[tuple[str, str] | None]:
        """Yield topics and their states as JSON; None now and then, to see whether the other side is there."""
        self._loop = asyncio.get_running_loop()
        listener = _Listener()
        self._listeners.add(listener)
        for name in names:
            self._follow(name, listener)
        try:
            while True:
                try:
                    async with asyncio.timeout(BEAT_SECONDS):
                        told = await listener.told.get()
                except TimeoutError:
                    yield None
                    continue
                if told is None:
                    return
                yield told
        finally:
            self._leave(listener)

    def close(self) -> None:
        """Let every listener go; on the loop of the pages."""
        for listener in list(self._listeners):
            self._let_go(listener)

    def _topic(self, name: str) -> Topic | None:
        return self.topics.get(name.partition("/")[0])

    def _follow(self, name: str, listener: _Listener) -> None:
        followed = self._followed.setdefault(name, _Followed())
        followed.listeners.add(listener)
        if followed.task is None:
            followed.task = asyncio.create_task(self._watch(name, followed))
        elif followed.state:
            listener.told.put_nowait((name, followed.state))

    def _leave(self, listener: _Listener) -> None:
        self._listeners.discard(listener)
        for name, followed in list(self._followed.items()):
            followed.listeners.discard(listener)
            if not followed.listeners:
                del self._followed[name]
                if followed.task is not None:
                    followed.task.cancel()

    def _look_now(self, name: str) -> None:
        if name in self._followed:
            self._followed[name].now.set()

    async def _watch(self, name: str, followed: _Followed) -> None:
        topic = self.topics[name.partition("/")[0]]
        argument = name.partition("/")[2]
        while True:
            followed.now.clear()
            try:
                state = json.dumps(await asyncio.to_thread(topic.look, self._desk, argument))
            except MixedModeError as error:
                # A database that is away now comes back; until then there is nothing to tell.
                _log.debug("topic %s: %s", name, error)
            except Exception:  # noqa: BLE001 - a topic that fails must not end those who listen
                _log.exception("topic %s failed", name)
            else:
                if state != followed.state:
                    followed.state = state
                    self._tell(followed, (name, state))
            try:
                async with asyncio.timeout(topic.seconds):
                    await followed.now.wait()
            except TimeoutError:
                continue

    def _tell(self, followed: _Followed, told: tuple[str, str]) -> None:
        for listener in list(followed.listeners):
            try:
                listener.told.put_nowait(told)
            except asyncio.QueueFull:
                self._let_go(listener)

    def _let_go(self, listener: _Listener) -> None:
        """End a listener, whatever it has not taken (rule 2)."""
        while not listener.told.empty():
            listener.told.get_nowait()
        listener.told.put_nowait(None)


def counts_topic() -> Topic:
    """Return the topic of the ribbon."""
    return Topic("counts", lambda desk, _which: desk.frame.get().counts.document())


def running_topic() -> Topic:
    """Return the topic of the change that runs."""

    def look(desk: Desk, _which: str) -> Mapping[str, str] | None:
        running = desk.frame.get().running
        return None if running is None else running.document()

    return Topic("running", look)
