"""A small HTTP/1.1 GET, bounded in bytes and time: what a phone needs of HTTP, no more.

Rules: one request a connection; redirects are refused, since a phone does not follow them; a body needs a
Content-Length, chunks, or the end of the connection, and a body cut short is an error; TLS certificates
are checked unless the caller brings a context of its own (a phone checks against its trust list).
"""

from __future__ import annotations

import asyncio
import re
import ssl
from pathlib import Path
from urllib.parse import quote, urlsplit

from mixedmode.causes import why_no_connection
from mixedmode.errors import UsageError
from mixedmode.numbers import whole_number
from mixedmode.phone.body.errors import FileNotFoundOnServer, TransferFailed
from mixedmode.phone.body.network import SOCKETS, Network

_HEAD_BYTES = 16 << 10
_SIZE = re.compile(rb"[0-9A-Fa-f]{1,16}")
_INTERIM_LIMIT = 4
_DEFAULT_PORTS = {"http": 80, "https": 443}


async def fetch_http(
    url: str,
    *,
    limit: int = 1 << 20,
    deadline: float = 30.0,
    ca_file: Path | None = None,
    tls: ssl.SSLContext | None = None,
    network: Network = SOCKETS,
) -> bytes:
    """Return the body of ``http(s)://host[:port]/name``.

    Args:
        url: What to fetch.
        limit: Most bytes of the body.
        deadline: Seconds for everything.
        ca_file: PEM certificates to trust instead of the system's.
        tls: A context that decides about the server's certificate instead.
        network: How to get there.

    Raises:
        FileNotFoundOnServer: Status 404 or 410.
        TransferFailed: Any other status than 200, a broken answer, no answer in time, too many bytes.
        UsageError: ``url`` is no such URL, or ``ca_file`` cannot be read.
    """
    host, port, target, secure = _split(url)
    context = (tls or _context(ca_file)) if secure else None
    try:
        async with asyncio.timeout(deadline):
            connection = await network.connect(host, port, tls=context, limit=_HEAD_BYTES)
            reader, writer = connection.reader, connection.writer
            try:
                authority = f"[{host}]" if ":" in host else host
                writer.write(
                    f"GET {target} HTTP/1.1\r\nHost: {authority}:{port}\r\nUser-Agent: mixedmode\r\n"
                    "Accept: */*\r\nConnection: close\r\n\r\n".encode("ascii")
                )
                await writer.drain()
                return await _read_response(reader, limit)
            finally:
                writer.transport.abort()
    except TimeoutError:
        raise TransferFailed(f"Not complete after {deadline:g} s", where=url, code="timeout") from None
    except ssl.SSLCertVerificationError as error:
        raise TransferFailed(
            "The server's certificate is not trusted",
            where=url,
            why=error.verify_message,
            next_step="Give the CA that issued it.",
            code="untrusted",
        ) from error
    except (OSError, UnicodeError) as error:
        why, step = why_no_connection(error)
        raise TransferFailed("The connection failed", where=url, why=why, next_step=step) from error
    except asyncio.IncompleteReadError as error:
        speaks = error.expected is not None or error.partial.startswith(b"HTTP/")
        why = "the other side closed it within its answer" if speaks else "what listens there answers no HTTP"
        raise TransferFailed("The connection failed", where=url, why=why) from error
    except (asyncio.LimitOverrunError, ValueError) as error:
        raise TransferFailed("The connection failed", where=url, why=str(error)) from error
    except (FileNotFoundOnServer, TransferFailed) as error:
        error.located(url)
        raise


def _split(url: str) -> tuple[str, int, str, bool]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise UsageError("This is not an http(s) URL", where=url) from error
    if parts.scheme not in _DEFAULT_PORTS or not host or port == 0:
        raise UsageError("This is not an http(s) URL", where=url)
    target = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    if parts.query:
        target += "?" + quote(parts.query, safe="/%:@!$&'()*+,;=~-._?")
    return host, port or _DEFAULT_PORTS[parts.scheme], target, parts.scheme == "https"


def _context(ca_file: Path | None) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(f"The CA file cannot be read: {error}", where=str(ca_file)) from error
    # From 3.13 on Python sets both by itself. Strict refuses what real clusters have, such as authorities without a
    # key identifier; a certificate that the file names is trusted without its issuer, with every Python.
    context.verify_flags = (context.verify_flags & ~ssl.VERIFY_X509_STRICT) | ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


async def _read_response(reader: asyncio.StreamReader, limit: int) -> bytes:
    for _ in range(_INTERIM_LIMIT):
        status, headers = await _read_head(reader)
        if status >= 200:
            break
    if status in (404, 410):
        raise FileNotFoundOnServer("File not found", why=f"HTTP status {status}", next_step="Check the name.")
    if status != 200:
        hint = f" (a redirection to {headers['location']})" if "location" in headers else ""
        raise TransferFailed(f"The server answered with status {status}{hint}", code=f"http-{status}")
    if headers.get("transfer-encoding", "identity").lower() == "chunked":
        return await _read_chunks(reader, limit)
    length_text = headers.get("content-length")
    if length_text is None:
        body = await _read_to_end(reader, limit)
    else:
        length = whole_number(length_text)
        if length is None:
            raise TransferFailed("Content-Length is no number", code="http-broken")
        if length > limit:
            raise _too_large(limit)
        body = await reader.readexactly(length)
    return body


async def _read_head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    status_line, *lines = head.split("\r\n")
    version, _, rest = status_line.partition(" ")
    status = whole_number(rest[:3])
    if not version.startswith("HTTP/1.") or status is None or len(rest[:3]) != 3:
        raise TransferFailed("This is no HTTP answer", code="http-broken")
    headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            headers[name.strip().lower()] = value.strip()
    return status, headers


async def _read_to_end(reader: asyncio.StreamReader, limit: int) -> bytes:
    body = bytearray()
    while chunk := await reader.read(_HEAD_BYTES):
        body += chunk
        if len(body) > limit:
            raise _too_large(limit)
    return bytes(body)


async def _read_chunks(reader: asyncio.StreamReader, limit: int) -> bytes:
    body = bytearray()
    while True:
        size_text = (await reader.readuntil(b"\r\n"))[:-2].partition(b";")[0].strip()
        if not _SIZE.fullmatch(size_text):
            raise TransferFailed("A chunk has no size", code="http-broken")
        size = int(size_text, 16)
        if len(body) + size > limit:
            raise _too_large(limit)
        if size == 0:
            return bytes(body)
        body += await reader.readexactly(size)
        if await reader.readexactly(2) != b"\r\n":
            raise TransferFailed("A chunk does not end where it says", code="http-broken")


def _too_large(limit: int) -> TransferFailed:
    return TransferFailed(
        f"The file is larger than {limit} bytes",
        code="too-large",
        next_step="Allow more bytes if this is the right file.",
    )
