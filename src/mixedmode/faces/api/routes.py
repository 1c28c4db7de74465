"""The routes of the API, its description, and the page that shows the description."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from functools import cached_property
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from mixedmode.faces.api.endpoint import BODY_BYTES, JSON, Endpoint
from mixedmode.faces.api.negotiation import fits, tag_of
from mixedmode.faces.api.openapi import document
from mixedmode.faces.api.problems import NOTHING_HERE
from mixedmode.faces.api.reading import Read, pages
from mixedmode.faces.api.resources import endpoints
from mixedmode.faces.api.server import ROOT, Server
from mixedmode.faces.web.kit.desk import Desk
from mixedmode.faces.web.kit.render import render
from mixedmode.faces.web.kit.requests import theme_of

_METHODS: Final = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]
_DESCRIPTION: Final = "/api/openapi.json"


def routes(desk: Desk) -> list[BaseRoute]:
    """Return the routes."""
    server, every = Server(desk), endpoints(desk.control)
    by_path: dict[str, dict[str, Endpoint]] = {}
    for each in every:
        by_path.setdefault(each.path, {})[each.method] = each
    described = _Described(every)
    # Addresses that are written out come before those with names in them.
    ordered = sorted(by_path, key=lambda path: (path.count("{"), path))
    return [
        Route(_DESCRIPTION, described.json, methods=["GET"]),
        Route("/api/docs", described.page, methods=["GET"]),
        *(Route(ROOT + path, _answers(server, by_path[path]), methods=_METHODS) for path in ordered),
        Route("/api/{rest:path}", _nothing, methods=_METHODS),
    ]


def limits(desk: Desk) -> list[tuple[str, int]]:
    """Return where larger bodies are taken: the beginning of the path, and how many bytes."""
    every = endpoints(desk.control)
    larger = [(ROOT + each.path.partition("{")[0], each.body_bytes) for each in every if each.body_bytes > BODY_BYTES]
    return [(f"{ROOT}/", BODY_BYTES), *larger]


def _answers(server: Server, here: Mapping[str, Endpoint]) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        return await server.answer(request, here)

    return answer


async def _nothing(_request: Request) -> Response:
    raise NOTHING_HERE


class _Described:
    """The description, made when it is first asked for; it says nothing of the cluster, so anybody may see it."""

    def __init__(self, every: list[Endpoint]) -> None:
        self._every = every

    async def json(self, request: Request) -> Response:
        """Answer with the document."""
        body, tag = await asyncio.to_thread(lambda: self._written)
        headers = {"etag": tag, "cache-control": "no-cache"}
        if fits(request.headers.get("if-none-match", ""), tag, weak=True):
            return Response(status_code=304, headers=headers)
        return Response(body, headers=headers, media_type=JSON)

    async def page(self, request: Request) -> Response:
        """Answer with the page."""
        return HTMLResponse(await asyncio.to_thread(self._rendered, theme_of(request)))

    @cached_property
    def _document(self) -> dict[str, Any]:
        return document(self._every)

    @cached_property
    def _written(self) -> tuple[bytes, str]:
        body = json.dumps(self._document).encode()
        return body, tag_of(body)

    @cached_property
    def _read(self) -> list[Read]:
        return pages(self._document)

    def _rendered(self, theme: str | None) -> str:
        found = self._document
        about = {"info": found["info"], "resources": self._read, "problems": found["x-problems"], "theme": theme}
        return render("api/docs.html", {**about, "description": _DESCRIPTION})
