"""What every service of a node is: started, drained, stopped, watched and counted in one way.

A node, a lab and the commands that serve something know services only as this. A service says what it does when it
opens, drains and closes; that it runs once, where it listens and whether it is healthy is kept here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping
from typing import Final

from mixedmode.errors import UsageError

Address = tuple[str, int]
"""A host and a port."""
NOWHERE: Final[Address] = ("", 0)
"""Where a service is that listens on nothing."""
DRAIN_SECONDS: Final = 5.0


class Service(ABC):
    """A service of a node.

    Args:
        name: As it stands in sentences: ``the TVS service``.

    Attributes:
        counts: What happened, by name; services add to it.
        draining: Whether nothing new is taken.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.counts: Counter[str] = Counter()
        self.draining = False
        self._address: Address | None = None

    @property
    def address(self) -> Address:
        """Where the service listens.

        Raises:
            UsageError: It does not run.
        """
        if self._address is None:
            raise UsageError(f"{self.name} is not running", next_step="call start() first")
        return self._address

    @property
    def port(self) -> int:
        """The port that it listens on; 0 where it listens on nothing."""
        return self.address[1]

    @property
    def healthy(self) -> bool:
        """Whether what comes is taken."""
        return self._address is not None and not self.draining and self._works()

    @property
    def metrics(self) -> Counter[str]:
        """What happened since it was made, and levels such as ``open``, by name."""
        return Counter({**self.counts, **self._levels()})

    async def start(self) -> None:
        """Listen.

        Raises:
            RemoteError: The address cannot be had.
            UsageError: It runs already, or what it needs is of no use.
        """
        if self._address is not None:
            raise UsageError(f"{self.name} is running already")
        self.draining = False
        try:
            self._address = await self._open()
        except BaseException:
            await self._close()
            raise

    async def drain(self, timeout: float = DRAIN_SECONDS) -> int:
        """Take nothing new and let what is under way finish; return what is left after ``timeout`` seconds."""
        self.draining = True
        return await self._finish(timeout)

    async def stop(self) -> None:
        """Close everything. Stopping twice does no harm."""
        self._address = None
        await self._close()

    @abstractmethod
    async def _open(self) -> Address:
        """Begin to listen; return where. What it has begun is closed by :meth:`_close` if it raises."""

    @abstractmethod
    async def _finish(self, timeout: float) -> int:
        """Take nothing new, wait for what is under way, return what is left."""

    @abstractmethod
    async def _close(self) -> None:
        """Close what is open; may be called at any time, and twice."""

    def _levels(self) -> Mapping[str, int]:
        """Return what is counted elsewhere, by name."""
        return {}

    def _works(self) -> bool:
        """Return whether what works in the background does."""
        return True
