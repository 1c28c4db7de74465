"""Downloads from servers that behave, and from servers that do not."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from pathlib import Path

import pytest

from mixedmode.errors import UsageError
from mixedmode.phone.body.download import (
    FileNotFoundOnServer,
    TransferFailed,
    fetch,
    fetch_http,
    fetch_sync,
    fetch_tftp,
    split_tftp_url,
)

BODY = bytes(range(256)) * 20


def http(answer: bytes, *, limit: int = 1 << 20, deadline: float = 60.0) -> tuple[bytes, bytes]:
    """Fetch from a server that says ``answer`` and hangs up; return the body and what the client sent."""
    seen = b""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal seen
        seen = await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    async def procedure() -> bytes:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server:
            url = f"http://127.0.0.1:{port}/New Zealand/a.xml"
            return await fetch_http(url, limit=limit, deadline=deadline)

    return asyncio.run(procedure()), seen


def test_a_body_with_its_length() -> None:
    body, request = http(b"HTTP/1.1 200 OK\r\nContent-Length: 5120\r\n\r\n" + BODY)
    assert body == BODY
    assert request.startswith(b"GET /New%20Zealand/a.xml HTTP/1.1\r\nHost: 127.0.0.1:")


def test_a_body_in_chunks_after_an_interim_answer() -> None:
    chunks = b"".join(b"%x;x=y\r\n%s\r\n" % (len(part), part) for part in (BODY[:1000], BODY[1000:]))
    answer = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks
    assert http(answer + b"0\r\n\r\n")[0] == BODY


def test_a_body_that_ends_with_the_connection() -> None:
    assert http(b"HTTP/1.0 200 OK\r\n\r\n" + BODY)[0] == BODY


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"HTTP/1.1 302 Found\r\nLocation: http://other/\r\n\r\n", "redirection to http://other/"),
        (b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", "status 503"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\nshort", "within its answer"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "answers no HTTP"),
        (b"", "answers no HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n", "larger than"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "no number"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + bytes(20000), "larger than"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "chunk has no size"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n", "larger than"),
        (b"SSH-2.0-x\r\n\r\n", "no HTTP answer"),
        (b"HTTP/1.1 200 OK\r\nX: " + bytes(20000), "connection failed"),
    ],
)
def test_a_broken_answer_is_a_failed_transfer(answer: bytes, message: str) -> None:
    with pytest.raises(TransferFailed) as caught:
        http(answer, limit=10000)
    assert message in caught.value.diagnostics()
    assert caught.value.where is not None


def test_http_404_is_a_missing_file() -> None:
    with pytest.raises(FileNotFoundOnServer):
        http(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        await reader.read(-1)
    writer.close()


def test_a_silent_server_costs_the_deadline_and_no_more() -> None:
    async def procedure() -> None:
        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        try:
            await fetch_http(f"http://127.0.0.1:{port}/a", deadline=0.2)
        finally:
            server.close()
            await asyncio.sleep(0.05)  # the server sees that the client has hung up

    with pytest.raises(TransferFailed, match=r"0\.2 s"):
        asyncio.run(procedure())


def test_https_checks_the_certificate_unless_told_whom_to_trust(tmp_path: Path) -> None:
    import subprocess

    words = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=tftp "
        "-addext subjectAltName=IP:127.0.0.1 -keyout key.pem -out cert.pem"
    )
    subprocess.run(
        words.split(" "),
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await writer.drain()
        writer.close()

    async def procedure() -> bytes:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/a"
        async with server:
            with pytest.raises(TransferFailed, match="not trusted"):
                await fetch(url)
            return await fetch(url, ca_file=tmp_path / "cert.pem")

    assert asyncio.run(procedure()) == b"ok"


class Misbehaving(asyncio.DatagramProtocol):
    def __init__(self, answers: list[bytes]) -> None:
        self.answers = answers

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, _data: bytes, addr: object) -> None:
        for answer in self.answers:
            self.transport.sendto(answer, addr)  # type: ignore[attr-defined] # a datagram transport


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ([], "No answer to the request after 2 attempts"),
        ([b"", b"\0", b"\0\3", b"\0\x0a\0\0", b"\0\4\0\0"], "No answer"),
        ([b"\0\5\0\2no\0"], "no"),
        ([b"\0\5\0\x63"], "code 99"),
        ([b"\0\3\0\1" + bytes(600)], "too long"),
        ([b"\0\6blksize\x009000\0"], "options"),
    ],
)
def test_a_tftp_server_that_misbehaves_is_a_failed_transfer(answers: list[bytes], message: str) -> None:
    async def procedure() -> None:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: Misbehaving(answers), local_addr=("127.0.0.1", 0))
        try:
            port = transport.get_extra_info("sockname")[1]
            await fetch_tftp("127.0.0.1", port, "a", timeout=0.05, retries=1)
        finally:
            transport.close()

    with pytest.raises(TransferFailed) as caught:
        asyncio.run(procedure())
    assert message in str(caught.value)


def test_urls() -> None:
    assert split_tftp_url("tftp://cucm/SEP.cnf.xml;mode=octet") == ("cucm", 69, "SEP.cnf.xml")
    assert split_tftp_url("tftp://[::1]:6969/New%20Zealand/a") == ("::1", 6969, "New Zealand/a")
    for bad in ("tftp://host", "tftp:///x", "ftp://host/x", "tftp://host:x/y", "tftp://host:0/y"):
        with pytest.raises(UsageError):
            fetch_sync(bad)
    for bad in ("http:///x", "HTTPS:///x", "http://host:0/x"):
        with pytest.raises(UsageError, match="http"):
            fetch_sync(bad)
    with pytest.raises(UsageError):
        asyncio.run(fetch_tftp("127.0.0.1", 9, "x" * 600))
