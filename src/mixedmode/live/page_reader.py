"""Reads the pages of one phone: what it says of its lists, and its status messages where that is of use."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Final

from mixedmode.errors import RemoteError
from mixedmode.live.allowed.requests import Place
from mixedmode.live.observed import Sighting, Source, Value
from mixedmode.live.phones import Book, Opener
from mixedmode.live.sources import pages
from mixedmode.live.sources.alarms import alarm_on_page

if TYPE_CHECKING:
    from mixedmode.live.wire.clock import Clock
    from mixedmode.live.wire.https import Response, Web

PAGE_SECONDS: Final = 4.0
_PAGE_LIMIT: Final = 256 << 10
_OK: Final = 200


class PageReader:
    """Reads phones' pages.

    Args:
        book: Knows their addresses and models.
        port: Where they are; 0 is the phones' own.
        served: Hashes of the lists that the cluster serves.
        opener: Makes a connection.
        clock: Says when.
    """

    def __init__(self, book: Book, port: int, served: Collection[str], opener: Opener, clock: Clock) -> None:
        self._book, self._port, self._served, self._clock, self._opener = book, port, served, clock, opener

    def __call__(self, name: str) -> dict[str, Value]:
        """Return what a phone's pages say.

        Raises:
            RemoteError: They say nothing.
        """
        with self._book.lock:
            address, model = self._book.newest(name, "address"), self._book.newest(name, "model")
        try:
            return self._read(name, address, model, tls=False)
        except RemoteError as error:
            if self._port or error.code != "unreachable":
                raise
            return self._read(name, address, model, tls=True)  # newer loads have their pages by TLS alone

    def _read(self, name: str, address: str, model: str, *, tls: bool) -> dict[str, Value]:
        port = self._port or (443 if tls else 80)
        with closing(self._opener(Place.PHONE, address, port, tls=tls, seconds=PAGE_SECONDS)) as web:
            found: dict[str, Value] = {}
            text, where = self._page(web, name, model, pages.NETWORK)
            self._take(found, pages.network_values(text), where)
            if "itl" not in found and "ctl" not in found:
                self._more(found, web, name, model, pages.ALARMS, alarm_on_page)
            if any(key not in found or found[key].text not in self._served for key in ("ctl", "itl")):
                self._more(found, web, name, model, pages.MESSAGES, lambda page: {"messages": pages.messages_of(page)})
            return found

    def _more(
        self, found: dict[str, Value], web: Web, name: str, model: str, page: str, read: Callable[[str], dict[str, str]]
    ) -> None:
        try:
            text, where = self._page(web, name, model, page)
        except RemoteError:
            return  # the first page has told something already; that there is no other one is no evidence
        self._take(found, read(text), where)

    def _take(self, found: dict[str, Value], values: Mapping[str, str], where: str) -> None:
        sighting = Sighting(Source.PAGE, self._clock.now(), where)
        found.update({key: Value(text, sighting) for key, text in values.items() if text})

    def _page(self, web: Web, name: str, model: str, page: str) -> tuple[str, str]:
        response: Response | None = None
        for target in pages.targets(model, page):
            response = web.get(target, limit=_PAGE_LIMIT)
            if response.status == _OK:
                text = response.body.decode("utf-8", "replace")
                if not pages.names_phone(text, name):
                    raise RemoteError(
                        "another phone answers, or what answers does not say who it is", code="other-phone"
                    )
                return text, f"http://{web.where}{target}"
        status = "" if response is None else f": HTTP status {response.status}"
        raise RemoteError(f"there is no such page{status}", code="no-page")
