"""An address, a port, a permission or a name is named for what it is, by every service and client."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from mixedmode.causes import cannot_listen, file_error, place, why_no_connection
from mixedmode.errors import MixedModeError, RemoteError
from mixedmode.phone.body.download import fetch_tftp
from mixedmode.phone.body.tvs import ask_tvs
from mixedmode.phone.mind.config import TvsServer
from mixedmode.phone.mind.trust.asking import TvsRequest
from mixedmode.phone.mind.trust.decisions import TvsQuestion
from mixedmode.services.net.doors import listen
from mixedmode.services.tftp.datagrams import bind_datagram
from tests.support import run_mixedmode


def tcp(host: str, port: int) -> None:
    listen("HTTP", host, port).close()


def udp(host: str, port: int) -> None:
    bind_datagram(socket.AF_INET, (host, port)).close()


@pytest.mark.parametrize("door", [tcp, udp])
def test_a_port_in_use_and_an_address_of_another_host(door: Callable[[str, int], None]) -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_STREAM) as stream,
        socket.socket(type=socket.SOCK_DGRAM) as datagrams,
    ):
        datagrams.bind(("127.0.0.1", 0))
        port = datagrams.getsockname()[1]
        stream.bind(("127.0.0.1", port))
        stream.listen()
        with pytest.raises(RemoteError, match="the port is in use"):
            door("127.0.0.1", port)
    with pytest.raises(RemoteError, match="this host does not have the address"):
        door("203.0.113.9", 0)


def test_a_name_that_nobody_knows() -> None:
    with pytest.raises(RemoteError, match="no host of this name is known"):
        tcp("nosuch.invalid", 0)
    with pytest.raises(MixedModeError, match="no host of this name is known"):
        asyncio.run(fetch_tftp("nosuch.invalid", 69, "x"))
    for evil in ("a" * 70, "\x9b1m", ".x", "a..b"):
        with pytest.raises(MixedModeError):
            tcp(evil, 0)
        with pytest.raises(MixedModeError):
            asyncio.run(fetch_tftp(evil, 69, "x"))
        question = TvsQuestion("CN=x", "CN=x", b"1")
        with pytest.raises(MixedModeError):
            asyncio.run(ask_tvs(TvsRequest(TvsServer(evil), question, "CP-7975-SEP001122334455", "1.2", ())))


def test_a_low_port_says_which_right_is_missing() -> None:
    refused = cannot_listen("TFTP", "::1", 69, PermissionError(errno.EACCES, "Permission denied"))
    assert refused.where == "[::1]:69"
    assert "CAP_NET_BIND_SERVICE" in (refused.next_step or "")
    other = cannot_listen("TFTP", "127.0.0.1", 6969, PermissionError(errno.EACCES, "Permission denied"))
    assert "CAP_NET" not in (other.next_step or "")


def no_tls() -> OSError:
    """Return what OpenSSL says of a server that answers without TLS."""
    incoming = ssl.MemoryBIO()
    incoming.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    with pytest.raises(ssl.SSLError) as caught:
        ssl.create_default_context().wrap_bio(incoming, ssl.MemoryBIO(), server_hostname="pub").do_handshake()
    return caught.value


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed ('127.0.0.1', 1)"), "nothing listens"),
        (OSError("Multiple exceptions: [Errno 111] Connect call failed, [Errno 111] Connect call failed"), "nothing"),
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "no host of this name"),
        (TimeoutError(), "no answer"),
        (OSError(errno.ENETUNREACH, "Network is unreachable"), "no route"),
        (OSError(12345, "Something else"), "Something else"),
        (OSError(), "the connection was closed"),
        (no_tls(), "does not speak TLS"),
    ],
)
def test_why_there_is_no_connection(error: OSError, words: str) -> None:
    assert words in why_no_connection(error)[0]


def test_a_file_that_cannot_be_used_says_why_and_what_to_do() -> None:
    problem = file_error(PermissionError(errno.EACCES, "Permission denied", "/etc/shadow"))
    assert (problem.where, problem.what) == ("/etc/shadow", "no permission")
    assert problem.next_step
    assert place("::1", 2) == "[::1]:2"


def test_the_command_line_says_it_too(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run_mixedmode("lab", "--directory", tmp_path / "file" / "lab", "--once")
    assert done.returncode == 2
    assert "a part of the path is no folder" in done.stderr
    assert "next:" in done.stderr
