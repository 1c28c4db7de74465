"""Looks after runs when nobody else does: the publisher's node notes how phones come along, and what was cut off."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

from mixedmode.cluster.facade import Cluster
from mixedmode.errors import MixedModeError

if TYPE_CHECKING:
    from mixedmode.guides.guide import Guide
    from mixedmode.guides.kept import Opened

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
    guide = await asyncio.to_thread(_guide, cluster)
    for kept in await asyncio.to_thread(guide.latest, 1):
        opened = await guide.look(kept.number)
        await asyncio.to_thread(_note_phones, guide, opened)


def _guide(cluster: Cluster) -> Guide:
    """Return the guide, which is loaded when it is first wanted, and not while a node starts."""
    from mixedmode.guides.guide import Guide

    return Guide(cluster)


def _note_phones(guide: Guide, opened: Opened) -> None:
    from mixedmode.guides.observer import published_sha1

    guide.note_phones(opened, published_sha1(guide.cluster))
