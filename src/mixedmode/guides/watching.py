"""Looks after runs when nobody else does: the publisher's node notes how phones come along, and what was cut off."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

from mixedmode.cluster.facade import Cluster
from mixedmode.errors import MixedModeError
from mixedmode.guides.guide import Guide
from mixedmode.guides.observer import published_sha1

_SECONDS: Final = 10.0


async def watch(cluster: Cluster) -> None:
    """Look every few seconds, until cancelled; a database that is down has no runs.

    Args:
        cluster: The cluster, as administrators change it.
    """
    while True:
        await asyncio.sleep(_SECONDS)
        with contextlib.suppress(MixedModeError):
            await look_once(cluster)


async def look_once(cluster: Cluster) -> None:
    """Look at the run that began last.

    Raises:
        MixedModeError: It cannot be read.
    """
    guide = Guide(cluster)
    for kept in await asyncio.to_thread(guide.latest, 1):
        opened = await guide.look(kept.number)
        sha1 = await asyncio.to_thread(published_sha1, cluster)
        await asyncio.to_thread(guide.note_phones, opened, sha1)
