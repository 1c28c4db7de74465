"""Who the phones are, where they are registered, and which lists they hold: of database, RIS and pages, in that order.

Rules:

1. Each batch of a thousand names goes to RIS; while the next one has to wait, the pages of those that have web access
   are read, at most :data:`AT_ONCE` side by side, and settings by AXL, one request at a time.
2. A page is read of phones that are registered and whose web server is on; where RIS is not asked, of those whose last
   address is known. The status messages are read only if the lists are not those that the cluster serves now.
3. What a phone does not say is no evidence: it is counted by reason.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from datetime import datetime
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from mixedmode.errors import MixedModeError
from mixedmode.live.document import phone_of, phone_plain
from mixedmode.live.observed import PhoneSeen, Value
from mixedmode.live.rows import row_values
from mixedmode.live.sources import catalogue
from mixedmode.live.sources.ris import MOST_NAMES, Ris
from mixedmode.live.sources.seeing import Seen, reason

if TYPE_CHECKING:
    from mixedmode.live.notebook import Notebook
    from mixedmode.live.sources.catalogue import Query
    from mixedmode.live.sources.database import Database
    from mixedmode.live.wire.clock import Clock
    from mixedmode.live.wire.https import Web

AT_ONCE: Final = 25
"""Phones whose pages are read side by side (0.4)."""
_EXAMPLES: Final = 5
Opener = Callable[..., "Web"]
Progress = Callable[[str, int, int], None]


class Book:
    """Phones, as they become known.

    Args:
        seen: Where it is noted what was not seen.
        notebook: Keeps what is done.
        progress: Is told how it goes.
    """

    def __init__(self, seen: Seen, notebook: Notebook, progress: Progress) -> None:
        self.seen, self.notebook, self.progress = seen, notebook, progress
        self._values: dict[str, dict[str, list[Value]]] = {}
        self._reasons: dict[str, list[str]] = defaultdict(list)
        self.lock = threading.Lock()

    @property
    def names(self) -> list[str]:
        """Of all phones, in order."""
        return sorted(self._values)

    def add(self, name: str, values: Mapping[str, Value]) -> None:
        """Add what was seen of a phone."""
        known = self._values.setdefault(name, {})
        for key, value in values.items():
            known.setdefault(key, []).append(value)

    def newest(self, name: str, key: str) -> str:
        """Return what was seen last, empty if nothing was."""
        found = self.value(name, key)
        return found.text if found is not None else ""

    def value(self, name: str, key: str) -> Value | None:
        """Return what was seen last with where it was seen, None if nothing was."""
        values = self._values.get(name, {}).get(key)
        return max(values, key=lambda each: each.seen.at) if values else None

    def nothing_of(self, name: str, why: str) -> None:
        """Note that a phone did not say anything."""
        self._reasons[why].append(name)

    def phones(self) -> tuple[PhoneSeen, ...]:
        """Return the phones, each value's sightings newest first, and note what phones did not say."""
        for why, names in sorted(self._reasons.items()):
            more = f", and {len(names) - _EXAMPLES:,} more" if len(names) > _EXAMPLES else ""
            listed = ", ".join(sorted(names)[:_EXAMPLES])
            self.seen.missing("phone pages", "", f"{why}: {len(names):,} phones ({listed}{more})")
        return tuple(
            PhoneSeen(name, {key: tuple(sorted(each, key=_at, reverse=True)) for key, each in values.items()})
            for name, values in sorted(self._values.items())
        )


def phones_of_database(database: Database, book: Book) -> None:
    """Add every phone that is configured, and where each registered last."""
    for query in (catalogue.PHONES, catalogue.REGISTRATIONS):
        for _ in whole_query(database, query, book):
            pass


def whole_query(database: Database, query: Query, book: Book) -> Iterator[None]:
    """Add what the rows of a query say of phones, from where it was cut off; yield behind each page."""
    number, after = 0, ""
    while (kept := book.notebook.known(f"{query.name} {number}")) is not None:
        with book.lock:
            for document in kept["phones"]:
                _add(book, phone_of(document))
        number, after = number + 1, kept["after"]
    if book.notebook.known(f"{query.name} done"):
        return
    count = len(book.seen.not_seen)
    for rows in database.pages(query, book.seen, after):
        sighting = database.sighting()
        phones = [
            PhoneSeen(row["name"], {key: (Value(text, sighting),) for key, text in row_values(row).items()})
            for row in rows
        ]
        with book.lock:
            for phone in phones:
                _add(book, phone)
        book.notebook.keep(f"{query.name} {number}", partial(_page_plain, rows[-1]["name"], phones))
        number += 1
        book.progress(query.name, len(book.names), 0)
        yield
    if len(book.seen.not_seen) == count:
        book.notebook.keep(f"{query.name} done", lambda: True)


def _page_plain(after: str, phones: Sequence[PhoneSeen]) -> dict[str, Any]:
    return {"after": after, "phones": [phone_plain(each) for each in phones]}


def look_at_phones(
    book: Book,
    ris: Ris | None,
    page: Callable[[str], Mapping[str, Value]] | None,
    pool: Executor,
    clock: Clock,
) -> None:
    """Ask RIS for all phones, and read the pages of those that have any (rules 1 and 2).

    Args:
        book: Of the phones; to be added to.
        ris: None if it is not asked.
        page: Reads a phone's pages; None if none are read.
        pool: Runs what goes side by side.
        clock: Says when.
    """
    names = iter(book.names)
    total = len(book.names)
    waiting: list[Future[None]] = []
    answers = ris is not None
    done = number = 0
    while batch := list(islice(names, MOST_NAMES)):
        if ris is not None and answers:
            answers = _ask_ris(ris, batch, number, book)
        number, done = number + 1, done + len(batch)
        book.progress("registrations", done, total)
        if page is not None:
            open_ones = [name for name in batch if _has_pages(book, name, asked=answers)]
            waiting += [pool.submit(_read_page, name, page, book) for name in open_ones]
    for count, future in enumerate(waiting, 1):
        future.result()
        book.progress("phone pages", count, len(waiting))


def _ask_ris(ris: Ris, batch: Sequence[str], number: int, book: Book) -> bool:
    """Return whether RIS is to be asked on."""
    step = f"ris {number} {batch[0]} {batch[-1]}"
    kept = book.notebook.known(step)
    if kept is not None:
        for document in kept:
            _add(book, phone_of(document))
        return True
    try:
        found = ris.select(batch)
    except MixedModeError as error:
        book.seen.missing("registrations", "", error)
        return False
    known = set(batch)
    phones = [
        PhoneSeen(name, {key: (value,) for key, value in values.items()})
        for name, values in found.phones.items()
        if name in known
    ]
    with book.lock:
        for phone in phones:
            _add(book, phone)
    for node in sorted(found.silent):
        if not any(each.what == "registrations" and each.where == node for each in book.seen.not_seen):
            book.seen.missing("registrations", node, "the node does not respond; its phones may be registered")
    if found.cut:
        book.seen.missing("registrations", "", f"the answer was cut for {len(found.cut)} names")
    if not found.silent and not found.cut:
        book.notebook.keep(step, lambda: [phone_plain(each) for each in phones])
    return True


def _has_pages(book: Book, name: str, *, asked: bool) -> bool:
    if not book.newest(name, "address"):
        return False
    if not asked:
        return True
    status, httpd = book.newest(name, "status").lower(), book.newest(name, "httpd").lower()
    if status == "registered" and httpd in {"no", "false", "0"}:
        book.nothing_of(name, "their web server is off")
    return status == "registered" and httpd not in {"no", "false", "0"}


def _read_page(name: str, page: Callable[[str], Mapping[str, Value]], book: Book) -> None:
    kept = book.notebook.known(f"page {name}")
    if kept is not None:
        with book.lock:
            _add(book, phone_of(kept))
        return
    try:
        values = page(name)
    except MixedModeError as error:
        with book.lock:
            book.nothing_of(name, reason(error))
        return
    phone = PhoneSeen(name, {key: (value,) for key, value in values.items()})
    with book.lock:
        _add(book, phone)
    book.notebook.keep(f"page {name}", lambda: phone_plain(phone))


def _add(book: Book, phone: PhoneSeen) -> None:
    for key, values in phone.values.items():
        for value in values:
            book.add(phone.name, {key: value})
    if not phone.values:
        book.add(phone.name, {})


def _at(value: Value) -> datetime:
    return value.seen.at
