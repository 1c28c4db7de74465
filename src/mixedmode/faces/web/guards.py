"""What stands before every page: headers for browsers, limits for bodies, an answer for what fails.

Rules:

1. Every answer has the headers of :data:`HEADERS`; a page is never kept by anybody, an asset for ever.
2. A body has a size and a time; what is too large is read and dropped up to a bound, so that a browser sees the answer
   and not a broken connection, and is never held in memory. Who waits to be told to send it is not asked for it.
3. What fails is told without how: a traceback is for the node's log. Who goes away, or sends what is no body, is no
   failure.
4. A request that says its length in two ways is refused, and its connection ends: where one body ends and the next
   request begins is not left to two readers.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mixedmode.faces.web.kit.problems import BROKEN, TOO_LARGE, TOO_SLOW, TWO_LENGTHS, Problem
from mixedmode.numbers import MOST_DIGITS

CSP: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "content-security-policy": CSP,
    "strict-transport-security": "max-age=31536000",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # Not "no-referrer": with that, browsers send forms without their origin.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}
BODY_SECONDS: Final = 60.0
"""For a whole body."""
_PIECE_SECONDS: Final = 15.0
_DROPPED_MOST: Final = 64 << 20
_log = logging.getLogger(__name__)

Show = Callable[[Scope, Problem], Awaitable[ASGIApp]]
"""Returns the answer that tells a problem."""


class Guards:
    """The middleware.

    Args:
        app: What is guarded.
        limit: Returns how many bytes the body of a request to a path may have.
        show: Makes the page of a problem.
        count: Told of each answer: the request's scope, its status, and the seconds until it began.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        limit: Callable[[str], int],
        show: Show,
        count: Callable[[Scope, int, float], None] = lambda _scope, _status, _seconds: None,
    ) -> None:
        self._app, self._limit, self._show, self._count = app, limit, show, count

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            return
        begun = time.perf_counter()
        body = _Body(receive, self._limit(scope["path"]), Headers(scope=scope))
        answer = _Answer(send, body, lambda status: self._count(scope, status, time.perf_counter() - begun))
        try:
            body.check()
            await self._app(scope, body.receive, answer.send)
        except Problem as problem:
            # The problems that have names are raised again and again: what they remember would only grow.
            problem.__traceback__ = None
            await self._tell(scope, problem, body, answer)
        except ClientDisconnect:
            _log.debug("%s %s: the client went away", scope["method"], scope["path"])
        except Exception:  # noqa: BLE001 - whatever it is, the browser gets an answer, and the log the rest
            _log.exception("%s %s failed", scope["method"], scope["path"])
            await self._tell(scope, BROKEN, body, answer)

    async def _tell(self, scope: Scope, problem: Problem, body: _Body, answer: _Answer) -> None:
        if answer.begun:
            return  # the connection ends before the answer does: the browser sees that it is not whole
        await body.drop()
        told = await self._show(scope, problem)
        await told(scope, body.receive, answer.send)


class _Answer:
    """Adds the headers (rule 1)."""

    def __init__(self, send: Send, body: _Body, told: Callable[[int], None]) -> None:
        self._send, self._body, self._told = send, body, told
        self.begun = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("cache-control", "no-store")
            if self._body.is_cut:
                headers["connection"] = "close"
            self._told(message["status"])
        await self._send(message)


class _Body:
    """Watches the body of a request (rule 2)."""

    def __init__(self, receive: Receive, limit: int, headers: Headers) -> None:
        self._receive, self._limit = receive, limit
        self._said = headers.get("content-length", "")
        self.is_cut = bool(self._said) and "transfer-encoding" in headers
        """Whether it is not read to its end: nobody knows then where the next request begins."""
        self._waits = headers.get("expect", "").lower() == "100-continue"
        self._size = 0
        self._whole = self._given_up = False
        self._until = asyncio.get_running_loop().time() + BODY_SECONDS

    def check(self) -> None:
        """Raise if the header says already that it is too much, or what its length is in two ways."""
        if self.is_cut:
            raise TWO_LENGTHS
        said = self._said
        if said.isascii() and said.isdigit() and (len(said) > MOST_DIGITS or int(said) > self._limit):
            raise TOO_LARGE

    async def receive(self) -> Message:
        if self._whole or self._given_up:
            return await self._receive()
        message = await self._piece()
        if message["type"] == "http.request":
            self._size += len(message.get("body", b""))
            self._whole = not message.get("more_body", False)
            if self._size > self._limit:
                raise TOO_LARGE
        return message

    async def drop(self) -> None:
        """Read what is left, and forget it."""
        self.is_cut = self._given_up = self._waits or self.is_cut
        while not self._given_up and not self._whole and self._size < _DROPPED_MOST:
            try:
                message = await self._piece()
            except Problem:
                break
            if message["type"] != "http.request":
                break
            self._size += len(message.get("body", b""))
            self._whole = not message.get("more_body", False)
        self._given_up = True

    async def _piece(self) -> Message:
        self._waits = False
        left = self._until - asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(min(_PIECE_SECONDS, left)):
                return await self._receive()
        except TimeoutError:
            self.is_cut = True
            raise TOO_SLOW from None
