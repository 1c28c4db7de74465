"""A UDP relay that loses packets, between a real client and a server with a TID of its own."""

from __future__ import annotations

import asyncio
import random
from typing import Any


class _Side(asyncio.DatagramProtocol):
    def __init__(self, relay: LossyRelay, peer: tuple[str, int] | None, client: Any = None) -> None:
        self.relay, self.peer, self.client = relay, peer, client
        self.transport: asyncio.DatagramTransport
        self.other: dict[Any, _Side] = {}

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.relay.arrived(self, data, addr)


class LossyRelay:
    """Listens like a TFTP server; each client has a pair of sockets, so that TIDs differ as they should."""

    def __init__(self, server: tuple[str, int], loss: float, seed: int = 7) -> None:
        self.server, self.loss, self.random = server, loss, random.Random(seed)
        self.lost = 0
        self.tasks: set[asyncio.Future[None]] = set()
        self.towards: dict[Any, tuple[_Side, _Side]] = {}
        self.front: _Side

    async def start(self) -> int:
        self.front = await self._open(None)
        return int(self.front.transport.get_extra_info("sockname")[1])

    def stop(self) -> None:
        for pair in self.towards.values():
            for side in pair:
                side.transport.close()
        self.front.transport.close()

    async def _open(self, peer: tuple[str, int] | None, client: Any = None) -> _Side:
        loop = asyncio.get_running_loop()
        _, side = await loop.create_datagram_endpoint(lambda: _Side(self, peer, client), local_addr=("127.0.0.1", 0))
        return side

    def arrived(self, side: _Side, data: bytes, addr: Any) -> None:
        if self.random.random() < self.loss:
            self.lost += 1
            return
        if side is self.front:
            self.tasks.add(asyncio.ensure_future(self._request(data, addr)))
            return
        back, front = self.towards[side.client]
        if side is back:
            back.peer = addr
            front.transport.sendto(data, side.client)
        elif back.peer is not None:
            back.transport.sendto(data, back.peer)

    async def _request(self, data: bytes, client: Any) -> None:
        if client not in self.towards:
            self.towards[client] = (await self._open(None, client), await self._open(None, client))
        self.towards[client][0].transport.sendto(data, self.server)
