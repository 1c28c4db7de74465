"""HTTP and what strangers do to it, slow stores and its own beginning and end."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from pathlib import Path
from typing import Any

import pytest

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.topology import ClusterSpec, DeviceSpec, NodeSpec
from mixedmode.cluster.model.versions import Version
from mixedmode.errors import RemoteError, UsageError
from mixedmode.phone.body.http import fetch_http
from mixedmode.pki.signing.digests import DigestAlgorithm
from mixedmode.services.files.configs import ConfigFacts, ConfigStore, Server
from mixedmode.services.files.store import FolderStore, MappingStore
from mixedmode.services.http import connection
from mixedmode.services.http.service import HttpService
from mixedmode.services.net import deadlines
from mixedmode.services.net.server_tls import TlsFloor, server_context
from mixedmode.signedfile import SignedFile, sign_file
from tests.services.http.http_site import (
    BOTH,
    CONFIG,
    FILES,
    SlowStore,
    curl,
    during,
    node_signer,
    raw,
    serving,
    url,
)
from tests.services.tvs.tvsclient import client_context, run
from tests.support import eventually

HOURS: dict[str, Any] = {f"{name}_seconds": 36000.0 for name in ("handshake", "head", "idle", "write", "linger")}
GREEDY = b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n" * 20


@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"POST /x HTTP/1.1\r\n\r\n", b"405"),
        (b"PUT /CTLFile.tlv HTTP/1.1\r\nContent-Length: 100000\r\n\r\n" + bytes(100_000), b"405"),
        (b"GET /x HTTP/2.0\r\n\r\n", b"505"),
        (b"GET x HTTP/1.1\r\n\r\n", b"400"),
        (b"GET /x\r\n", b"400"),
        (b"hello\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\n\n", b"400"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", b"400"),
        (b"GET / HTTP/1.1\r\nX: " + b"y" * 9000, b"431"),
        (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 65 + b"\r\n", b"431"),
        (b"G" * 100_000, b"414"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", b"413"),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"413"),
    ],
)
def test_what_is_not_offered_is_refused_and_the_connection_closed(sent: bytes, status: bytes, secure: bool) -> None:
    async def play(service: HttpService) -> bytes:
        return await raw(service, sent, secure=secure)

    answer = during(play, secure=secure, **HOURS)  # what only a deadline ends does not end here
    assert answer.startswith(b"HTTP/1.1 " + status)
    assert b"Connection: close" in answer


@pytest.mark.interop("curl")
@BOTH
def test_https_gives_configurations_without_their_signature(loop: str, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(node_signer().certificate.pem())
    content = b"<device>only signed</device>"
    signed = sign_file(
        content, node_signer(), filename="SEP00112233AAAA.cnf.xml.sgn", digest=DigestAlgorithm.SHA1, timestamp=0
    )
    store = MappingStore({**FILES, "SEP00112233AAAA.cnf.xml.sgn": signed, "x.xml.sgn": b"not signed at all"})
    names = (f"{CONFIG}.sgn", CONFIG, "SEP00112233AAAA.cnf.xml.sgn", "x.xml.sgn", "CTLFile.tlv", "big")

    async def secured(service: HttpService) -> list[bytes]:
        words = ["--cacert", str(tmp_path / "ca.pem"), "--resolve", f"localhost:{service.port}:127.0.0.1"]
        return [(await curl(*words, f"https://localhost:{service.port}/{name}"))[1] for name in names]

    async def plain(service: HttpService) -> list[bytes]:
        return [(await curl(url(service, name)))[1] for name in names[:3]]

    expected = [FILES[CONFIG], FILES[CONFIG], content, b"not signed at all", FILES["CTLFile.tlv"], FILES["big"]]
    assert during(secured, loop, store=store, secure=True) == expected
    assert during(plain, loop, store=store) == [FILES[f"{CONFIG}.sgn"], FILES[CONFIG], signed]


@pytest.mark.interop("curl")
def test_phones_that_know_only_tls_1_0_are_served_where_that_is_switched_on() -> None:
    async def play(service: HttpService) -> tuple[int, bytes]:
        words = ("-k", "--tls-max", "1.0", "--tlsv1.0", "--ciphers", "AES256-SHA:@SECLEVEL=0")
        return await curl(*words, f"https://127.0.0.1:{service.port}/CTLFile.tlv")

    assert during(play, secure=True, floor=TlsFloor.TLS_1_0) == (0, FILES["CTLFile.tlv"])
    assert during(play, secure=True)[0] != 0


@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
@BOTH
def test_slow_silent_and_greedy_clients_disturb_nobody(loop: str, secure: bool) -> None:
    tls = client_context() if secure else None

    async def play(service: HttpService) -> None:
        slow, blank, silent, greedy = [
            await asyncio.open_connection(*service.address, ssl=tls, limit=1024) for _ in range(4)
        ]
        mute = await asyncio.open_connection(*service.address)
        greedy[1].write(GREEDY)
        slow[1].write(b"GET /CTLFile")
        for _ in range(8):
            slow[1].write(b"x")
            blank[1].write(b"\r\n")
            answer = await raw(service, b"GET /CTLFile.tlv HTTP/1.0\r\n\r\n", secure=secure)
            assert answer.endswith(FILES["CTLFile.tlv"]), "an answer that waits for any of them would come in ten hours"
        assert service.metrics["open"] >= 4, "all of them are still there"
        assert service.metrics["timeouts"] == 0
        for _, writer in (slow, blank, silent, greedy, mute):
            writer.transport.abort()

    during(play, loop, secure=secure, **HOURS)


@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
@BOTH
def test_slow_silent_and_greedy_clients_end(loop: str, secure: bool) -> None:
    tls = client_context() if secure else None

    async def end(limit: str, first: bytes = b"", again: bytes = b"", *, mute: bool = False) -> bytes:
        """Return what comes until the end, from a server that is patient but for one thing and for lingering."""
        async with serving(secure=secure, **{**HOURS, "linger_seconds": 0.4, limit: 0.4}) as service:
            reader, writer = await asyncio.open_connection(*service.address, ssl=None if mute else tls, limit=1024)
            writer.write(first)
            if first == GREEDY:
                await eventually(lambda: service.metrics["timeouts"])
            came = asyncio.create_task(reader.read())
            while not came.done():
                writer.write(again)
                await asyncio.sleep(0.1)
            await eventually(lambda: not service.metrics["open"])
            writer.transport.abort()
            with contextlib.suppress(ConnectionError):
                return await came
            return b"cut off"

    async def procedure() -> tuple[bytes, ...]:
        return await asyncio.gather(
            end("head_seconds", b"GET /CTLFile", b"x"),
            end("head_seconds", b"\r\n", b"\r\n"),
            end("idle_seconds"),
            end("handshake_seconds" if secure else "idle_seconds", mute=True),
            end("write_seconds", GREEDY),
        )

    slow, blank, silent, mute, greedy = run(procedure(), loop)
    assert slow.startswith(b"HTTP/1.1 408")
    assert blank.startswith(b"HTTP/1.1 408")
    assert silent == mute == b""
    assert len(greedy) < 20 * len(FILES["big"])


def test_a_client_that_reads_slowly_gets_the_whole_file(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    for room in (connection, deadlines):
        monkeypatch.setattr(room, "monotonic", lambda: now)
    monkeypatch.setattr(deadlines, "_SWEEP_SECONDS", 0.0)

    async def play(service: HttpService) -> bytes:
        nonlocal now
        reader, writer = await asyncio.open_connection(*service.address, limit=32 << 10)
        writer.write(b"GET /big HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        received = bytearray()
        while chunk := await reader.read(32 << 10):
            received += chunk
            now += 0.1
        writer.transport.abort()
        return bytes(received)

    assert during(play, write_seconds=10.0).endswith(FILES["big"])
    assert now > 20, "each piece that is taken counts anew"


@pytest.mark.parametrize("limits", [{"per_address": 2}, {"connections": 2}], ids=["address", "all"])
@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
def test_too_many_connections_are_turned_away_and_room_comes_back(limits: dict[str, Any], secure: bool) -> None:
    async def play(service: HttpService) -> tuple[bytes, bytes]:
        held = [await asyncio.open_connection(*service.address) for _ in range(2)]
        await eventually(lambda: service.metrics["open"] == 2)
        turned_away = await raw(service, b"")
        for _, writer in held:
            writer.transport.abort()
        await eventually(lambda: not service.metrics["open"])
        return turned_away, await raw(service, b"GET /empty HTTP/1.0\r\n\r\n", secure=secure)

    turned_away, after = during(play, secure=secure, **limits)
    assert turned_away.startswith(b"" if secure else b"HTTP/1.1 503")
    assert after.startswith(b"HTTP/1.1 200")


def test_a_changed_file_is_served_after_the_store_is_read_again(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    store = FolderStore(tmp_path)

    async def play(service: HttpService) -> list[bytes]:
        got = [await fetch_http(url(service, "a"))]
        (tmp_path / "a").write_bytes(b"new")
        got.append(await fetch_http(url(service, "a")))
        store.reload()
        return [*got, await fetch_http(url(service, "a"))]

    assert during(play, store=store) == [b"old", b"old", b"new"]


@BOTH
def test_files_that_must_be_built_keep_nobody_else_waiting(loop: str) -> None:
    store = SlowStore()

    async def play(service: HttpService) -> tuple[bytes, bytes]:
        request = (
            b"GET /built HTTP/1.1\r\nHost: x\r\n\r\nGET /CTLFile.tlv HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        )
        building = asyncio.create_task(raw(service, request))
        await eventually(store.asked.is_set)
        other = await fetch_http(url(service))
        assert not building.done()
        store.go.set()
        return other, await building

    other, both = during(play, loop, store=store)
    assert other == FILES["CTLFile.tlv"]
    assert both.count(b"HTTP/1.1 200 OK") == 2
    assert b"\r\n\r\nbuilt" in both
    assert both.endswith(FILES["CTLFile.tlv"])


def test_a_file_that_cannot_be_built_is_unavailable() -> None:
    store = SlowStore()

    async def play(service: HttpService) -> list[bytes]:
        answers = [
            await raw(service, b"GET /%s HTTP/1.1\r\nHost: x\r\n\r\n" % name) for name in (b"built-badly", b"built")
        ]
        store.go.set()
        return answers

    answers = during(play, store=store, build_seconds=0.3)
    assert [answer[:12] for answer in answers] == [b"HTTP/1.1 503"] * 2


@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
@BOTH
def test_draining_lets_files_under_way_arrive_and_takes_no_more(loop: str, secure: bool) -> None:
    async def play(service: HttpService) -> tuple[bytes, bytes, int]:
        where = service.address
        tls = client_context() if secure else None
        idle = await asyncio.open_connection(*service.address, ssl=tls)
        reader, writer = await asyncio.open_connection(*service.address, ssl=tls, limit=1024)
        writer.write(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.readexactly(100)
        draining = asyncio.create_task(service.drain(60))
        rest = await reader.read()
        left = await draining
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(*where)
        ended = await idle[0].read()
        for each in (idle[1], writer):
            each.transport.abort()
        return ended, rest, left

    ended, rest, left = during(play, loop, secure=secure)
    assert (ended, left) == (b"", 0)
    assert rest.endswith(FILES["big"][-1000:])


def test_starting_stopping_and_ports_that_are_taken() -> None:
    made: list[ssl.SSLContext] = []

    def context() -> ssl.SSLContext:
        made.append(server_context([node_signer()]))
        return made[-1]

    async def procedure() -> None:
        service = HttpService(MappingStore(FILES), port=0, tls=context)
        with pytest.raises(UsageError, match="not running"):
            _ = service.port
        for _ in range(2):
            await service.start()
            assert service.healthy
            with pytest.raises(UsageError, match="already"):
                await service.start()
            with pytest.raises(RemoteError, match="cannot listen"):
                await HttpService(MappingStore(FILES), port=service.port).start()
            await service.stop()
            await service.stop()
            assert not service.healthy

    run(procedure())
    assert len(made) == 2


@pytest.mark.interop("curl")
def test_configurations_are_built_when_asked_for_and_unsigned_over_https(tmp_path: Path) -> None:
    phone = "SEP001122334455"
    spec = ClusterSpec(Version.parse("12.5.1.10000-22"), (NodeSpec("pub", "127.0.0.1"),), devices=(DeviceSpec(phone),))
    cluster = Cluster.create(tmp_path, spec)
    store = ConfigStore(
        MappingStore(), cluster, "pub", lambda _name: ConfigFacts(tvs=[Server("127.0.0.1", 2445)]), clock=lambda: 1.5e9
    )

    async def plain(service: HttpService) -> list[bytes]:
        names = (f"{phone}.cnf.xml", f"{phone}.cnf.xml.sgn", "SEPFFFFFFFFFFFF.cnf.xml.sgn")
        return [(await curl(url(service, name)))[1] for name in names]

    async def secured(service: HttpService) -> bytes:
        return (await curl("-k", f"https://127.0.0.1:{service.port}/{phone}.cnf.xml.sgn"))[1]

    try:
        content, signed, unknown = during(plain, store=store)
        assert b"<port>2445</port>" in content
        assert SignedFile.parse(signed).payload == content
        assert unknown == b"404 Not Found\n"
        assert during(secured, store=store, secure=True) == content
    finally:
        cluster.close()
