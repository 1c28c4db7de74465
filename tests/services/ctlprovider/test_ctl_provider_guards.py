"""The CTL Provider among attackers, cut connections, two clients at once, silence and floods."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mixedmode.cluster.model.topology import SecurityMode
from mixedmode.errors import ProtocolError, RemoteError
from mixedmode.faces.ctlclient.provider import (
    ProviderFailedError,
    RefusedError,
)
from mixedmode.protocols.ctlprovider import Action, Hello, Install, Progress, encode_message
from mixedmode.services.ctlprovider.service import CtlProviderService, ProviderLimits
from tests.cluster.building import MIXED, PUB, SUB, make
from tests.cluster.tokens import ANNA, THREE, signed, token
from tests.services.ctlprovider.provider_site import Held, Lab
from tests.services.tvs.tvsclient import client_context, run
from tests.support import eventually


def test_attackers_with_credentials_change_nothing(lab: Lab, tmp_path: Path) -> None:
    from mixedmode.control.ctl_description import describe

    other = make(tmp_path / "other")
    foreign = signed(describe(other))
    other.close()

    async def procedure() -> None:
        async with lab.serving() as service, lab.logged_in(service) as client:
            first = signed(await client.describe())
            await client.install(first, Action.MIXED)
            second = signed(await client.describe(), Action.UPDATE)
            await client.install(second, Action.UPDATE)
            description = await client.describe()
            own = signed(description, Action.UPDATE, (THREE, token("ADN00999999")))
            good = signed(description, Action.UPDATE)
            tampered = good[:-20] + bytes((good[-20] ^ 1,)) + good[-19:]
            for data in (own, first, second, foreign, tampered, b"", b"rubbish" * 100, bytes(70000)):
                with pytest.raises(RefusedError) as error:
                    await client.install(data, Action.UPDATE)
                assert error.value.what
                assert lab.has(second)
            await client.install(good, Action.UPDATE)

    run(procedure())


def test_a_node_that_is_down_is_told_and_gets_the_list_later(lab: Lab) -> None:
    async def procedure() -> bytes:
        async with lab.serving() as service, lab.logged_in(service) as client:
            await client.install(signed(await client.describe()), Action.MIXED)
            lab.down.add(SUB)
            told: list[Progress] = []
            data = signed(await client.describe(), Action.UPDATE)
            done = await client.install(data, Action.UPDATE, told=told.append)
            assert [each.installed for each in done.results] == [True, False]
            assert "the node is down" in done.results[1].reason
            assert [each.node for each in told] == [PUB, SUB]
            return data

    data = run(procedure())
    lab.down.clear()
    lab.cluster.deliver_pending()
    assert lab.has(data)


def test_a_connection_cut_before_the_request_is_whole_changes_nothing(lab: Lab) -> None:
    async def procedure() -> None:
        async with lab.serving() as service, lab.logged_in(service) as client:
            message = encode_message(Install(Action.MIXED, signed(await client.describe())))
            assert client._streams is not None
            client._streams[1].write(message[:-1])
            await client._streams[1].drain()
            client._streams[1].transport.abort()
            await eventually(lambda: service.metrics["open"] == 0)

    run(procedure())
    assert lab.has(None)
    assert lab.cluster.mode is SecurityMode.NON_SECURE


def test_a_connection_cut_while_installing_leaves_the_new_list_everywhere(lab: Lab) -> None:
    held = Held(lab.cluster)

    async def procedure() -> bytes:
        async with lab.serving() as service, lab.logged_in(service) as client:
            data = signed(await client.describe())
            work = asyncio.create_task(client.install(data, Action.MIXED))
            await asyncio.to_thread(held.begun.wait, 10)
            assert client._streams is not None
            client._streams[1].transport.abort()
            with pytest.raises(ProtocolError) as error:
                await work
            assert "present CTL" in (error.value.next_step or "")
            held.go()
            await eventually(lambda: service.metrics["installations"] == 1)
            assert service.installer is None
            return data

    data = run(procedure())
    assert lab.has(data)
    assert lab.cluster.operations.journal.audit()[-1].outcome == "done"


def test_two_clients_at_once(lab: Lab) -> None:
    held = Held(lab.cluster)

    async def procedure() -> None:
        async with lab.serving() as service, lab.logged_in(service) as one, lab.logged_in(service) as two:
            described = await one.describe()
            first, second = signed(described), signed(described)
            work = asyncio.create_task(one.install(first, Action.MIXED))
            await asyncio.to_thread(held.begun.wait, 10)
            with pytest.raises(ProviderFailedError, match=r"anna@127\.0\.0\.1 is installing"):
                await two.install(second, Action.MIXED)
            held.go()
            await work
            assert lab.has(first)
            with pytest.raises(RefusedError, match="not newer"):
                await two.install(second, Action.MIXED)
            await two.install(signed(await two.describe(), Action.UPDATE), Action.UPDATE)

    run(procedure())


def test_utils_ctl_at_the_same_time_is_told(lab: Lab) -> None:
    held = Held(lab.cluster)

    async def procedure() -> None:
        async with lab.serving() as service, lab.logged_in(service) as client:
            data = signed(await client.describe())
            other = asyncio.create_task(asyncio.to_thread(lab.cluster.run, MIXED, ANNA))
            await asyncio.to_thread(held.begun.wait, 10)
            with pytest.raises(ProviderFailedError, match="set-cluster mixed-mode is running"):
                await client.install(data, Action.MIXED)
            held.go()
            await other

    run(procedure())


def test_a_subscriber_tells_and_names_the_publisher(lab: Lab) -> None:
    async def procedure() -> None:
        async with lab.serving(SUB) as service, lab.logged_in(service) as client:
            assert client.node == SUB
            with pytest.raises(RefusedError) as error:
                await client.install(signed(await client.describe()), Action.MIXED)
            assert "10.48.47.153" in (error.value.next_step or "")

    run(procedure())
    assert lab.has(None)


def test_draining_lets_an_installation_end_and_closes_those_that_wait(lab: Lab) -> None:
    held = Held(lab.cluster)

    async def procedure() -> None:
        async with lab.serving() as service, lab.logged_in(service) as client, lab.logged_in(service) as idle:
            data = signed(await client.describe())
            work = asyncio.create_task(client.install(data, Action.MIXED))
            await asyncio.to_thread(held.begun.wait, 10)
            draining = asyncio.create_task(service.drain(10))
            with pytest.raises(ProtocolError):
                await idle.describe()
            with pytest.raises(RemoteError):
                await lab.client(service).connect()
            held.go()
            assert len((await work).results) == 2
            assert await draining == 0
            assert lab.has(data)

    run(procedure())


def test_stopping_waits_for_the_installation(lab: Lab) -> None:
    held = Held(lab.cluster)

    async def procedure() -> bytes:
        async with lab.serving() as service, lab.logged_in(service) as client:
            data = signed(await client.describe())
            work = asyncio.create_task(client.install(data, Action.MIXED))
            await asyncio.to_thread(held.begun.wait, 10)
            stopping = asyncio.create_task(service.stop())
            with pytest.raises(ProtocolError):
                await work
            held.go()
            await stopping
            return data

    assert lab.has(run(procedure()))


@pytest.mark.parametrize("when", ["handshake", "hello", "login", "request", "idle"])
def test_clients_that_are_silent_or_slow_are_closed(lab: Lab, when: str) -> None:
    limit = {"hello": "login"}.get(when, when)
    hours = ProviderLimits(handshake_seconds=36000, login_seconds=36000, request_seconds=36000, idle_seconds=36000)
    limits = replace(hours, **{f"{limit}_seconds": 0.3})  # type: ignore[arg-type] # seconds

    async def silent(service: CtlProviderService) -> None:
        if when == "handshake":
            reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
        else:
            reader, writer = await asyncio.open_connection("127.0.0.1", service.port, ssl=client_context())
        if when == "login":
            writer.write(encode_message(Hello()))
        await reader.read()
        writer.close()

    async def logged_in(service: CtlProviderService) -> None:
        async with lab.logged_in(service) as client:
            assert client._streams is not None
            reader, writer = client._streams
            if when == "request":
                with contextlib.suppress(OSError):
                    for byte in encode_message(Install(Action.MIXED, bytes(1000))):
                        writer.write(bytes((byte,)))
                        await writer.drain()
                        await asyncio.sleep(0.05)
            with contextlib.suppress(OSError):
                assert await reader.read() == b""

    async def procedure() -> None:
        procedures: Callable[[CtlProviderService], Awaitable[None]]
        procedures = logged_in if when in {"request", "idle"} else silent
        async with lab.serving(limits=limits) as service:
            async with asyncio.timeout(60):
                await procedures(service)
                await eventually(lambda: service.metrics["open"] == 0)
            assert service.metrics["timeouts"] + service.metrics["handshake_failures"] == 1

    run(procedure(), "asyncio")


def test_there_are_bounds_for_connections(lab: Lab) -> None:
    async def procedure() -> None:
        async with lab.serving(limits=ProviderLimits(connections=3, per_address=2)) as service:
            async with lab.client(service), lab.client(service):
                with pytest.raises(RemoteError):
                    await lab.client(service).connect()
                assert service.metrics["refused"] == 1
            await eventually(lambda: service.metrics["open"] == 0)
            async with lab.client(service):
                pass

    run(procedure())
