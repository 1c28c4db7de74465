"""All services of a node are one thing to who composes them: started, asked, drained and stopped in the same way."""

from __future__ import annotations

import ast
import asyncio
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

import mixedmode
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.store.folders import NodeFolder
from mixedmode.control.accounts import AccountStore
from mixedmode.control.ctl_desk import CtlDesk
from mixedmode.control.logins import LoginGuard
from mixedmode.errors import RemoteError, UsageError
from mixedmode.faces.ssh.server import AdminSshService
from mixedmode.faces.web.service import WebService
from mixedmode.services.callmanager.node import node_callmanager
from mixedmode.services.capf.service import CapfService
from mixedmode.services.capf.store import CapfStore
from mixedmode.services.ctlprovider.service import CtlProviderService
from mixedmode.services.files.store import MappingStore
from mixedmode.services.http.service import HttpService
from mixedmode.services.net.change_notification import ChangeNotificationService
from mixedmode.services.net.doors import TcpDoor
from mixedmode.services.net.gate import Gate, Place
from mixedmode.services.net.guests import Guests
from mixedmode.services.net.server_tls import TlsFloor
from mixedmode.services.net.service import Service
from mixedmode.services.net.streams import StreamGuest
from mixedmode.services.ssh.sftp import NodeSftpService
from mixedmode.services.ssh.ssh_keys import ensure_key
from mixedmode.services.tftp.service import TftpService
from mixedmode.services.tvs.credentials import FixedCredentials
from mixedmode.services.tvs.lookup import TrustLookup
from mixedmode.services.tvs.service import TvsService
from tests.cluster.building import PUB
from tests.services.tvs.tvsclient import run, table, tvs_signer
from tests.support import eventually

FILES = MappingStore({"a": b"content"})


def sftp(cluster: Cluster, port: int) -> Service:
    node = NodeFolder(cluster.directory / "sub").create()
    return NodeSftpService(node, port=port, authorized_keys=(ensure_key(cluster.directory / "key"),))


def provider(cluster: Cluster, port: int) -> Service:
    guard = LoginGuard(AccountStore(cluster.directory / "accounts.json"))
    return CtlProviderService(CtlDesk(cluster, PUB), PUB, guard, port=port)


def callmanager(cluster: Cluster, port: int) -> Service:
    return node_callmanager(cluster, cluster.node(PUB), host="127.0.0.1", port=port, tls_port=0, floor=TlsFloor.TLS_1_0)


SERVICES: dict[str, Callable[[Cluster, int], Service]] = {
    "tftp": lambda _cluster, port: TftpService(FILES, port=port),
    "http": lambda _cluster, port: HttpService(FILES, port=port),
    "tvs": lambda _cluster, port: TvsService(TrustLookup((table(),)), FixedCredentials(tvs_signer()), port=port),
    "capf": lambda cluster, port: CapfService(CapfStore(cluster.directory / "capf"), tvs_signer, port=port),
    "callmanager": callmanager,
    "ctl_provider": provider,
    "sftp": sftp,
    "ssh": lambda cluster, port: AdminSshService(cluster, PUB, port=port),
    "web": lambda cluster, port: WebService(cluster, PUB, port=port, floor=TlsFloor.TLS_1_0),
    "change_notification": lambda cluster, _port: ChangeNotificationService(cluster),
}


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_starts_is_drained_stops_and_starts_again(name: str, cluster: Cluster) -> None:
    async def procedure() -> None:
        service = SERVICES[name](cluster, 0)
        assert not service.healthy
        with pytest.raises(UsageError, match="is not running"):
            _ = service.address
        await service.stop()
        for _ in range(2):
            await service.start()
            assert service.healthy
            assert service.port == service.address[1]
            assert all(isinstance(count, int) for count in service.metrics.values())
            with pytest.raises(UsageError, match="is running already"):
                await service.start()
            assert service.healthy, "a second start does no harm"
            if service.port:
                with pytest.raises(RemoteError, match="cannot listen"):
                    await SERVICES[name](cluster, service.port).start()
            assert await service.drain(1) == 0
            assert not service.healthy
            await service.stop()
            await service.stop()
            with pytest.raises(UsageError, match="is not running"):
                _ = service.port

    run(procedure())


def test_these_are_all_there_are() -> None:
    """What a node offers on a socket is a Service, and each of them is tried above."""
    root = Path(mixedmode.__file__).parent
    found = set()
    for path in root.rglob("*.py"):
        text = path.read_text()
        if "Service" not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ClassDef) and any(
                ast.unparse(base) in {"Service", "DoorService"} for base in node.bases
            ):
                found.add(node.name)
    assert found - {"DoorService"} == {
        *("TftpService", "HttpService", "TvsService", "CapfService", "CallManagerService", "CtlProviderService"),
        *("NodeSftpService", "AdminSshService", "ChangeNotificationService", "CrewService", "WebService"),
    }


def test_who_is_dropped_before_he_is_served_leaves_nothing_behind(cluster: Cluster) -> None:
    """The CTL Provider asks for its key for each connection; who goes meanwhile gives his place back."""

    async def procedure() -> None:
        service = provider(cluster, 0)
        assert isinstance(service, CtlProviderService)
        await service.start()
        for _ in range(4):
            _, writer = await asyncio.open_connection(*service.address)
            writer.transport.abort()
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        service._door._take(ours, "127.0.0.9")
        service._door.close()
        await eventually(lambda: not service.metrics["open"])
        await service.stop()
        theirs.close()
        assert ours.fileno() == -1

    run(procedure())


def test_a_stream_that_is_ended_before_its_first_step_leaves() -> None:
    async def procedure() -> None:
        guests: Guests[StreamGuest] = Guests(Gate(10, 10))
        served: list[StreamGuest] = []

        async def serve(guest: StreamGuest) -> None:
            served.append(guest)

        def make_guest(place: Place) -> StreamGuest:
            guest = StreamGuest(guests, place, serve)
            made.append(guest)
            return guest

        made: list[StreamGuest] = []
        door = TcpDoor("a test", ("127.0.0.1", 0), guests, make_guest)
        address = await door.open()
        made_before = StreamGuest.connection_made

        def made_and_ended(guest: StreamGuest, transport: asyncio.BaseTransport) -> None:
            made_before(guest, transport)
            guest.abort()

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(StreamGuest, "connection_made", made_and_ended)
            reader, writer = await asyncio.open_connection(*address)
            assert await reader.read() == b""
            writer.close()
        assert await guests.gone(5) == 0
        assert guests.counted()["open"] == 0
        assert (len(made), served) == (1, [])
        door.close()

    run(procedure())
