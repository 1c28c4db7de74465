"""Units of a node: started, stopped, restarted, and tried again when they cannot start or have died."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator

import pytest

from mixedmode.errors import MixedModeError, UsageError
from mixedmode.phone.body.download import fetch_tftp
from mixedmode.services.net import supervisor as room
from mixedmode.services.net.supervisor import Supervisor, Unit, UnitState, UnitStatus
from mixedmode.services.tftp.service import TftpService


class OneFile:
    def lookup(self, name: str) -> bytes | None:
        return b"hello" if name == "hello" else None


def tftp(port: int) -> TftpService:
    return TftpService(OneFile(), host="127.0.0.1", port=port)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "WATCH_SECONDS", 0.02)
    monkeypatch.setattr(room, "FIRST_PAUSE", 0.02)


@pytest.fixture
def taken() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock


class Seen:
    """The states that a unit went through."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[UnitStatus] = asyncio.Queue()

    async def next(self, state: UnitState) -> UnitStatus:
        async with asyncio.timeout(60):
            while (status := await self.queue.get()).state is not state:
                pass
        return status


def test_a_unit_starts_answers_and_keeps_its_port_over_a_restart() -> None:
    async def play() -> None:
        seen: list[UnitState] = []
        units = Supervisor([Unit("tftp", tftp, 0)], changed=lambda status: seen.append(status.state))
        await units.start("tftp")
        port = units.status("tftp").port
        assert port
        assert await fetch_tftp("127.0.0.1", port, "hello") == b"hello"
        await units.restart("tftp")
        assert units.status("tftp").port == port
        assert units.status("tftp").starts == 2
        await units.stop_all()
        assert units.status("tftp").port is None
        started = [UnitState.STARTING, UnitState.STARTED]
        stopped = [UnitState.STOPPING, UnitState.STOPPED]
        assert seen == [*started, *stopped, *started, *stopped]

    asyncio.run(play())


def test_a_taken_port_is_reported_and_tried_again_until_it_is_free(taken: socket.socket) -> None:
    async def play() -> None:
        port = taken.getsockname()[1]
        seen = Seen()
        units = Supervisor([Unit("tftp", tftp, port)], changed=seen.queue.put_nowait)
        with pytest.raises(MixedModeError):
            await units.start("tftp")
        assert "use" in units.status("tftp").problem
        watch = asyncio.create_task(units.watch())
        await asyncio.sleep(0.1)
        assert units.status("tftp").state is UnitState.STOPPED
        taken.close()
        status = await seen.next(UnitState.STARTED)
        assert (status.port, status.problem) == (port, "")
        assert status.failures >= 1
        watch.cancel()
        await units.stop_all()

    asyncio.run(play())


def test_a_lab_takes_another_port_when_its_own_is_taken(taken: socket.socket) -> None:
    async def play() -> None:
        units = Supervisor([Unit("tftp", tftp, taken.getsockname()[1], elsewhere=True)])
        await units.start("tftp")
        assert units.status("tftp").port not in {None, taken.getsockname()[1]}
        await units.stop_all()

    asyncio.run(play())


def test_a_service_that_died_is_started_anew() -> None:
    async def play() -> None:
        seen = Seen()
        units = Supervisor([Unit("tftp", tftp, 0)], changed=seen.queue.put_nowait)
        await units.start("tftp")
        await seen.next(UnitState.STARTED)
        watch = asyncio.create_task(units.watch())
        service = units.service("tftp")
        assert service is not None
        await service.stop()
        assert (await seen.next(UnitState.STARTED)).starts == 2
        port = units.status("tftp").port
        assert port
        assert await fetch_tftp("127.0.0.1", port, "hello") == b"hello"
        watch.cancel()
        await units.stop_all()

    asyncio.run(play())


def test_what_was_stopped_by_hand_stays_stopped() -> None:
    async def play() -> None:
        units = Supervisor([Unit("tftp", tftp, 0)])
        await units.start("tftp")
        watch = asyncio.create_task(units.watch())
        await units.stop("tftp")
        await asyncio.sleep(0.1)
        assert units.status("tftp").state is UnitState.STOPPED
        watch.cancel()

    asyncio.run(play())


def test_an_unknown_unit_is_named() -> None:
    with pytest.raises(UsageError, match="no service 'http'"):
        Supervisor([Unit("tftp", tftp, 0)]).status("http")
