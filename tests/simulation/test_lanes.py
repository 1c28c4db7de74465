"""The server's lanes, which the simulation cannot carry, answer generated packets as the pure machine does."""

from __future__ import annotations

import asyncio
import random
import socket
from typing import Any

import pytest

from mixedmode.protocols.tftp import ServerEngine, ServerLimits
from mixedmode.protocols.tftp.engine import Content
from mixedmode.protocols.tftp.packets import ErrorCode, Mode
from mixedmode.services.files.store import MappingStore, ServedFileCache
from mixedmode.services.tftp import service as tftp
from mixedmode.services.tftp.service import TftpService
from tests.services.tftp.test_tftp_lanes import LANES

FILES = {
    "CTLFile.tlv": random.Random(1).randbytes(4947),
    "exact": random.Random(2).randbytes(2048),
    "small": b"x" * 100,
    "empty": b"",
}
LIMITS = ServerLimits(timeout=3600.0)
"""Nothing is repeated by the clock: every packet answers one that was sent."""
CLIENTS, PACKETS = 6, 400


class Pure:
    """The pure machine, without a socket."""

    def __init__(self) -> None:
        store, cut = MappingStore(FILES), ServedFileCache()

        def find(name: str, _mode: Mode) -> Content | ErrorCode:
            found = store.lookup(name)
            return ErrorCode.FILE_NOT_FOUND if found is None else cut.get(found)

        self.engine = ServerEngine(find, limits=LIMITS)

    def replies(self, data: bytes, client: int, *, listening: bool) -> list[bytes]:
        address = ("client", client)
        take = self.engine.request if listening else self.engine.receive
        reply = take(data, address, 0.0)
        return [reply] if isinstance(reply, bytes) else list(reply or ())


def packet(rng: random.Random, last: bytes) -> tuple[bytes, bool]:
    """A client's next packet and whether it goes to the listening port: mostly the right one, often an old one."""
    block = int.from_bytes(last[2:4]) if last[:2] == b"\0\3" else 0
    kind = rng.random()
    if not last or kind < 0.08:
        name = rng.choice([*FILES, "CTLFile.tlv", "missing"]).encode()
        options = rng.choice((b"", b"", b"blksize\x001024\0", b"tsize\x000\0", b"windowsize\x002\0"))
        return b"\0\1" + name + b"\0octet\0" + options, True
    if kind < 0.75:
        return b"\0\4" + block.to_bytes(2), False
    if kind < 0.9:
        return b"\0\4" + rng.choice((0, max(block - 1, 0), block, block + 1, 65535)).to_bytes(2), False
    return rng.choice((b"\0\5\0\0gone\0", b"\0\3\0\1data", b"\0\4\0", b"", b"\0\4\0\1\0", b"\xff" * 4)), False


@pytest.mark.parametrize("lane", LANES)
@pytest.mark.parametrize("seed", range(4))
def test_a_lane_answers_as_the_pure_machine_does(lane: str, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tftp, "open_lane", LANES[lane])

    async def procedure() -> None:
        service = TftpService(MappingStore(FILES), limits=LIMITS)
        await service.start()
        loop, rng, pure = asyncio.get_running_loop(), random.Random(seed), Pure()
        ports = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(CLIENTS + 1)]
        servers: list[Any] = [None] * CLIENTS
        last = [b""] * CLIENTS
        try:
            for port in ports:
                port.setblocking(False)
                port.bind(("127.0.0.1", 0))
            for number in range(PACKETS):
                client = rng.randrange(CLIENTS)
                data, listening = packet(rng, last[client])
                if not listening and servers[client] is None:
                    continue
                ports[client].sendto(data, service.address if listening else servers[client])
                replies = pure.replies(data, client, listening=listening)
                if not replies:
                    # What is answered shows that what came before to the same port was read.
                    probe = b"\0\1missing\0octet\0" if listening else b"\0\4\0\1"
                    ports[-1].sendto(probe, service.address if listening else servers[client])
                    async with asyncio.timeout(60):
                        assert (await loop.sock_recvfrom(ports[-1], 2000))[0][:2] == b"\0\5"
                for expected in replies:
                    async with asyncio.timeout(60):
                        came, servers[client] = await loop.sock_recvfrom(ports[client], 2000)
                    assert came == expected, f"packet {number}, client {client}: {data[:20]!r}"
                    last[client] = came
            await asyncio.sleep(0.05)
            for port in ports:
                with pytest.raises(BlockingIOError):
                    port.recvfrom(2000)
        finally:
            for port in ports:
                port.close()
            await service.stop()

    asyncio.run(procedure())
