"""The fleet: boots of many phones at once, each by the machine of :mod:`mixedmode.phone.mind.boot`.

Rules:

1. A phone of the fleet comes to the same outcome as the single phone of :mod:`mixedmode.phone.body.client` for the same
   files: the boot machine decides for both what to fetch by which transport, and whom to ask.
2. No more than ``at_once`` boots are under way; every wait has a deadline, so a run ends.
3. One task pumps datagrams and one the clock; a phone has a task of its own only while it asks TVS or HTTP.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from socket import AddressFamily

from mixedmode.causes import place, why_no_connection
from mixedmode.errors import RemoteError, UsageError
from mixedmode.fleet.downloads import Download, Downloads
from mixedmode.fleet.faults import Fates, FaultPlan
from mixedmode.fleet.outcomes import FleetReport, Span
from mixedmode.fleet.phones import FleetOptions, FleetPhone
from mixedmode.fleet.sharing import Shared
from mixedmode.fleet.sockets import Pool, SocketPool, usable_descriptors
from mixedmode.fleet.tvs import TvsQuestions
from mixedmode.phone.body.client import FILE_LIMIT, Server
from mixedmode.phone.body.errors import FileNotFoundOnServer, TransferFailed
from mixedmode.phone.body.network import Endpoint
from mixedmode.phone.body.tvs import TvsClient, ask_in_turn
from mixedmode.phone.body.world import REAL, World
from mixedmode.phone.mind.boot import Boot
from mixedmode.phone.mind.outcome import BootOutcome
from mixedmode.phone.mind.requests import AskTvs, Fetch
from mixedmode.phone.mind.transports import Transport
from mixedmode.protocols.tftp import FailureReason
from mixedmode.protocols.tftp.client import Failure

_TICK_SECONDS = 0.02

Watch = Callable[[int, BootOutcome], None]
"""Told how many phones are done, and the outcome of the last."""
Ports = Callable[[int, AddressFamily], Pool[Download]]
"""Makes the ports of so many transfers at the same time."""


class _Booting:
    """A boot under way."""

    __slots__ = ("boot", "fates", "number", "power_on", "started")

    def __init__(self, number: int, boot: Boot, power_on: float, started: float, fates: Fates | None) -> None:
        self.number = number
        self.boot = boot
        self.power_on = power_on
        self.started = started
        self.fates = fates


class Fleet:
    """Phones and the server that they start against.

    Args:
        phones: The phones.
        server: Where files come from.
        options: How the fleet runs.
        faults: What goes wrong on purpose.
        tvs: How phones ask TVS; None: no TVS is reachable.
        watch: Told of each finished phone.
        world: Where and when the phones live.
        ports: By which they get to their server by TFTP, in that world.
    """

    def __init__(
        self,
        phones: Sequence[FleetPhone],
        server: Server,
        *,
        options: FleetOptions | None = None,
        faults: FaultPlan | None = None,
        tvs: TvsClient | None = None,
        watch: Watch = lambda _done, _outcome: None,
        world: World = REAL,
        ports: Ports = SocketPool,
    ) -> None:
        self.phones = phones
        self.server = server
        self.options = options or FleetOptions()
        self.faults = faults or FaultPlan()
        self.world = world
        self.ports = ports
        self._tvs = tvs
        self._watch = watch

    async def run(self) -> FleetReport:
        """Switch every phone on, and return when the last one has started.

        Raises:
            RemoteError: There is no such server, or the system gives no sockets.
            UsageError: Not even one phone may start at once.
        """
        if self.options.at_once < 1:
            raise UsageError("no phone may start", next_step="let at least one start at once")
        run = _Run(self, self._tvs, self._watch)
        return await run.all()


class _Run:
    """One run of a fleet."""

    def __init__(self, fleet: Fleet, tvs: TvsClient | None, watch: Watch) -> None:
        self._phones = fleet.phones
        self._server = fleet.server
        self._options = fleet.options
        self._faults = fleet.faults
        self._network, self._ports = fleet.world.network, fleet.ports
        self._clock = fleet.world.clock
        self._monotonic, self._now = self._clock.monotonic, self._clock.now
        self._tvs = None if tvs is None else TvsQuestions(tvs, fleet.options, fleet.faults)
        self._watch = watch
        self._shared = Shared(fleet.options.policy)
        self._outcomes: list[BootOutcome | None] = [None] * len(fleet.phones)
        self._spans: list[Span | None] = [None] * len(fleet.phones)
        self._next = self._active = self._done = 0
        self._admitting = False
        self._over = asyncio.Event()
        self._began = self._monotonic()
        self._http_gate = asyncio.Semaphore(self._options.http_at_once)
        # Half of the sockets rest, so that each answers late packets for a while before it is closed.
        self._at_once = min(self._options.at_once, usable_descriptors() // 2)
        self._downloads: Downloads
        self._group: asyncio.TaskGroup

    async def all(self) -> FleetReport:
        """Run every boot."""
        server = await self._resolve()
        pool = self._ports(2 * min(self._at_once, max(1, len(self._phones))), server.family)
        self._downloads = Downloads(
            pool,
            server.address,
            timeout=self._server.timeout,
            retries=self._server.retries,
            limit=FILE_LIMIT,
            plan=self._faults,
            began=self._began,
            clock=self._clock,
        )
        if not self._phones:
            self._over.set()
        try:
            async with asyncio.TaskGroup() as self._group:
                helpers = [self._group.create_task(self._pump(pool)), self._group.create_task(self._tick())]
                await self._over.wait()
                for helper in helpers:
                    helper.cancel()
        finally:
            pool.close()
        return FleetReport(
            [outcome for outcome in self._outcomes if outcome is not None],
            [span for span in self._spans if span is not None],
            self._monotonic() - self._began,
            self._downloads.traffic,
            self._tvs.asked if self._tvs is not None else 0,
        )

    async def _resolve(self) -> Endpoint:
        host, port = self._server.host, self._server.tftp_port
        try:
            return await self._network.resolve(host, port)
        except (OSError, UnicodeError) as error:
            problem, step = why_no_connection(error)
            raise RemoteError(f"There is no such server: {problem}", where=place(host, port), next_step=step) from error

    async def _pump(self, pool: Pool[Download]) -> None:
        news = asyncio.Event()
        pool.watch(news.set)
        while True:
            await news.wait()
            news.clear()
            self._downloads.turn()

    async def _tick(self) -> None:
        while True:
            self._admit()
            self._downloads.tick()
            await asyncio.sleep(_TICK_SECONDS)

    def _admit(self) -> None:
        if self._admitting:
            return  # a boot that ends at once would nest as deep as there are phones
        self._admitting = True
        try:
            since_start = self._monotonic() - self._began
            while self._active < self._at_once and self._next < len(self._phones):
                power_on = self._options.ramp * self._next / len(self._phones)
                if power_on > since_start:
                    return
                self._begin(self._next, self._began + power_on)
                self._next += 1
        finally:
            self._admitting = False

    def _begin(self, number: int, power_on: float) -> None:
        phone = self._phones[number]
        boot = Boot(
            phone.name,
            self._shared.policy(phone.model),
            self._shared.same(phone.state),
            http=self._server.http_port is not None,
            settings=self._options.boot,
        )
        fates = Fates(self._faults, phone.name) if self._faults.rolls else None
        self._active += 1
        self._go_on(_Booting(number, boot, power_on, self._monotonic(), fates))

    def _go_on(self, booting: _Booting) -> None:
        request = booting.boot.request
        if isinstance(request, BootOutcome):
            self._finish(booting, request)
        elif isinstance(request, AskTvs):
            self._group.create_task(self._ask(booting, request))
        elif request.transport is Transport.HTTP:
            self._group.create_task(self._fetch_http(booting, request))
        else:
            self._fetch_tftp(booting, request)

    def _finish(self, booting: _Booting, outcome: BootOutcome) -> None:
        now = self._monotonic()
        shared = self._shared
        outcome = replace(outcome, state=shared.same(outcome.state), config=shared.config(outcome.config))
        self._outcomes[booting.number] = outcome
        self._spans[booting.number] = Span(now - booting.started, now - booting.power_on)
        self._active -= 1
        self._done += 1
        self._watch(self._done, outcome)
        if self._done == len(self._phones):
            self._over.set()
        else:
            self._admit()

    # Files.

    def _fetch_tftp(self, booting: _Booting, request: Fetch) -> None:
        def done(result: bytes | Failure) -> None:
            if isinstance(result, bytes):
                self._received(booting, request, result)
            elif result.reason is FailureReason.NOT_FOUND:
                booting.boot.not_found(self._now())
            else:
                booting.boot.failed(result.message, result.reason)
            self._go_on(booting)

        self._downloads.fetch(request.name, done, booting.fates)

    async def _fetch_http(self, booting: _Booting, request: Fetch) -> None:
        boot = booting.boot
        try:
            data = await self._by_http(request.name)
        except FileNotFoundOnServer:
            boot.not_found(self._now())
        except TransferFailed as error:
            boot.failed(error.what, error.code)
        else:
            self._received(booting, request, data)
        self._go_on(booting)

    async def _by_http(self, name: str) -> bytes:
        if self._faults.is_down(self._monotonic() - self._began):
            await asyncio.sleep(self._server.http_deadline)
            raise TransferFailed("the server is down", code=FailureReason.TIMEOUT)
        async with self._http_gate:
            return await self._server.fetch_http(name, self._network)

    def _received(self, booting: _Booting, request: Fetch, data: bytes) -> None:
        booting.boot.received(self._faults.received(request.name, data), self._now())

    # TVS.

    async def _ask(self, booting: _Booting, request: AskTvs) -> None:
        answer = await ask_in_turn(self._tvs, request.requests)
        booting.boot.answered(answer, self._now())
        self._go_on(booting)
