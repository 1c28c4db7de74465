"""Fetch one file over TFTP, as a phone does, or from whatever a SOURCE names.

Every download has a limit on bytes and on time. TFTP: the sans-IO machine of
:mod:`mixedmode.protocols.tftp` on one unconnected socket, since the server answers from another port.
HTTP is in :mod:`mixedmode.phone.body.http`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

from mixedmode.causes import why_no_connection
from mixedmode.errors import LocalProtocolError, UsageError
from mixedmode.phone.body.errors import FileNotFoundOnServer, TransferFailed
from mixedmode.phone.body.http import fetch_http
from mixedmode.phone.body.network import SOCKETS, Datagrams, Network
from mixedmode.protocols.tftp import (
    DEFAULT_OPTIONS,
    ClientPhase,
    ClientTransfer,
    FailureReason,
    Options,
    Outgoing,
)

__all__ = [
    "FileNotFoundOnServer",
    "Progress",
    "TransferFailed",
    "fetch",
    "fetch_http",
    "fetch_sync",
    "fetch_tftp",
]

Progress = Callable[[int, int | None], None]
"""Told the bytes so far, and in all if the server said so."""

_TFTP_PORT = 69
_DATAGRAM_BYTES = 65536
_BATCH = 256


async def fetch_tftp(
    host: str,
    port: int,
    name: str,
    *,
    timeout: float = 1.0,
    retries: int = 5,
    limit: int = 1 << 20,
    options: Options = DEFAULT_OPTIONS,
    deadline: float = 300.0,
    progress: Progress | None = None,
    network: Network = SOCKETS,
) -> bytes:
    """Return the file ``name`` of the TFTP server at ``host`` and ``port``.

    Args:
        host: Name or address of the server.
        port: Its UDP port.
        name: The file.
        timeout: Seconds until the last packet is sent again.
        retries: How often, before giving up.
        limit: Most bytes to take.
        options: RFC 2347 options to ask for; none by default, as phones do.
        deadline: Seconds for the whole transfer.
        progress: Told after each block.
        network: How to get there.

    Raises:
        FileNotFoundOnServer: The server has no such file.
        TransferFailed: Anything else.
        UsageError: The name is too long for a request.
    """
    where = f"tftp://{host}:{port}/{name}"
    loop = asyncio.get_running_loop()
    try:
        server = await network.resolve(host, port)
    except (OSError, UnicodeError) as error:
        problem, step = why_no_connection(error)
        raise TransferFailed(f"There is no such server: {problem}", where=where, next_step=step) from error
    try:
        transfer = ClientTransfer(
            name, server.address, loop.time(), options=options, timeout=timeout, retries=retries, limit=limit
        )
    except LocalProtocolError as error:
        raise UsageError(error.what, where=where, next_step=error.next_step) from error
    with closing(network.datagrams(server.family)) as ours:
        try:
            async with asyncio.timeout(deadline):
                await _run(transfer, ours, progress)
        except TimeoutError:
            raise TransferFailed(f"Not complete after {deadline:g} s", where=where, code="timeout") from None
        except OSError as error:
            problem, step = why_no_connection(error)
            raise TransferFailed(f"The network refused it: {problem}", where=where, next_step=step) from error
    if transfer.phase is ClientPhase.DONE:
        return transfer.content
    raise _failure(transfer, where)


async def _run(transfer: ClientTransfer, ours: Datagrams, progress: Progress | None) -> None:
    loop = asyncio.get_running_loop()
    news = asyncio.Event()

    ours.watch(news.set)
    _send(ours, transfer.start())
    while not transfer.finished:
        try:
            async with asyncio.timeout_at(transfer.next_timer()):
                await news.wait()
        except TimeoutError:
            _send(ours, transfer.expire(loop.time()))
            continue
        news.clear()
        for _ in range(_BATCH):
            try:
                data, address = ours.recvfrom(_DATAGRAM_BYTES)
            except BlockingIOError:
                break
            reply = transfer.receive(data, address, loop.time())
            if reply:
                _send(ours, [((reply,) if isinstance(reply, bytes) else reply, address)])
        if progress is not None:
            progress(transfer.received, transfer.total)


def _send(ours: Datagrams, outgoing: Outgoing) -> None:
    for packets, address in outgoing:
        for packet in packets:
            try:
                ours.sendto(packet, address)
            except BlockingIOError:
                return  # lost like any other; the clock repeats it


def _failure(transfer: ClientTransfer, where: str) -> FileNotFoundOnServer | TransferFailed:
    failure = transfer.failure
    if failure is None:
        return TransferFailed("The transfer did not finish", where=where)
    if failure.reason is FailureReason.NOT_FOUND:
        return FileNotFoundOnServer(
            "File not found", where=where, why=f"the server says: {failure.message}", next_step="Check the name."
        )
    next_step = {
        FailureReason.TIMEOUT: "Check the address, and that UDP can pass in both directions.",
        FailureReason.TOO_LARGE: "Allow more bytes if this is the right file.",
    }.get(failure.reason)
    return TransferFailed(failure.message, where=where, next_step=next_step, code=failure.reason.value)


async def fetch(source: str, *, limit: int = 1 << 20, ca_file: Path | None = None) -> bytes:
    """Return what ``tftp://host[:port]/name`` or ``http(s)://host[:port]/name`` names.

    Raises:
        UsageError: It is no such URL.
        FileNotFoundOnServer: The server has no such file.
        TransferFailed: Anything else.
    """
    if source.lower().startswith(("http://", "https://")):
        return await fetch_http(source, limit=limit, ca_file=ca_file)
    host, port, name = split_tftp_url(source)
    return await fetch_tftp(host, port, name, limit=limit)


def fetch_sync(source: str, *, limit: int = 1 << 20, ca_file: Path | None = None) -> bytes:
    """Do :func:`fetch` from code that has no event loop."""
    # Not every system's usual loop can watch a socket for datagrams: that of Windows cannot.
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        return runner.run(fetch(source, limit=limit, ca_file=ca_file))


def split_tftp_url(source: str) -> tuple[str, int, str]:
    """Return host, port and file name of ``tftp://host[:port]/name`` (RFC 3617).

    Raises:
        UsageError: It is no such URL.
    """
    usage = UsageError("This is not tftp://HOST[:PORT]/NAME", where=source)
    try:
        parts = urlsplit(source)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise usage from error
    name = unquote(source.partition("://")[2].partition("/")[2]).partition(";mode=")[0]
    if parts.scheme != "tftp" or not host or not name or port == 0:
        raise usage
    return host, port or _TFTP_PORT, name
