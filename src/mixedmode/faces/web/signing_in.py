"""Signing in and out, and the theme: the forms that need no session, or end one."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from mixedmode.control.signed_in.web_sessions import WebSession
from mixedmode.faces.web.kit.desk import Desk
from mixedmode.faces.web.kit.doorman import COOKIE, FORM_COOKIE, form_token, same
from mixedmode.faces.web.kit.problems import SIGNED_OUT, STALE_FORM, Problem
from mixedmode.faces.web.kit.render import render
from mixedmode.faces.web.kit.requests import THEME_COOKIE, address_of, check_origin, is_within, theme_of
from mixedmode.pki.certificates.purposes import Purpose

THEMES: Final = ("system", "light", "dark")
_YEAR: Final = 365 * 86400
_SECURE: Final[dict[str, Any]] = {"path": "/", "secure": True, "httponly": True, "samesite": "strict"}
_REFUSED: Final = (
    "The name or the password is wrong, or the account is locked. Try again, or ask another administrator for"
)
_STALE: Final = "This page was open for too long, or cookies are off. Nothing was tried; sign in again."


def routes(desk: Desk) -> list[BaseRoute]:
    """Return the routes."""
    sign = _SignIn(desk)
    return [
        Route("/signin", sign.page, methods=["GET"]),
        Route("/signin", sign.sent, methods=["POST"]),
        Route("/signin/once", sign.once, methods=["GET"]),
        Route("/signout", _with_session(desk, sign.out), methods=["POST"]),
        Route("/theme", _with_session(desk, sign.theme), methods=["POST"]),
    ]


_Signed = Callable[[Request, WebSession, dict[str, str]], Awaitable[Response]]


def _with_session(desk: Desk, handler: _Signed) -> Callable[[Request], Awaitable[Response]]:
    """Return a handler of a form of somebody who is signed in."""

    async def checked(request: Request) -> Response:
        session = await asyncio.to_thread(desk.doorman.session, request.cookies, address_of(request))
        if session is None:
            raise SIGNED_OUT
        check_origin(request)
        form = await _fields(request)
        if not same(form.get("csrf"), session.secret("form")):
            raise STALE_FORM
        return await handler(request, session, form)

    return checked


class _SignIn:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def page(self, request: Request) -> Response:
        session = await asyncio.to_thread(self._desk.doorman.session, request.cookies, address_of(request))
        if session is not None:
            return RedirectResponse(_next(request.query_params.get("next", "")), status_code=303)
        return await self._form(request, request.query_params.get("next", ""))

    async def sent(self, request: Request) -> Response:
        check_origin(request)
        form = await _fields(request)
        secret = request.cookies.get(FORM_COOKIE, "")
        if not secret or not same(form.get("csrf"), form_token(secret)):
            return await self._form(request, form.get("next", ""), error=_STALE, status=403)
        user, password = form.get("user", ""), form.get("password", "")
        session = await self._desk.doorman.sign_in(user, password, address_of(request))
        if session is None:
            self._desk.counts["failed_logins"] += 1
            return await self._form(request, form.get("next", ""), user=user, error=_REFUSED, status=403, locked=True)
        self._desk.counts["logins"] += 1
        return _signed_in(session, _next(form.get("next", "")))

    async def once(self, request: Request) -> Response:
        server = request.scope.get("server") or ("", 0)
        ticket = request.query_params.get("ticket", "")
        take = self._desk.doorman.take_link
        session = await asyncio.to_thread(take, ticket, address_of(request), str(server[0]))
        if session is None:
            raise Problem(
                403,
                "This link does not sign in any more.",
                "It is good once, for a minute, and only on the host of the node.",
                "Run mixedmode web again, or sign in with name and password.",
                "link-used",
                links=(("/signin", "Sign in"),),
            )
        self._desk.counts["logins"] += 1
        return _signed_in(session, "/")

    async def out(self, _request: Request, session: WebSession, form: dict[str, str]) -> Response:
        everywhere = form.get("everywhere") == "yes"
        await asyncio.to_thread(lambda: self._desk.doorman.sign_out(session, everywhere=everywhere))
        response = RedirectResponse("/signin", status_code=303)
        response.delete_cookie(COOKIE, **_SECURE)
        response.headers["clear-site-data"] = '"cache"'
        return response

    async def theme(self, _request: Request, _session: WebSession, form: dict[str, str]) -> Response:
        theme = form.get("theme", "")
        response = RedirectResponse(_next(form.get("next", "")), status_code=303)
        if theme in THEMES:
            response.set_cookie(THEME_COOKIE, theme, max_age=_YEAR, **_SECURE)
        return response

    async def _form(
        self, request: Request, wanted: str, *, user: str = "", error: str = "", status: int = 200, locked: bool = False
    ) -> Response:
        secret = request.cookies.get(FORM_COOKIE, "")
        if not 20 <= len(secret) <= 64:
            secret = secrets.token_urlsafe(24)
        context = {
            "node": self._desk.node,
            "certificate": await asyncio.to_thread(self._certificate),
            "csrf": form_token(secret),
            "next": wanted if _next(wanted) == wanted else "",
            "user": user[:64],
            "error": error,
            "locked": locked,
            "theme": theme_of(request),
            "away": self._desk.away(),
        }
        html = await asyncio.to_thread(render, "signin.html", context)
        response = HTMLResponse(html, status_code=status)
        response.set_cookie(FORM_COOKIE, secret, **_SECURE)
        return response

    def _certificate(self) -> Any:
        return self._desk.cluster.own_certificate(self._desk.node, Purpose.TOMCAT.value)


def _signed_in(session: WebSession, path: str) -> Response:
    response = RedirectResponse(path, status_code=303)
    response.set_cookie(COOKIE, session.token, **_SECURE)
    response.delete_cookie(FORM_COOKIE, **_SECURE)
    return response


async def _fields(request: Request) -> dict[str, str]:
    """Return the fields of a plain form; nothing else is sent to these addresses."""
    try:
        found = parse_qs((await request.body()).decode(), max_num_fields=20, keep_blank_values=True)
    except ValueError as error:
        raise Problem(400, "The form cannot be read.", "", "Send it again.") from error
    return {name: values[-1] for name, values in found.items()}


def _next(path: str) -> str:
    return path if is_within(path) and not path.startswith("/signin") else "/"
