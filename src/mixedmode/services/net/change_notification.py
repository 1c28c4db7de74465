"""Cisco Certificate Change Notification: before 11.0 it puts trust certificates back that others have.

CUCM looks every half hour (live-cluster.md 3.7). Here it takes seconds, so that a rehearsal need not wait.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, Protocol

from mixedmode.errors import MixedModeError
from mixedmode.services.net.service import NOWHERE, Address, Service

RETURN_SECONDS: Final = 15.0
"""How long a certificate stays deleted on a node at least."""
LOOK_SECONDS: Final = 5.0


class TrustKeeper(Protocol):
    """What this service needs of the cluster."""

    now: Callable[[], datetime]

    def bring_back_trust(self, before: datetime) -> None:
        """Put back what was deleted before a moment."""


class ChangeNotificationService(Service):
    """Looks from time to time what there is to put back.

    Args:
        cluster: The cluster, as it is changed.
        return_seconds: How long a certificate stays deleted at least.
        look_seconds: Between two looks.
    """

    def __init__(
        self, cluster: TrustKeeper, *, return_seconds: float = RETURN_SECONDS, look_seconds: float = LOOK_SECONDS
    ) -> None:
        super().__init__("Certificate Change Notification")
        self._cluster = cluster
        self._return_seconds, self._look_seconds = return_seconds, look_seconds
        self._task: asyncio.Task[None] | None = None

    async def _open(self) -> Address:
        self._task = asyncio.create_task(self._run())
        return NOWHERE

    async def _finish(self, timeout: float) -> int:
        """Wait for nothing: an operation that runs ends by itself."""
        return 0

    async def _close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def _works(self) -> bool:
        return self._task is not None and not self._task.done()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._look_seconds)
            before = self._cluster.now() - timedelta(seconds=self._return_seconds)
            # Another operation runs, or the database is down: the next look is soon.
            with contextlib.suppress(MixedModeError):
                await asyncio.to_thread(self._cluster.bring_back_trust, before)
