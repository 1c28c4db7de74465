"""Assets, and the stream of events."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from typing import Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from mixedmode.errors import MixedModeError
from mixedmode.faces.web.kit.desk import Desk
from mixedmode.faces.web.kit.problems import NOT_FOUND, Problem
from mixedmode.faces.web.kit.render import assets
from mixedmode.faces.web.kit.requests import address_of

_FOR_EVER: Final = "public, max-age=31536000, immutable"
_OF_ONE: Final = 12
"""Streams of one session: a tab each."""
_LOOK_AGAIN: Final = 30.0
"""Seconds after which a stream looks whether its session still holds."""


def routes(desk: Desk) -> list[BaseRoute]:
    """Return the routes."""
    return [
        Route("/static/{digest}/{name}", _asset),
        Route("/favicon.ico", _icon),
        Route("/api/v1/events", _Events(desk).answer),
    ]


async def _asset(request: Request) -> Response:
    found = assets().get(request.path_params["name"])
    if found is None or found.digest != request.path_params["digest"]:
        raise NOT_FOUND
    return Response(found.body, media_type=found.media_type, headers={"cache-control": _FOR_EVER})


async def _icon(_request: Request) -> Response:
    found = assets()["icon.svg"]
    return Response(found.body, media_type=found.media_type, headers={"cache-control": "public, max-age=86400"})


class _Events:
    """The streams of a node."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._of_session: Counter[str] = Counter()

    async def answer(self, request: Request) -> Response:
        """Begin a stream."""
        address = address_of(request)
        session = await asyncio.to_thread(self._desk.doorman.session, request.cookies, address, touch=False)
        if session is None:
            raise Problem(401, "You are not signed in.", "", "Sign in.", "signed-out")
        names = self._desk.hub.known(request.query_params.get("topics", "counts,running"), session.principal.level)
        if not names:
            raise Problem(404, "There is no such topic.", "", "Ask for counts or running.")
        if self._of_session[session.token] >= _OF_ONE or self._desk.hub.full:
            raise Problem(429, "Too many pages are open.", "", "Close some of them.")
        told = self._told(names, session.token, request.cookies, address)
        return StreamingResponse(told, media_type="text/event-stream", headers={"x-accel-buffering": "no"})

    async def _told(self, names: list[str], token: str, cookies: dict[str, str], address: str) -> AsyncIterator[bytes]:
        self._of_session[token] += 1
        look = time.monotonic() + _LOOK_AGAIN
        try:
            yield b"retry: 3000\n\n"
            async for each in self._desk.hub.listen(names):
                if time.monotonic() > look:
                    look = time.monotonic() + _LOOK_AGAIN
                    if not await _holds(self._desk, cookies, address):
                        yield b"event: signed-out\ndata: null\n\n"
                        return
                yield b": \n\n" if each is None else f"event: {each[0]}\ndata: {each[1]}\n\n".encode()
        finally:
            self._of_session[token] -= 1
            self._of_session += Counter()


async def _holds(desk: Desk, cookies: dict[str, str], address: str) -> bool:
    try:
        return await asyncio.to_thread(desk.doorman.session, cookies, address, touch=False) is not None
    except MixedModeError:
        return True  # a database that is away says nothing of the session
