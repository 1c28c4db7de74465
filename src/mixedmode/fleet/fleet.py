"""The fleet: boots of many phones at once, each by the machine of :mod:`mixedmode.phone.mind.boot`.

Rules:

1. A phone of the fleet comes to the same outcome as the single phone of :mod:`mixedmode.phone.body.client` for the same
   files: HTTP first where the model does so, "not found" is an answer, a server that never answered is not asked for
   further files, TVS servers are asked in their order.
2. No more than ``at_once`` boots are under way; every wait has a deadline, so a run ends.
3. One task pumps datagrams and one the clock; a phone has a task of its own only while it asks TVS or HTTP.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from time import monotonic

from mixedmode.errors import UsageError
from mixedmode.fleet.downloads import Downloads
from mixedmode.fleet.faults import Fates, FaultPlan
from mixedmode.fleet.outcomes import FleetReport, PhoneOutcome, outcome_of
from mixedmode.fleet.phones import FleetOptions, FleetPhone
from mixedmode.fleet.sharing import Shared
from mixedmode.fleet.sockets import SocketPool, resolve, usable_descriptors
from mixedmode.fleet.tvs import TvsQuestions
from mixedmode.phone.body.client import FILE_LIMIT, Server, TvsClient
from mixedmode.phone.body.download import fetch_http
from mixedmode.phone.body.errors import FileNotFoundOnServer, TransferFailed
from mixedmode.phone.mind.boot import Boot
from mixedmode.phone.mind.requests import AskTvs, Fetch, Finished
from mixedmode.protocols.tftp import FailureReason
from mixedmode.protocols.tftp.client import Failure

_TICK_SECONDS = 0.02
_ANSWERS = {FailureReason.NOT_FOUND, FailureReason.REFUSED, FailureReason.TOO_LARGE, FailureReason.BAD_OPTIONS}
"""Failures that only a server which is there can cause."""

Watch = Callable[[int, PhoneOutcome], None]
"""Told how many phones are done, and the outcome of the last."""


class _Booting:
    """A boot under way."""

    __slots__ = ("answered", "boot", "fates", "http_port", "number", "phone", "power_on", "silent", "started")

    def __init__(self, number: int, phone: FleetPhone, boot: Boot, power_on: float, fates: Fates | None) -> None:
        self.number = number
        self.phone = phone
        self.boot = boot
        self.power_on = power_on
        self.started = monotonic()
        self.fates = fates
        self.http_port: int | None = None
        self.answered = False
        self.silent = False


class Fleet:
    """Phones and the server that they start against.

    Args:
        phones: The phones.
        server: Where files come from.
        options: How the fleet runs.
        faults: What goes wrong on purpose.
        tvs: How phones ask TVS; None: no TVS is reachable.
        watch: Told of each finished phone.
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
    ) -> None:
        self.phones = phones
        self.server = server
        self.options = options or FleetOptions()
        self.faults = faults or FaultPlan()
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
        self._tvs = TvsQuestions(tvs, fleet.options, fleet.faults)
        self._watch = watch
        self._shared = Shared(fleet.options.policy)
        self._outcomes: list[PhoneOutcome | None] = [None] * len(fleet.phones)
        self._next = self._active = self._done = 0
        self._admitting = False
        self._over = asyncio.Event()
        self._began = monotonic()
        self._http_gate = asyncio.Semaphore(self._options.http_at_once)
        # Half of the sockets rest, so that each answers late packets for a while before it is closed.
        self._at_once = min(self._options.at_once, usable_descriptors() // 2)
        self._downloads: Downloads
        self._group: asyncio.TaskGroup

    async def all(self) -> FleetReport:
        """Run every boot."""
        family, address = await resolve(self._server.host, self._server.tftp_port)
        pool = SocketPool(2 * min(self._at_once, max(1, len(self._phones))), family)
        self._downloads = Downloads(
            pool,
            address,
            timeout=self._server.timeout,
            retries=self._server.retries,
            limit=FILE_LIMIT,
            plan=self._faults,
            began=self._began,
        )
        if not self._phones:
            self._over.set()
        try:
            async with asyncio.TaskGroup() as self._group:
                helpers = [self._group.create_task(self._pump(pool)), self._group.create_task(self._clock())]
                await self._over.wait()
                for helper in helpers:
                    helper.cancel()
        finally:
            pool.close()
        spent = monotonic() - self._began
        outcomes = [outcome for outcome in self._outcomes if outcome is not None]
        return FleetReport(outcomes, spent, self._downloads.traffic, self._tvs.asked)

    async def _pump(self, pool: SocketPool) -> None:
        loop = asyncio.get_running_loop()
        news = asyncio.Event()
        loop.add_reader(pool.fileno(), news.set)
        try:
            while True:
                await news.wait()
                news.clear()
                self._downloads.turn()
        finally:
            loop.remove_reader(pool.fileno())

    async def _clock(self) -> None:
        while True:
            self._admit()
            self._downloads.tick()
            await asyncio.sleep(_TICK_SECONDS)

    def _admit(self) -> None:
        if self._admitting:
            return  # a boot that ends at once would nest as deep as there are phones
        self._admitting = True
        try:
            since_start = monotonic() - self._began
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
            phone.name, self._shared.policy(phone.model), self._shared.same(phone.state), settings=self._options.boot
        )
        fates = Fates(self._faults, phone.name) if self._faults.rolls else None
        booting = _Booting(number, phone, boot, power_on, fates)
        booting.http_port = self._server.http_port if phone.model.http_first else None
        self._active += 1
        self._go_on(booting)

    def _go_on(self, booting: _Booting) -> None:
        boot = booting.boot
        while True:
            request = boot.request
            if isinstance(request, Finished):
                return self._finish(booting, request)
            if isinstance(request, AskTvs):
                self._group.create_task(self._ask(booting, request))
                return None
            if booting.silent and not booting.answered:
                boot.failed("the server does not answer")
                continue
            if booting.http_port is not None:
                self._group.create_task(self._fetch_http(booting, request, booting.http_port))
                return None
            return self._fetch_tftp(booting, request)

    def _finish(self, booting: _Booting, result: Finished) -> None:
        now = monotonic()
        outcome = outcome_of(
            booting.phone.name,
            booting.phone.model.name,
            result,
            booting.boot.state,
            reachable=booting.answered,
            seconds=now - booting.started,
            since_power_on=now - booting.power_on,
        )
        self._outcomes[booting.number] = outcome
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
                booting.answered = True
                self._received(booting, request, result, "TFTP")
            else:
                self._failed(booting, result)
            self._go_on(booting)

        self._downloads.fetch(request.name, done, booting.fates)

    def _failed(self, booting: _Booting, failure: Failure) -> None:
        booting.answered = booting.answered or failure.reason in _ANSWERS
        if failure.reason is FailureReason.NOT_FOUND:
            booting.boot.not_found(_now())
        else:
            booting.silent = True
            booting.boot.failed(failure.message)

    def _received(self, booting: _Booting, request: Fetch, data: bytes, transport: str) -> None:
        boot = booting.boot
        before = boot.state
        boot.received(self._faults.received(request.name, data), _now(), transport=transport)
        if boot.state is not before:
            boot.state = self._shared.same(boot.state)

    async def _fetch_http(self, booting: _Booting, request: Fetch, port: int) -> None:
        host = f"[{self._server.host}]" if ":" in self._server.host else self._server.host
        url = f"http://{host}:{port}/{request.name}"
        if self._faults.is_down(monotonic() - self._began):
            await asyncio.sleep(self._server.http_deadline)
            booting.http_port = None
            self._fetch_tftp(booting, request)
            return
        try:
            async with self._http_gate:
                data = await fetch_http(url, limit=FILE_LIMIT, deadline=self._server.http_deadline)
        except FileNotFoundOnServer:
            booting.answered = True
            booting.boot.not_found(_now())
        except TransferFailed as error:
            if error.code == "timeout":
                booting.http_port = None
            self._fetch_tftp(booting, request)
            return
        else:
            booting.answered = True
            self._received(booting, request, data, "HTTP")
        self._go_on(booting)

    # TVS.

    async def _ask(self, booting: _Booting, request: AskTvs) -> None:
        answer = await self._tvs.answer(booting.phone, booting.boot.state, request)
        booting.boot.answered(answer, _now())
        booting.boot.state = self._shared.same(booting.boot.state)
        self._go_on(booting)


def _now() -> datetime:
    return datetime.now(UTC)
