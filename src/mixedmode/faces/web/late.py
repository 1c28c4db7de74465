"""The application of the pages, made when the first request comes: its modules are most of what a node would load.

Rules:

1. It is made once, in a thread; requests that come meanwhile wait for it.
2. If it cannot be made, who asks gets a 500 and the log the traceback, both from uvicorn; the next request tries again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send


class LateApplication:
    """An application.

    Args:
        make: Returns what answers; called in a thread.

    Attributes:
        failed: Whether it could not be made when it was last wanted.
    """

    def __init__(self, make: Callable[[], ASGIApp]) -> None:
        self._make = make
        self._made: ASGIApp | None = None
        self._making = asyncio.Lock()
        self.failed = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        answer = self._made or await self._once()
        await answer(scope, receive, send)

    async def _once(self) -> ASGIApp:
        async with self._making:
            if self._made is None:
                try:
                    self._made = await asyncio.to_thread(self._make)
                except Exception:
                    self.failed = True
                    raise
                self.failed = False
            return self._made
