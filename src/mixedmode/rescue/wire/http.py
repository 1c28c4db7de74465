"""One HTTP request a connection, bounded in bytes and time, whatever the other side is; no redirect followed.

Rules:

1. Whatever goes wrong is an answer with a reason: a phone that is busy or restarts is no fault of ours.
2. The time is for all of it, from the connection to the last byte: who sends a byte now and then holds nobody up.
3. A head of 16 KiB, a body of a limit, packed or not: what is larger is not read on.
4. Nothing is sent but what was asked for: a redirect is an answer, and so is a wish for another kind of login.
"""

from __future__ import annotations

import asyncio
import re
import ssl
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from mixedmode.causes import why_no_connection

PAGE_BYTES: Final = 256 << 10
SECONDS: Final = 5.0
FORM: Final = "application/x-www-form-urlencoded"
PORTS: Final = {"http": 80, "https": 443}
_HEAD: Final = 16 << 10
_INFORMED: Final = 8
"""Answers that only inform, such as 100, that are read over."""
_NO_ADDRESS: Final = "it is no http address"
_STATUS: Final = re.compile(rb"HTTP/1\.[01] +([1-5][0-9]{2})(?: .*)?", re.DOTALL)
_SIZE: Final = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;.*)?", re.DOTALL)
_LENGTH: Final = re.compile(r"[0-9]{1,15}")
_TARGET: Final = re.compile(r"/[\x21-\x7e]*")
_SCHEME: Final = re.compile(r"(?:^|,)\s*([A-Za-z][A-Za-z0-9-]{0,40})(?=\s|,|$)")
_BODILESS: Final = frozenset({204, 304})
_WINDOW: Final = {"gzip": 31, "x-gzip": 31, "deflate": 15}


@dataclass(frozen=True, slots=True)
class Reply:
    """What came.

    Attributes:
        status: Of HTTP; 0 if nothing came that counts.
        body: Unpacked.
        why: Why nothing came, or what a refusal or redirect says.
    """

    status: int
    body: bytes = b""
    why: str = ""

    @property
    def text(self) -> str:
        """The body as text; UTF-16 if it says so itself."""
        is_wide = self.body.startswith((b"\xff\xfe", b"\xfe\xff"))
        return self.body.decode("utf-16" if is_wide else "utf-8-sig", "replace")


@dataclass(frozen=True, slots=True)
class Tls:
    """How an https address is spoken to.

    Attributes:
        context: Of the handshake.
        stranger: Returns why a certificate, DER, is not that of who is meant; empty if it is. Asked before anything
            is sent.
    """

    context: ssl.SSLContext
    stranger: Callable[[bytes], str] = lambda _der: ""


class _OddError(Exception):
    """The answer is none that can be read."""


async def request(
    url: str,
    path: str,
    *,
    body: bytes | None = None,
    login: str = "",
    limit: int = PAGE_BYTES,
    seconds: float = SECONDS,
    tls: Tls | None = None,
) -> Reply:
    """Send one request.

    Args:
        url: Of the host, ``http://address[:port]/`` or, with ``tls``, ``https://``.
        path: With its query.
        body: Posted as a form; None gets.
        login: The value of Authorization; empty for none.
        limit: Bytes of the answer's body.
        seconds: For all of it.
        tls: How an https address is spoken to; None speaks to none.
    """
    try:
        host, port, is_secure = _host(url, path, tls is not None)
        shown = f"[{host}]" if ":" in host else host
        lines = [f"{'GET' if body is None else 'POST'} {path} HTTP/1.1", f"Host: {shown}:{port}", "Connection: close"]
        if login:
            lines.append(f"Authorization: {login}")
        if body is not None:
            lines += [f"Content-Type: {FORM}", f"Content-Length: {len(body)}"]
        head = "\r\n".join((*lines, "", "")).encode("latin-1", "replace")
        async with asyncio.timeout(seconds):
            return await _exchange(host, port, head + (body or b""), limit, tls if is_secure else None)
    except TimeoutError:
        return Reply(0, why=f"no whole answer within {seconds:g} s")
    except (_OddError, OSError, UnicodeError, asyncio.IncompleteReadError) as error:
        return Reply(0, why=_why(error))


def _host(url: str, path: str, may_be_secure: bool) -> tuple[str, int, bool]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or PORTS.get(parts.scheme, 0)
    except ValueError:
        raise _OddError(_NO_ADDRESS) from None
    if parts.scheme not in PORTS or not host or not _TARGET.fullmatch(path):
        raise _OddError(_NO_ADDRESS)
    if parts.scheme == "https" and not may_be_secure:
        raise _OddError("it speaks HTTPS only")
    return host, port, parts.scheme == "https"


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"no TLS connection: {error.reason or 'it was refused'}"
    if isinstance(error, asyncio.IncompleteReadError):
        return "its answer is cut off"
    return why_no_connection(error)[0] if isinstance(error, (OSError, UnicodeError)) else str(error)


async def _exchange(host: str, port: int, sent: bytes, limit: int, tls: Tls | None) -> Reply:
    context = None if tls is None else tls.context
    reader, writer = await asyncio.open_connection(host, port, limit=_HEAD, ssl=context)
    try:
        if tls is not None:
            shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
            if why := tls.stranger(shown or b""):
                raise _OddError(why)
        writer.write(sent)
        await writer.drain()
        for _ in range(_INFORMED):
            status, fields = await _head(reader)
            if status >= 200:
                return await _answer(reader, status, fields, limit)
            if status == 101:
                break
        raise _OddError("it never comes to an answer")
    finally:
        writer.transport.abort()


async def _answer(reader: asyncio.StreamReader, status: int, fields: Mapping[str, str], limit: int) -> Reply:
    if 300 <= status < 400 and "location" in fields:
        # Where it points to is the other side's word: it is said, without what stands behind the host.
        place = _shown(re.split(r"[?#]", fields["location"])[0])
        return Reply(status, why=f"HTTP {status}: it points to {place}, which is not followed")
    if status == 401:
        kinds = _SCHEME.findall(fields.get("www-authenticate", ""))
        basic = not kinds or "basic" in {each.lower() for each in kinds}
        wants = "" if basic else f": it wants a login of another kind, {_shown(kinds[0])}"
        return Reply(status, why=f"HTTP 401{wants}")
    body = b"" if status in _BODILESS else await _body(reader, fields, limit)
    return Reply(status, _unpacked(body, fields.get("content-encoding", ""), limit))


def _shown(text: str) -> str:
    return "".join(each for each in text if each.isprintable())[:80]


async def _line(reader: asyncio.StreamReader) -> bytes:
    """Return a line without its end, which some servers write as LF alone."""
    try:
        return (await reader.readuntil(b"\n")).rstrip(b"\r\n")
    except asyncio.LimitOverrunError:
        raise _OddError(f"its head is over {_HEAD} bytes") from None


async def _head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    try:
        first = await _line(reader)
    except asyncio.IncompleteReadError as error:
        if error.partial.startswith(b"HTTP/"):
            raise
        raise _OddError(
            "it does not speak HTTP" if error.partial else "it closed the connection without an answer"
        ) from None
    found = _STATUS.fullmatch(first)
    if found is None:
        raise _OddError("it does not speak HTTP")
    fields: dict[str, str] = {}
    size = len(first)
    while line := await _line(reader):
        size += len(line)
        if size > _HEAD:
            raise _OddError(f"its head is over {_HEAD} bytes")
        name, _, value = line.decode("latin-1").partition(":")
        name, value = name.strip().lower(), value.strip()
        if name == "content-length" and fields.get(name, value) != value:
            raise _OddError("its answer has two lengths")
        fields[name] = f"{fields[name]}, {value}" if fields.get(name, value) != value else value
    return int(found[1]), fields


async def _body(reader: asyncio.StreamReader, fields: Mapping[str, str], limit: int) -> bytes:
    if "chunked" in fields.get("transfer-encoding", "").lower():
        return await _chunks(reader, limit)
    length = fields.get("content-length", "")
    if length:
        if not _LENGTH.fullmatch(length):
            raise _OddError("its answer has no length that can be read")
        if int(length) > limit:
            raise _OddError(f"its answer is over {limit} bytes")
        return await reader.readexactly(int(length))
    found = bytearray()
    while data := await reader.read(_HEAD):
        found += data
        if len(found) > limit:
            raise _OddError(f"its answer is over {limit} bytes")
    return bytes(found)


async def _chunks(reader: asyncio.StreamReader, limit: int) -> bytes:
    whole, beside = bytearray(), 0
    while True:
        line = await _line(reader)
        found = _SIZE.fullmatch(line)
        if found is None:
            raise _OddError("its answer is cut into pieces that cannot be read")
        size = int(found[1], 16)
        if not size:
            return bytes(whole)
        beside += len(line)
        if len(whole) + size > limit or beside > limit:
            raise _OddError(f"its answer is over {limit} bytes")
        whole += await reader.readexactly(size)
        if await _line(reader):
            raise _OddError("its answer is cut into pieces that cannot be read")


def _unpacked(body: bytes, packed: str, limit: int) -> bytes:
    kind = packed.strip().lower()
    if kind in {"", "identity"}:
        return body
    if kind not in _WINDOW:
        raise _OddError(f"its answer is packed as {_shown(kind)}")
    try:
        return _inflated(body, _WINDOW[kind], limit)
    except zlib.error:
        if kind != "deflate":
            raise _OddError("its answer is packed, and broken") from None
    try:
        return _inflated(body, -15, limit)  # without the frame that it should have, as some servers send it
    except zlib.error:
        raise _OddError("its answer is packed, and broken") from None


def _inflated(body: bytes, window: int, limit: int) -> bytes:
    unpacker = zlib.decompressobj(window)
    found = unpacker.decompress(body, limit + 1)
    if len(found) > limit:
        raise _OddError(f"its answer is over {limit} bytes")
    if not unpacker.eof:
        raise _OddError("its answer is cut off")
    return found
