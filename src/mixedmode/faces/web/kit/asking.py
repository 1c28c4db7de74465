"""A request as a page's handler sees it: who asks, what for, and what he sent."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from mixedmode import numbers
from mixedmode.cluster.engine.principal import Principal
from mixedmode.cluster.facade import Cluster
from mixedmode.control.door import Control
from mixedmode.control.signed_in.web_sessions import WebSession
from mixedmode.errors import UsageError
from mixedmode.faces.web.kit.desk import Desk

if TYPE_CHECKING:
    from mixedmode.faces.web.kit.page import Page

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that came with a form; it is checked by its content, never by its name.

    Attributes:
        name: As the browser says; to be shown, and used for nothing else.
        data: Its bytes, within the limit of the page.
    """

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Ask:
    """A request. A handler has it in a thread of its own, so it may ask the database and run operations.

    Attributes:
        desk: What all pages have.
        page: The page that is asked for.
        session: Of who asks.
        method: ``GET`` or ``POST``; what changes something comes by POST, and has shown the token of its form.
        path: The address, without its query.
        query: The values of the query; of one that is given twice, the last.
        values: The parts of the path that have names.
        form: The fields of a form, each once.
        lists: The same, for fields that come several times, such as ticked rows.
        files: The files that came with it.
        loop: Of the pages.
        theme: ``light`` or ``dark``, None if the system decides.
    """

    desk: Desk
    page: Page
    session: WebSession
    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)
    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    files: Mapping[str, Upload] = field(default_factory=dict)
    loop: asyncio.AbstractEventLoop | None = None
    theme: str | None = None

    @property
    def principal(self) -> Principal:
        """Who asks; given to the door with every change."""
        return self.session.principal

    @property
    def control(self) -> Control:
        """The door."""
        return self.desk.control

    @property
    def cluster(self) -> Cluster:
        """The cluster, to be read."""
        return self.desk.cluster

    @property
    def csrf(self) -> str:
        """The token that every form of this session carries."""
        return self.session.secret("form")

    @property
    def is_post(self) -> bool:
        """Whether a form was sent."""
        return self.method == "POST"

    @property
    def wants_csv(self) -> bool:
        """Whether the table of the page is asked for as CSV."""
        return self.query.get("format") == "csv"

    def may(self, level: int) -> bool:
        """Return whether who asks has a level: for what a page shows. The door refuses, whatever was shown."""
        return self.principal.level >= level

    def need(self, name: str) -> str:
        """Return a field of the form.

        Raises:
            UsageError: It is not there, or empty.
        """
        value = self.form.get(name, "").strip()
        if not value:
            raise UsageError(f"the form has no {name}", where=name, next_step="fill it in and send the form again")
        return value

    def wait(self, work: Coroutine[Any, Any, T], seconds: float = 120.0) -> T:
        """Do something on the loop of the pages, such as what :attr:`Desk.services` does, and wait for it here.

        Raises:
            TimeoutError: It takes longer; it goes on.
        """
        if self.loop is None:
            raise RuntimeError("this request has no loop")
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(seconds)


def whole_number(text: str, otherwise: int = 0) -> int:
    """Return a number that a stranger sent as digits; something else if it is none, or longer than any that is used."""
    number = numbers.whole_number(text) if len(text) < 10 else None
    return otherwise if number is None else number
