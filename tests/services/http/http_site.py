"""An HTTP service with files, and clients that are not ours."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import cache
from typing import Any, TypeVar

import pytest

from mixedmode.errors import MixedModeError
from mixedmode.pki.certificates.profiles import KeyKind, Purpose, Subject, generate_key, self_signed
from mixedmode.pki.signing.signer import SoftwareSigner
from mixedmode.services.files.disk_files import FileData
from mixedmode.services.files.store import FileStore, MappingStore
from mixedmode.services.http.service import HttpLimits, HttpService
from mixedmode.services.net.server_tls import TlsFloor, server_context
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
    async with asyncio.timeout(60):
        output, _ = await process.communicate()
    return process.returncode or 0, output


async def raw(service: HttpService, data: bytes, *, secure: bool = False) -> bytes:
    """Send bytes and return everything until the server closes."""
    reader, writer = await asyncio.open_connection(*service.address, ssl=client_context() if secure else None)
    writer.write(data)
    async with asyncio.timeout(60):
        answer = await reader.read()
    writer.transport.abort()
    return answer


def url(service: HttpService, name: str = "CTLFile.tlv") -> str:
    return f"http://127.0.0.1:{service.port}/{name}"


class SlowStore(MappingStore):
    """Builds what its name says so, as slowly as a busy database."""

    def __init__(self) -> None:
        super().__init__(FILES)
        self.asked = threading.Event()
        self.go = threading.Event()

    def ready(self, name: str) -> bool:
        return not name.startswith("built")

    def lookup(self, name: str) -> FileData | None:
        if name == "built-badly":
            raise MixedModeError("the database does not answer")
        if name.startswith("built"):
            self.asked.set()
            self.go.wait(100)
            return b"built"
        return super().lookup(name)
