"""What the pages do while the publisher's database is away, be it stopped, cut off or silent.

Rules:

1. The database is asked every few seconds over a connection of its own. It is away if it says so, is silent for
   :data:`SILENT_SECONDS`, or holds no cluster, as one that is being put back; nobody waits longer for a page than until
   that is known.
2. A subscriber's pages go on, of its own copy, for reading: who was signed in stays so, others sign in by the accounts
   of the node. What would change something is refused.
3. The publisher has no copy: its pages say what is wrong and what still works.
4. Threads that wait for a silent database are left to it; everybody else has new ones.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from mixedmode.cluster.model.errors import NotFoundError
from mixedmode.cluster.store.schema import ProcessNode
from mixedmode.faces.web.guards import HEADERS
from mixedmode.faces.web.kit.problems import DATABASE_AWAY, READ_ONLY, Problem
from mixedmode.faces.web.kit.render import page_made, render
from mixedmode.faces.web.kit.requests import theme_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from mixedmode.cluster.store.database import Database

SILENT_SECONDS: Final = 5.0
_PAUSE_SECONDS: Final = 2.0
RETRY_SECONDS: Final = 10
_PROBES: Final = frozenset({"/healthz", "/readyz", "/metrics"})
_FORMS: Final = frozenset({"/signin", "/signout", "/theme"})
"""What is sent by POST and changes nothing of the cluster."""
_READS: Final = frozenset({"GET", "HEAD"})
_log = logging.getLogger(__name__)


class DatabaseWatch:
    """Knows whether a database answers (rule 1).

    Args:
        database: A connection of its own to it.
        now: The time.
        changed: Called when it goes away or is back.
    """

    def __init__(
        self, database: Database, now: Callable[[], datetime], changed: Callable[[bool], Awaitable[None]]
    ) -> None:
        self._database, self._now, self._changed = database, now, changed
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="web-database")
        self._asked: asyncio.Future[None] | None = None
        self._lock = asyncio.Lock()
        self.gone = asyncio.Event()
        self.since: datetime | None = None

    async def run(self) -> None:
        """Ask again and again, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(_PAUSE_SECONDS)

    async def look(self) -> bool:
        """Return whether the database is away, now."""
        async with self._lock:
            away = await self._is_away()
            if away != self.gone.is_set():
                self.since = self._now() if away else None
                if away:
                    self.gone.set()
                else:
                    self.gone.clear()
                _log.warning("the publisher's database %s", "is away" if away else "is back")
                await self._changed(away)
            return away

    async def _is_away(self) -> bool:
        if self._asked is None:
            self._asked = asyncio.wrap_future(self._pool.submit(self._ask))
        asked = self._asked
        done, _ = await asyncio.wait({asked}, timeout=0.0 if self.gone.is_set() else SILENT_SECONDS)
        if not done:
            return True
        self._asked = None
        return asked.exception() is not None

    def _ask(self) -> None:
        with self._database.read() as session:
            if not session.execute(select(ProcessNode.id).limit(1)).all():
                raise NotFoundError("there is no cluster in this database")

    def close(self) -> None:
        """Let the connection go."""
        self._pool.shutdown(wait=False)
        self._database.close()


class Away:
    """Answers as the database allows.

    Args:
        main: The pages of the database.
        watch: Knows whether it is there.
        copy: The pages of this node's own copy; None has none (rule 3).
        node: The node's name.
    """

    def __init__(self, main: ASGIApp, watch: DatabaseWatch, copy: ASGIApp | None, node: str) -> None:
        self._main, self._watch, self._copy, self._node = main, watch, copy, node

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http" or scope["path"] in _PROBES or scope["path"].startswith("/static/"):
            await self._main(scope, receive, send)
        elif self._watch.gone.is_set():
            await self._without(scope, receive, send)
        else:
            await self._with(scope, receive, send)

    async def _with(self, scope: Scope, receive: Receive, send: Send) -> None:
        held: list[Message] = []
        heard: list[Message] = []
        begun = False

        async def listening() -> Message:
            message = await receive()
            if scope["path"] in _FORMS:
                heard.append(message)
            return message

        async def again() -> Message:
            # What was sent comes once, and the copy has to read it too.
            return heard.pop(0) if heard else await receive()

        async def noted(message: Message) -> None:
            nonlocal begun
            if held or (not begun and message["type"] == "http.response.start" and message["status"] == 503):
                held.append(message)  # perhaps the copy can answer it
                return
            begun = True
            await send(message)

        work = asyncio.ensure_future(self._main(scope, listening, noted))
        gone = asyncio.ensure_future(self._watch.gone.wait())
        try:
            await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done() and not begun:
                work.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await work
                await self._without(scope, again, send)
                return
            await work
        finally:
            work.cancel()
            gone.cancel()
        if held and await self._watch.look():
            await self._without(scope, again, send)
            return
        for message in held:
            await send(message)

    async def _without(self, scope: Scope, receive: Receive, send: Send) -> None:
        reads = scope["method"] in _READS or scope["path"] in _FORMS
        if self._copy is not None and reads:
            await self._copy(scope, receive, send)
            return
        problem = DATABASE_AWAY if self._copy is None else READ_ONLY
        await self._told(Request(scope), problem)(scope, receive, send)

    def _told(self, request: Request, problem: Problem) -> Response:
        headers = {**HEADERS, "retry-after": str(RETRY_SECONDS), "cache-control": "no-store"}
        if request.url.path.startswith("/api/"):
            document = problem.document(request.url.path)
            return JSONResponse(document, problem.status, headers, media_type="application/problem+json")
        made, took = page_made(time.perf_counter())
        context: dict[str, Any] = {"problem": problem, "frame": None, "principal": None, "csrf": "", "node": self._node}
        html = render("error.html", {**context, "theme": theme_of(request), "made": made, "took": took})
        # What was sent is not read: the connection ends with this answer.
        return HTMLResponse(html, problem.status, {**headers, "connection": "close"})
