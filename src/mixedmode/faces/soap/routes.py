"""The addresses of the faces for programs, on the node's web service.

Rules:

1. Who asks proves it with each request by HTTP's basic authentication, as the pages' own people do: the same accounts,
   the same lock. Every level may read. What UDS says without a login in CUCM, it says so here.
2. Nothing of a body is read before its sender is known.
3. What is asked of the database runs in a few threads of its own; a queue that is full answers 503.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mixedmode.faces.soap import control_center, logs, perfmon, uds, wsdl
from mixedmode.faces.soap.axl import face as axl
from mixedmode.faces.soap.ris import face as ris
from mixedmode.faces.soap.sql.engine import QUERIES, Memory
from mixedmode.faces.soap.told import Told
from mixedmode.faces.web.kit.requests import address_of, keep_place

if TYPE_CHECKING:
    from mixedmode.faces.web.kit.desk import Desk

AXL: Final = "/axl/"
RIS: Final = "/realtimeservice2/services/RISService70"
CONTROL: Final = "/controlcenterservice2/services/ControlCenterServices"
PERFMON: Final = "/perfmonservice2/services/PerfmonService"
LOGS: Final = "/logcollectionservice2/services/LogCollectionPortTypeService"
LOG_FILE: Final = "/logcollectionservice/services/DimeGetFileService"
BODY_BYTES: Final = {
    AXL: axl.REQUEST_BYTES,
    RIS: ris.REQUEST_BYTES,
    CONTROL: control_center.REQUEST_BYTES,
    PERFMON: perfmon.REQUEST_BYTES,
    LOGS: logs.REQUEST_BYTES,
    LOG_FILE: logs.REQUEST_BYTES,
}
"""The most bytes of a request, by the beginning of its path."""
_WAITING: Final = 32
_HOST: Final = re.compile(r"[A-Za-z0-9.\-]{1,255}(:\d{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:\d{1,5})?")
_REALM: Final = 'Basic realm="Cisco Web Services Realm"'
_Answer = Callable[[bytes, Request], Awaitable[Told]]


def routes(desk: Desk) -> list[Route]:
    """Return the routes."""
    faces = _Faces(desk)
    return [
        Route(AXL, faces.behind_login(faces.axl), methods=["POST"]),
        Route(RIS, faces.wsdl(wsdl.ris_wsdl, faces.behind_login(faces.ris)), methods=["GET", "POST"]),
        Route(CONTROL, faces.wsdl(wsdl.control_wsdl, faces.behind_login(faces.control)), methods=["GET", "POST"]),
        Route(PERFMON, faces.behind_login(faces.perfmon), methods=["POST"]),
        Route(LOGS, faces.behind_login(faces.logs), methods=["POST"]),
        Route(LOG_FILE, faces.behind_login(faces.log_file), methods=["POST"]),
        Route("/cucm-uds/version", faces.version, methods=["GET"]),
        Route("/cucm-uds/servers", faces.servers, methods=["GET"]),
    ]


class _Faces:
    """Answers for one node.

    Args:
        desk: Of the web service.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._memory = Memory()
        self._rate = ris.Rate()
        self._waiting = 0

    def behind_login(self, answer: _Answer) -> Callable[[Request], Awaitable[Response]]:
        """Return an endpoint that answers who proves who he is (rules 1 and 2)."""

        async def endpoint(request: Request) -> Response:
            header = request.headers.get("authorization", "")
            who = await self._desk.doorman.basic(header, address_of(request)) if header else None
            if who is None:
                return Response("", 401, {"www-authenticate": _REALM})
            keep_place(request)
            if self._waiting >= _WAITING:
                return Response("", 503, {"retry-after": "5"})
            self._waiting += 1
            try:
                told = await answer(await request.body(), request)
            finally:
                self._waiting -= 1
            self._desk.counts["soap"] += 1
            return Response(told.body, told.status, media_type=told.media_type)

        return endpoint

    def wsdl(
        self, made: Callable[[str], bytes], otherwise: Callable[[Request], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        """Return an endpoint that gives its WSDL to who asks for it."""

        async def endpoint(request: Request) -> Response:
            if request.method == "POST":
                return await otherwise(request)
            if request.url.query.lower() != "wsdl":
                return Response("", 405, {"allow": "POST"})
            return Response(made(f"{self._base(request)}{request.url.path}"), media_type="text/xml; charset=utf-8")

        return endpoint

    async def axl(self, data: bytes, request: Request) -> Told:
        """Answer AXL."""
        action = request.headers.get("soapaction", "")
        return await self._threaded(lambda: axl.answer(self._desk.cluster, data, action, self._memory))

    async def ris(self, data: bytes, _request: Request) -> Told:
        """Answer RIS."""
        services = self._desk.services
        live = {} if services is None else await services.registered()
        return await self._threaded(lambda: ris.answer(self._desk.cluster, data, live, self._rate))

    async def control(self, data: bytes, _request: Request) -> Told:
        """Answer Control Center."""
        desk = self._desk
        states = () if desk.services is None else await desk.services.states(desk.node)
        return await self._threaded(lambda: control_center.answer(desk.cluster, desk.node, data, states))

    async def perfmon(self, data: bytes, _request: Request) -> Told:
        """Answer PerfMon."""
        desk = self._desk
        live = {} if desk.services is None else await desk.services.registered()
        return perfmon.answer(desk.node, data, live.get(desk.node, ()))

    async def logs(self, data: bytes, _request: Request) -> Told:
        """Answer log collection."""
        return await self._threaded(lambda: logs.answer(self._desk.cluster, self._desk.node, data))

    async def log_file(self, data: bytes, _request: Request) -> Told:
        """Give a trace."""
        return await self._threaded(lambda: logs.give(self._desk.cluster, self._desk.node, data))

    async def version(self, request: Request) -> Response:
        """Tell the version, to anybody."""
        version = await asyncio.to_thread(lambda: self._desk.cluster.version.text)
        uri = f"{self._base(request)}/cucm-uds/version"
        return Response(uds.version_document(uri, version), media_type="application/xml")

    async def servers(self, request: Request) -> Response:
        """Tell the servers, to anybody."""
        cluster = self._desk.cluster
        version, nodes = await asyncio.to_thread(lambda: (cluster.version.text, cluster.nodes()))
        uri = f"{self._base(request)}/cucm-uds/servers"
        return Response(uds.servers_document(uri, version, [node.name for node in nodes]), media_type="application/xml")

    def _base(self, request: Request) -> str:
        """Return this server's address as the client knows it; by the node's name if he does not say it properly."""
        host = request.headers.get("host", "")
        return f"https://{host if _HOST.fullmatch(host) else self._desk.node}"

    async def _threaded(self, work: Callable[[], Told]) -> Told:
        return await asyncio.get_running_loop().run_in_executor(QUERIES, work)
