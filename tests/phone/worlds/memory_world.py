"""A world in memory: a loop whose time is virtual, streams and datagrams that never leave the process."""

from __future__ import annotations

import asyncio
import selectors
import socket
import ssl
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from mixedmode.fleet.downloads import Download
from mixedmode.fleet.sockets import Slot
from mixedmode.phone.body.network import STREAM_LIMIT, Address, Connection, Datagrams, Endpoint
from mixedmode.phone.body.tls import PhoneTls
from mixedmode.phone.body.world import Clock, World

T = TypeVar("T")
BEGIN = datetime(2026, 3, 1, 12, tzinfo=UTC)
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Answer = Callable[[bytes, Address], list[bytes]]
"""What a server of datagrams sends back to whom."""


class _Selector(selectors.SelectSelector):
    """Waits by moving the loop's time."""

    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("everybody waits for somebody else, for ever")
        self.loop.seconds += max(timeout, 0.0)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop that never waits: when nobody has anything to do, it is later."""

    def __init__(self) -> None:
        selector = _Selector()
        selector.loop = self
        self.seconds = 0.0
        super().__init__(selector)

    def time(self) -> float:
        return self.seconds


class _Half(asyncio.Transport):
    """One end of a stream: what is written arrives at the other one."""

    def __init__(self, name: str, certificate: bytes | None) -> None:
        super().__init__({"sockname": (name, 0), "certificate": certificate})
        self.there: asyncio.StreamReader | None = None
        self._closing = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self.there is not None and not self._closing:
            self.there.feed_data(bytes(data))

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        if not self._closing and self.there is not None:
            self.there.feed_eof()
        self._closing = True

    abort = close

    def get_protocol(self) -> asyncio.BaseProtocol:
        return asyncio.Protocol()


class _Protocol(asyncio.StreamReaderProtocol):
    def _get_close_waiter(self, _stream: Any) -> asyncio.Future[None]:
        closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        closed.set_result(None)
        return closed


def _end(name: str, certificate: bytes | None, limit: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, _Half]:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit, loop)
    half = _Half(name, certificate)
    return reader, asyncio.StreamWriter(half, _Protocol(reader, loop=loop), reader, loop), half


class MemoryPort:
    """One port: what has come waits here."""

    def __init__(self, network: MemoryNetwork, number: int) -> None:
        self.address: Address = ("phone", number)
        self.come: deque[tuple[bytes, Address]] = deque()
        self._network = network
        self._call: Callable[[], object] | None = None

    def sendto(self, data: bytes, address: Address, /) -> int:
        self._network.deliver(self, data, address)
        return len(data)

    def recvfrom(self, _size: int, /) -> tuple[bytes, Address]:
        if not self.come:
            raise BlockingIOError
        return self.come.popleft()

    def arrive(self, data: bytes, address: Address) -> None:
        self.come.append((data, address))
        if self._call is not None:
            self._call()

    def watch(self, call: Callable[[], object], /) -> None:
        self._call = call

    def close(self) -> None:
        self._call = None


class MemoryNetwork:
    """Servers by host and port; the certificate of a server is simply told."""

    def __init__(self) -> None:
        self.streams: dict[tuple[str, int], tuple[Serve, bytes | None]] = {}
        self.answers: dict[Address, Answer] = {}
        self.connected: list[tuple[float, str, int]] = []
        self._ports = 0
        self._serving: set[asyncio.Task[None]] = set()

    async def connect(
        self, host: str, port: int, *, tls: PhoneTls | ssl.SSLContext | None = None, limit: int = STREAM_LIMIT
    ) -> Connection:
        self.connected.append((asyncio.get_running_loop().time(), host, port))
        if (host, port) not in self.streams:
            raise ConnectionRefusedError(111, "Connection refused")
        serve, certificate = self.streams[host, port]
        reader, writer, ours = _end("10.0.0.1", None, limit)
        there, back, theirs = _end(host, None, limit)
        ours.there, theirs.there = there, reader

        async def served() -> None:
            await serve(there, back)

        task = asyncio.create_task(served())
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        return Connection(reader, writer, certificate if tls else None, secure=tls is not None)

    async def resolve(self, host: str, port: int) -> Endpoint:
        return Endpoint(socket.AF_INET, (host, port))

    def datagrams(self, _family: socket.AddressFamily) -> Datagrams:
        return self.port()

    def port(self) -> MemoryPort:
        self._ports += 1
        return MemoryPort(self, self._ports)

    def deliver(self, sender: MemoryPort, data: bytes, address: Address) -> None:
        answer = self.answers.get(address)
        for packet in answer(data, sender.address) if answer is not None else ():
            asyncio.get_running_loop().call_later(0.001, sender.arrive, packet, address)


class MemoryPool:
    """The ports of a fleet's downloads."""

    def __init__(self, network: MemoryNetwork) -> None:
        self._network = network
        self._slots: dict[Address, Slot[Download]] = {}
        self._call: Callable[[], object] = lambda: None

    def lend(self) -> Slot[Download]:
        port = self._network.port()
        port.watch(self._call)
        slot = self._slots[port.address] = Slot[Download](port)
        return slot

    def give_back(self, slot: Slot[Download]) -> None:
        pass

    def ready(self) -> list[Slot[Download]]:
        return [each for each in self._slots.values() if isinstance(each.port, MemoryPort) and each.port.come]

    def watch(self, call: Callable[[], object]) -> None:
        self._call = call

    def close(self) -> None:
        self._slots.clear()


def tftp(files: dict[str, bytes]) -> Answer:
    """A TFTP server in 512-byte blocks, as simple as RFC 1350 has it; every phone gets the same lists."""
    open_files: dict[Address, bytes] = {}

    def answer(packet: bytes, client: Address) -> list[bytes]:
        code, number = packet[1], 0
        if code == 1:
            name = packet[2:].partition(b"\0")[0].decode()
            name = f"{name[:3]}File.tlv" if name.endswith(".tlv") else name
            if name not in files:
                return [b"\0\5\0\1File not found\0"]
            open_files[client] = files[name]
        elif code == 4:
            number = int.from_bytes(packet[2:4])
        data = open_files[client]
        if code == 4 and number * 512 > len(data):
            return []
        return [b"\0\3" + (number + 1).to_bytes(2) + data[number * 512 : (number + 1) * 512]]

    return answer


def in_memory(procedure: Callable[[World, MemoryNetwork], Coroutine[Any, Any, T]]) -> tuple[T, float]:
    """Return what a procedure returns in a world of its own, and how many virtual seconds it took."""
    loop = VirtualLoop()
    network = MemoryNetwork()
    clock = Clock(loop.time, lambda: BEGIN + timedelta(seconds=loop.time()))
    try:
        return loop.run_until_complete(procedure(World(network, clock), network)), loop.time()
    finally:
        loop.close()
