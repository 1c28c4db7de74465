"""The TFTP service with the clients that people have: curl, Debian's tftp, atftp, and our own."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from mixedmode.errors import RemoteError, UsageError
from mixedmode.phone.body.download import FileNotFoundOnServer, TransferFailed, fetch_tftp
from mixedmode.protocols.tftp import Options, ServerLimits
from mixedmode.services.files.store import FileStore, FolderStore, MappingStore
from mixedmode.services.tftp.service import TftpService
from tests.services.net.relay import LossyRelay
from tests.support import eventually

RANDOM = random.Random(1)
FILES = {
    "CTLFile.tlv": RANDOM.randbytes(4947),
    "empty": b"",
    "exact": RANDOM.randbytes(2048),
    "text": b"one\r\ntwo\nthree\r\0" * 50,
    "many": RANDOM.randbytes(8 * 65600),
    "New_Zealand/g3-tones.xml": RANDOM.randbytes(700),
}


@asynccontextmanager
async def serving(store: FileStore | None = None, **settings: object) -> AsyncIterator[TftpService]:
    service = TftpService(store or MappingStore(FILES), **settings)  # type: ignore[arg-type] # passed through
    await service.start()
    try:
        yield service
    finally:
        await service.stop()


async def command(*words: str, cwd: Path | None = None) -> tuple[int, bytes]:
    process = await asyncio.create_subprocess_exec(
        *words, cwd=cwd, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    async with asyncio.timeout(110):
        output, _ = await process.communicate()
    return process.returncode or 0, output


Get = Callable[[int, str, Path], Awaitable[bytes]]


def curl(*options: str) -> Get:
    async def get(port: int, name: str, _folder: Path) -> bytes:
        status, output = await command("curl", "-sS", *options, f"tftp://127.0.0.1:{port}/{name}")
        assert status == 0
        return output

    return get


def tftp(mode: str) -> Get:
    async def get(port: int, name: str, folder: Path) -> bytes:
        await command("tftp", "-m", mode, "127.0.0.1", str(port), "-c", "get", name, "out", cwd=folder)
        return (folder / "out").read_bytes()

    return get


def atftp(*options: str) -> Get:
    async def get(port: int, name: str, folder: Path) -> bytes:
        words = [word for option in options for word in ("--option", option)]
        await command("atftp", *words, "--get", "-r", name, "-l", "out", "127.0.0.1", str(port), cwd=folder)
        return (folder / "out").read_bytes()

    return get


CLIENTS = {
    "curl": curl(),
    "curl-blksize": curl("--tftp-blksize", "1428"),
    "curl-no-options": curl("--tftp-no-options"),
    "tftp": tftp("binary"),
    "tftp-netascii": tftp("ascii"),
    "atftp": atftp(),
    "atftp-blksize": atftp("blksize 1024"),
    "atftp-window": atftp("blksize 1024", "windowsize 4", "tsize 0", "timeout 2"),
}


@pytest.mark.interop("atftp", "curl", "tftp")
@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("name", ["CTLFile.tlv", "CTLSEP0006537B84EF.tlv", "empty", "exact", "text"])
def test_real_clients_get_files_unchanged(client: str, name: str, tmp_path: Path) -> None:
    async def procedure() -> bytes:
        async with serving() as service:
            return await CLIENTS[client](service.port, name, tmp_path)

    assert asyncio.run(procedure()) == FILES[name.replace("SEP0006537B84EF", "File")]


@pytest.mark.interop("atftp", "curl", "tftp")
@pytest.mark.parametrize("client", ["curl", "tftp", "tftp-netascii", "atftp-window"])
def test_real_clients_get_files_that_are_not_in_memory(client: str, tmp_path: Path) -> None:
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "text").write_bytes(FILES["text"])
    store = FolderStore(tmp_path / "served", memory_limit=0)

    async def procedure() -> list[bytes]:
        async with serving(store) as service:
            return [await CLIENTS[client](service.port, "text", tmp_path) for _ in range(2)]

    assert asyncio.run(procedure()) == [FILES["text"]] * 2


@pytest.mark.interop("atftp", "curl", "tftp")
@pytest.mark.parametrize("client", ["curl-no-options", "atftp-blksize", "atftp-window"])
def test_real_clients_get_files_through_a_network_that_loses_packets(client: str, tmp_path: Path) -> None:
    async def procedure() -> tuple[bytes, int]:
        async with serving() as service:
            relay = LossyRelay(service.address, loss=0.05, seed=5)
            port = await relay.start()
            got = await CLIENTS[client](port, "CTLFile.tlv", tmp_path)
            relay.stop()
            return got, relay.lost

    got, lost = asyncio.run(procedure())
    assert got == FILES["CTLFile.tlv"]
    assert lost


def test_many_downloads_at_once_through_a_network_that_loses_packets() -> None:
    async def procedure() -> tuple[list[bytes], int]:
        async with serving() as service:
            relay = LossyRelay(service.address, loss=0.05)
            port = await relay.start()
            async with asyncio.TaskGroup() as group:
                # The server sends a block again after 1, 3, 7 and 15 seconds, whatever the client repeats meanwhile.
                # A client of 5 seconds' patience sees three of them, which are all lost once in twenty runs.
                tasks = [
                    group.create_task(fetch_tftp("127.0.0.1", port, "CTLFile.tlv", timeout=0.3, retries=60))
                    for _ in range(40)
                ]
            relay.stop()
            return [task.result() for task in tasks], relay.lost

    got, lost = asyncio.run(procedure())
    assert got == [FILES["CTLFile.tlv"]] * 40
    assert lost > 10


@pytest.mark.interop("atftp")
@pytest.mark.parametrize("where", ["memory", "disk"])
def test_more_than_65535_blocks(where: str, tmp_path: Path) -> None:
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "many").write_bytes(FILES["many"])
    store = FolderStore(tmp_path / "served", memory_limit=0) if where == "disk" else None

    async def procedure() -> bytes:
        async with serving(store) as service:
            return await atftp("blksize 8", "windowsize 32")(service.port, "many", tmp_path)

    assert asyncio.run(procedure()) == FILES["many"]


def test_two_hundred_at_once_and_the_books_balance() -> None:
    async def procedure() -> tuple[list[bytes], dict[str, int]]:
        patient = ServerLimits(timeout=3600)
        async with serving(limits=patient) as service, asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(fetch_tftp("127.0.0.1", service.port, "CTLFile.tlv", options=options, timeout=60))
                for options in (Options(), Options(blksize=1024, windowsize=4, tsize=True))
                for _ in range(100)
            ]
            await asyncio.wait(tasks)
            assert await service.drain(60) == 0
            return [task.result() for task in tasks], service.metrics

    got, metrics = asyncio.run(procedure())
    assert got == [FILES["CTLFile.tlv"]] * 200
    assert metrics["completed"] == metrics["requests"] == 200
    assert metrics["bytes_completed"] == 200 * 4947
    assert metrics["active"] == metrics["retransmissions"] == 0


@pytest.mark.parametrize("name", ["none", "/etc/passwd", "a/b/c/d/e", "../../etc/passwd", "/../x", "..\\..\\x"])
def test_what_is_not_there_is_refused_at_once(name: str) -> None:
    async def procedure() -> None:
        async with serving() as service, asyncio.timeout(60):
            await fetch_tftp("127.0.0.1", service.port, name, timeout=3600)  # so silence is no refusal

    with pytest.raises(TransferFailed) if ".." in name else pytest.raises(FileNotFoundOnServer):
        asyncio.run(procedure())


def test_names_are_below_the_root_however_they_are_written() -> None:
    async def procedure() -> list[bytes]:
        async with serving() as service:
            names = (
                "/exact",
                "./exact",
                "//exact",
                "x/../exact",
                "New_Zealand//g3-tones.xml",
            )
            return [await fetch_tftp("127.0.0.1", service.port, name) for name in names]

    expected = [FILES["exact"]] * 4 + [FILES["New_Zealand/g3-tones.xml"]]
    assert asyncio.run(procedure()) == expected


@pytest.mark.interop("curl")
def test_curl_says_not_found_and_cannot_upload(tmp_path: Path) -> None:
    async def procedure() -> tuple[int, int]:
        (tmp_path / "up").write_bytes(b"x")
        async with serving() as service:
            url = f"tftp://127.0.0.1:{service.port}/none"
            missing, _ = await command("curl", "-s", url)
            upload, _ = await command("curl", "-s", "-T", str(tmp_path / "up"), url)
            return missing, upload

    assert asyncio.run(procedure()) == (68, 69)


def test_answers_come_from_another_port_and_from_the_address_that_was_asked() -> None:
    async def procedure() -> tuple[int, tuple[str, int]]:
        async with serving(host="0.0.0.0") as service:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.settimeout(60)
                sock.sendto(b"\0\1exact\0octet\0", ("127.0.0.3", service.port))
                _, address = await asyncio.to_thread(sock.recvfrom, 1000)
                return service.port, address

    port, address = asyncio.run(procedure())
    assert address[0] == "127.0.0.3"
    assert address[1] != port


def test_draining_lets_transfers_finish_and_takes_no_more() -> None:
    async def procedure() -> None:
        async with serving() as service:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sock:
                sock.bind(("127.0.0.1", 0))
                sock.sendto(b"\0\1text\0octet\0", service.address)
                _, tid = await asyncio.get_running_loop().sock_recvfrom(sock, 1000)
                assert service.healthy
                draining = asyncio.create_task(service.drain(60))
                await eventually(lambda: not service.healthy)
                with pytest.raises(TransferFailed, match="No answer"):
                    await fetch_tftp("127.0.0.1", service.port, "text", timeout=0.1, retries=1)
                for block in (1, 2):
                    sock.sendto(b"\0\4\0" + bytes([block]), tid)
                assert await draining == 0

    asyncio.run(procedure())


def test_garbage_and_a_flood_of_forged_requests_do_no_harm() -> None:
    async def procedure() -> dict[str, int]:
        async with serving(limits=ServerLimits(transfers_per_client=50)) as service:
            noise = random.Random(3)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                for _ in range(300):
                    sock.sendto(noise.randbytes(noise.randrange(0, 700)), service.address)
            socks = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(80)]
            for sock in socks:
                sock.sendto(b"\0\1exact\0octet\0", service.address)
            await eventually(lambda: service.metrics["requests"] == 380)
            for sock in socks:
                sock.close()
            metrics = service.metrics
            service.counters.active = 0
            return metrics

    metrics = asyncio.run(procedure())
    assert metrics["malformed"] >= 290
    assert metrics["active"] == 50
    assert metrics["dropped_client"] == 30


def test_a_port_that_is_taken_is_an_error_with_a_next_step() -> None:
    async def procedure() -> None:
        async with serving() as service, serving(port=service.port):
            pass

    with pytest.raises(RemoteError) as caught:
        asyncio.run(procedure())
    assert caught.value.next_step


def test_a_service_that_is_not_running_has_no_port() -> None:
    with pytest.raises(UsageError):
        _ = TftpService(MappingStore()).port


def test_it_runs_under_uvloop_too() -> None:
    import uvloop

    async def procedure() -> bytes:
        async with serving(host="::1") as service:
            return await fetch_tftp("::1", service.port, "exact", options=Options(blksize=600, windowsize=3))

    assert uvloop.run(procedure()) == FILES["exact"]
