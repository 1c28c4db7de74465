"""What phones of a cluster from outside hold now: by database, RIS and their own pages, as ``inventory collect``."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Final

from mixedmode.errors import MixedModeError
from mixedmode.guides.live.follow import Look, Phones
from mixedmode.guides.live.seeing.situation import Situation
from mixedmode.inventory.cells import Cells
from mixedmode.inventory.library import Library
from mixedmode.inventory.reading import Inventory
from mixedmode.live.cluster_file import ClusterFile
from mixedmode.live.document import write_document
from mixedmode.live.logins import Ask, ask_nobody
from mixedmode.live.looking import observe, quiet
from mixedmode.live.notebook import NoNotebook
from mixedmode.live.observed import Observation, PhoneSeen
from mixedmode.live.page_reader import PageReader
from mixedmode.live.parts import Part
from mixedmode.live.phones import Book
from mixedmode.live.sources.seeing import Seen
from mixedmode.live.wire.clock import SYSTEM
from mixedmode.live.wire.https import Web

_AT_ONCE: Final = 100
_LOOK_SECONDS: Final = 15.0
"""For the pages of canaries: below the limit of one look."""
_NEEDED: Final = frozenset({"address", "model"})
_PARTS: Final = frozenset({Part.PHONES, Part.REGISTRATIONS, Part.PAGES})


async def look_at(cluster: ClusterFile, ask: Ask = ask_nobody) -> Observation:
    """Look at the phones; nothing but what reads is sent."""
    return await asyncio.to_thread(lambda: observe(cluster, _PARTS, ask=ask))


def follower(cluster: ClusterFile, ask: Ask = ask_nobody) -> Look:
    """Return what looks at the phones of a cluster again and again."""

    async def look(seen: Situation) -> Phones:
        found = await look_at(cluster, ask)
        return rows_of(found, seen)

    return look


def rows_of(found: Observation, seen: Situation) -> Phones:
    """Return phones as those of an inventory, with the served lists in the place of their hashes."""
    library = Library()
    for each in seen.lists():
        library.add(each.data)
    text = "".join(write_document(found)).encode()
    if not found.phones:
        return []
    inventory = Inventory("the phones", Cells(library, None))
    return [(name, kind) for name, kind, _ in inventory.rows(io.BytesIO(text))]


async def pages_of(cluster: ClusterFile, phones: Sequence[PhoneSeen]) -> list[PhoneSeen]:
    """Return what the own pages of a few phones say now; a phone whose pages say nothing has no values."""
    return await asyncio.to_thread(lambda: _pages(cluster, phones))


def _pages(cluster: ClusterFile, phones: Sequence[PhoneSeen]) -> list[PhoneSeen]:
    book = Book(Seen(), NoNotebook(), quiet)
    for each in phones:
        book.add(each.name, {key: values[0] for key, values in each.values.items() if key in _NEEDED})
    read = PageReader(book, cluster.phones.port if cluster.phones is not None else 0, (), Web, SYSTEM)

    def page(name: str) -> PhoneSeen:
        try:
            return PhoneSeen(name, {key: (value,) for key, value in read(name).items()})
        except MixedModeError:
            return PhoneSeen(name)

    # One that does not answer must not keep the others from being heard (canary/trial.py, rule 4).
    pool = ThreadPoolExecutor(min(max(len(phones), 1), _AT_ONCE))
    try:
        asked = [pool.submit(page, each.name) for each in phones]
        done, _ = wait(asked, timeout=_LOOK_SECONDS)
        return [each.result() for each in asked if each in done]
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
