"""HTTP and HTTPS as phones and curl use them; slow, greedy and broken clients disturb nobody."""

from __future__ import annotations

import asyncio
import random
import ssl
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import pytest

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.topology import ClusterSpec, DeviceSpec, NodeSpec
from mixedmode.cluster.model.versions import Version
from mixedmode.errors import MixedModeError, RemoteError, UsageError
from mixedmode.phone.body.http import fetch_http
from mixedmode.pki.certificates.profiles import KeyKind, Purpose, Subject, generate_key, self_signed
from mixedmode.pki.signing.digests import DigestAlgorithm
from mixedmode.pki.signing.signer import SoftwareSigner
from mixedmode.services.files.configs import ConfigFacts, ConfigStore, Server
from mixedmode.services.files.disk_files import FileData
from mixedmode.services.files.store import FileStore, FolderStore, MappingStore
from mixedmode.services.http.service import HttpLimits, HttpService
from mixedmode.services.net.server_tls import TlsFloor, server_context
from mixedmode.signedfile import SignedFile, sign_file
from tests.services.tvs.tvsclient import LOOPS, client_context, run

RANDOM = random.Random(3)
CONFIG = "SEP001122334455.cnf.xml"
FILES = {
    "CTLFile.tlv": RANDOM.randbytes(5000),
    CONFIG: b"<device/>\n",
    f"{CONFIG}.sgn": b"signed <device/>\n",
    "Desktops/320x196x4/List.xml": b"<list/>",
    "empty": b"",
    "big": RANDOM.randbytes(8 << 20),
}
BOTH = pytest.mark.parametrize("loop", LOOPS)
T = TypeVar("T")


@cache
def node_signer() -> SoftwareSigner:
    key = generate_key(KeyKind.RSA_2048)
    subject = Subject("node", "TAC", "Cisco", "Krakow", "Malopolska", "PL")
    names = ["localhost", "node"]
    made = self_signed(Purpose.CALLMANAGER, subject=subject, key=key, now=datetime.now(UTC), serial=5, dns_names=names)
    return SoftwareSigner(made, key)


@asynccontextmanager
async def serving(
    store: FileStore | None = None, *, secure: bool = False, floor: TlsFloor = TlsFloor.TLS_1_2, **limits: Any
) -> AsyncIterator[HttpService]:
    tls = (lambda: server_context([node_signer()], floor)) if secure else None
    service = HttpService(store or MappingStore(FILES), port=0, limits=HttpLimits(**limits), tls=tls)
    await service.start()
    try:
        yield service
    finally:
        await service.stop()


def during(play: Callable[[HttpService], Awaitable[T]], loop: str = "uvloop", **settings: Any) -> T:
    async def procedure() -> T:
        async with serving(**settings) as service:
            return await play(service)

    return run(procedure(), loop)


async def curl(*words: str) -> tuple[int, bytes]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec("curl", "-sS", *words, stdout=pipe, stderr=pipe)
    async with asyncio.timeout(30):
        output, _ = await process.communicate()
    return process.returncode or 0, output


async def raw(service: HttpService, data: bytes, *, secure: bool = False) -> bytes:
    """Send bytes and return everything until the server closes."""
    reader, writer = await asyncio.open_connection(*service.address, ssl=client_context() if secure else None)
    writer.write(data)
    async with asyncio.timeout(10):
        answer = await reader.read()
    writer.transport.abort()
    return answer


def url(service: HttpService, name: str = "CTLFile.tlv") -> str:
    return f"http://127.0.0.1:{service.port}/{name}"


@pytest.mark.interop("curl")
@BOTH
@pytest.mark.parametrize("name", ["CTLFile.tlv", "Desktops/320x196x4/List.xml", "empty", "big"])
def test_curl_and_our_phone_get_files_unchanged(name: str, loop: str) -> None:
    async def play(service: HttpService) -> tuple[bytes, bytes]:
        return (await curl(url(service, name)))[1], await fetch_http(url(service, name), limit=1 << 24)

    assert during(play, loop) == (FILES[name], FILES[name])


@pytest.mark.interop("curl")
def test_a_phones_own_names_of_the_lists_and_percent_signs_work() -> None:
    async def play(service: HttpService) -> list[bytes]:
        paths = ("CTLSEP001122334455.tlv", "CTL%46ile.tlv", "CTLFile.tlv?x=1")
        return [(await curl(url(service, path)))[1] for path in paths]

    assert during(play) == [FILES["CTLFile.tlv"]] * 3


@pytest.mark.interop("curl")
def test_one_connection_serves_many_files() -> None:
    async def play(service: HttpService) -> tuple[bytes, dict[str, int]]:
        names = ("CTLFile.tlv", "big", "nothing", CONFIG)
        words = [word for name in names for word in ("-o", "/dev/null", url(service, name))]
        return (await curl("-w", "%{http_code}/%{size_download}/%{num_connects} ", *words))[1], service.metrics

    output, metrics = during(play)
    assert output == b"200/5000/1 200/8388608/0 404/14/0 200/10/0 "
    assert (metrics["connections"], metrics["requests"], metrics["completed"], metrics["not_found"]) == (1, 4, 3, 1)
    assert metrics["bytes_sent"] == 5000 + (8 << 20) + 14 + 10


@BOTH
def test_requests_sent_at_once_are_answered_in_their_order(loop: str) -> None:
    names = ["CTLFile.tlv", "big", CONFIG, "empty", "nothing", "big"]

    async def play(service: HttpService) -> bytes:
        requests = [b"GET /%s HTTP/1.1\r\nHost: x\r\n\r\n" % name.encode() for name in names]
        return await raw(
            service, b"".join(requests) + b"\r\nGET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        )

    answer = during(play, loop)
    for name in names:
        head, _, rest = answer.partition(b"\r\n\r\n")
        body = FILES.get(name, b"404 Not Found\n")
        assert b"Content-Length: %d" % len(body) in head
        assert rest.startswith(body)
        answer = rest[len(body) :]
    assert answer.startswith(b"HTTP/1.1 404")


@pytest.mark.interop("curl")
def test_a_head_has_no_body_and_says_what_the_file_is() -> None:
    async def play(service: HttpService) -> list[bytes]:
        return [(await curl("-I", url(service, name)))[1] for name in ("CTLFile.tlv", CONFIG, "nothing")]

    binary, xml, nothing = during(play)
    assert binary.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nContent-Type: application/octet-stream\r\n" in binary
    assert b"\r\nContent-Length: 5000\r\n" in binary
    assert b"Date: " in binary
    assert b"Content-Type: text/xml\r\n" in xml
    assert nothing.startswith(b"HTTP/1.1 404")


def test_old_clients_are_told_when_the_connection_stays() -> None:
    async def play(service: HttpService) -> tuple[bytes, bytes]:
        closed = await raw(service, b"GET /CTLFile.tlv HTTP/1.0\r\n\r\n")
        head = b"GET /CTLFile.tlv HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"
        return closed, await raw(service, head + b"GET /empty HTTP/1.0\r\n\r\n")

    closed, kept = during(play)
    assert b"Connection: close\r\n\r\n" + FILES["CTLFile.tlv"] == closed[-5021:]
    assert b"Connection: keep-alive\r\n\r\n" + FILES["CTLFile.tlv"] in kept
    assert kept.endswith(b"Connection: close\r\n\r\n")


@pytest.mark.interop("curl")
def test_curl_resumes_and_asks_whether_a_file_changed(tmp_path: Path) -> None:
    async def play(service: HttpService) -> tuple[bytes, list[bytes]]:
        output, tags = tmp_path / "got", tmp_path / "tag"
        output.write_bytes(FILES["big"][:1000])
        await curl("-C", "-", "-o", str(output), url(service, "big"))
        code = ("-o", "/dev/null", "-w", "%{http_code}")
        await curl("--etag-save", str(tags), "-o", "/dev/null", url(service))
        codes = [
            (await curl(*code, "--etag-compare", str(tags), url(service)))[1],
            (await curl(*code, "-r", "10-19", url(service)))[1],
            (await curl(*code, "-r", "5000-", url(service)))[1],
        ]
        codes.append((await curl("-r", "-7", url(service)))[1])
        return output.read_bytes(), codes

    resumed, codes = during(play)
    assert resumed == FILES["big"]
    assert codes == [b"304", b"206", b"416", FILES["CTLFile.tlv"][-7:]]


@pytest.mark.interop("curl")
def test_conditions_and_hosts_as_curl_sends_them() -> None:
    async def play(service: HttpService) -> list[bytes]:
        code = ("-o", "/dev/null", "-w", "%{http_code}")
        _, head = await curl("-I", url(service))
        tag = next(line for line in head.decode().split("\r\n") if line.startswith("ETag: "))[6:]
        asked: list[tuple[str, ...]] = [
            ("-H", f"If-Match: {tag}"),
            ("-H", 'If-Match: "other"'),
            ("-H", f"If-Match: W/{tag}"),
            ("-H", "If-Match: *"),
            ("-H", f'If-Match: "other", {tag}', "-r", "0-9"),
            ("-r", "0-9", "-H", f"If-Range: {tag}"),
            ("-r", "0-9", "-H", 'If-Range: "other"'),
            ("-r", "0-9", "-I"),
            ("-H", "Host:"),
            ("-0", "-H", "Host:"),
        ]
        codes = [(await curl(*code, *words, url(service)))[1] for words in asked]
        missing = (await curl(*code, "-H", 'If-Match: "x"', url(service, "none")))[1]
        return [*codes, missing]

    expected = [b"200", b"412", b"412", b"200", b"206", b"206", b"200", b"200", b"400", b"200", b"404"]
    assert during(play) == expected


@pytest.mark.interop("curl")
def test_names_are_below_the_root_however_they_are_written() -> None:
    async def play(service: HttpService) -> list[bytes]:
        paths = ("/CTLFile.tlv", "./CTLFile.tlv", "x/../CTLFile.tlv", "Desktops//320x196x4/./List.xml")
        return [(await curl("--path-as-is", url(service, path)))[1] for path in paths]

    assert during(play) == [FILES["CTLFile.tlv"]] * 3 + [FILES["Desktops/320x196x4/List.xml"]]


@pytest.mark.interop("curl")
@pytest.mark.parametrize(
    ("path", "status"),
    [("/nothing", b"404"), ("/../etc/passwd", b"404"), ("//etc/passwd", b"404"), ("/%2e%2e/keys", b"404"),
     ("/a/../../keys", b"404"), ("/a%00b", b"400"), ("/..%5ckeys", b"404"), ("/", b"404"), ("/%zz", b"400"),
     ("/%ff", b"400"), ("/a/b/c/d", b"404"), ("/" + "a" * 300, b"404"), ("/" + "a" * 3000, b"414")],
)  # fmt: skip
def test_what_is_not_there_or_may_not_be_named(path: str, status: bytes, tmp_path: Path) -> None:
    (tmp_path / "keys").write_bytes(b"secret")
    (tmp_path / "served").mkdir()

    async def play(service: HttpService) -> bytes:
        words = ("--path-as-is", "-o", "/dev/null", "-w", "%{http_code}")
        return (await curl(*words, f"http://127.0.0.1:{service.port}{path}"))[1]

    assert during(play, store=FolderStore(tmp_path / "served")) == status


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
        begin = time.monotonic()
        answer = await raw(service, sent, secure=secure)
        assert time.monotonic() - begin < 2
        return answer

    answer = during(play, secure=secure, linger_seconds=0.5)
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
def test_slow_silent_and_greedy_clients_end_and_disturb_nobody(loop: str, secure: bool) -> None:
    tls = client_context() if secure else None

    async def play(service: HttpService) -> tuple[bytes, ...]:
        before = await raw(service, b"GET /empty HTTP/1.0\r\n\r\n", secure=secure)
        assert before.startswith(b"HTTP/1.1 200")
        slow, blank, silent, greedy = [
            await asyncio.open_connection(*service.address, ssl=tls, limit=1024) for _ in range(4)
        ]
        mute = await asyncio.open_connection(*service.address)
        greedy[1].write(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n" * 20)
        slow[1].write(b"GET /CTLFile")
        for _ in range(8):
            await asyncio.sleep(0.1)
            slow[1].write(b"x")
            blank[1].write(b"\r\n")
            begin = time.monotonic()
            await raw(service, b"GET /CTLFile.tlv HTTP/1.0\r\n\r\n", secure=secure)
            assert time.monotonic() - begin < 0.3
        async with asyncio.timeout(5):
            ends = [await each[0].read() for each in (slow, blank, silent)]
            while service.metrics["open"]:  # noqa: ASYNC110 - the service tells nobody
                await asyncio.sleep(0.02)
        for _, writer in (slow, blank, silent, greedy, mute):
            writer.transport.abort()
        return tuple(ends)

    seconds = {f"{name}_seconds": 0.4 for name in ("handshake", "head", "idle", "write", "linger")}
    slow, blank, silent = during(play, loop, secure=secure, **seconds)
    assert slow.startswith(b"HTTP/1.1 408")
    assert blank.startswith(b"HTTP/1.1 408")
    assert silent == b""


def test_a_client_that_reads_slowly_gets_the_whole_file() -> None:
    async def play(service: HttpService) -> bytes:
        reader, writer = await asyncio.open_connection(*service.address, limit=32 << 10)
        writer.write(b"GET /big HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        received = bytearray()
        while chunk := await reader.read(256 << 10):
            received += chunk
            await asyncio.sleep(0.01)
        writer.transport.abort()
        return bytes(received)

    assert during(play, write_seconds=1.0).endswith(FILES["big"])


@pytest.mark.parametrize("limits", [{"per_address": 2}, {"connections": 2}], ids=["address", "all"])
@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
def test_too_many_connections_are_turned_away_and_room_comes_back(limits: dict[str, Any], secure: bool) -> None:
    async def play(service: HttpService) -> tuple[bytes, bytes]:
        held = [await asyncio.open_connection(*service.address) for _ in range(2)]
        await asyncio.sleep(0.1)
        turned_away = await raw(service, b"")
        for _, writer in held:
            writer.transport.abort()
        async with asyncio.timeout(5):
            while service.metrics["open"]:  # noqa: ASYNC110 - the service tells nobody
                await asyncio.sleep(0.02)
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


class SlowStore(MappingStore):
    """Builds what its name says so, as slowly as a busy database."""

    def __init__(self) -> None:
        super().__init__(FILES)
        self.go = threading.Event()

    def ready(self, name: str) -> bool:
        return not name.startswith("built")

    def lookup(self, name: str) -> FileData | None:
        if name == "built-badly":
            raise MixedModeError("the database does not answer")
        if name.startswith("built"):
            self.go.wait(5)
            return b"built"
        return super().lookup(name)


@BOTH
def test_files_that_must_be_built_keep_nobody_else_waiting(loop: str) -> None:
    store = SlowStore()

    async def play(service: HttpService) -> tuple[bytes, bytes]:
        request = (
            b"GET /built HTTP/1.1\r\nHost: x\r\n\r\nGET /CTLFile.tlv HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        )
        building = asyncio.create_task(raw(service, request))
        await asyncio.sleep(0.05)
        async with asyncio.timeout(1):
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
        draining = asyncio.create_task(service.drain(5))
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
