"""The phone's TVS client against our server, and against servers that are not ours."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from mixedmode.errors import MixedModeError, ProtocolError, RemoteError, UsageError
from mixedmode.phone.body.tls import UntrustedServerError
from mixedmode.phone.body.tvs import ask_tvs, exchange
from mixedmode.phone.mind.config import TvsServer
from mixedmode.phone.mind.trust.asking import TvsRequest
from mixedmode.phone.mind.trust.decisions import TvsOutcome, TvsQuestion
from mixedmode.pki.certificates.load import private_key_pem
from mixedmode.protocols.tvs import QueryRequest, encode_message, known, parse_message
from mixedmode.services.net.server_tls import TlsFloor
from tests.services.tvs.tvsclient import CALLMANAGER, DEVICE, QUERY, run, serving, tvs_signer

QUESTION = TvsQuestion(CALLMANAGER.subject, CALLMANAGER.issuer, CALLMANAGER.serial)
TRUSTED = (b"another", tvs_signer().certificate.der)


def question(port: int, *, tls_max: str = "1.2", trusted: tuple[bytes, ...] = TRUSTED) -> TvsRequest:
    return TvsRequest(TvsServer("127.0.0.1", port), QUESTION, DEVICE, tls_max, trusted)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_known_signer_comes_with_certificate_roles_and_time(loop: str) -> None:
    async def procedure() -> None:
        async with serving() as service:
            answer = await ask_tvs(question(service.port))
            assert answer.outcome is TvsOutcome.KNOWN
            assert answer.certificate == CALLMANAGER
            assert (answer.roles, answer.ttl) == (frozenset({0, 2}), 86400)
            stranger = TvsQuestion("CN=a", "CN=b", b"\1")
            asked = TvsRequest(TvsServer("127.0.0.1", service.port), stranger, DEVICE, "1.2", TRUSTED)
            assert (await ask_tvs(asked)).outcome is TvsOutcome.UNKNOWN

    run(procedure(), loop)


def test_a_server_that_the_itl_does_not_name_is_sent_nothing() -> None:
    async def procedure() -> None:
        async with serving() as service:
            for trusted in ((), (tvs_signer(number=1).certificate.der,)):
                with pytest.raises(UntrustedServerError) as caught:
                    await ask_tvs(question(service.port, trusted=trusted))
                assert caught.value.where == f"127.0.0.1:{service.port}"
            await asyncio.sleep(0.05)
            assert service.metrics["requests"] == 0

    run(procedure())


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_model_that_knows_only_tls_1_0(loop: str) -> None:
    async def procedure() -> None:
        async with serving(floor=TlsFloor.TLS_1_0) as service:
            assert (await ask_tvs(question(service.port, tls_max="1.0"))).outcome is TvsOutcome.KNOWN
        async with serving() as service:
            with pytest.raises(RemoteError) as caught:
                await ask_tvs(question(service.port, tls_max="1.0"))
            assert "TLS 1.0" in (caught.value.next_step or "")

    run(procedure(), loop)


@pytest.mark.interop("openssl")
@pytest.mark.parametrize("version", ["-tls1_2", "-tls1"])
def test_an_openssl_server_is_understood(tmp_path: Path, version: str) -> None:
    pem = tmp_path / "tvs.pem"
    pem.write_bytes(private_key_pem(tvs_signer().key) + tvs_signer().certificate.pem())
    answer = encode_message(known(QUERY, CALLMANAGER.der, (0, 3)))

    async def procedure() -> None:
        process = await asyncio.create_subprocess_exec(
            *("openssl", "s_server", "-accept", "127.0.0.1:0", "-key", str(pem), "-cert", str(pem), version),
            *("-cipher", "DEFAULT:@SECLEVEL=0", "-naccept", "1"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        line = b""
        while not line.startswith(b"ACCEPT"):
            line = await process.stdout.readline()
        port = int(line.rpartition(b":")[2])
        try:
            # s_server sends what it reads on its standard input, whatever the client asks.
            process.stdin.write(bytes([*answer[:3], 0xF7, *answer[4:]]))
            got = await exchange(
                "127.0.0.1", port, QUERY, trusted=TRUSTED, tls_max="1.0" if version == "-tls1" else "1.2"
            )
            assert (got.certificate, got.roles) == (CALLMANAGER.der, (0, 3))
        finally:
            process.kill()
            await process.wait()

    run(procedure())


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def misbehaving(tmp_path: Path, handler: Handler) -> asyncio.Server:
    pem = tmp_path / "tvs.pem"
    pem.write_bytes(private_key_pem(tvs_signer().key) + tvs_signer().certificate.pem())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return await asyncio.start_server(handler, "127.0.0.1", 0, ssl=context)


def answers(data: bytes) -> Handler:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = parse_message(await reader.read(4096))
        assert isinstance(request, QueryRequest)
        session = request.session.to_bytes(4)
        writer.write(data.replace(b"SESS", session))
        await writer.drain()
        writer.close()

    return handler


BROKEN = {
    "silence": b"",
    "another protocol": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "another session": bytes.fromhex("57010400 11223344 0004 07000101"),
    "an answer to VERIFY": bytes.fromhex("57010200") + b"SESS" + bytes.fromhex("0004 07000101"),
    "cut short": bytes.fromhex("57010400") + b"SESS" + bytes.fromhex("0040 07000100"),
    "known without a certificate": bytes.fromhex("57010400") + b"SESS" + bytes.fromhex("0004 07000100"),
    "no certificate": bytes.fromhex("57010400") + b"SESS" + bytes.fromhex("0008 07000100 02000142"),
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN.keys())
def test_a_server_that_breaks_the_protocol_is_an_error_of_the_other_side(tmp_path: Path, data: bytes) -> None:
    async def procedure() -> None:
        server = await misbehaving(tmp_path, answers(data))
        with pytest.raises(ProtocolError):
            await ask_tvs(question(server.sockets[0].getsockname()[1]))
        server.close()

    run(procedure())


def test_an_answer_in_pieces_is_put_together(tmp_path: Path) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = parse_message(await reader.read(4096))
        assert isinstance(request, QueryRequest)
        for each in encode_message(known(request, CALLMANAGER.der, (0,), 60)):
            writer.write(bytes([each]))
        await writer.drain()
        writer.close()

    async def procedure() -> None:
        server = await misbehaving(tmp_path, handler)
        answer = await ask_tvs(question(server.sockets[0].getsockname()[1]))
        assert (answer.certificate, answer.ttl) == (CALLMANAGER, 60)
        server.close()

    run(procedure())


def test_every_wait_has_an_end(tmp_path: Path) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async def procedure() -> None:
        tcp = await asyncio.start_server(silent, "127.0.0.1", 0)
        tls = await misbehaving(tmp_path, silent)
        for server in (tcp, tls):
            port = server.sockets[0].getsockname()[1]
            with pytest.raises(RemoteError, match="no answer from TVS"):
                await exchange("127.0.0.1", port, QUERY, trusted=None, deadline=0.3)
            server.close()
        with pytest.raises(RemoteError) as caught:
            await exchange("127.0.0.1", 9, QUERY, trusted=None)
        assert caught.value.code == "tvs-unreachable"
        with pytest.raises(RemoteError):
            await exchange("no-such-host.invalid", 2445, QUERY, trusted=None)

    run(procedure())


def test_what_cannot_be_asked_is_said_before_anybody_is_called() -> None:
    async def refused(request: QueryRequest, tls_max: str = "1.3") -> MixedModeError:
        with pytest.raises(UsageError) as caught:
            await exchange("127.0.0.1", 9, request, trusted=None, tls_max=tls_max)
        return caught.value

    assert "cannot be asked" in str(run(refused(QueryRequest(1, "", "a", "b", b"c"))))
    assert "there is no TLS 0.9" in str(run(refused(QUERY, "0.9")))
