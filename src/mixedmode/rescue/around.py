"""What a run stands among: hands to phones, the cluster, the evidence and the time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from mixedmode.rescue.phone.answers import Answer
from mixedmode.rescue.planning import Served


class Hands(Protocol):
    """Reaches phones."""

    async def get(self, url: str, path: str, *, login: bool) -> Answer:
        """Get a page; what goes wrong is an answer too."""

    async def press(self, url: str, uri: str) -> Answer:
        """Press one key."""


class Site(Protocol):
    """The cluster."""

    async def served(self) -> Served:
        """Fetch the lists of every TFTP node.

        Raises:
            MixedModeError: A node did not answer.
        """

    async def served_to(self, name: str) -> Served:
        """Fetch the files that every TFTP node has for one phone; none where it has none of its own.

        Raises:
            MixedModeError: A node did not answer.
        """

    async def restart(self, name: str) -> bool:
        """Have a phone reset; return whether it was told to."""

    async def registered(self) -> int | None:
        """Return how many phones are registered, None if that is not known."""


class Log(Protocol):
    """The evidence."""

    def write(self, event: str, fields: Mapping[str, Any], *, durable: bool = False) -> None:
        """Append a record.

        Raises:
            OSError: It cannot be written.
        """


@dataclass(frozen=True, slots=True)
class Time:
    """The time of a run.

    Attributes:
        now: Seconds that never run backwards.
        sleep: Waits.
    """

    now: Callable[[], float]
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
