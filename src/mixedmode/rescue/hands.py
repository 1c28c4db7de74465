"""The hands of a rescue: pages and keys of phones, and the lists of TFTP nodes.

Rules:

1. The control user's login goes to phones that were meant by name, for keys and what wants a login; a page is got
   without.
2. Whatever goes wrong is an answer with a reason (:mod:`mixedmode.rescue.wire.http`).
3. A phone that speaks HTTPS alone gets the login once it was recognised (:mod:`mixedmode.rescue.wire.tls`), and never
   by HTTP.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from html import escape
from typing import Final
from urllib.parse import urlencode

from mixedmode.errors import RemoteError
from mixedmode.rescue.phone.answers import EXECUTE, Answer, basic
from mixedmode.rescue.planning import Served
from mixedmode.rescue.wire.http import Reply, Tls, request
from mixedmode.rescue.wire.pictures import LARGEST
from mixedmode.rescue.wire.tls import PhoneAuthorities, anybody

LIST_BYTES: Final = 1 << 20
FILES: Final = ("CTLFile.tlv", "ITLFile.tlv")
NOT_NAMED: Final = "it speaks HTTPS only, and nobody named who issued phones' certificates: --phone-ca"


def request_body(uri: str) -> bytes:
    """Return the body that presses one key."""
    item = f'<ExecuteItem Priority="0" URL="{escape(uri)}"/>'
    return urlencode({"XML": f"<CiscoIPPhoneExecute>{item}</CiscoIPPhoneExecute>"}).encode()


class PhoneHands:
    """Reaches phones by HTTP, and by HTTPS those that speak nothing else.

    Args:
        user: The control user.
        password: His; kept in memory only.
        names: Of each URL of a phone that speaks HTTPS the phone that is meant.
        authorities: Who issued phones' certificates; None sends no login by HTTPS.
    """

    def __init__(
        self,
        user: str,
        password: str,
        names: Mapping[str, str] | None = None,
        authorities: PhoneAuthorities | None = None,
    ) -> None:
        self._login = basic(user, password)
        self._names, self._authorities = names or {}, authorities

    async def get(self, url: str, path: str, *, login: bool) -> Answer:
        """Get a page."""
        if not login:
            return _answer(await request(url, path, tls=anybody() if url.startswith("https://") else None))
        return await self._with_login(url, path, None)

    async def press(self, url: str, uri: str) -> Answer:
        """Press one key."""
        return await self._with_login(url, EXECUTE, request_body(uri))

    async def picture(self, url: str, path: str) -> Reply:
        """Get what the screen shows, as the phone sends it."""
        tls = self._only(url)
        if isinstance(tls, str):
            return Reply(0, why=tls)
        return await request(url, path, login=self._login, limit=LARGEST, tls=tls)

    async def stranger(self, url: str, path: str) -> str:
        """Return why a phone that speaks HTTPS is not recognised, empty if it is; the login is not sent."""
        tls = self._only(url)
        if isinstance(tls, str):
            return tls
        reply = await request(url, path, tls=tls)
        return "" if reply.status else reply.why

    async def _with_login(self, url: str, path: str, body: bytes | None) -> Answer:
        tls = self._only(url)
        if isinstance(tls, str):
            return Answer(0, why=tls)
        return _answer(await request(url, path, body=body, login=self._login, tls=tls))

    def _only(self, url: str) -> Tls | str | None:
        """Return what speaks to the phone of an address alone, or why nothing does; None for HTTP."""
        if not url.startswith("https://"):
            return None
        name = self._names.get(url)
        return NOT_NAMED if name is None or self._authorities is None else self._authorities.only(name)


def _answer(reply: Reply) -> Answer:
    return Answer(reply.status, reply.text, reply.why)


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
        reply = await request(url, f"/{asked}", limit=LIST_BYTES)
        data = reply.body
        if reply.status == 404:
            return ()
        if reply.status != 200 or not data:
            raise RemoteError(
                f"{name} was not handed out: {reply.why or f'HTTP {reply.status}'}",
                where=node,
                next_step=f"see that TFTP runs on {node} and answers at {url}",
            )
        return tuple(hashlib.new(kind, data, usedforsecurity=False).hexdigest() for kind in ("md5", "sha1", "sha256"))

    asked = [(node, name) for node in nodes for name in FILES]
    found = await asyncio.gather(*(one(node, nodes[node], name) for node, name in asked))
    hashes = dict(zip(asked, found, strict=True))
    return Served({node: {name: hashes[node, name] for name in FILES} for node in nodes})
