"""The file service over HTTP (6970) and HTTPS (6971), from the same store as TFTP (phone-trust.md 1.2).

Rules:

1. An answer is built once for a file and kept as long as the store gives the same bytes.
2. Over HTTPS a configuration that is asked for with ``.sgn`` is given without its signature: TLS vouches for it.
3. Connections are bounded, in all and for each address; so are heads, the time until a head is whole, silence between
   requests, and what waits for a client that does not read. One timer sweeps all connections.
4. Nothing is written anywhere, and nothing outside of the store can be named.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Final, cast

from mixedmode.errors import RemoteError
from mixedmode.protocols.http import (
    HttpError,
    HttpRequest,
    HttpStatus,
    parse_head,
    response_head,
    take_head,
)
from mixedmode.services.files import FileStore, is_safe_name

_SWEEP_SECONDS: Final = 1.0
_KEPT: Final = 4096
_TYPES: Final = {".xml": "text/xml", ".sgn": "application/octet-stream", ".tlv": "application/octet-stream"}
_SIGNED_CONFIG = re.compile(r"(SEP[0-9A-F]{12}|XMLDefault|XmlDefault)\.cnf\.xml\.sgn")


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """What clients may use.

    Attributes:
        connections: At once.
        per_address: Of these, from one address; a site may sit behind one.
        handshake_seconds: For TLS.
        head_seconds: From a head's first byte to its last.
        idle_seconds: Without a request.
        write_seconds: That a client may leave an answer unread.
        pipelined: Requests answered at once on one connection.
    """

    connections: int = 10_000
    per_address: int = 5_000
    handshake_seconds: float = 10.0
    head_seconds: float = 10.0
    idle_seconds: float = 60.0
    write_seconds: float = 30.0
    pipelined: int = 64


class HttpService:
    """A read-only HTTP server.

    Args:
        store: The files.
        host: Address to listen on.
        port: TCP port; 0 chooses a free one.
        tls: Gives the TLS context, for HTTPS.
        limits: What clients may use.
    """

    def __init__(
        self,
        store: FileStore,
        *,
        host: str = "127.0.0.1",
        port: int = 6970,
        tls: Callable[[], ssl.SSLContext] | None = None,
        limits: HttpLimits | None = None,
    ) -> None:
        self.store = store
        self.limits = limits or HttpLimits()
        self.metrics: Counter[str] = Counter()
        self.addresses: Counter[str] = Counter()
        self.connections: set[_Connection] = set()
        self.draining = False
        self._where = (host, port)
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._sweeper: asyncio.Task[None] | None = None
        self._answers: dict[str, tuple[bytes, bytes]] = {}

    @property
    def port(self) -> int:
        """The TCP port that it listens on."""
        return (
            int(self._server.sockets[0].getsockname()[1]) if self._server and self._server.sockets else self._where[1]
        )

    @property
    def healthy(self) -> bool:
        """Whether connections are taken."""
        return self._server is not None and self._server.is_serving()

    async def start(self) -> None:
        """Listen.

        Raises:
            RemoteError: The address cannot be used.
            MixedModeError: The key cannot be used.
        """
        self.draining = False
        host, port = self._where
        context = await asyncio.to_thread(self._tls) if self._tls else None
        loop = asyncio.get_running_loop()
        seconds = self.limits.handshake_seconds if context else None
        try:
            self._server = await loop.create_server(
                lambda: _Connection(self),
                host,
                port,
                ssl=context,
                ssl_handshake_timeout=seconds,
                ssl_shutdown_timeout=2.0 if context else None,
                backlog=4096,
                reuse_address=True,
            )
        except OSError as error:
            raise RemoteError(
                f"HTTP cannot listen: {error.strerror or error}",
                where=f"{host}:{port}",
                next_step="choose another port, or stop what uses it",
            ) from error
        self._sweeper = asyncio.create_task(self._sweep())

    async def drain(self, timeout: float = 5.0) -> int:
        """Take no more connections and close those that are silent; return how many are left."""
        self.draining = True
        if self._server is not None:
            self._server.close()
        for connection in list(self.connections):
            connection.drain()
        end = monotonic() + timeout
        # A look now and then costs connections nothing; telling a waiter would cost every one of them.
        while self.connections and monotonic() < end:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        return len(self.connections)

    async def stop(self) -> None:
        """Close everything. Stopping twice does no harm."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.gather(self._sweeper, return_exceptions=True)
            self._sweeper = None
        if self._server is not None:
            self._server.close()
            self._server = None
        for connection in list(self.connections):
            connection.abort()
        self._answers.clear()

    def answer(self, request: HttpRequest) -> bytes:
        """Return the bytes that answer a request."""
        name = request.name
        if self._tls is not None and _SIGNED_CONFIG.fullmatch(name):
            name = name.removesuffix(".sgn")
        data = self.store.lookup(name) if is_safe_name(name) else None
        if data is None:
            self.metrics["not_found"] += 1
            return error_answer(HttpStatus.NOT_FOUND, keep=request.keep, head_only=request.head_only)
        self.metrics["served"] += 1
        if request.keep and not request.head_only:
            kept = self._answers.get(name)
            if kept is None or kept[0] is not data:
                kept = self._keep(name, data)
            return kept[1]
        head = response_head(HttpStatus.OK, len(data), kind=_type_of(name), keep=request.keep)
        return head if request.head_only else head + data

    def _keep(self, name: str, data: bytes) -> tuple[bytes, bytes]:
        if len(self._answers) >= _KEPT:
            self._answers.clear()
        head = response_head(HttpStatus.OK, len(data), kind=_type_of(name), keep=True)
        self._answers[name] = kept = data, head + data
        return kept

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            now = monotonic()
            for connection in [each for each in self.connections if each.due <= now]:
                self.metrics["timeouts"] += 1
                connection.abort()


class _Connection(asyncio.Protocol):
    """One connection.

    Attributes:
        due: When it is closed unless something happens.
    """

    def __init__(self, service: HttpService) -> None:
        self._service = service
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._address = ""
        self._blocked = False
        self.due = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count the connection, or close it when there are too many (rule 3)."""
        service = self._service
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        self._address = str(peer[0]) if peer else "unknown"
        full = len(service.connections) >= service.limits.connections
        if full or service.addresses[self._address] >= service.limits.per_address or service.draining:
            service.metrics["refused"] += 1
            self._transport.write(error_answer(HttpStatus.UNAVAILABLE, keep=False))
            self._transport.close()
            return
        service.metrics["connections"] += 1
        service.connections.add(self)
        service.addresses[self._address] += 1
        self.due = monotonic() + service.limits.idle_seconds

    def connection_lost(self, _error: Exception | None) -> None:
        """Forget the connection."""
        service = self._service
        if self in service.connections:
            service.connections.discard(self)
            service.addresses[self._address] -= 1
            if not service.addresses[self._address]:
                del service.addresses[self._address]

    def data_received(self, data: bytes) -> None:
        """Answer every request that is whole."""
        if not self._buffer:
            self.due = monotonic() + self._service.limits.head_seconds
        self._buffer += data
        self._serve()

    def pause_writing(self) -> None:
        """Read no more until the client takes what was sent."""
        self._blocked = True
        self.due = monotonic() + self._service.limits.write_seconds
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Go on."""
        self._blocked = False
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()
            self._serve()

    def drain(self) -> None:
        """Close once nothing is half-way."""
        if not self._buffer and not self._blocked and self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    def _serve(self) -> None:
        service, transport = self._service, self._transport
        if transport is None or self not in service.connections:
            return
        answered = 0
        while not self._blocked and not transport.is_closing():
            try:
                head = take_head(self._buffer)
                if head is None:
                    break
                request = parse_head(head)
            except HttpError as error:
                service.metrics["malformed"] += 1
                transport.write(error_answer(error.status, keep=False))
                transport.close()
                return
            service.metrics["requests"] += 1
            transport.write(service.answer(request))
            answered += 1
            if not request.keep or service.draining:
                transport.close()
                return
            if answered >= service.limits.pipelined:
                # Others get their turn first.
                asyncio.get_running_loop().call_soon(self._serve)
                return
        if not self._buffer and not self._blocked:
            self.due = monotonic() + service.limits.idle_seconds


def error_answer(status: HttpStatus, *, keep: bool, head_only: bool = False) -> bytes:
    """Return an answer that says what is wrong."""
    body = f"{status.value} {status.phrase}\n".encode()
    head = response_head(status, len(body), kind="text/plain", keep=keep)
    return head if head_only else head + body


def _type_of(name: str) -> str:
    return _TYPES.get(name[-4:], "application/octet-stream")
