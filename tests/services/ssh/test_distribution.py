"""Files pushed over SFTP to real nodes: nodes that are down, keys that are refused, host keys that changed, escapes."""

from __future__ import annotations

import asyncio
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import asyncssh
import pytest

from mixedmode.cluster.model.errors import NodeDownError
from mixedmode.cluster.model.topology import NodeInfo, NodeRole
from mixedmode.cluster.store.folders import NodeFolder
from mixedmode.node.distributor import NodeDistributor
from mixedmode.services.ssh.distribution import SftpDistributor, SftpEndpoint
from mixedmode.services.ssh.sftp import ACCOUNT, NodeSftpService, SftpLimits
from mixedmode.services.ssh.ssh_keys import ensure_key

SUB = NodeInfo("sub1", NodeRole.SUBSCRIBER, "127.0.0.2", frozenset())


class Site:
    """A node with its SFTP service in a thread, and the publisher's key."""

    def __init__(self, folder: Path) -> None:
        self.key = folder / "publisher_key"
        self.node = NodeFolder(folder / "sub1").create()
        self.public = ensure_key(self.key)
        self.endpoint = SftpEndpoint("127.0.0.1", 0, "")

    @property
    def distributor(self) -> SftpDistributor:
        return self.distributing(60)

    def distributing(self, seconds: float) -> SftpDistributor:
        return SftpDistributor(lambda _node: self.endpoint, self.key, connect_seconds=seconds, delivery_seconds=seconds)

    @contextmanager
    def running(self, port: int = 0, limits: SftpLimits | None = None, keys: tuple[str, ...] = ()) -> Iterator[None]:
        ready, stop = threading.Event(), threading.Event()

        async def serve() -> None:
            service = NodeSftpService(self.node, port=port, authorized_keys=keys or (self.public,), limits=limits)
            await service.start()
            self.endpoint = SftpEndpoint("127.0.0.1", service.port, service.host_public_key)
            ready.set()
            await asyncio.to_thread(stop.wait)
            await service.drain(1)
            await service.stop()

        thread = threading.Thread(target=lambda: asyncio.run(serve()))
        thread.start()
        assert ready.wait(60)
        try:
            yield
        finally:
            stop.set()
            thread.join(60)

    def sftp(self, *commands: str, key: Path | None = None) -> subprocess.CompletedProcess[str]:
        known = self.key.with_name("known_hosts")
        known.write_text(f"[127.0.0.1]:{self.endpoint.port} {self.endpoint.host_key}\n")
        return subprocess.run(
            ["sftp", "-b", "-", "-P", str(self.endpoint.port), "-i", str(key or self.key), "-o",
             f"UserKnownHostsFile={known}", "-o", "IdentitiesOnly=yes", f"{ACCOUNT}@127.0.0.1"],
            input="\n".join(commands) + "\n", capture_output=True, text=True, timeout=110, check=False,
        )  # fmt: skip


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_files_are_written_whole_replaced_and_deleted(site: Site) -> None:
    with site.running():
        assert site.distributor.reachable(SUB) is None
        site.distributor.deliver(SUB, {"CTLFile.tlv": b"old" * 1000, "ITLFile.tlv": b"itl"})
        site.distributor.deliver(SUB, {"CTLFile.tlv": b"new" * 50_000})
        assert site.node.read("CTLFile.tlv") == b"new" * 50_000
        site.distributor.deliver(SUB, {"CTLFile.tlv": None, "never": None})
    assert site.node.names() == ["ITLFile.tlv"]
    assert [path.name for path in site.node.tftp.iterdir()] == ["ITLFile.tlv"]


def test_a_node_that_is_down_is_told_and_served_when_it_returns(site: Site) -> None:
    with site.running():
        pass
    with pytest.raises(NodeDownError, match="sub1"):
        site.distributor.deliver(SUB, {"CTLFile.tlv": b"x"})
    with site.running(port=site.endpoint.port):
        site.distributor.deliver(SUB, {"CTLFile.tlv": b"x"})
    assert site.node.read("CTLFile.tlv") == b"x"


def test_a_changed_host_key_and_a_refused_key_are_told_apart(site: Site, tmp_path: Path) -> None:
    with site.running():
        pinned, other = site.endpoint, ensure_key(tmp_path / "other")
        site.endpoint = replace(pinned, host_key=other)
        with pytest.raises(NodeDownError, match="not the one that was pinned"):
            site.distributor.deliver(SUB, {"CTLFile.tlv": b"x"})
        site.endpoint = pinned
    with site.running(keys=(other,)), pytest.raises(NodeDownError, match="refuses the publisher's key"):
        site.distributor.deliver(SUB, {"CTLFile.tlv": b"x"})
    assert site.node.names() == []


def test_a_file_that_is_too_large_leaves_the_old_one(site: Site) -> None:
    with site.running(limits=SftpLimits(file_bytes=1000)):
        site.distributor.deliver(SUB, {"CTLFile.tlv": b"old"})
        with pytest.raises(NodeDownError):
            site.distributor.deliver(SUB, {"CTLFile.tlv": bytes(2000)})
    assert site.node.read("CTLFile.tlv") == b"old"
    assert [path.name for path in site.node.tftp.iterdir()] == ["CTLFile.tlv"]


def test_a_node_that_hangs_costs_a_bounded_time(site: Site) -> None:
    import socket

    with site.running():
        pass
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        site.endpoint = replace(site.endpoint, port=silent.getsockname()[1])
        with pytest.raises(NodeDownError):
            site.distributing(0.5).deliver(SUB, {"CTLFile.tlv": b"x"})


@pytest.mark.interop("sftp")
def test_openssh_puts_gets_and_lists(site: Site, tmp_path: Path) -> None:
    (tmp_path / "mine").write_bytes(b"from sftp" * 10_000)
    with site.running():
        done = site.sftp(f"put {tmp_path / 'mine'} CTLFile.tlv", "ls -l", f"get CTLFile.tlv {tmp_path / 'back'}")
    assert done.returncode == 0, done.stderr
    assert "CTLFile.tlv" in done.stdout
    assert (tmp_path / "back").read_bytes() == b"from sftp" * 10_000
    assert site.node.read("CTLFile.tlv") == b"from sftp" * 10_000


@pytest.mark.interop("sftp")
@pytest.mark.parametrize(
    "command", ["get ../../../../keys/sftp_host_ed25519_key stolen", "get /etc/passwd stolen", "ls ..", "mkdir x",
                "symlink /etc/passwd x", "put /etc/hostname ../x", "put /etc/hostname .hidden"]
)  # fmt: skip
def test_openssh_cannot_leave_the_folder(site: Site, tmp_path: Path, command: str) -> None:
    with site.running():
        done = site.sftp(f"lcd {tmp_path}", command)
    assert done.returncode != 0
    assert not (tmp_path / "stolen").exists()
    assert site.node.names() == []


def test_an_upload_that_is_cut_off_leaves_the_old_file(site: Site) -> None:
    async def cut() -> None:
        connection = await asyncssh.connect(
            "127.0.0.1", site.endpoint.port, username=ACCOUNT, client_keys=[str(site.key)], known_hosts=None
        )
        client = await connection.start_sftp_client()
        file = await client.open("CTLFile.tlv", "wb")
        await file.write(b"half of the new")
        connection.abort()
        await asyncio.sleep(0.3)

    with site.running():
        site.distributor.deliver(SUB, {"CTLFile.tlv": b"old"})
        asyncio.run(cut())
        site.distributor.reachable(SUB)
    assert site.node.read("CTLFile.tlv") == b"old"


@pytest.mark.interop("ssh")
def test_there_is_no_shell(site: Site) -> None:
    with site.running():
        known = site.key.with_name("known_hosts")
        known.write_text(f"[127.0.0.1]:{site.endpoint.port} {site.endpoint.host_key}\n")
        done = subprocess.run(
            ["ssh", "-p", str(site.endpoint.port), "-i", str(site.key), "-o", f"UserKnownHostsFile={known}",
             f"{ACCOUNT}@127.0.0.1", "id"],
            capture_output=True, text=True, timeout=110, check=False,
        )  # fmt: skip
    assert done.returncode != 0
    assert "uid=" not in done.stdout


@pytest.mark.interop("sftp")
def test_a_stranger_is_refused(site: Site, tmp_path: Path) -> None:
    ensure_key(tmp_path / "stranger")
    with site.running():
        assert "Permission denied" in site.sftp("ls", key=tmp_path / "stranger").stderr


def test_a_node_that_lives_here_needs_no_network(site: Site, tmp_path: Path) -> None:
    distributor = NodeDistributor(tmp_path, None)
    assert distributor.reachable(SUB) is None
    distributor.deliver(SUB, {"CTLFile.tlv": b"here"})
    assert site.node.read("CTLFile.tlv") == b"here"


def test_the_publisher_keeps_a_copy_of_another_hosts_files(site: Site, tmp_path: Path) -> None:
    publisher = tmp_path / "publisher"
    mirror = NodeFolder(publisher / "sub1").create(mirror=True)
    with site.running():
        NodeDistributor(publisher, site.distributor).deliver(SUB, {"CTLFile.tlv": b"x"})
    assert mirror.read("CTLFile.tlv") == site.node.read("CTLFile.tlv") == b"x"
