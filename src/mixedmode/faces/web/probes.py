"""``/metrics``, ``/healthz`` and ``/readyz``: for Prometheus, supervisors and load balancers.

Rules:

1. Without a sign-in they answer loopback, and the networks that the settings name, by the address that the connection
   really comes from; what a header says of it counts for nothing. Anybody else signs in, with a session or by HTTP's
   basic authentication.
2. ``/healthz`` says that the pages' loop answers. ``/readyz`` says too whether the database answers and whether every
   unit of the node that shall run does; if not it is 503, with the reasons.
3. What cannot be known now is left out of the metrics, and :data:`UP` says so: a database that is away must not hide
   the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, select
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from mixedmode.audit.findings import Severity
from mixedmode.cluster.store.schema import ProcessNode, WebSessionRow
from mixedmode.errors import MixedModeError
from mixedmode.faces.web.kit.problems import Problem
from mixedmode.faces.web.kit.requests import address_of
from mixedmode.faces.web.vitals import Network
from mixedmode.phone.mind.fate.prospect import Fate

if TYPE_CHECKING:
    from mixedmode.faces.web.kit.desk import Desk

UP: Final = "mixedmode_web_database_up"
_DATABASE_SECONDS: Final = 2.0
_WITHIN: Final = (30, 90)


def routes(desk: Desk) -> list[BaseRoute]:
    """Return the routes."""
    return [
        Route("/metrics", _guarded(desk, _metrics)),
        Route("/healthz", _guarded(desk, _health)),
        Route("/readyz", _guarded(desk, _readiness)),
    ]


def _guarded(desk: Desk, answer: Callable[[Desk], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    async def answered(request: Request) -> Response:
        address = address_of(request)
        if not may_ask(address, desk.vitals.networks) and not await _signed_in(desk, request, address):
            raise Problem(
                403,
                "This is for loopback, for the networks of the settings, and for who signs in.",
                f"The request comes from {address or 'nowhere'}.",
                "Sign in, send a user and a password, or name the network at metrics.allow in mixedmode.toml.",
                "probe",
            )
        return await answer(desk)

    return answered


def may_ask(address: str, networks: Iterable[Network]) -> bool:
    """Return whether an address may ask without a sign-in (rule 1)."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return found.is_loopback or any(found in each for each in networks if each.version == found.version)


async def _signed_in(desk: Desk, request: Request, address: str) -> bool:
    if request.cookies:
        session = await asyncio.to_thread(desk.doorman.session, request.cookies, address, touch=False)
        if session is not None:
            return True
    header = request.headers.get("authorization", "")
    return bool(header) and await desk.doorman.basic(header, address) is not None


async def _health(_desk: Desk) -> Response:
    return PlainTextResponse("ok\n")


async def _readiness(desk: Desk) -> Response:
    reasons = [f"{each.name}: {each.problem}" for each in desk.vitals.units() if each.problem]
    reasons += await _database_problems(desk)
    document = {"ready": not reasons, "node": desk.node, "reasons": reasons}
    return JSONResponse(document, 503 if reasons else 200)


async def _database_problems(desk: Desk) -> list[str]:
    if desk.away() is not None:
        return ["database: it does not answer"]  # a thread that asked a silent one would be lost to it
    try:
        async with asyncio.timeout(_DATABASE_SECONDS):
            await asyncio.to_thread(_ask_database, desk)
    except MixedModeError as error:
        return [f"database: {error}"]
    except TimeoutError:
        return ["database: it does not answer"]
    return []


def _ask_database(desk: Desk) -> None:
    with desk.cluster.database.read() as session:
        session.execute(select(ProcessNode.id).limit(1)).all()


async def _metrics(desk: Desk) -> Response:
    from prometheus_client import CONTENT_TYPE_LATEST

    body = await asyncio.to_thread(exposition, desk)
    return Response(body, headers={"content-type": CONTENT_TYPE_LATEST})


def exposition(desk: Desk) -> bytes:
    """Return all metrics as Prometheus reads them."""
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.process_collector import ProcessCollector

    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(_Collector(desk))
    return generate_latest(registry)


class _Collector:
    """What ``prometheus_client`` asks."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def describe(self) -> list[Any]:
        """Say nothing: it would be a whole collection more."""
        return []

    def collect(self) -> Iterator[Any]:
        """Yield the metrics."""
        from prometheus_client.core import GaugeMetricFamily

        yield from self._desk.vitals.collect()
        yield from _pages(self._desk)
        up = GaugeMetricFamily(UP, "Whether the database answered for these metrics")
        try:
            found = [] if self._desk.away() else list(_cluster(self._desk))
        except MixedModeError:
            found = []
        up.add_metric([], float(bool(found)))
        yield up
        yield from found


def _pages(desk: Desk) -> Iterator[Any]:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, SummaryMetricFamily

    requests = CounterMetricFamily("mixedmode_web_requests", "Answers of the pages", labels=["node", "page", "status"])
    for (page, status), number in sorted(desk.meter.requests().items()):
        requests.add_metric([desk.node, page, str(status)], number)
    spent = SummaryMetricFamily("mixedmode_web_request_seconds", "Until an answer begins", labels=["node", "page"])
    for page, (count, seconds) in sorted(desk.meter.seconds().items()):
        spent.add_metric([desk.node, page], count_value=count, sum_value=seconds)
    acts = GaugeMetricFamily("mixedmode_web_acts_running", "Long acts that run", labels=["node"])
    yield from (requests, spent)
    if desk.away() is None:
        acts.add_metric([desk.node], sum(each.is_running for each in desk.dock.shown()))
        yield acts


def _cluster(desk: Desk) -> Iterator[Any]:
    from prometheus_client.core import GaugeMetricFamily

    counts = desk.frame.get().counts
    phones = GaugeMetricFamily("mixedmode_phones", "Phones by what becomes of them", labels=["outcome"])
    for fate in Fate:
        phones.add_metric([fate.value], counts[fate])
    yield phones
    now = desk.cluster.now()
    own = desk.cluster.certificates.list_own()
    ends = GaugeMetricFamily(
        "mixedmode_certificate_not_after_timestamp_seconds",
        "When a node's certificate ends",
        labels=["node", "certificate"],
    )
    for each in own:
        ends.add_metric([each.node, each.unit], each.certificate.not_after.timestamp())
    yield ends
    expiring = GaugeMetricFamily(
        "mixedmode_certificates_expiring",
        "Certificates of nodes and trust stores that end within so many days, or have ended (0)",
        labels=["days"],
    )
    every = {each.certificate.sha256: each.certificate for each in [*own, *desk.cluster.certificates.list_trust()]}
    left = [(each.not_after - now).days for each in every.values()]
    for days in (0, *_WITHIN):
        expiring.add_metric([str(days)], sum(each < days if days == 0 else each <= days for each in left))
    yield expiring
    found = GaugeMetricFamily("mixedmode_findings", "What is wrong with the cluster", labels=["severity"])
    cards = desk.cards.get()
    for severity in Severity:
        found.add_metric([severity.value], sum(card.finding.severity is severity for card in cards))
    yield found
    sessions = GaugeMetricFamily("mixedmode_web_sessions", "Who is signed in", labels=["node"])
    query = select(func.count()).select_from(WebSessionRow).where(WebSessionRow.node == desk.node)
    with desk.cluster.database.read() as session:
        sessions.add_metric([desk.node], session.scalar(query) or 0)
    yield sessions
