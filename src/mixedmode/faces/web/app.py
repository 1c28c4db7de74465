"""The application: every declared page as a route, with the checks that all of them have.

Rules:

1. A page is shown to who is signed in and has its level; others are led to the sign-in and from there back to it. Who
   has not the level is refused by the door, with its words, and that is in the audit log.
2. What changes something comes by POST, from this site, with the token of the session that asks. Nothing is done with a
   form before that is so.
3. Handlers, the database and templates are called in threads; the loop only moves bytes.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Scope

from mixedmode.cluster.model.errors import DatabaseError
from mixedmode.control.acts import Act
from mixedmode.control.signed_in.web_sessions import WebSession
from mixedmode.errors import MixedModeError
from mixedmode.faces.web import probes, signing_in, streams
from mixedmode.faces.web.away import RETRY_SECONDS
from mixedmode.faces.web.guards import Guards
from mixedmode.faces.web.kit.answers import Answer, Csv, Redirect, View
from mixedmode.faces.web.kit.asking import Ask, Upload
from mixedmode.faces.web.kit.desk import Desk
from mixedmode.faces.web.kit.doorman import same
from mixedmode.faces.web.kit.events import counts_topic, running_topic
from mixedmode.faces.web.kit.navigation import HOMES
from mixedmode.faces.web.kit.page import FORM_BYTES, Page
from mixedmode.faces.web.kit.problems import (
    DATABASE_AWAY,
    NOT_FOUND,
    SIGNED_OUT,
    STALE_FORM,
    WRONG_METHOD,
    Problem,
    problem_of,
)
from mixedmode.faces.web.kit.render import page_made, render
from mixedmode.faces.web.kit.requests import address_of, check_origin, is_within, keep_place, theme_of
from mixedmode.faces.web.metering import PAGE
from mixedmode.faces.web.pages import PAGES, TOPICS, limits, routes
from mixedmode.printable import one_line

_MOST_FIELDS: Final = 2000
_MOST_FILES: Final = 20
_API: Final = "/api/"
_log = logging.getLogger(__name__)


def application(desk: Desk) -> ASGIApp:
    """Return the application of a node."""
    for topic in (counts_topic(), running_topic(), *TOPICS):
        desk.hub.topics[topic.name] = topic
    shown = _Shown(desk)
    app = Starlette(
        routes=[
            *signing_in.routes(desk),
            *streams.routes(desk),
            *probes.routes(desk),
            *routes(desk),
            *(Route(page.path, _endpoint(desk, page), methods=_methods(page), name=page.path) for page in PAGES),
            *(Route(path, _leads_to(home)) for path, home in HOMES.items() if all(p.path != path for p in PAGES)),
        ],
        exception_handlers={HTTPException: shown.http_error, MixedModeError: shown.error, Problem: shown.problem},
        middleware=[Middleware(Guards, limit=_limits(desk), show=shown.told, count=desk.meter.note)],
    )
    app.router.redirect_slashes = True
    return app


def _methods(page: Page) -> list[str]:
    return ["GET", "POST"] if page.posts else ["GET"]


def _leads_to(home: str) -> Callable[[Request], Awaitable[Response]]:
    async def lead(_request: Request) -> Response:
        return RedirectResponse(home, status_code=303)

    return lead


def _limits(desk: Desk) -> Callable[[str], int]:
    """Return what says how large a body may be: the most of the pages whose path begins alike."""
    larger = [(page.path.partition("{")[0], page.body) for page in PAGES if page.body > FORM_BYTES]
    larger += limits(desk)

    def limit(path: str) -> int:
        return max([FORM_BYTES, *(size for start, size in larger if path.startswith(start))])

    return limit


def _endpoint(desk: Desk, page: Page) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        begun = time.perf_counter()
        request.scope[PAGE] = page.path
        session = await asyncio.to_thread(desk.doorman.session, request.cookies, address_of(request))
        if session is None:
            return _sign_in_first(request)
        keep_place(request)
        await asyncio.to_thread(_allow, desk, page, session)
        ask = await _asked(desk, page, session, request)
        return await asyncio.to_thread(_answered, ask, begun)

    return answer


def _allow(desk: Desk, page: Page, session: WebSession) -> None:
    if page.level > session.principal.level:
        desk.control.allow(session.principal, Act(f"page {page.path}", page.level))


def _sign_in_first(request: Request) -> Response:
    if request.method != "GET":
        raise SIGNED_OUT
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    to = "/signin" if wanted == "/" else f"/signin?next={quote(wanted, safe='/')}"
    return RedirectResponse(to, status_code=303)


async def _asked(desk: Desk, page: Page, session: WebSession, request: Request) -> Ask:
    ask: dict[str, Any] = {"theme": theme_of(request)}
    if request.method == "POST":
        check_origin(request)
        try:
            async with request.form(
                max_files=_MOST_FILES, max_fields=_MOST_FIELDS, max_part_size=max(page.body, FORM_BYTES)
            ) as form:
                if not same(form.get("csrf"), session.secret("form")):
                    raise STALE_FORM
                items = form.multi_items()
                text = [(name, value) for name, value in items if isinstance(value, str)]
                ask["form"] = dict(text)
                names = dict.fromkeys(name for name, _ in text)
                ask["lists"] = {name: tuple(value for each, value in text if each == name) for name in names}
                ask["files"] = {
                    name: Upload(value.filename or "", await value.read())
                    for name, value in items
                    if isinstance(value, UploadFile) and value.filename
                }
        except (MultiPartException, HTTPException, UnicodeDecodeError) as error:
            raise Problem(400, "The form cannot be read. Nothing was changed.", str(error), "Send it again.") from error
    return Ask(
        desk,
        page,
        session,
        request.method,
        request.url.path,
        query={name: value.replace("\x00", "") for name, value in request.query_params.items()},
        values=request.path_params,
        loop=asyncio.get_running_loop(),
        **ask,
    )


def _answered(ask: Ask, begun: float) -> Response:
    """Have a page answer; in a thread."""
    answer: Answer = ask.page.answer(ask)
    ask.desk.counts["pages"] += 1
    if ask.is_post:
        ask.desk.frame.forget()
    if isinstance(answer, View):
        return HTMLResponse(_page(ask, answer, begun), status_code=answer.status)
    if isinstance(answer, Redirect):
        if answer.note:
            ask.desk.leave_note(ask.session.token, answer.kind, answer.note)
        return RedirectResponse(_within(answer.path), status_code=303)
    if isinstance(answer, Csv):
        return _saved(f"{answer.name}.csv", answer.pieces(), "text/csv; charset=utf-8")
    return _saved(answer.name, answer.body, answer.media_type)


def _page(ask: Ask, view: View, begun: float) -> str:
    made, took = page_made(begun)
    sheet = view.context.get("sheet")
    around = {
        "frame": ask.desk.frame.get(),
        "acts": ask.desk.dock.shown(),
        "page": ask.page,
        "ask": ask,
        "csrf": ask.csrf,
        "principal": ask.principal,
        "left_note": ask.desk.take_note(ask.session.token),
        "refresh": view.refresh,
        "away": ask.desk.away(),
        "theme": ask.theme,
        "made": made,
        "took": took,
        "saved": () if sheet is None else ask.desk.filters.all(ask.principal, sheet.path),
    }
    return render(view.template, {**around, **view.context})


def _saved(name: str, body: Any, media_type: str) -> Response:
    plain = "".join(each if each.isalnum() or each in ".-_" else "_" for each in name if each.isascii())
    headers = {"content-disposition": f'attachment; filename="{plain or "file"}"'}
    if isinstance(body, bytes):
        return Response(body, media_type=media_type, headers=headers)
    return StreamingResponse(body, media_type=media_type, headers=headers)


def _within(path: str) -> str:
    """Return an address of this server; anything else leads to the overview."""
    return path if is_within(path) else "/"


class _Shown:
    """Makes the answers that tell what went wrong.

    Args:
        desk: The desk.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def http_error(self, request: Request, error: Exception) -> Response:
        """Tell what Starlette found."""
        status = error.status_code if isinstance(error, HTTPException) else 500
        known = {404: NOT_FOUND, 405: WRONG_METHOD}
        detail = error.detail if isinstance(error, HTTPException) else ""
        response = await self._tell(request, known.get(status) or Problem(status, detail))
        if isinstance(error, HTTPException):
            response.headers.update(error.headers or {})
        return response

    async def error(self, request: Request, error: Exception) -> Response:
        """Tell an error of the package; what it was of a database that is away, only who is known is told."""
        if isinstance(error, DatabaseError) and not await asyncio.to_thread(self._is_known, request):
            _log.warning("%s", one_line(f"{request.url.path}: {error}"))
            return await self._tell(request, DATABASE_AWAY)
        return await self._tell(request, problem_of(error) if isinstance(error, MixedModeError) else Problem(500, ""))

    async def problem(self, request: Request, error: Exception) -> Response:
        """Tell a problem."""
        return await self._tell(request, error if isinstance(error, Problem) else Problem(500, ""))

    async def told(self, scope: Scope, problem: Problem) -> ASGIApp:
        """Return the answer for a problem that was found before or after the application."""
        return await self._tell(Request(scope), problem)

    async def _tell(self, request: Request, problem: Problem) -> Response:
        self._desk.counts[f"problems_{problem.status}"] += 1
        if request.url.path.startswith(_API):
            document = problem.document(request.url.path)
            return JSONResponse(document, problem.status, media_type="application/problem+json")
        html = await asyncio.to_thread(self._html, request, problem)
        headers = {"retry-after": str(RETRY_SECONDS)} if problem.status == HTTPStatus.SERVICE_UNAVAILABLE else None
        return HTMLResponse(html, status_code=problem.status, headers=headers)

    def _is_known(self, request: Request) -> bool:
        with suppress(MixedModeError):
            return self._desk.doorman.session(request.cookies, address_of(request), touch=False) is not None
        return False

    def _html(self, request: Request, problem: Problem) -> str:
        frame = session = None
        with suppress(MixedModeError):
            session = self._desk.doorman.session(request.cookies, address_of(request), touch=False)
            frame = None if session is None else self._desk.frame.get()
        made, took = page_made(time.perf_counter())
        return render(
            "error.html",
            {
                "problem": problem,
                "frame": frame,
                "principal": None if session is None else session.principal,
                "csrf": "" if session is None else session.secret("form"),
                "node": self._desk.node,
                "theme": theme_of(request),
                "made": made,
                "took": took,
            },
        )
