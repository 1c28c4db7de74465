"""One service in this process until Ctrl-C or SIGTERM, as the commands that serve something run it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

from mixedmode.causes import place
from mixedmode.node.host.logs import set_up_plain_logs

if TYPE_CHECKING:
    from mixedmode.services.files.store import FolderStore
    from mixedmode.services.net.service import Service

DRAIN_SECONDS = 5.0
_SHOWN = 20


def end_by_signal() -> asyncio.Event:
    """Return an event of the running loop that SIGINT and SIGTERM set, in place of what they do otherwise."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    return ended


async def serve_until_signal(
    service: Service,
    *,
    started: Callable[[], None],
    drained: Callable[[int], None] = lambda _left: None,
    seconds: float = DRAIN_SECONDS,
) -> None:
    """Run a service until a signal, let what is under way finish, and stop it; its warnings go to standard error.

    Args:
        service: Not started yet.
        started: Called once it listens.
        drained: Told how much was cut off.
        seconds: For what is under way.

    Raises:
        MixedModeError: It cannot start.
    """
    set_up_plain_logs()
    ended = end_by_signal()
    await service.start()
    try:
        started()
        await ended.wait()
        drained(await service.drain(seconds))
    finally:
        await service.stop()


def shown(address: tuple[str, int]) -> str:
    """Return an address and its port as people write them."""
    return place(*address)


def left_out(store: FolderStore) -> Iterator[str]:
    """Yield a line for what a folder has that is not served, or not under the name that one would think.

    The first twenty of each kind; the number of the others.
    """
    for word, names in (("Left out", store.skipped), ("Hidden", store.doubles)):
        for name, reason in islice(names.items(), _SHOWN):
            yield f"{word}: {name}: {reason}"
        if len(names) > _SHOWN:
            yield f"{word}: {len(names) - _SHOWN} more"
