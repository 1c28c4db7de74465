"""A TVS server with certificates to vouch for, and clients that do not use our client."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cache
from typing import Any, TypeVar

import uvloop

from mixedmode.pki.certificates.profiles import KeyKind, Purpose, generate_key, self_signed
from mixedmode.pki.signing.signer import SoftwareSigner
from mixedmode.protocols.tvs import Answer, QueryRequest, encode_message, parse_message
from mixedmode.services.tvs.credentials import FixedCredentials
from mixedmode.services.tvs.lookup import TrustLookup
from mixedmode.services.tvs.service import TvsLimits, TvsService
from mixedmode.services.tvs.sources import TableSource
from tests.pki.material import NOW, PUBLISHER, signer
from tests.support import eventually

T = TypeVar("T")
DEVICE = "CP-7975-SEP001122334455"
LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


def run(procedure: Coroutine[Any, Any, T], loop: str = "uvloop") -> T:
    async def bounded() -> T:
        async with asyncio.timeout(300):
            return await procedure

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        return runner.run(bounded())


@cache
def tvs_signer(kind: KeyKind = KeyKind.RSA_2048, number: int = 0) -> SoftwareSigner:
    key = generate_key(kind)
    purpose = Purpose.TVS if "RSA" in kind.name else Purpose.CALLMANAGER_ECDSA
    return SoftwareSigner(self_signed(purpose, subject=PUBLISHER, key=key, now=NOW, serial=0x9000 + number), key)


CALLMANAGER = signer().certificate
QUERY = QueryRequest(0x3E9, DEVICE, CALLMANAGER.subject, CALLMANAGER.issuer, CALLMANAGER.serial)
REQUEST = encode_message(QUERY)


def table() -> TableSource:
    return TableSource("CertificateDBCache", [(CALLMANAGER, (0, 2))])


@asynccontextmanager
async def serving(
    *sources: Any, limits: TvsLimits | None = None, signers: Sequence[SoftwareSigner] = (), **settings: Any
) -> AsyncIterator[TvsService]:
    service = TvsService(
        TrustLookup(sources or (table(),)),
        settings.pop("credentials", FixedCredentials(*(signers or (tvs_signer(),)))),
        port=0,
        limits=limits,
        **settings,
    )
    await service.start()
    try:
        yield service
    finally:
        await service.stop()


def client_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@asynccontextmanager
async def tls_connection(
    address: tuple[str, int], limit: int = 1 << 16
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to whoever answers there; it is aborted at the end."""
    reader, writer = await asyncio.open_connection(*address, ssl=client_context(), server_hostname="", limit=limit)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()
        with contextlib.suppress(Exception):
            await writer.wait_closed()


def connected(
    service: TvsService,
) -> AbstractAsyncContextManager[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to a TVS."""
    return tls_connection(service.address)


async def read_answer(reader: asyncio.StreamReader) -> Answer:
    head = await reader.readexactly(10)
    message = parse_message(head + await reader.readexactly(int.from_bytes(head[8:])))
    assert isinstance(message, Answer)
    return message


async def ask(service: TvsService, data: bytes = REQUEST) -> Answer:
    async with connected(service) as (reader, writer):
        writer.write(data)
        return await read_answer(reader)


async def nobody_left(service: TvsService) -> None:
    await eventually(lambda: not service.metrics["open"])


async def s_client(service: TvsService, data: bytes, *options: str, size: int = 10) -> tuple[bytes, str]:
    """Send bytes with OpenSSL's own client; return the first ``size`` bytes that come back, and what it says."""
    host, port = service.address
    process = await asyncio.create_subprocess_exec(
        *("openssl", "s_client", "-connect", f"{host}:{port}", "-quiet", *options),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    answer = b""
    try:
        process.stdin.write(data)
        with contextlib.suppress(ConnectionError):
            await process.stdin.drain()
        with contextlib.suppress(asyncio.IncompleteReadError):
            answer = await asyncio.wait_for(process.stdout.readexactly(size), 60)
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        errors = await process.stderr.read()
        await process.wait()
        process.stdin.close()
    return answer, errors.decode()
