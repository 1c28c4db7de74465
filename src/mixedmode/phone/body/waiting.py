"""Waiting until something holds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


async def until(changed: asyncio.Event, holds: Callable[[], bool], timeout: float) -> bool:
    """Wait until something holds; return whether it came in ``timeout`` seconds.

    Args:
        changed: Set whenever it may hold since; cleared here.
        holds: Tells whether it does.
        timeout: Seconds.
    """
    try:
        async with asyncio.timeout(timeout):
            while not holds():
                changed.clear()
                await changed.wait()
    except TimeoutError:
        return False
    return True
