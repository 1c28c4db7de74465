"""All services of a node are one thing to who composes them: started, asked, drained and stopped in the same way."""

from __future__ import annotations

import ast
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
from mixedmode.services.callmanager.node import node_callmanager
from mixedmode.services.capf.service import CapfService
from mixedmode.services.capf.store import CapfStore
from mixedmode.services.ctlprovider.service import CtlProviderService
from mixedmode.services.files.store import MappingStore
from mixedmode.services.http.service import HttpService
from mixedmode.services.net.change_notification import ChangeNotificationService
from mixedmode.services.net.server_tls import FixedCredentials, TlsFloor
from mixedmode.services.net.service import Service
from mixedmode.services.ssh.sftp import NodeSftpService
from mixedmode.services.ssh.ssh_keys import ensure_key
from mixedmode.services.tftp.service import TftpService
from mixedmode.services.tvs.lookup import TrustLookup
from mixedmode.services.tvs.service import TvsService
from tests.cluster.building import PUB, make
from tests.services.tvs.tvsclient import run, table, tvs_signer

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
    "change_notification": lambda cluster, _port: ChangeNotificationService(cluster),
}


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_starts_is_drained_stops_and_starts_again(name: str, tmp_path: Path) -> None:
    cluster = make(tmp_path / "cluster")

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

    try:
        run(procedure())
    finally:
        cluster.close()


def test_these_are_all_there_are() -> None:
    """What a node offers on a socket is a Service, and each of them is tried above."""
    root = Path(mixedmode.__file__).parent
    found = set()
    for path in root.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef) and any(ast.unparse(base) == "Service" for base in node.bases):
                found.add(node.name)
    assert found == {
        *("TftpService", "HttpService", "TvsService", "CapfService", "CallManagerService", "CtlProviderService"),
        *("NodeSftpService", "AdminSshService", "ChangeNotificationService", "CrewService"),
    }
