"""TFTP with files that are built when a phone asks: slowly, never, or not at all. Nobody else waits for it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from mixedmode.errors import RemoteError
from mixedmode.phone.body.download import FileNotFoundOnServer, TransferFailed, fetch_tftp
from mixedmode.protocols.tftp import Mode, Request, encode_packet
from mixedmode.protocols.tftp.packets import Opcode
from mixedmode.services.tftp import builder, mmsg
from mixedmode.services.tftp.service import TftpService
from tests.support import eventually

CTL = b"list" * 1000


class Store:
    """Builds what begins with SEP, when it may."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.may = threading.Event()
        self.built: list[str] = []
        self.fails = False

    def ready(self, name: str) -> bool:
        return not name.startswith("SEP")

    def lookup(self, name: str) -> bytes | None:
        if self.ready(name):
            return CTL if name == "CTLFile.tlv" else None
        assert threading.current_thread() is not threading.main_thread(), "built between two packets"
        self.asked.set()
        self.may.wait(100)
        self.built.append(name)
        if self.fails:
            raise RemoteError("the database does not answer")
        return None if "unknown" in name else name.encode() * 300


@asynccontextmanager
async def serving(store: Store, host: str = "127.0.0.1") -> AsyncIterator[TftpService]:
    service = TftpService(store, host=host)
    await service.start()
    try:
        yield service
    finally:
        store.may.set()
        await service.stop()


async def get(service: TftpService, name: str, timeout: float = 60.0, retries: int = 1) -> bytes:
    return await fetch_tftp("127.0.0.1", service.port, name, timeout=timeout, retries=retries)


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for who waits, however slow the machine is."""
    monkeypatch.setattr(builder, "_PATIENCE_SECONDS", 3600.0)


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
@pytest.mark.parametrize("compiled", [True, False])
def test_others_are_served_while_a_file_is_built(host: str, compiled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not compiled:
        monkeypatch.setattr(mmsg, "AVAILABLE", False)

    async def procedure() -> None:
        store = Store()
        async with serving(store, host) as service:
            waiting = [asyncio.create_task(get(service, f"SEP{number}")) for number in (1, 1, 2)]
            for _ in range(3):
                assert await get(service, "CTLFile.tlv") == CTL
            assert not any(task.done() for task in waiting)
            store.may.set()
            assert await asyncio.gather(*waiting) == [b"SEP1" * 300, b"SEP1" * 300, b"SEP2" * 300]
            assert sorted(store.built) == ["SEP1", "SEP2"], "each is built once for all who wait"
            assert service.metrics["waited"] == 3

    asyncio.run(procedure())


def test_a_file_that_there_is_not_is_told_at_once() -> None:
    async def procedure() -> None:
        store = Store()
        store.may.set()
        async with serving(store) as service:
            with pytest.raises(FileNotFoundOnServer):
                await get(service, "SEPunknown")
            assert service.metrics["not_found"] == 1

    asyncio.run(procedure())


def test_a_file_that_cannot_be_built_is_silence_and_a_later_try_succeeds() -> None:
    async def procedure() -> None:
        store = Store()
        store.may.set()
        store.fails = True
        async with serving(store) as service:
            for failures in (1, 2):
                with pytest.raises(TransferFailed):
                    await get(service, "SEP1", timeout=0.1, retries=0)
                await eventually(lambda: service.metrics["build_failures"] == failures)  # noqa: B023 - awaited at once
            assert await get(service, "CTLFile.tlv") == CTL
            assert service.metrics["not_found"] == 0
            store.fails = False
            assert await get(service, "SEP1") == b"SEP1" * 300

    asyncio.run(procedure())


def test_a_client_that_asks_again_while_it_waits_gets_one_transfer() -> None:
    async def procedure() -> None:
        store = Store()
        async with serving(store) as service:
            loop = asyncio.get_running_loop()
            got: list[bytes] = []

            class Impatient(asyncio.DatagramProtocol):
                def datagram_received(self, data: bytes, _addr: object) -> None:
                    got.append(data)

            transport, _ = await loop.create_datagram_endpoint(Impatient, remote_addr=None, local_addr=("127.0.0.1", 0))
            request = encode_packet(Request(Opcode.RRQ, "SEP1", Mode.OCTET.value, ()))
            for _ in range(5):
                transport.sendto(request, service.address)
            await eventually(lambda: service.metrics["requests"] == 5)
            store.may.set()
            await eventually(lambda: got)
            await asyncio.sleep(0.1)
            assert len(got) == 1
            assert service.metrics["active"] == 1
            transport.close()

    asyncio.run(procedure())


def test_stopping_waits_for_no_build() -> None:
    async def procedure() -> None:
        store = Store()
        async with serving(store) as service:
            waiting = asyncio.create_task(get(service, "SEP1", timeout=0.2, retries=0))
            await eventually(store.asked.is_set)
            assert await service.drain(0.1) == 0
            await service.stop()
            assert store.built == [], "it is still under way"
            store.may.set()
            with pytest.raises(TransferFailed):
                await waiting

    asyncio.run(procedure())
