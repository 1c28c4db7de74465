"""Firmware over TFTP and HTTP: a server's memory does not grow with what it serves."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

SERVER = """
import asyncio, sys
from pathlib import Path
from mixedmode.services.files.store import FolderStore
from mixedmode.services.http.service import HttpService
from mixedmode.services.tftp.service import TftpService

def memory():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))

async def main():
    before = memory()
    store = FolderStore(Path(sys.argv[1]))
    services = HttpService(store, port=0), TftpService(store)
    for service in services:
        await service.start()
    print(*(service.port for service in services), flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    print(len(store), len(store.skipped), memory() - before, flush=True)
    for service in services:
        await service.stop()

asyncio.run(main())
"""
SIZE = 100_000_001


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a", "b", "c", "d", "e", "f"):
        with (tmp_path / f"{name}.sbn").open("wb") as file:
            file.truncate(SIZE)
    with (tmp_path / "a.sbn").open("r+b") as file:
        for place in (0, 33_554_431, 65_536_000, SIZE - 4):
            file.seek(place)
            file.write(b"here")
    (tmp_path / "small.xml").write_bytes(b"<small/>")
    return tmp_path


def fetched(url: str, *options: str) -> str:
    done = subprocess.run(("curl", "-sS", *options, url), capture_output=True, check=True, timeout=60)
    return hashlib.sha256(done.stdout).hexdigest()


@pytest.mark.interop("curl")
def test_600_megabytes_are_served_from_less_than_32(folder: Path) -> None:
    expected = hashlib.sha256((folder / "a.sbn").read_bytes()).hexdigest()
    with subprocess.Popen(
        (sys.executable, "-c", SERVER, str(folder)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        assert server.stdin is not None
        http, tftp = server.stdout.readline().split()
        got = [
            fetched(f"http://127.0.0.1:{http}/a.sbn"),
            fetched(f"tftp://127.0.0.1:{tftp}/a.sbn", "--tftp-blksize", "65464"),
            fetched(f"tftp://127.0.0.1:{tftp}/a.sbn;mode=netascii", "--tftp-blksize", "65464"),
        ]
        small = fetched(f"http://127.0.0.1:{http}/small.xml")
        part = subprocess.run(
            ("curl", "-sS", "-r", "65536000-65536003", f"http://127.0.0.1:{http}/a.sbn"),
            capture_output=True,
            check=True,
        ).stdout
        server.stdin.write("\n")
        server.stdin.flush()
        files, skipped, kilobytes = map(int, server.stdout.readline().split())
    assert got == [expected] * 3
    assert small == hashlib.sha256(b"<small/>").hexdigest()
    assert part == b"here"
    assert (files, skipped) == (7, 0)
    assert kilobytes < 32 << 10
