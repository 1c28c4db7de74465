"""The network in memory, on a virtual clock: packets that are lost, late, doubled, out of order, or cut off.

:class:`Storm` is the event loop: all phones of a node at the same time, each packet with a fate of its own, both sides'
timers. By itself a phone starts over :func:`calm`, where nothing goes wrong, and equal files are carried block by block
once, since no side of a transfer can tell who fetches; or over a :func:`rough` network, where each has one of the fates
that the event loop has played for a file of its size.
"""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from mixedmode.phone.mind.outcome import BootOutcome
from mixedmode.protocols.tftp import ClientPhase, ClientTransfer, FailureReason
from mixedmode.protocols.tftp.client import Failure
from mixedmode.protocols.tftp.engine import Content, ServerEngine
from mixedmode.protocols.tftp.packets import ErrorCode, Mode
from mixedmode.services.files.store import ServedFile
from tests.simulation.world.chance import lots

Fetched = bytes | Failure
Booting = Generator[str, Fetched, BootOutcome]
"""A start under way: yields the name of a file, is sent the file or why it did not come."""
Look = Callable[[str], bytes | None]
"""What a server has under a name."""
Carry = Callable[[bytes | None], tuple[Fetched, float]]
"""A network as one phone has it: what comes of a file, and after how many seconds."""
LISTENS: Final = ("tftp", 69)
REPLIES: Final = ("tftp", 1069)
_TICK: Final = 0.25
_CALM_DELAY: Final = 0.001
_BLOCK: Final = 512
FATES: Final = 32
"""That a file of a size may have in a weather, where phones do not meet it all at once."""


@dataclass(frozen=True, slots=True)
class Weather:
    """What a network does to packets.

    Attributes:
        loss: Share that is lost.
        doubles: Share that comes twice.
        delay: Seconds that each takes.
        jitter: Most seconds more, at random, so that packets overtake each other.
        cut: From when to when nothing comes through.
    """

    loss: float = 0.0
    doubles: float = 0.0
    delay: float = _CALM_DELAY
    jitter: float = 0.0
    cut: tuple[float, float] = (0.0, 0.0)

    @property
    def is_calm(self) -> bool:
        """Whether nothing goes wrong."""
        return not (self.loss or self.doubles or self.jitter or self.cut[1] > self.cut[0])

    @property
    def is_gone(self) -> bool:
        """Whether nothing ever comes through."""
        return self.cut == (0.0, math.inf)

    @property
    def is_the_same_all_the_time(self) -> bool:
        """Whether a file's fate does not hang on when it is asked for."""
        return self.is_gone or self.cut[1] <= self.cut[0]


def carried_by(carry: Carry, booting: Booting, look: Look, crash: float = math.inf) -> BootOutcome | None:
    """Let one phone start by itself.

    Args:
        carry: The network.
        booting: Its start.
        look: What the server has under a name.
        crash: When it loses its power, in seconds.

    Returns:
        What came of it, None if it lost its power.
    """
    now = 0.0
    try:
        name = next(booting)
        while True:
            fetched, took = carry(look(name))
            now += took
            if now >= crash:
                booting.close()
                return None
            name = booting.send(fetched)
    except StopIteration as end:
        outcome: BootOutcome = end.value
        return outcome


_carried: dict[int, float] = {}
"""How long files take that come through, by their length: neither side looks into them."""


def calm(content: bytes | None) -> tuple[Fetched, float]:
    """Carry a file, None if there is none, over a network where nothing goes wrong; returns how long that takes too.

    Both machines talk, once for each length.
    """
    known = None if content is None else _carried.get(len(content))
    if content is not None and known is not None:
        return content, known
    fetched, took = _talk(content)
    if content is not None and fetched == content:
        _carried[len(content)] = took
    return fetched, took


@lru_cache(maxsize=1 << 8)
def _talk(content: bytes | None) -> tuple[Fetched, float]:
    address, now = ("phone", 1), 0.0
    engine, client = ServerEngine(serving(content)), ClientTransfer("file", LISTENS, now)
    reply: Any = engine.request(client.start()[0][0][0], address, now)
    while reply is not None and not client.finished:
        now += _CALM_DELAY
        said = client.receive(reply, REPLIES, now)
        reply = None if said is None else engine.receive(said, address, now)  # type: ignore[arg-type]
    return result(client), now


def serving(content: bytes | None) -> Callable[[str, Mode], Content | ErrorCode]:
    """Return a server's files: one, under any name."""
    return lambda _name, _mode: ErrorCode.FILE_NOT_FOUND if content is None else ServedFile(content)


def result(client: ClientTransfer) -> Fetched:
    """Return what came of a transfer."""
    if client.phase is ClientPhase.DONE:
        return client.content
    return client.failure or Failure(FailureReason.TIMEOUT, "the transfer did not finish")


def rough(weather: Weather, lot: str) -> Carry:
    """Return a network with a weather: each file has one of the fates that files of its size have there.

    A fate is played packet by packet, by both machines and their timers, when the first file meets it.

    Args:
        weather: The network's.
        lot: Decides which fates.
    """
    fates = 1 if weather.is_gone else FATES
    drawn: Iterator[int] = iter(()) if weather.is_gone else lots(lot)

    def carry(content: bytes | None) -> tuple[Fetched, float]:
        blocks = None if content is None else len(content) // _BLOCK
        failure, took = fate(weather, blocks, next(drawn, 0) % fates)
        assert failure is not None or content is not None
        return failure or content or b"", took

    return carry


@lru_cache(maxsize=1 << 14)
def fate(weather: Weather, blocks: int | None, number: int) -> tuple[Failure | None, float]:
    """Return one of the fates of a file, None: of no file, and how long that takes; only its size matters."""
    content = None if blocks is None else bytes(blocks * _BLOCK)
    found: list[Fetched] = []
    storm = Storm(ServerEngine(serving(content)), weather, lambda _number, _outcome: None)
    storm.begin(0, fetching(found), fate_rng(weather, blocks, number), 0.0, None)
    storm.run()
    return found[0] if isinstance(found[0], Failure) else None, storm.now


def fate_rng(weather: Weather, blocks: int | None, number: int) -> random.Random:
    """Return what decides about the packets of a fate."""
    return random.Random(f"{weather} {blocks} {number}")


def fetching(found: list[Fetched]) -> Generator[str, Fetched, Any]:
    """Fetch one file, in place of a start."""
    found.append((yield "file"))


class _Phone:
    """A phone's port, and the start that it is in."""

    __slots__ = ("address", "booting", "client", "crash", "number", "rng")

    def __init__(self, number: int, booting: Booting, rng: random.Random, crash: float | None) -> None:
        self.number = number
        self.booting: Booting | None = booting
        self.rng = rng
        self.crash = crash
        self.address = (f"phone{number}", 0)
        self.client: ClientTransfer | None = None


class Storm:
    """The event loop: packets and timers in the order of their time, nothing at the same time.

    Args:
        engine: The TFTP server.
        weather: What becomes of packets.
        done: Told the number of a phone and how its start ended; None if it lost its power.
    """

    def __init__(self, engine: ServerEngine, weather: Weather, done: Callable[[int, BootOutcome | None], None]) -> None:
        self.now = 0.0
        self._engine, self._weather, self._done = engine, weather, done
        self._heap: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._count = 0
        self._ports: dict[tuple[str, int], _Phone] = {}
        self._under_way = 0

    def begin(self, number: int, booting: Booting, rng: random.Random, at: float, crash: float | None) -> None:
        """Switch a phone on.

        Args:
            number: Which.
            booting: Its start.
            rng: The fates of its packets.
            at: When, in seconds.
            crash: When it loses its power, None if it does not.
        """
        self._under_way += 1
        self._at(at, self._start, (_Phone(number, booting, rng, crash),))

    def run(self) -> None:
        """Go on until every phone has started, or lost its power."""
        self._at(_TICK, self._tick, ())
        heap = self._heap
        while self._under_way:
            self.now, _, call, arguments = heapq.heappop(heap)
            call(*arguments)
        heap.clear()  # what is still to come holds the loop

    def _at(self, when: float, call: Callable[..., None], arguments: tuple[Any, ...]) -> None:
        self._count += 1
        heapq.heappush(self._heap, (when, self._count, call, arguments))

    def _start(self, phone: _Phone) -> None:
        if phone.crash is not None:
            self._at(self.now + phone.crash, self._lose_power, (phone,))
        self._advance(phone, None)

    def _lose_power(self, phone: _Phone) -> None:
        if phone.booting is not None:
            phone.booting.close()
            self._over(phone, None)

    def _over(self, phone: _Phone, outcome: BootOutcome | None) -> None:
        phone.booting = phone.client = None
        self._under_way -= 1
        self._done(phone.number, outcome)

    def _advance(self, phone: _Phone, fetched: Fetched | None) -> None:
        booting = phone.booting
        if booting is None:
            return
        try:
            name = next(booting) if fetched is None else booting.send(fetched)
        except StopIteration as end:
            self._over(phone, end.value)
            return
        phone.address = (phone.address[0], phone.address[1] + 1)
        self._ports[phone.address] = phone
        client = phone.client = ClientTransfer(name, LISTENS, self.now)
        self._send(phone, client.start()[0][0][0], LISTENS, phone.address, to_server=True)
        self._at(client.next_timer() or self.now, self._timer, (phone, client))

    def _send(
        self, phone: _Phone, data: bytes, server: tuple[str, int], address: tuple[str, int], *, to_server: bool
    ) -> None:
        weather, draw, now = self._weather, phone.rng.random, self.now
        copies = 0 if draw() < weather.loss else 2 if draw() < weather.doubles else 1
        if weather.cut[0] <= now < weather.cut[1]:
            return
        arrive = self._at_server if to_server else self._at_phone
        for _ in range(copies):
            late = now + weather.delay + (draw() * weather.jitter if weather.jitter else 0.0)
            self._count += 1
            heapq.heappush(self._heap, (late, self._count, arrive, (phone, data, server, address)))

    def _at_server(self, phone: _Phone, data: bytes, server: tuple[str, int], address: tuple[str, int]) -> None:
        take = self._engine.request if server == LISTENS else self._engine.receive
        reply = take(data, address, self.now)
        if reply is not None:
            self._replies(phone, reply, address)

    def _replies(self, phone: _Phone, reply: Any, address: tuple[str, int]) -> None:
        for each in (reply,) if isinstance(reply, bytes) else reply or ():
            self._send(phone, each, REPLIES, address, to_server=False)

    def _at_phone(self, phone: _Phone, data: bytes, server: tuple[str, int], address: tuple[str, int]) -> None:
        client = phone.client
        if client is None or address != phone.address:
            return  # that port is closed by now
        said = client.receive(data, server, self.now)
        if said is not None:
            for each in (said,) if isinstance(said, bytes) else said:
                self._send(phone, each, server, address, to_server=True)
        if client.finished:
            self._advance(phone, result(client))

    def _timer(self, phone: _Phone, client: ClientTransfer) -> None:
        due = client.next_timer()
        if phone.client is not client or due is None:
            return
        if self.now >= due:
            for packets, server in client.expire(self.now):
                for each in packets:
                    self._send(phone, each, server, phone.address, to_server=True)
            if client.finished:
                self._advance(phone, result(client))
                return
            due = client.next_timer() or self.now
        self._at(due, self._timer, (phone, client))

    def _tick(self) -> None:
        for packets, address in self._engine.expire(self.now):
            phone = self._ports.get(address)
            if phone is not None:
                self._replies(phone, packets, address)
        self._at(self.now + _TICK, self._tick, ())
