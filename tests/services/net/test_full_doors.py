"""Every door, filled by a few addresses that say nothing: others and this machine itself still get in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from mixedmode.cluster.store.folders import NodeFolder
from mixedmode.control.accounts import AccountStore
from mixedmode.control.ctl_desk import CtlDesk
from mixedmode.control.logins import LoginGuard
from mixedmode.faces.ssh.server import AdminSshService, SshLimits
from mixedmode.protocols.ctlprovider import Hello
from mixedmode.protocols.ctlprovider import encode_message as ctl_message
from mixedmode.services.callmanager.service import CallManagerLimits
from mixedmode.services.capf.service import CapfLimits, CapfService
from mixedmode.services.capf.store import CapfStore
from mixedmode.services.ctlprovider.ports import ProviderLimits
from mixedmode.services.ctlprovider.service import CtlProviderService
from mixedmode.services.files.store import MappingStore
from mixedmode.services.http.service import HttpLimits, HttpService
from mixedmode.services.net.server_tls import server_context
from mixedmode.services.ssh.sftp import ACCOUNT, NodeSftpService, SftpLimits
from mixedmode.services.ssh.ssh_keys import ensure_key
from mixedmode.services.tvs.service import TvsLimits
from tests.cluster.building import PUB, make
from tests.services.callmanager.callmanager_site import REGISTER, callmanager
from tests.services.tvs.tvsclient import REQUEST, client_context, read_answer, run, serving, tvs_signer

STRANGER = "127.0.0.50"
LOCAL = "127.0.0.1"
FLOOD = [f"127.0.0.{number}" for number in range(2, 10)]
"""In a test they stand for other hosts; only 127.0.0.1 is this machine."""
PASSWORD = "Marmalade-1"
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Address = tuple[str, int]
Asked = Callable[[str], Awaitable[object]]


async def reach(address: Address, source: str, *, tls: bool = False) -> Streams:
    context = client_context() if tls else None
    return await asyncio.open_connection(*address, ssl=context, local_addr=(source, 0))


def asking(address: Address, data: bytes, *, tls: bool = False, size: int = 1) -> Asked:
    """Return what sends bytes from an address and waits for the beginning of the answer."""

    async def ask(source: str) -> bytes:
        reader, writer = await reach(address, source, tls=tls)
        try:
            writer.write(data)
            return await reader.readexactly(size)
        finally:
            writer.transport.abort()

    return ask


def ssh_asking(address: Address, **login: Any) -> Asked:
    async def ask(source: str) -> object:
        options = {"known_hosts": None, "config": None, "agent_path": None, "local_addr": (source, 0), **login}
        async with asyncssh.connect(*address, **options):
            return True

    return ask


@asynccontextmanager
async def shell(folder: Path) -> AsyncIterator[tuple[Address, Asked]]:
    cluster = make(folder / "cluster")
    service = AdminSshService(cluster, PUB, port=0)
    service.accounts.put("administrator", PASSWORD, 4)
    await service.start()
    try:
        login = {"username": "administrator", "password": PASSWORD, "client_keys": None}
        yield ("127.0.0.1", service.port), ssh_asking(("127.0.0.1", service.port), **login)
    finally:
        await service.stop()
        cluster.close()


@asynccontextmanager
async def files(folder: Path) -> AsyncIterator[tuple[Address, Asked]]:
    node, key = NodeFolder(folder / "sub").create(), folder / "key"
    service = NodeSftpService(node, port=0, authorized_keys=(ensure_key(key),))
    await service.start()
    try:
        yield service.address, ssh_asking(service.address, username=ACCOUNT, client_keys=[str(key)])
    finally:
        await service.stop()


@asynccontextmanager
async def provider(folder: Path) -> AsyncIterator[tuple[Address, Asked]]:
    cluster = make(folder / "cluster")
    service = CtlProviderService(CtlDesk(cluster, PUB), PUB, LoginGuard(AccountStore(folder / "accounts.json")), port=0)
    await service.start()
    try:
        yield service.address, asking(service.address, ctl_message(Hello(1, "test")), tls=True)
    finally:
        await service.stop()
        cluster.close()


@asynccontextmanager
async def capf(folder: Path) -> AsyncIterator[tuple[Address, Asked]]:
    limits = CapfLimits(connections=40, per_address=10)
    service = CapfService(CapfStore(folder / "capf"), tvs_signer, port=0, limits=limits)
    await service.start()
    try:
        yield ("127.0.0.1", service.port), asking(("127.0.0.1", service.port), b"", tls=True)
    finally:
        await service.stop()


@asynccontextmanager
async def tvs(_folder: Path) -> AsyncIterator[tuple[Address, Asked]]:
    async with serving(limits=TvsLimits(connections=40, per_address=10)) as service:

        async def ask(source: str) -> object:
            reader, writer = await reach(service.address, source, tls=True)
            writer.write(REQUEST)
            try:
                return await read_answer(reader)
            finally:
                writer.transport.abort()

        yield service.address, ask


@asynccontextmanager
async def http(_folder: Path, *, secure: bool = False) -> AsyncIterator[tuple[Address, Asked]]:
    context = (lambda: server_context([tvs_signer()])) if secure else None
    limits = HttpLimits(connections=40, per_address=10)
    service = HttpService(MappingStore({"a": b"content"}), port=0, limits=limits, tls=context)
    await service.start()
    try:
        asked = asking(service.address, b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n", tls=secure, size=15)

        async def ask(source: str) -> bool:
            return await asked(source) == b"HTTP/1.1 200 OK"

        yield service.address, ask
    finally:
        await service.stop()


@asynccontextmanager
async def https(folder: Path) -> AsyncIterator[tuple[Address, Asked]]:
    async with http(folder, secure=True) as found:
        yield found


@asynccontextmanager
async def sccp(_folder: Path) -> AsyncIterator[tuple[Address, Asked]]:
    async with callmanager(limits=CallManagerLimits(connections=40, per_address=10)) as service:
        yield service.address, asking(service.address, REGISTER, size=12)


DOORS = {
    "ssh": (shell, SshLimits().connections),
    "sftp": (files, SftpLimits().connections),
    "ctl provider": (provider, ProviderLimits().connections),
    "capf": (capf, 40),
    "tvs": (tvs, 40),
    "http": (http, 40),
    "https": (https, 40),
    "sccp": (sccp, 40),
}


@pytest.mark.parametrize("name", DOORS)
def test_a_few_addresses_cannot_fill_it(name: str, tmp_path: Path) -> None:
    serve, places = DOORS[name]

    async def procedure() -> None:
        async with serve(tmp_path) as (address, ask), asyncio.timeout(100):
            silent = [
                await asyncio.open_connection(*address, local_addr=(source, 0))
                for source in FLOOD
                for _ in range(places // len(FLOOD) * 2)
            ]
            try:
                for source in (STRANGER, LOCAL, STRANGER, LOCAL):
                    assert await ask(source)
            finally:
                for _, writer in silent:
                    writer.transport.abort()

    run(procedure())
