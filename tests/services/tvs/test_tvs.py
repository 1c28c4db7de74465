"""The TVS service with OpenSSL's own client, with clients that are slow, silent or broken, and with many of them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import resource
import socket
import time
from pathlib import Path

import pytest

from mixedmode.errors import RemoteError, UsageError
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.profiles import KeyKind
from mixedmode.protocols.tvs import Answer, VerifyRequest, encode_message, known, parse_message, unknown
from mixedmode.services.net.server_tls import TlsFloor
from mixedmode.services.tvs.lookup import TrustLookup
from mixedmode.services.tvs.service import TvsLimits, TvsService
from mixedmode.services.tvs.sources import TableSource
from tests.services.tvs.tvsclient import (
    CALLMANAGER,
    DEVICE,
    LOOPS,
    QUERY,
    REQUEST,
    ask,
    connected,
    nobody_left,
    read_answer,
    run,
    s_client,
    serving,
    tvs_signer,
)
from tests.support import DATA

KNOWN = encode_message(known(QUERY, CALLMANAGER.der, (0, 2)))
OLD_TLS = ("-tls1", "-cipher", "AES256-SHA:@SECLEVEL=0")


@pytest.mark.interop("openssl")
@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_openssls_client_gets_the_answer_byte_for_byte(loop: str, version: str) -> None:
    async def procedure() -> None:
        async with serving() as service:
            answer, _ = await s_client(service, REQUEST, version, size=len(KNOWN))
            assert answer == KNOWN

    run(procedure(), loop)


@pytest.mark.parametrize("path", sorted((DATA / "wire" / "tvs").glob("*.json")), ids=lambda path: path.stem)
def test_recorded_verify_sessions_are_answered_as_the_other_server_did(path: Path) -> None:
    (_, request_hex), (_, answer_hex) = json.loads(path.read_text())
    request, expected = parse_message(bytes.fromhex(request_hex)), parse_message(bytes.fromhex(answer_hex))
    assert isinstance(request, VerifyRequest)
    assert isinstance(expected, Answer)
    entries = [(Certificate.from_der(request.certificate), expected.roles)] if expected.known else []

    async def procedure() -> None:
        async with serving(TableSource("CertificateDBCache", entries)) as service:
            service.lookup.ttl = expected.ttl or 86400
            async with connected(service) as (reader, writer):
                writer.write(bytes.fromhex(request_hex))
                assert await reader.readexactly(len(answer_hex) // 2) == bytes.fromhex(answer_hex)

    run(procedure())


@pytest.mark.interop("openssl")
def test_phones_that_know_only_tls_1_0_need_the_switch() -> None:
    async def procedure() -> None:
        async with serving(floor=TlsFloor.TLS_1_0) as service:
            assert (await s_client(service, REQUEST, *OLD_TLS, size=len(KNOWN)))[0] == KNOWN
            assert (await s_client(service, REQUEST, "-tls1_3", size=len(KNOWN)))[0] == KNOWN
        async with serving() as service:
            assert (await s_client(service, REQUEST, *OLD_TLS))[0] == b""
            assert (await ask(service)).known
            assert service.metrics["handshake_failures"] == 1

    run(procedure())


@pytest.mark.interop("openssl")
@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_a_tls_session_is_resumed(tmp_path: Path, version: str) -> None:
    session = str(tmp_path / "session.pem")

    async def connect(service: TvsService, *options: str) -> str:
        host, port = service.address
        process = await asyncio.create_subprocess_exec(
            *("openssl", "s_client", "-connect", f"{host}:{port}", version, "-ign_eof", *options),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        output, _ = await process.communicate(REQUEST)
        return output.decode("latin-1")

    async def procedure() -> None:
        async with serving(limits=TvsLimits(idle_seconds=0.3)) as service:
            assert "New, TLS" in await connect(service, "-sess_out", session)
            assert "Reused, TLS" in await connect(service, "-sess_in", session)

    run(procedure())


@pytest.mark.interop("openssl")
def test_a_p256_certificate_is_offered_beside_rsa_to_clients_that_can() -> None:
    async def procedure() -> None:
        async with serving(signers=(tvs_signer(), tvs_signer(KeyKind.EC_256))) as service:
            for sigalgs, expected in (("ECDSA+SHA256", "EC"), ("RSA+SHA256:RSA-PSS+SHA256", "RSA")):
                context_options = ("-tls1_2", "-sigalgs", sigalgs)
                assert (await s_client(service, REQUEST, *context_options, size=len(KNOWN)))[0] == KNOWN, expected

    run(procedure())


def test_several_requests_in_one_connection_however_they_are_cut() -> None:
    async def procedure() -> None:
        async with serving() as service, connected(service) as (reader, writer):
            writer.write(REQUEST + REQUEST + REQUEST[:7])
            assert await read_answer(reader) == known(QUERY, CALLMANAGER.der, (0, 2))
            assert (await read_answer(reader)).known
            for each in REQUEST[7:]:
                writer.write(bytes([each]))
                await asyncio.sleep(0)
            assert (await read_answer(reader)).known
            stranger = VerifyRequest(7, DEVICE, tvs_signer().certificate.der)
            writer.write(encode_message(stranger))
            assert await read_answer(reader) == unknown(stranger)
            assert service.metrics["requests"] == 4
            assert service.metrics["known"] == 3

    run(procedure())


def test_an_answer_is_one_tls_record() -> None:
    async def procedure() -> None:
        async with serving() as service:
            with contextlib.closing(await asyncio.to_thread(_tls_socket, service)) as sock:
                await asyncio.to_thread(sock.sendall, REQUEST)
                assert await asyncio.to_thread(sock.recv, 1 << 16) == KNOWN

    run(procedure())


def _tls_socket(service: TvsService) -> socket.socket:
    from tests.services.tvs.tvsclient import client_context

    return client_context().wrap_socket(socket.create_connection(service.address, timeout=60))


def test_what_is_no_request_ends_the_connection_without_a_word() -> None:
    async def procedure() -> None:
        async with serving() as service:
            for data in (b"GET / HTTP/1.1\r\n\r\n", KNOWN, bytes.fromhex("5701030000000001000401ffff00"), b"\0" * 100):
                async with connected(service) as (reader, writer):
                    writer.write(data)
                    assert await reader.read(100) == b""
            assert service.metrics["malformed"] == 4
            assert (await ask(service)).known

    run(procedure())


def test_silent_and_slow_clients_are_closed_in_their_time() -> None:
    async def procedure() -> None:
        async with serving(limits=TvsLimits(handshake_seconds=0.3)) as service:
            start = time.monotonic()
            reader, writer = await asyncio.open_connection(*service.address)
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""
            writer.close()
            assert time.monotonic() - start > 0.2, "no handshake"
            await nobody_left(service)
        async with serving(limits=TvsLimits(request_seconds=0.3)) as service:
            async with connected(service) as (reader, writer):
                start = time.monotonic()
                ended = asyncio.create_task(reader.read())
                for at in range(len(REQUEST) - 1):
                    if ended.done():
                        break
                    writer.write(REQUEST[at : at + 1])
                    await asyncio.sleep(0.1)
                assert ended.done(), "a byte now and then buys no time"
                with contextlib.suppress(ConnectionError):
                    assert await ended == b""
                assert time.monotonic() - start > 0.2
            await nobody_left(service)
        async with serving(limits=TvsLimits(idle_seconds=0.6)) as service:
            start = time.monotonic()
            async with connected(service) as (reader, writer):
                with contextlib.suppress(ConnectionError):
                    assert await reader.read() == b""
                assert time.monotonic() - start > 0.5, "nothing asked"
            await nobody_left(service)

    run(procedure())


def test_a_client_that_takes_no_answer_is_closed() -> None:
    limits = TvsLimits(request_seconds=0.3, requests=100_000)

    async def procedure() -> None:
        async with serving(limits=limits) as service:
            sock = await asyncio.to_thread(_tls_socket, service)

            def flood() -> None:
                with contextlib.suppress(OSError):
                    for _ in range(20_000):
                        sock.sendall(REQUEST)

            with sock:
                await asyncio.to_thread(flood)
                await nobody_left(service)
            assert service.metrics["timeouts"] == 1
            assert (await ask(service)).known

    run(procedure())


def test_500_silent_connections_delay_nobody() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4096)), hard))

    hours = TvsLimits(handshake_seconds=36000, request_seconds=36000, idle_seconds=36000)

    async def procedure() -> None:
        async with serving(limits=hours) as service, contextlib.AsyncExitStack() as stack:
            for _ in range(400):
                stack.enter_context(socket.create_connection(service.address))
            shaken = [await asyncio.open_connection(*service.address) for _ in range(50)]
            for _, writer in shaken:
                stack.callback(writer.transport.abort)
                writer.write(b"\x16\x03\x01\x02\x00")  # the beginning of a handshake
            for _ in range(50):
                _, writer = await stack.enter_async_context(connected(service))
                writer.write(REQUEST[:15])
            for _ in range(20):
                assert (await ask(service)).known, "an answer that waits for any of them would come in ten hours"
            assert service.metrics["open"] >= 500, "all of them are still there"
            assert service.metrics["timeouts"] == 0

    run(procedure())


def test_connections_and_requests_are_bounded() -> None:
    async def procedure() -> None:
        async with serving(limits=TvsLimits(per_address=3, requests=2, handshake_seconds=60)) as service:
            with contextlib.ExitStack() as stack:
                for _ in range(3):
                    stack.enter_context(socket.create_connection(service.address))
                refused = stack.enter_context(socket.create_connection(service.address))
                refused.setblocking(False)
                assert await asyncio.get_running_loop().sock_recv(refused, 1) == b""
            assert service.metrics["refused"] == 1
            await nobody_left(service)
            async with connected(service) as (reader, writer):
                writer.write(REQUEST * 3)
                for _ in range(2):
                    assert (await read_answer(reader)).known
                assert await reader.read() == b""

    run(procedure())


@pytest.mark.parametrize("loop", LOOPS)
def test_draining_lets_a_request_finish_and_closes_the_others(loop: str) -> None:
    async def procedure() -> None:
        async with serving() as service, connected(service) as (idle, _), connected(service) as (reader, writer):
            writer.write(REQUEST + REQUEST[:30])
            assert (await read_answer(reader)).known  # so the beginning of the second one has come too
            draining = asyncio.create_task(service.drain(60))
            assert await idle.read() == b""
            writer.write(REQUEST[30:])
            assert (await read_answer(reader)).known
            assert await draining == 0
            assert not service.metrics["open"]

    run(procedure(), loop)


def test_it_starts_again_on_the_same_port_and_says_when_it_cannot() -> None:
    async def procedure() -> None:
        async with serving() as service:
            other = TvsService(TrustLookup(()), service._credentials, port=service.port)
            with pytest.raises(RemoteError, match="cannot listen"):
                await other.start()
            with pytest.raises(UsageError, match="running already"):
                await service.start()
            port = service.port
            await service.stop()
            await service.stop()
            with pytest.raises(UsageError, match="not running"):
                _ = service.port
            again = TvsService(service.lookup, service._credentials, port=port)
            await again.start()
            assert again.healthy
            assert (await ask(again)).known
            await again.stop()

    run(procedure())


def test_a_key_that_openssl_refuses_is_named() -> None:
    async def procedure() -> None:
        with pytest.raises(UsageError, match="does not take the TVS certificate"):
            async with serving(signers=(tvs_signer(KeyKind.RSA_1024),)):
                pass
        async with serving(signers=(tvs_signer(KeyKind.RSA_1024),), floor=TlsFloor.TLS_1_0) as service:
            answer, _ = await s_client(service, REQUEST, *OLD_TLS, size=len(KNOWN))
            assert answer == KNOWN

    run(procedure())
