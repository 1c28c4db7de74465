"""HTTP and HTTPS as phones and curl use them; slow, greedy and broken clients disturb nobody."""

from __future__ import annotations

import asyncio
import random
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixedmode.phone.download import fetch_http
from mixedmode.pki.profiles import KeyKind, Purpose, Subject, generate_key, self_signed
from mixedmode.pki.signer import SoftwareSigner
from mixedmode.protocols.http import HttpError, parse_head, take_head
from mixedmode.services import http as room
from mixedmode.services.files import MappingStore
from mixedmode.services.http import HttpLimits, HttpService
from mixedmode.services.tvs_tls import server_context

FILES = {
    "CTLFile.tlv": random.Random(3).randbytes(5000),
    "SEP001122334455.cnf.xml": b"<device/>\n",
    "SEP001122334455.cnf.xml.sgn": b"signed <device/>\n",
    "Desktops/320x196x4/List.xml": b"<list/>",
    "big": bytes(8 << 20),
}
T = TypeVar("T")


def make_signer() -> SoftwareSigner:
    key = generate_key(KeyKind.RSA_2048)
    subject = Subject("node", "TAC", "Cisco", "Krakow", "Malopolska", "PL")
    now = datetime.now(UTC)
    made = self_signed(
        Purpose.CALLMANAGER, subject=subject, key=key, now=now, serial=5, dns_names=["localhost", "node"]
    )
    return SoftwareSigner(made, key)


SIGNER = make_signer()


@asynccontextmanager
async def serving(*, secure: bool = False, limits: HttpLimits | None = None) -> AsyncIterator[HttpService]:
    service = HttpService(
        MappingStore(FILES), port=0, limits=limits, tls=(lambda: server_context([SIGNER])) if secure else None
    )
    await service.start()
    try:
        yield service
    finally:
        await service.drain(0.2)
        await service.stop()


def during(play: Callable[[HttpService], Awaitable[T]], **settings: object) -> T:
    async def run() -> T:
        async with serving(**settings) as service:  # type: ignore[arg-type] # passed through
            return await play(service)

    return asyncio.run(run())


async def curl(*words: str) -> tuple[int, bytes]:
    process = await asyncio.create_subprocess_exec(
        "curl", "-sS", *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    async with asyncio.timeout(30):
        output, _ = await process.communicate()
    return process.returncode or 0, output


async def raw(service: HttpService, data: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    writer.write(data)
    async with asyncio.timeout(10):
        answer = await reader.read()
    writer.transport.abort()
    return answer


@pytest.mark.parametrize("name", ["CTLFile.tlv", "Desktops/320x196x4/List.xml", "big"])
def test_curl_and_our_phone_get_files_unchanged(name: str) -> None:
    async def play(service: HttpService) -> tuple[bytes, bytes]:
        url = f"http://127.0.0.1:{service.port}/{name}"
        return (await curl(url))[1], await fetch_http(url, limit=1 << 24)

    assert during(play) == (FILES[name], FILES[name])


def test_a_phones_own_names_of_the_lists_and_percent_signs_work() -> None:
    async def play(service: HttpService) -> list[bytes]:
        base = f"http://127.0.0.1:{service.port}"
        return [(await curl(f"{base}/{path}"))[1] for path in ("CTLSEP001122334455.tlv", "CTL%46ile.tlv")]

    assert during(play) == [FILES["CTLFile.tlv"]] * 2


def test_one_connection_serves_many_requests(tmp_path: Path) -> None:
    async def play(service: HttpService) -> tuple[bytes, int]:
        url = f"http://127.0.0.1:{service.port}/CTLFile.tlv"
        _, output = await curl(
            "-w", "%{num_connects} ", url, url, url, "-o", "/dev/null", "-o", "/dev/null", "-o", "/dev/null"
        )
        return output, service.metrics["connections"]

    assert during(play) == (b"1 0 0 ", 1)


@pytest.mark.parametrize(
    ("path", "status"),
    [("/nothing", b"404"), ("/../etc/passwd", b"404"), ("//etc/passwd", b"404"), ("/%2e%2e/keys", b"404"),
     ("/a%00b", b"400"), ("/..%5ckeys", b"404"), ("/", b"404")],
)  # fmt: skip
def test_what_is_not_there_or_may_not_be_named(path: str, status: bytes) -> None:
    async def play(service: HttpService) -> bytes:
        words = ("--path-as-is", "-o", "/dev/null", "-w", "%{http_code}")
        return (await curl(*words, f"http://127.0.0.1:{service.port}{path}"))[1]

    assert during(play) == status


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"POST /x HTTP/1.1\r\n\r\n", b"405"),
        (b"GET /x HTTP/2.0\r\n\r\n", b"505"),
        (b"GET x HTTP/1.1\r\n\r\n", b"400"),
        (b"hello\r\n\r\n", b"400"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nX: " + b"y" * 9000, b"431"),
        (b"GET / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", b"400"),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", b"400"),
    ],
)
def test_what_is_not_offered_is_refused_and_the_connection_closed(request_: bytes, status: bytes) -> None:
    answer = during(lambda service: raw(service, request_))
    assert answer.startswith(b"HTTP/1.1 " + status)
    assert b"Connection: close" in answer


def test_head_has_no_body_and_http_1_0_ends_the_connection() -> None:
    async def play(service: HttpService) -> tuple[bytes, bytes]:
        head = await raw(service, b"HEAD /CTLFile.tlv HTTP/1.1\r\nConnection: close\r\n\r\n")
        return head, await raw(service, b"GET /CTLFile.tlv HTTP/1.0\r\n\r\n")

    head, old = during(play)
    assert head.endswith(b"\r\n\r\n")
    assert b"Content-Length: 5000" in head
    assert old.endswith(FILES["CTLFile.tlv"])


def test_https_gives_the_configuration_without_its_signature(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(SIGNER.certificate.pem())

    async def play(service: HttpService) -> tuple[int, bytes]:
        address = f"localhost:{service.port}:127.0.0.1"
        return await curl(
            "--cacert", str(tmp_path / "ca.pem"), "--resolve", address,
            f"https://localhost:{service.port}/SEP001122334455.cnf.xml.sgn",
        )  # fmt: skip

    assert during(play, secure=True) == (0, FILES["SEP001122334455.cnf.xml"])
    plain = during(lambda s: fetch_http(f"http://127.0.0.1:{s.port}/SEP001122334455.cnf.xml.sgn"))
    assert plain == FILES["SEP001122334455.cnf.xml.sgn"]


def test_openssl_shakes_hands() -> None:
    async def play(service: HttpService) -> int:
        done = await asyncio.to_thread(
            subprocess.run,
            ["openssl", "s_client", "-connect", f"127.0.0.1:{service.port}", "-brief"],
            input=b"", capture_output=True, timeout=20, check=False,
        )  # fmt: skip
        return done.returncode

    assert during(play, secure=True) == 0


def test_slow_silent_and_greedy_clients_disturb_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_SWEEP_SECONDS", 0.05)
    limits = HttpLimits(head_seconds=0.3, idle_seconds=0.3, write_seconds=0.3)

    async def play(service: HttpService) -> tuple[bytes, bytes, bytes, int]:
        slow = await asyncio.open_connection("127.0.0.1", service.port)
        silent = await asyncio.open_connection("127.0.0.1", service.port)
        greedy = await asyncio.open_connection("127.0.0.1", service.port, limit=1024)
        greedy[1].write(b"GET /big HTTP/1.1\r\n\r\n" * 20)
        slow[1].write(b"GET /CTLFile")
        good = await fetch_http(f"http://127.0.0.1:{service.port}/CTLFile.tlv")
        async with asyncio.timeout(5):
            ends = (await slow[0].read(), await silent[0].read())
            await asyncio.sleep(1.0)
        for _, writer in (slow, silent, greedy):
            writer.transport.abort()
        return good, *ends, service.metrics["timeouts"]

    good, slow, silent, timeouts = during(play, limits=limits)
    assert good == FILES["CTLFile.tlv"]
    assert (slow, silent) == (b"", b"")
    assert timeouts == 3


def test_too_many_connections_are_told_so() -> None:
    async def play(service: HttpService) -> list[bytes]:
        held = [await asyncio.open_connection("127.0.0.1", service.port) for _ in range(2)]
        await asyncio.sleep(0.1)
        answer = await raw(service, b"")
        for _, writer in held:
            writer.transport.abort()
        return [answer]

    [answer] = during(play, limits=HttpLimits(per_address=2))
    assert answer.startswith(b"HTTP/1.1 503")


def test_a_changed_file_is_served_as_soon_as_the_store_has_it() -> None:
    store = MappingStore({"a": b"old"})

    async def play() -> tuple[bytes, bytes]:
        service = HttpService(store, port=0)
        await service.start()
        url = f"http://127.0.0.1:{service.port}/a"
        before = await fetch_http(url)
        store.replace({"a": b"new"})
        after = await fetch_http(url)
        await service.stop()
        return before, after

    assert asyncio.run(play()) == (b"old", b"new")


@given(st.lists(st.binary(max_size=60), max_size=12))
def test_garbage_is_a_typed_error_or_waits(chunks: list[bytes]) -> None:
    buffer = bytearray()
    for chunk in chunks:
        buffer += chunk + b"\r\n"
        try:
            head = take_head(buffer)
            if head is not None:
                parse_head(head)
        except HttpError as error:
            assert error.status >= 400


def test_a_port_that_is_taken_is_an_error() -> None:
    async def play(service: HttpService) -> None:
        second = HttpService(MappingStore(FILES), port=service.port)
        with pytest.raises(Exception, match="cannot listen"):
            await second.start()

    during(play)


def test_tls_context_is_made_anew_at_each_start() -> None:
    made: list[ssl.SSLContext] = []

    def context() -> ssl.SSLContext:
        made.append(server_context([SIGNER]))
        return made[-1]

    async def play() -> None:
        service = HttpService(MappingStore(FILES), port=0, tls=context)
        for _ in range(2):
            await service.start()
            await service.stop()

    asyncio.run(play())
    assert len(made) == 2
