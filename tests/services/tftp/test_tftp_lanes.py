"""Every way from the engine to its sockets gives the same packets; the compiled one is built by the set-up."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixedmode.phone.body.download import fetch_tftp
from mixedmode.phone.body.errors import TransferFailed
from mixedmode.protocols.tftp import Options, ServerEngine, ServerLimits
from mixedmode.services.files.store import FolderStore, MappingStore
from mixedmode.services.tftp import _lockstep, mmsg
from mixedmode.services.tftp import lanes as tftp_lanes
from mixedmode.services.tftp import service as tftp
from mixedmode.services.tftp.service import TftpService
from tests.services.net.relay import LossyRelay
from tests.services.tftp.still import Still

FILES = {"one": b"x" * 100, "exact": b"y" * 1024, "list": random.Random(1).randbytes(5000), "empty": b""}
ADDRESSES = [mmsg.pack_address((f"127.0.{n // 250}.{n % 250 + 1}", 1024 + 7 * n)) for n in range(600)]
PACKETS = tuple(f"packet {n}".encode() for n in range(4))


def plain_lane(*arguments: object, delivered: object = None) -> tftp_lanes.Lane:
    sock, find, limits, counters = arguments
    engine = ServerEngine(find, limits=limits, counters=counters, delivered=delivered)  # type: ignore[arg-type]
    return tftp_lanes.Lane(sock, engine, counters)  # type: ignore[arg-type]


LANES = {
    "compiled": tftp_lanes.open_lane,
    "batched": partial(tftp_lanes.open_lane, compiled=False),
    "plain": plain_lane,
}


@pytest.fixture(params=LANES)
def lane(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(tftp, "open_lane", LANES[request.param])
    return str(request.param)


def test_the_set_up_built_the_compiled_loop() -> None:
    assert tftp_lanes.COMPILED


@pytest.mark.usefixtures("lane")
def test_files_arrive_whole_and_the_books_balance() -> None:
    async def play() -> tuple[list[bytes], dict[str, int]]:
        service = TftpService(MappingStore(FILES))
        await service.start()
        got = [await fetch_tftp("127.0.0.1", service.port, name) for name in FILES]
        await service.drain(60)
        metrics = service.metrics
        await service.stop()
        return got, metrics

    got, metrics = asyncio.run(play())
    assert got == list(FILES.values())
    assert (metrics["completed"], metrics["active"]) == (len(FILES), 0)
    assert metrics["bytes_completed"] == sum(map(len, FILES.values()))


@pytest.mark.usefixtures("lane")
def test_lost_packets_are_sent_again() -> None:
    async def play() -> tuple[list[bytes], int]:
        service = TftpService(MappingStore(FILES), limits=ServerLimits(timeout=0.2, retries=20, retries_unproven=20))
        await service.start()
        relay = LossyRelay(service.address, loss=0.1)
        port = await relay.start()
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(fetch_tftp("127.0.0.1", port, "list", timeout=0.3, retries=30)) for _ in range(20)
            ]
        relay.stop()
        repeated = service.metrics["retransmissions"]
        await service.stop()
        return [task.result() for task in tasks], repeated

    got, repeated = asyncio.run(play())
    assert got == [FILES["list"]] * 20
    assert repeated


@pytest.mark.usefixtures("lane")
def test_a_client_that_falls_silent_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    time = Still(monkeypatch)

    async def play() -> dict[str, int]:
        service = TftpService(MappingStore(FILES), limits=ServerLimits(timeout=1.0, retries=2, retries_unproven=2))
        await service.start()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.bind(("127.0.0.1", 0))
            loop = asyncio.get_running_loop()
            sock.sendto(b"\0\1list\0octet\0", service.address)
            for block in (1, 2, 3):
                data, server = await loop.sock_recvfrom(sock, 600)
                assert data[:4] == bytes((0, 3, 0, block))
                sock.sendto(bytes((0, 4, 0, block)), server)
            await loop.sock_recvfrom(sock, 600)
            await time.pass_by(20)
            metrics = service.metrics
        await service.stop()
        return metrics

    metrics = asyncio.run(play())
    assert (metrics["gave_up"], metrics["active"], metrics["retransmissions"]) == (1, 0, 2)


@pytest.mark.usefixtures("lane")
def test_nothing_is_sent_twice_to_who_never_acknowledges(monkeypatch: pytest.MonkeyPatch) -> None:
    time = Still(monkeypatch)

    async def play() -> tuple[int, dict[str, int]]:
        service = TftpService(MappingStore(FILES), limits=ServerLimits(timeout=1.0, retries=3))
        await service.start()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.bind(("127.0.0.1", 0))
            loop = asyncio.get_running_loop()
            for request in (b"\0\1list\0octet\0", b"\0\1list\0octet\0blksize\x001400\0windowsize\x0016\0"):
                sock.sendto(request, service.address)
                await loop.sock_recv(sock, 2000)
                await time.pass_by(8)
            await time.pass_by(16)
            got = 2
            while True:
                try:
                    sock.recv(2000)
                except BlockingIOError:
                    break
                got += 1
        metrics = service.metrics
        await service.stop()
        return got, metrics

    got, metrics = asyncio.run(play())
    assert got == 2
    assert (metrics["retransmissions"], metrics["active"], metrics["gave_up"]) == (0, 0, 1)


@pytest.mark.usefixtures("lane")
def test_the_pauses_between_copies_grow_and_end_with_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    time = Still(monkeypatch)

    async def play() -> list[list[float]]:
        service = TftpService(MappingStore(FILES), limits=ServerLimits(timeout=1.0, retries=3))
        await service.start()
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.sendto(b"\0\1list\0octet\0", service.address)
            _, server = await loop.sock_recvfrom(sock, 600)
            pauses: list[list[float]] = []
            for block in (1, 2):
                sock.sendto(bytes((0, 4, 0, block)), server)
                assert (await loop.sock_recv(sock, 600))[3] == block + 1
                moments = [time.now]
                while len(moments) < 3:
                    await time.pass_by(0.1)
                    with contextlib.suppress(BlockingIOError):
                        assert sock.recv(600)[3] == block + 1
                        moments.append(time.now)
                pauses.append([later - earlier for earlier, later in itertools.pairwise(moments)])
        await service.stop()
        return pauses

    for first, second in asyncio.run(play()):
        assert second > 1.3 * first > 1.0


@pytest.mark.usefixtures("lane")
@pytest.mark.parametrize("blksize", [512, 1428, 65464])
def test_a_file_on_the_disk_arrives_whole_even_if_packets_are_lost(blksize: int, tmp_path: Path) -> None:
    content = random.Random(2).randbytes((200 << 10) + 77)
    (tmp_path / "image").write_bytes(content)

    async def play() -> tuple[list[bytes], dict[str, int]]:
        service = TftpService(FolderStore(tmp_path, memory_limit=0), limits=ServerLimits(timeout=0.1, retries=20))
        await service.start()
        relay = LossyRelay(service.address, loss=0.005, seed=3)
        port = await relay.start()
        options = Options(blksize=None if blksize == 512 else blksize)
        got = [
            await fetch_tftp("127.0.0.1", each, "image", options=options, timeout=0.2, retries=20, limit=2 << 20)
            for each in (service.port, port)
        ]
        await service.drain(60)
        relay.stop()
        metrics = service.metrics
        await service.stop()
        return got, metrics

    got, metrics = asyncio.run(play())
    assert got == [content] * 2
    assert (metrics["completed"], metrics["active"]) == (2, 0)
    assert metrics["bytes_completed"] == 2 * len(content)


@pytest.mark.usefixtures("lane")
def test_a_file_that_changes_while_it_is_sent_ends_with_an_error(tmp_path: Path) -> None:
    (tmp_path / "image").write_bytes(bytes(2 << 20))

    async def play() -> None:
        service = TftpService(FolderStore(tmp_path))
        await service.start()
        changed = False

        def progress(done: int, _total: int | None) -> None:
            nonlocal changed
            if done > 100_000 and not changed:
                changed = True
                (tmp_path / "image").write_bytes(b"x" * (2 << 20))

        try:
            await fetch_tftp("127.0.0.1", service.port, "image", progress=progress)
        finally:
            assert (service.metrics["lost_content"], service.metrics["active"]) == (1, 0)
            await service.stop()

    with pytest.raises(TransferFailed, match="The file has changed"):
        asyncio.run(play())


def test_block_numbers_roll_over_in_the_compiled_loop_too() -> None:
    blocks = range(65530, 65545)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server, socket.socket(socket.AF_INET, 2) as client:
        server.bind(("127.0.0.1", 0))
        client.bind(("127.0.0.1", 0))
        client.settimeout(60)
        address = mmsg.pack_address(client.getsockname())
        table = _lockstep.Lockstep()
        table.lend_part(address, tuple(str(block).encode() for block in blocks), blocks[0], blocks[0] - 1, 0.0)
        got = []
        for block in range(blocks[0] - 1, blocks[-1] + 1):
            client.sendto(b"\0\4" + (block & 0xFFFF).to_bytes(2, "big"), server.getsockname())
            received, failed, others, ended = table.turn(server.fileno(), 1.0)
            assert (received, failed, others) == (1, 0, [])
            assert ended == ([address] if block == blocks[-1] else [])
            if not ended:
                assert table.where(address) == (block + 1, 1.0)
                got.append(int(client.recv(100)))
        assert got == list(blocks)
        assert len(table) == 0


@given(st.lists(st.tuples(st.sampled_from(["lend", "part", "take", "where"]), st.integers(0, 599), st.integers(1, 3))))
def test_the_table_of_lent_transfers_is_a_mapping(steps: list[tuple[str, int, int]]) -> None:
    table = _lockstep.Lockstep()
    model: dict[bytes, tuple[int, float]] = {}
    for number, (step, who, block) in enumerate(steps):
        address = ADDRESSES[who]
        if step == "lend":
            table.lend(address, PACKETS, block, float(number))
            model[address] = (block, float(number))
        elif step == "part":
            table.lend_part(address, PACKETS, 70_000, 70_000 - 1 + block, float(number))
            model[address] = (70_000 - 1 + block, float(number))
        elif step == "take":
            assert table.take_back(address) == model.pop(address, None)
        else:
            assert table.where(address) == model.get(address)
        assert len(table) == len(model)


@pytest.mark.parametrize(
    "call",
    [
        lambda table: table.lend(ADDRESSES[0], PACKETS, 0, 0.0),
        lambda table: table.lend(ADDRESSES[0], PACKETS, 4, 0.0),
        lambda table: table.lend(ADDRESSES[0], list(PACKETS), 1, 0.0),
        lambda table: table.lend(ADDRESSES[0], (), 1, 0.0),
        lambda table: table.lend_part(ADDRESSES[0], PACKETS, 10, 8, 0.0),
        lambda table: table.lend_part(ADDRESSES[0], PACKETS, 10, 14, 0.0),
        lambda table: table.lend_part(ADDRESSES[0], PACKETS, 0xFFFFFFFE, 0xFFFFFFFE, 0.0),
        lambda table: table.lend(b"short", PACKETS, 1, 0.0),
        lambda table: table.where("text"),
        lambda table: table.take_back(bytes(15)),
        lambda table: table.turn("fd", 0.0),
        lambda _table: _lockstep.send(0, cast("list[tuple[bytes, bytes]]", [b"x"])),
    ],
)
def test_wrong_use_of_the_compiled_loop_is_an_exception(call: Callable[[object], object]) -> None:
    with pytest.raises((TypeError, ValueError)):
        call(_lockstep.Lockstep())


def test_acknowledging_two_blocks_at_once_never_reads_freed_packets() -> None:
    """A client may acknowledge a block that it cannot have yet; both ACKs then come in one batch."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server, socket.socket(socket.AF_INET, 2) as client:
        server.bind(("127.0.0.1", 0))
        client.bind(("127.0.0.1", 0))
        table = _lockstep.Lockstep()
        table.lend(mmsg.pack_address(client.getsockname()), tuple(bytes([n]) * 600 for n in range(3)), 1, 0.0)
        client.sendto(b"\0\4\0\1", server.getsockname())
        client.sendto(b"\0\4\0\2", server.getsockname())
        received, failed, others, ended = table.turn(server.fileno(), 1.0)
        assert (received, failed, others, len(ended), len(table)) == (2, 0, [], 1, 0)
        assert client.recv(1000) == b"\2" * 600
