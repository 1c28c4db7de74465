"""TLS 1.0 as phones of the 7900 series speak it: what they offer, and servers that are told to take it."""

from __future__ import annotations

import asyncio
import ssl

import pytest

from mixedmode.phone.body.tls import client_context, phone_client_context
from mixedmode.services.callmanager.tls import phone_context
from mixedmode.services.net.server_tls import TlsFloor, server_context
from tests.pki.material import signer
from tests.services.callmanager.callmanager_site import trust


def hello(context: ssl.SSLContext) -> tuple[int, list[int], bytes]:
    """The version of a ClientHello, its cipher suites, and what follows them."""
    coming, going = ssl.MemoryBIO(), ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(coming, going).do_handshake()
    data = going.read()
    at = 44 + data[43]
    end = at + 2 + int.from_bytes(data[at : at + 2], "big")
    suites = [int.from_bytes(data[n : n + 2], "big") for n in range(at + 2, end, 2)]
    return int.from_bytes(data[9:11], "big"), suites, data[end + 1 + data[end] :]


@pytest.mark.parametrize(("mode", "signing"), [(1, []), (2, [0x0002]), (3, [])])
def test_an_old_phone_offers_what_it_has(mode: int, signing: list[int]) -> None:
    version, suites, extensions = hello(phone_client_context("1.0", mode, None))
    # AES128-SHA and AES256-SHA, NULL-SHA first where the device only authenticates; 00ff is OpenSSL's own mark.
    assert (version, suites, extensions) == (0x0301, [*signing, 0x002F, 0x0035, 0x00FF], b"")


def test_to_other_services_it_offers_the_same_and_a_new_phone_more() -> None:
    assert hello(client_context("1.0"))[1] == [0x002F, 0x0035, 0x00FF]
    version, suites, extensions = hello(client_context("1.2"))
    assert version == 0x0303
    assert 0xC030 in suites
    assert extensions


@pytest.mark.parametrize("suite", ["AES128-SHA", "AES256-SHA", "NULL-SHA"])
def test_servers_take_each_of_its_suites_where_that_is_switched_on(suite: str) -> None:
    only = client_context("1.0", f"{suite}:@SECLEVEL=0")
    assert asyncio.run(_meet(phone_context(trust(), TlsFloor.TLS_1_0), only)) == ("TLSv1", suite)
    if suite != "NULL-SHA":
        assert asyncio.run(_meet(server_context([signer()], TlsFloor.TLS_1_0), only)) == ("TLSv1", suite)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        asyncio.run(_meet(server_context([signer()]), only))


async def _meet(server: ssl.SSLContext, client: ssl.SSLContext) -> tuple[str | None, str]:
    async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    listener = await asyncio.start_server(greet, "127.0.0.1", 0, ssl=server)
    async with listener:
        port = listener.sockets[0].getsockname()[1]
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client, server_hostname="")
        tls: ssl.SSLObject = writer.get_extra_info("ssl_object")
        found = tls.version(), (tls.cipher() or ("", "", 0))[0]
        writer.transport.abort()
        return found
