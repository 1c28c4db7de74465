"""Services under the hands of a session on another loop: what has begun comes to its end there."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import pytest

from mixedmode.cluster.engine.principal import Principal
from mixedmode.cluster.model.topology import Service
from mixedmode.control.services import Follower, ServiceEntry, ServiceStatus
from mixedmode.errors import RemoteError
from mixedmode.faces.ssh.home_services import HomeServices
from mixedmode.faces.ssh.side_loop import SideLoop
from tests.support import eventually

ANNA = Principal("anna", 4, "console")


class Hands:
    """Services that take their time, and tell on which thread they were handled."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.threads: set[int] = set()
        self.go_on = asyncio.Event()

    async def states(self, node: str) -> Sequence[ServiceEntry]:
        self.threads.add(threading.get_ident())
        return [ServiceEntry(Service.TFTP, ServiceStatus.STARTED, True)]

    async def restart(self, node: str, service: Service, principal: Principal) -> AsyncIterator[ServiceStatus]:
        self.threads.add(threading.get_ident())
        self.done.append("stopped")
        yield ServiceStatus.STOPPING
        await self.go_on.wait()
        self.done.append("started")
        yield ServiceStatus.STARTED

    async def start(self, node: str, service: Service, principal: Principal) -> AsyncIterator[ServiceStatus]:
        yield ServiceStatus.STARTING
        raise RemoteError("the port is taken")

    stop = restart

    async def follower(self, node: str) -> Follower:
        return Follower(down=f"{node} does not answer")

    async def reload_files(self, node: str) -> None:
        self.done.append("reloaded")

    async def registered(self) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        return {}


def test_services_are_handled_where_they_are() -> None:
    async def procedure() -> None:
        side, hands = SideLoop("side"), Hands()
        await side.start()
        services = HomeServices(hands, side)

        async def session() -> list[object]:
            assert threading.get_ident() != home
            told: list[object] = [entry.status for entry in await services.states("pub")]
            hands_free = asyncio.get_running_loop().create_task(free())
            told += [status async for status in services.restart("pub", Service.TFTP, ANNA)]
            await hands_free
            await services.reload_files("pub")
            assert (await services.follower("pub")).down == "pub does not answer"
            with pytest.raises(RemoteError, match="the port is taken"):
                told += [status async for status in services.start("pub", Service.TFTP, ANNA)]
            return told

        async def free() -> None:
            async def at_home() -> None:
                hands.go_on.set()

            await side.at_home(at_home())

        home = threading.get_ident()
        told = await side.run(session())
        assert told == [ServiceStatus.STARTED, ServiceStatus.STOPPING, ServiceStatus.STARTED]
        assert hands.threads == {home}
        assert hands.done == ["stopped", "started", "reloaded"]
        await side.stop()
        await side.stop()

    asyncio.run(procedure())


def test_a_session_that_gives_up_leaves_no_service_half_restarted() -> None:
    async def procedure() -> None:
        side, hands = SideLoop("side"), Hands()
        await side.start()

        async def session() -> None:
            async for _ in HomeServices(hands, side).restart("pub", Service.TFTP, ANNA):
                pass

        task = asyncio.create_task(side.run(session()))
        await eventually(lambda: hands.done)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        hands.go_on.set()
        await eventually(lambda: len(hands.done) == 2)
        assert hands.done == ["stopped", "started"]
        await side.stop()

    asyncio.run(procedure())


def test_the_side_loop_ends_what_runs_on_it() -> None:
    began, ended = threading.Event(), list[str]()

    async def endless() -> None:
        try:
            began.set()
            await asyncio.sleep(600)
        finally:
            ended.append("ended")

    async def procedure() -> None:
        side = SideLoop("side")
        await side.start()
        task = asyncio.create_task(side.run(endless()))
        await eventually(began.is_set)
        await side.stop()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(procedure())
    assert ended == ["ended"]
    assert not [thread for thread in threading.enumerate() if thread.name == "side"]
