"""HTTP to phones and to TFTP nodes: one request a connection, bounded in bytes and time, no redirect followed.

Rules:

1. The control user's login goes to phones of the plan, for keys and what wants a login; a page is got without.
2. Whatever goes wrong is an answer with a reason: a phone that is busy or restarts is no fault of ours.
3. What is https is not spoken: a phone's certificate cannot be checked, and nothing is downgraded silently.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from html import escape
from typing import Final
from urllib.parse import urlencode, urlsplit

from mixedmode.errors import RemoteError
from mixedmode.rescue.phone.answers import EXECUTE, FORM, Answer, basic
from mixedmode.rescue.planning import Served

PAGE_BYTES: Final = 256 << 10
LIST_BYTES: Final = 1 << 20
SECONDS: Final = 5.0
_LIMIT: Final = 16 << 10
FILES: Final = ("CTLFile.tlv", "ITLFile.tlv")


def request_body(uri: str) -> bytes:
    """Return the body that presses one key."""
    item = f'<ExecuteItem Priority="0" URL="{escape(uri)}"/>'
    return urlencode({"XML": f"<CiscoIPPhoneExecute>{item}</CiscoIPPhoneExecute>"}).encode()


async def request(
    url: str,
    path: str,
    *,
    body: bytes | None = None,
    login: str = "",
    limit: int = PAGE_BYTES,
    seconds: float = SECONDS,
) -> tuple[int, bytes, str]:
    """Send one request; return status, body and why nothing came.

    Args:
        url: Of the host, ``http://address[:port]/``.
        path: With its query.
        body: Posted as a form; None gets.
        login: The value of Authorization; empty for none.
        limit: Bytes of the answer's body.
        seconds: For all of it.
    """
    parts = urlsplit(url)
    try:
        host, port = parts.hostname, parts.port or 80
    except ValueError:
        host, port = None, 0
    if parts.scheme != "http" or not host:
        return 0, b"", "it is no http address"
    shown = f"[{host}]" if ":" in host else host
    lines = [f"{'GET' if body is None else 'POST'} {path} HTTP/1.1", f"Host: {shown}:{port}", "Connection: close"]
    if login:
        lines.append(f"Authorization: {login}")
    if body is not None:
        lines += [f"Content-Type: {FORM}", f"Content-Length: {len(body)}"]
    head = "\r\n".join((*lines, "", "")).encode("latin-1", "replace")
    try:
        async with asyncio.timeout(seconds):
            return await _exchange(host, port, head + (body or b""), limit)
    except TimeoutError:
        return 0, b"", f"no answer within {seconds:g} s"
    except (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else "the connection ended early"
        return 0, b"", why


async def _exchange(host: str, port: int, sent: bytes, limit: int) -> tuple[int, bytes, str]:
    reader, writer = await asyncio.open_connection(host, port, limit=_LIMIT)
    try:
        writer.write(sent)
        await writer.drain()
        head = await reader.readuntil(b"\r\n\r\n")
        first, *rest = head.decode("latin-1").split("\r\n")
        words = first.split()
        if len(words) < 2 or not words[0].startswith("HTTP/") or not words[1].isdecimal():
            return 0, b"", "it does not speak HTTP"
        fields = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
        body = await _body(reader, fields, limit)
        return (int(words[1][:3]), body, "") if body is not None else (0, b"", "its answer is cut off or too long")
    finally:
        writer.close()


async def _body(reader: asyncio.StreamReader, fields: Mapping[str, str], limit: int) -> bytes | None:
    if "chunked" in fields.get("transfer-encoding", "").lower():
        whole = bytearray()
        while size := int((await reader.readuntil(b"\r\n")).partition(b";")[0].strip(), 16):
            if size < 0 or len(whole) + size > limit:
                return None
            whole += await reader.readexactly(size)
            await reader.readuntil(b"\r\n")
        return bytes(whole)
    length = fields.get("content-length", "")
    if length:
        size = int(length)
        return await reader.readexactly(size) if 0 <= size <= limit else None
    found = bytearray()
    while data := await reader.read(_LIMIT):
        found += data
        if len(found) > limit:
            return None
    return bytes(found)


class PhoneHands:
    """Reaches phones by HTTP.

    Args:
        user: The control user.
        password: His; kept in memory only.
    """

    def __init__(self, user: str, password: str) -> None:
        self._login = basic(user, password)

    async def get(self, url: str, path: str, *, login: bool) -> Answer:
        """Get a page."""
        status, body, why = await request(url, path, login=self._login if login else "")
        return Answer(status, body.decode("utf-8", "replace"), why)

    async def press(self, url: str, uri: str) -> Answer:
        """Press one key."""
        status, body, why = await request(url, EXECUTE, body=request_body(uri), login=self._login)
        return Answer(status, body.decode("utf-8", "replace"), why)


async def fetch_served(nodes: Mapping[str, str], phone: str = "") -> Served:
    """Fetch the lists of every TFTP node.

    Args:
        nodes: Of each its name and the URL of its port 6970.
        phone: Whose own files, ``ITLSEP....tlv`` and ``CTLSEP....tlv``; empty for those of everybody.

    Raises:
        RemoteError: One did not answer.
    """

    async def one(node: str, url: str, name: str) -> tuple[str, ...]:
        asked = name.replace("File", phone) if phone else name
        status, data, why = await request(url, f"/{asked}", limit=LIST_BYTES)
        if status == 404:
            return ()
        if status != 200 or not data:
            raise RemoteError(
                f"{name} was not handed out: {why or f'HTTP {status}'}",
                where=node,
                next_step=f"see that TFTP runs on {node} and answers at {url}",
            )
        return tuple(hashlib.new(kind, data, usedforsecurity=False).hexdigest() for kind in ("md5", "sha1", "sha256"))

    asked = [(node, name) for node in nodes for name in FILES]
    found = await asyncio.gather(*(one(node, nodes[node], name) for node, name in asked))
    hashes = dict(zip(asked, found, strict=True))
    return Served({node: {name: hashes[node, name] for name in FILES} for node in nodes})
