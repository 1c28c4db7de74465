"""Downloads over few sockets, from a server that repeats what it has sent."""

from __future__ import annotations

import asyncio
import socket
from time import monotonic
from typing import Any

from mixedmode.fleet.downloads import Download, Downloads
from mixedmode.fleet.faults import FaultPlan
from mixedmode.fleet.sockets import SocketPool
from mixedmode.phone.body.world import Clock
from mixedmode.protocols.tftp.client import Failure
from tests.fleet.site import run

Address = tuple[Any, ...]


class DeafServer:
    """Hears no acknowledgement, so it repeats the last block of each file before it answers the next request."""

    def __init__(self) -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.sock.bind(("127.0.0.1", 0))
        self.sent: list[tuple[bytes, Address]] = []

    def answer(self) -> None:
        data, address = self.sock.recvfrom(1024)
        if data[1] == 1:
            name = data[2:].partition(b"\0")[0]
            self.sent.append((b"\0\3\0\1content of " + name, address))
            for packet, client in self.sent:
                self.sock.sendto(packet, client)


def test_a_block_of_an_earlier_file_is_never_taken_for_the_next_file() -> None:
    names = [f"file {number}" for number in range(6)]

    async def procedure() -> list[bytes | Failure]:
        loop = asyncio.get_running_loop()
        server = DeafServer()
        pool: SocketPool[Download] = SocketPool(2)
        downloads = Downloads(
            pool,
            server.sock.getsockname(),
            timeout=1.0,
            retries=5,
            limit=1000,
            plan=FaultPlan(),
            began=monotonic(),
            clock=Clock(),
        )
        loop.add_reader(pool.fileno(), downloads.turn)
        loop.add_reader(server.sock.fileno(), server.answer)
        got = []
        try:
            for name in names:
                came: asyncio.Future[bytes | Failure] = loop.create_future()
                downloads.fetch(name, came.set_result)
                got.append(await asyncio.wait_for(came, 60))
        finally:
            loop.remove_reader(pool.fileno())
            loop.remove_reader(server.sock.fileno())
            pool.close()
            server.sock.close()
        return got

    assert run(procedure()) == [f"content of {name}".encode() for name in names]
