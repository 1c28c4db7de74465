"""Servers that begin as SSH does and go on with packets that are none: asyncssh has errors of its own for them."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncssh
import pytest

from mixedmode.errors import RemoteError
from mixedmode.live.shell.login import SshAccount
from mixedmode.live.shell.prompt import Patience
from mixedmode.live.shell.session import AdminShell
from mixedmode.node.join import Publisher, ask_publisher
from tests.support import run_mixedmode

PACKETS = [bytes(16), b"\0\0\0\x0c\x04\x14" + b"\xff" * 10, b"\0\0\0\x0c\x0a\x02" + b"\0" * 10]
"""An empty one; the offer of algorithms cut short; a message without its text."""


@contextmanager
def server(packet: bytes) -> Iterator[int]:
    def serve() -> None:
        with listening, listening.accept()[0] as client:
            client.sendall(b"SSH-2.0-x\r\n" + packet)
            client.settimeout(60)
            while client.recv(4096):
                pass

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        thread.join(60)


@pytest.mark.parametrize("packet", PACKETS)
def test_admin(tmp_path: Path, packet: bytes) -> None:
    (tmp_path / "password").write_text("secret\n")
    with server(packet) as port:
        done = run_mixedmode("admin", f"a@127.0.0.1:{port}", "show ctl", "--password-file", tmp_path / "password")
    assert (done.returncode, f"127.0.0.1:{port}" in done.stderr) == (3, True), done.stderr


@pytest.mark.parametrize("packet", PACKETS)
def test_a_live_cluster_and_a_publisher(tmp_path: Path, packet: bytes) -> None:
    known = tmp_path / "known_hosts"
    key = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    with server(packet) as port:
        known.write_text(f"[127.0.0.1]:{port} {key}")
        with pytest.raises(RemoteError, match="does not answer"):
            asyncio.run(AdminShell.open(SshAccount("127.0.0.1", port, "a", known, "x"), Patience()))
    with server(packet) as port:
        known.write_text(f"[127.0.0.1]:{port} {key}")
        with pytest.raises(RemoteError, match="does not answer"):
            asyncio.run(ask_publisher(Publisher("127.0.0.1", port, "a", "x", known), {}))
