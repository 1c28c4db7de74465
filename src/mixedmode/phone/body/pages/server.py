"""The web server of one phone: plain HTTP/1.1, read by llhttp, bounded in bytes, time and connections.

Rules:

1. GET and HEAD of the pages, without a login; ``POST /CGI/Execute`` by who is known at the authentication URL of the
   configuration, and by everybody where that is empty. Chunks get 404, as from a phone.
2. Where the configuration switched web access off, nothing is answered: the connection ends.
3. One request a connection.
4. Who simulates phones says whom the door lets in, so that one source cannot take all connections; a door of its own
   has room for :data:`CONNECTIONS`, whoever they are from.
5. What stands beside "Security" in the list of resets is for whoever simulates the phone; by default nothing is done.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, Protocol

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from mixedmode.errors import MixedModeError
from mixedmode.phone.body.http import fetch_http
from mixedmode.phone.body.network import SOCKETS, Network
from mixedmode.phone.body.pages.execute import (
    AUTHENTICATION,
    MEDIA_TYPE,
    done,
    failed,
    items_of,
    login_of,
    question,
)
from mixedmode.phone.body.pages.facts import PageFacts
from mixedmode.phone.body.pages.keys import Menus
from mixedmode.phone.body.pages.layouts import Layout, Reset
from mixedmode.phone.body.pages.render import call_info, mode_info, page, screenshot
from mixedmode.phone.mind.trust.decisions import ListKind

HEAD_BYTES: Final = 8 << 10
BODY_BYTES: Final = 4 << 10
SECONDS: Final = 10.0
CONNECTIONS: Final = 8
_ASK_SECONDS: Final = 5.0
_YES: Final = b"AUTHORIZED"
Erase = Callable[[ListKind], Awaitable[object]]
Besides = Callable[[Reset], Awaitable[object]]
_WITH_LOGIN: Final = ("/CGI/ModeInfo", "/CGI/CallInfo", "/CGI/Screenshot")


class Seat(Protocol):
    """The place of a connection.

    Attributes:
        drop: Ends it; called when it has to go for another.
    """

    drop: Callable[[], object]

    def settle(self) -> None:
        """Say that it has to go for nobody any more."""

    def leave(self) -> None:
        """Give the place back."""


class Doorkeeper(Protocol):
    """Says who is let in."""

    def admit(self, address: str) -> Seat | None:
        """Return a place for a connection from an address, None where it is one too many."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer.

    Attributes:
        status: Of HTTP.
        media_type: Of the body.
        body: What it says.
    """

    status: HTTPStatus
    media_type: str = "text/html"
    body: bytes = b""


async def _nothing(_deed: Reset) -> None:
    pass


class _Room:
    """A door that lets everybody in while there is room."""

    def __init__(self) -> None:
        self.there = 0

    def admit(self, _address: str) -> Seat | None:
        return _Chair(self) if self.there < CONNECTIONS else None


class _Chair:
    """A place in the room."""

    def __init__(self, room: _Room) -> None:
        self.drop: Callable[[], object] = bool
        self._room: _Room | None = room
        room.there += 1

    def settle(self) -> None:
        """Nobody has to go."""

    def leave(self) -> None:
        """Give the place back."""
        room, self._room = self._room, None
        if room is not None:
            room.there -= 1


class _Request:
    """What llhttp says of a request."""

    def __init__(self) -> None:
        self.target = b""
        self.fields: dict[bytes, bytes] = {}
        self.body = b""
        self.head_done = self.whole = False

    def on_url(self, target: bytes) -> None:
        self.target += target

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields[name.lower()] = value

    def on_headers_complete(self) -> None:
        self.head_done = True

    def on_body(self, data: bytes) -> None:
        self.body += data

    def on_message_complete(self) -> None:
        self.whole = True


class PhonePages:
    """The web server of a phone.

    Args:
        facts: Says what the phone knows now.
        erase: Erases a list on it.
        network: How it asks its authentication URL.
        layout: Its menus; None takes those of its model.
        besides: Does what other resets do.
        door: Says who is let in (rule 4).
    """

    def __init__(
        self,
        facts: Callable[[], PageFacts],
        erase: Erase,
        network: Network = SOCKETS,
        *,
        layout: Layout | None = None,
        besides: Besides = _nothing,
        door: Doorkeeper | None = None,
    ) -> None:
        self._facts, self._erase, self._network, self._besides = facts, erase, network, besides
        self._door: Doorkeeper = door or _Room()
        self._menus = Menus(facts().model, layout)
        self._server: asyncio.Server | None = None
        self._busy: set[asyncio.Task[None]] = set()
        self._keys = asyncio.Lock()

    async def start(self, host: str, port: int = 0) -> tuple[str, int]:
        """Listen; return where.

        Raises:
            OSError: The address cannot be had.
        """
        self._server = await asyncio.start_server(self._serve, host, port, limit=HEAD_BYTES)
        address: tuple[str, int] = self._server.sockets[0].getsockname()[:2]
        return address

    async def stop(self) -> None:
        """End, with what is under way."""
        if self._server is not None:
            self._server.close()
            for task in list(self._busy):
                task.cancel()
            await asyncio.gather(*self._busy, return_exceptions=True)
            await self._server.wait_closed()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a stream's callback is a task
        peer = writer.get_extra_info("peername")
        seat = self._door.admit(str(peer[0]) if peer else "")
        self._busy.add(task)
        try:
            if seat is not None and self._facts().web_access:
                seat.drop = task.cancel
                async with asyncio.timeout(SECONDS):
                    writer.write(await self._answered(reader, seat))
                    await writer.drain()
        except (TimeoutError, OSError, asyncio.CancelledError):
            pass
        finally:
            self._busy.discard(task)
            if seat is not None:
                seat.leave()
            with contextlib.suppress(OSError, RuntimeError):
                writer.close()

    async def _answered(self, reader: asyncio.StreamReader, seat: Seat) -> bytes:
        request = _Request()
        parser = HttpRequestParser(request)
        refused = await _heard(reader, parser, request)
        if refused is not None:
            return _reply(refused)
        if not request.whole:
            return b""
        seat.settle()
        method = parser.get_method().decode("ascii", "replace")
        fields = {name.decode("latin-1"): value.decode("latin-1") for name, value in request.fields.items()}
        reply = await self.answer(method, request.target.decode("ascii", "replace"), fields, request.body)
        return _reply(reply.status, reply.media_type, reply.body, head_only=method == "HEAD")

    async def answer(self, method: str, target: str, fields: Mapping[str, str], body: bytes = b"") -> Reply:
        """Answer one request.

        Args:
            method: Of HTTP.
            target: Path and query.
            fields: Header fields by their names in lower case.
            body: What was sent.
        """
        path = target.partition("?")[0]
        if method == "POST" and path == "/CGI/Execute":
            return await self._execute(fields, body)
        if method not in {"GET", "HEAD"}:
            return Reply(HTTPStatus.METHOD_NOT_ALLOWED)
        if path in _WITH_LOGIN:
            return await self._info(path, fields)
        found = page(self._facts(), target)
        return Reply(HTTPStatus.NOT_FOUND) if found is None else Reply(HTTPStatus.OK, *found)

    async def _info(self, path: str, fields: Mapping[str, str]) -> Reply:
        """Answer what the screen shows, or whether there is a call: for who may press keys."""
        login = login_of(fields.get("authorization", ""))
        if login is None:
            return Reply(HTTPStatus.UNAUTHORIZED)
        if not await self._may(login):
            return Reply(HTTPStatus.OK, MEDIA_TYPE, failed(AUTHENTICATION))
        if path == "/CGI/CallInfo":
            return Reply(HTTPStatus.OK, *call_info(self._facts()))
        shown = mode_info if path == "/CGI/ModeInfo" else screenshot
        return Reply(HTTPStatus.OK, *shown(self._menus.screen))

    async def _execute(self, fields: Mapping[str, str], body: bytes) -> Reply:
        login = login_of(fields.get("authorization", ""))
        if login is None:
            return Reply(HTTPStatus.UNAUTHORIZED)
        urls = items_of(body, fields.get("content-type", ""))
        if isinstance(urls, int):
            return Reply(HTTPStatus.OK, MEDIA_TYPE, failed(urls))
        if not await self._may(login):
            return Reply(HTTPStatus.OK, MEDIA_TYPE, failed(AUTHENTICATION))
        async with self._keys:
            now = asyncio.get_running_loop().time()
            for url in urls:
                for deed in self._menus.press(url, now):
                    await (self._besides(deed) if isinstance(deed, Reset) else self._erase(deed))
        return Reply(HTTPStatus.OK, MEDIA_TYPE, done(urls))

    async def _may(self, login: tuple[str, str]) -> bool:
        facts = self._facts()
        url = facts.config.authentication_url if facts.config is not None else None
        if not url:
            return True
        if not url.startswith("http://"):
            return False  # by TLS the phone would have to be vouched for its server first (rescue.md 1.4)
        try:
            asked = question(url, login, facts.name)
            answer = await fetch_http(asked, limit=256, deadline=_ASK_SECONDS, network=self._network)
        except MixedModeError:
            return False
        return answer == _YES


async def _heard(reader: asyncio.StreamReader, parser: HttpRequestParser, request: _Request) -> HTTPStatus | None:
    """Read a request; return the status to refuse it with, None if it is whole or its sender went away."""
    size = 0
    try:
        while not request.whole and (data := await reader.read(4096)):
            size += len(data)
            if size > HEAD_BYTES + BODY_BYTES or (not request.head_done and size > HEAD_BYTES):
                return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            parser.feed_data(data)
            if b"transfer-encoding" in request.fields:
                return HTTPStatus.NOT_FOUND
    except (HttpParserError, HttpParserUpgrade):
        return HTTPStatus.BAD_REQUEST
    return None


def _reply(status: HTTPStatus, media_type: str = "text/html", body: bytes = b"", *, head_only: bool = False) -> bytes:
    more = 'WWW-Authenticate: Basic realm="user"\r\n' if status is HTTPStatus.UNAUTHORIZED else ""
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {media_type}\r\nContent-Length: {len(body)}\r\n"
        f"{more}Cache-Control: no-store\r\nConnection: close\r\n\r\n"
    )
    return head.encode("latin-1") + (b"" if head_only else body)
