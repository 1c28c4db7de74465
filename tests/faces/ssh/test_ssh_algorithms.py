"""What the SSH servers offer, seen from outside: the shell's and the files'."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncssh
import pytest

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.store.folders import NodeFolder
from mixedmode.services.ssh.sftp import NodeSftpService
from mixedmode.services.ssh.ssh_algorithms import SIGNATURES, only_strong_signatures
from mixedmode.services.ssh.ssh_keys import ensure_key
from tests.faces.conftest import PUBLISHER
from tests.faces.sshlab import SshLab, ssh_lab

OFFERED = {
    "kex": ["mlkem768x25519-sha256", "curve25519-sha256", "curve25519-sha256@libssh.org"],
    "host key": ["ssh-ed25519"],
    "cipher": [
        "chacha20-poly1305@openssh.com", "aes256-gcm@openssh.com", "aes128-gcm@openssh.com",
        "aes256-ctr", "aes192-ctr", "aes128-ctr",
    ],
    "mac": ["hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com", "hmac-sha2-256", "hmac-sha2-512"],
    "compression": ["none"],
}  # fmt: skip


@contextmanager
def sftp_server(folder: Path) -> Iterator[int]:
    ready, stop = threading.Event(), threading.Event()
    ports: list[int] = []
    node = NodeFolder(folder / "sub1").create()
    public = ensure_key(folder / "key")

    async def serve() -> None:
        service = NodeSftpService(node, port=0, authorized_keys=(public,))
        await service.start()
        ports.append(service.port)
        ready.set()
        await asyncio.to_thread(stop.wait)
        await service.stop()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(100)
    try:
        yield ports[0]
    finally:
        stop.set()
        thread.join(100)


@pytest.fixture
def lab(cluster: Cluster, tmp_path: Path) -> Iterator[SshLab]:
    with ssh_lab(cluster, PUBLISHER, tmp_path) as lab:
        yield lab


@pytest.fixture(params=["shell", "files"])
def port(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[int]:
    if request.param == "shell":
        yield request.getfixturevalue("lab").port
    else:
        with sftp_server(tmp_path) as number:
            yield number


def offers(port: int) -> list[list[str]]:
    """Return the ten name lists of the server's SSH_MSG_KEXINIT (RFC 4253 section 7.1)."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as client, client.makefile("rb") as stream:
        client.sendall(b"SSH-2.0-look\r\n")
        assert stream.readline().startswith(b"SSH-2.0-")
        length = int.from_bytes(stream.read(4), "big")
        packet = stream.read(length)
    assert packet[1] == 20
    lists, position = [], 1 + 1 + 16
    for _ in range(10):
        size = int.from_bytes(packet[position : position + 4], "big")
        lists.append(packet[position + 4 : position + 4 + size].decode().split(","))
        position += 4 + size
    return lists


def test_exactly_our_algorithms_are_offered(port: int) -> None:
    kex, host_key, *both_ways = offers(port)
    real = [name for name in kex if not name.startswith(("ext-info-", "kex-strict-"))]
    # The first needs a library with ML-KEM.
    assert real in (OFFERED["kex"], OFFERED["kex"][1:])
    assert "kex-strict-s-v00@openssh.com" in kex
    assert host_key == OFFERED["host key"]
    cipher, mac, compression = both_ways[0:2], both_ways[2:4], both_ways[4:6]
    assert cipher == [OFFERED["cipher"]] * 2
    assert mac == [OFFERED["mac"]] * 2
    assert compression == [OFFERED["compression"]] * 2


@pytest.mark.interop("ssh-audit")
@pytest.mark.skipif(shutil.which("ssh-audit") is None, reason="ssh-audit is not installed")
def test_ssh_audit_has_no_red_line(port: int) -> None:
    shown = subprocess.run(
        ["ssh-audit", "-n", "-p", str(port), "127.0.0.1"], capture_output=True, text=True, timeout=60, check=False
    ).stdout
    assert "(kex) curve25519-sha256 " in shown
    assert [line for line in shown.splitlines() if "[fail]" in line] == []
    assert "sha1" not in shown
    assert "1024" not in shown


OLD = {
    "kex": ("KexAlgorithms=diffie-hellman-group14-sha1", "no matching key exchange method found"),
    "group": ("KexAlgorithms=diffie-hellman-group1-sha1", "no matching key exchange method found"),
    "group exchange": ("KexAlgorithms=diffie-hellman-group-exchange-sha1", "no matching key exchange method found"),
    "nist curve": ("KexAlgorithms=ecdh-sha2-nistp256", "no matching key exchange method found"),
    "host key": ("HostKeyAlgorithms=ssh-rsa", "no matching host key type found"),
    "cipher": ("Ciphers=aes128-cbc", "no matching cipher found"),
    "mac": ("MACs=hmac-sha1", "no matching MAC found"),
}


@pytest.mark.interop("ssh")
@pytest.mark.parametrize("which", OLD)
def test_a_client_of_old_says_that_nothing_matches(lab: SshLab, which: str) -> None:
    option, message = OLD[which]
    # A MAC is not looked at beside a cipher that has its own.
    more = ("-o", "Ciphers=aes128-ctr") if which == "mac" else ()
    refused = lab.ssh("-o", option, *more, "show version active")
    assert refused.returncode == 255
    assert message in refused.stderr


@pytest.mark.interop("ssh")
@pytest.mark.parametrize("cipher", OFFERED["cipher"])
def test_openssh_gets_in_with_each_cipher(lab: SshLab, cipher: str) -> None:
    done = lab.ssh("-o", f"Ciphers={cipher}", "-o", "MACs=hmac-sha2-256", "show version active")
    assert done.returncode == 0, done.stderr


def test_an_rsa_key_signs_with_sha_2_only() -> None:
    private = asyncssh.generate_private_key("ssh-rsa", key_size=2048)
    public = private.convert_to_public()
    assert public.verify(b"data", private.sign(b"data", b"ssh-rsa"))
    only_strong_signatures(public)
    assert not public.verify(b"data", private.sign(b"data", b"ssh-rsa"))
    assert public.verify(b"data", private.sign(b"data", b"rsa-sha2-256"))
    assert "ssh-rsa" not in SIGNATURES


@pytest.mark.interop("ssh")
def test_an_rsa_key_logs_in(lab: SshLab, tmp_path: Path) -> None:
    key = tmp_path / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", key], check=True)
    lab.service.accounts.allow_key("operator", key.with_suffix(".pub").read_text())
    arguments = ("-i", str(key), "-o", "BatchMode=yes")
    assert lab.ssh(*arguments, "show version active", user="operator").returncode == 0
    old = lab.ssh(*arguments, "-o", "PubkeyAcceptedAlgorithms=ssh-rsa", "show version active", user="operator")
    assert old.returncode == 255
