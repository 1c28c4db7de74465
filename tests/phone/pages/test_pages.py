"""A phone's own web pages and its keys, over real sockets."""

from __future__ import annotations

import asyncio
import base64
import html
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest

from mixedmode.phone.body.pages.facts import PageFacts
from mixedmode.phone.body.pages.keys import Deed, Menus
from mixedmode.phone.body.pages.layouts import FIVE_RESETS, Access, Layout, Reset
from mixedmode.phone.body.pages.render import page
from mixedmode.phone.body.pages.server import CONNECTIONS, PhonePages
from mixedmode.phone.body.registration_status import RegistrationStatus
from mixedmode.phone.mind.config import PhoneConfig, parse_config
from mixedmode.phone.mind.models import get_model
from mixedmode.phone.mind.trust.decisions import ListKind
from mixedmode.phone.mind.trust.state import TrustState
from mixedmode.rehearsal.lab.pages import PER_SOURCE
from mixedmode.services.net.gate import Gate

NETWORK = "/CGI/Java/Serviceability?adapter=device.statistics.configuration"
LOGIN = {"Authorization": "Basic " + base64.b64encode(b"rescue:key").decode()}


def facts(model: str = "8841", **changes: Any) -> PageFacts:
    known = PageFacts(
        "SEP00005E005301",
        get_model(model),
        "127.100.0.1",
        TrustState(),
        PhoneConfig(),
        RegistrationStatus(),
        [(datetime(2026, 11, 26, 20, 52, 30, tzinfo=UTC), "ITL installed")],
        ["1234: NOT 20:52:30 SECUREAPP: <b>odd</b>"],
        "127.0.0.1",
    )
    return replace(known, **changes)


async def ask(where: tuple[str, int], request: bytes) -> tuple[int, bytes]:
    reader, writer = await asyncio.open_connection(*where)
    writer.write(request)
    await writer.drain()
    try:
        answer = await asyncio.wait_for(reader.read(), 60)
    except ConnectionResetError:
        answer = b""
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    return (int(head.split()[1]) if head else 0), body


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: phone\r\n\r\n".encode()


def keys(*urls: str, login: bool = True, text: str | None = None) -> bytes:
    items = "".join(f'<ExecuteItem Priority="0" URL="{url}"/>' for url in urls)
    body = urlencode({"XML": f"<CiscoIPPhoneExecute>{items}</CiscoIPPhoneExecute>" if text is None else text})
    head = "".join(f"{name}: {value}\r\n" for name, value in (LOGIN if login else {}).items())
    return (
        f"POST /CGI/Execute HTTP/1.1\r\nHost: phone\r\n{head}Content-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def served(known: PageFacts, work: Callable[[tuple[str, int]], Coroutine[Any, Any, None]]) -> list[ListKind]:
    erased: list[ListKind] = []

    async def erase(kind: ListKind) -> None:
        erased.append(kind)

    async def procedure() -> None:
        pages = PhonePages(lambda: known, erase)
        where = await pages.start("127.0.0.1")
        try:
            await work(where)
        finally:
            await pages.stop()

    asyncio.run(procedure())
    return erased


def test_each_family_has_its_pages() -> None:
    modern = page(facts("8841"), NETWORK)
    assert modern is not None
    text = modern[1].decode()
    assert "Cisco IP Phone CP-8841 ( SEP00005E005301 )" in html.unescape(text)
    assert "<TR><TD><B> CTL file</B></TD><td width=20></TD><TD><B>Not installed</B></TD></TR>" in text
    older = page(facts("7841"), NETWORK)
    assert older is not None
    assert b"<B> CTL File</B>" in older[1]
    java = page(facts("7945"), NETWORK)
    assert java is not None
    assert b"CTL" not in java[1]
    lines = page(facts("8945"), "/NetworkConfiguration")
    assert lines is not None
    assert b"<tr>\n<td>\n<b> CTL File</b>\n</td>" in lines[1]


def test_the_same_as_xml() -> None:
    found = page(facts(), "/NetworkConfigurationX")
    assert found is not None
    assert found[0] == "text/xml; charset=utf-8"
    assert b"<CTLFile>Not installed</CTLFile>" in found[1]
    device = page(facts(), "/CGI/Java/Serviceability?adapterX=device.statistics.device")
    assert device is not None
    assert b"<DeviceInformation>" in device[1]
    messages = page(facts(), "/CGI/Java/Serviceability?adapterX=device.settings.status.messages")
    assert messages is not None
    assert b"<status>[8:52:30pm 11/26/26] ITL installed</status>" in messages[1]


@pytest.mark.parametrize(
    "path", ["/nope", "/CGI/Java/Serviceability", "/CGI/Java/Serviceability?adapter=nope", "/../etc/passwd", "/X"]
)
def test_what_is_no_page_is_none(path: str) -> None:
    assert page(facts(), path) is None


def test_nothing_that_a_phone_says_is_markup() -> None:
    found = page(facts(), "/console.html")
    assert found is not None
    assert b"<b>odd" not in found[1]


def test_pages_over_http_and_what_is_refused() -> None:
    async def work(where: tuple[str, int]) -> None:
        status, body = await ask(where, get("/"))
        assert (status, b"CP&#x2D;8841" in body or b"CP-8841" in body) == (200, True)
        assert (await ask(where, get("/nope")))[0] == 404
        assert (await ask(where, b"DELETE / HTTP/1.1\r\nHost: x\r\n\r\n"))[0] == 405
        assert (await ask(where, b"\x16\x03\x01\x00\xff\r\n\r\n"))[0] == 400
        assert (await ask(where, b"GET /" + b"x" * 20_000))[0] == 413
        assert (await ask(where, b"POST /CGI/Execute HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"))[
            0
        ] == 404
        assert (await ask(where, keys("Key:Settings", login=False)))[0] == 401
        for text, number in (("nonsense", 1), ("<a/>" * 200, 2), ("<!DOCTYPE x><CiscoIPPhoneExecute/>", 1)):
            _, body = await ask(where, keys(text=text))
            assert f'<CiscoIPPhoneError Number="{number}"/>'.encode() in body
        _, body = await ask(where, keys("Key:Nope"))
        assert b'<ResponseItem Status="0" Data="Success" URL="Key:Nope"/>' in body
        _, body = await ask(where, keys(*["Key:Settings"] * 4))
        assert b'Number="1"' in body

    assert served(facts(), work) == []


@pytest.mark.parametrize("strangers", [1, 2])
def test_silence_of_a_few_sources_takes_no_phones_pages_from_others(strangers: int) -> None:
    async def nothing(_kind: ListKind) -> None:
        pass

    async def procedure() -> None:
        pages = PhonePages(lambda: facts("8841"), nothing, door=Gate(CONNECTIONS, PER_SOURCE))
        where = await pages.start("127.0.0.1")

        async def opened(source: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
            return await asyncio.open_connection(*where, local_addr=(source, 0))

        silent = [await opened(f"127.0.200.{1 + at % strangers}") for at in range(40)]
        for _ in range(3):
            reader, writer = await opened("127.0.201.1")
            writer.write(get("/"))
            assert (await reader.read()).startswith(b"HTTP/1.1 200")
            writer.close()
        for _, writer in silent:
            writer.close()
        await pages.stop()

    asyncio.run(procedure())


def test_web_access_that_is_off_answers_nothing() -> None:
    async def work(where: tuple[str, int]) -> None:
        assert (await ask(where, get("/")))[0] == 0

    served(facts(config=PhoneConfig(web_access=False)), work)
    document = b"<device><vendorConfig><webAccess>%d</webAccess></vendorConfig><authenticationURL>http://a/</authenticationURL></device>"
    assert parse_config(document % 1).web_access is False
    assert parse_config(document % 0).web_access is True
    assert parse_config(document % 0).authentication_url == "http://a/"
    assert parse_config(b"<device/>").web_access is None


@pytest.mark.parametrize(("answer", "erased"), [("AUTHORIZED", 2), ("AUTHORIZED\n", 0), ("UN-AUTHORIZED", 0)])
def test_keys_are_for_whom_the_authentication_url_knows(answer: str, erased: int) -> None:
    async def procedure() -> int:
        heard: list[bytes] = []

        async def authority(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            heard.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(answer)}\r\n\r\n{answer}".encode())
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(authority, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        gone: list[ListKind] = []

        async def erase(kind: ListKind) -> None:
            gone.append(kind)

        known = facts(config=PhoneConfig(authentication_url=f"http://127.0.0.1:{port}/authenticate.jsp"))
        pages = PhonePages(lambda: known, erase)
        where = await pages.start("127.0.0.1")
        for key in ("Applications", "KeyPad5", "KeyPad4", "KeyPad4", "Soft3"):
            _, body = await ask(where, keys(f"Key:{key}"))
            assert (b"Success" in body) == bool(erased)
        await pages.stop()
        server.close()
        await server.wait_closed()
        assert b"UserID=rescue&Password=key&devicename=SEP00005E005301" in heard[0]
        return len(gone)

    assert asyncio.run(procedure()) == erased


def test_an_https_authentication_url_is_error_four() -> None:
    async def work(where: tuple[str, int]) -> None:
        _, body = await ask(where, keys("Key:Settings"))
        assert b'<CiscoIPPhoneError Number="4"/>' in body

    served(facts(config=PhoneConfig(authentication_url="https://127.0.0.1/")), work)


def deeds(model: str, *names: str, layout: Layout | None = None, apart: float = 1.0) -> list[Deed]:
    menus = Menus(get_model(model), layout)
    uris = (name if ":" in name else f"Key:{name}" for name in names)
    return [deed for number, uri in enumerate(uris) for deed in menus.press(uri, number * apart)]


def pressed(model: str, *names: str) -> list[ListKind]:
    return [deed for deed in deeds(model, *names) if isinstance(deed, ListKind)]


UNLOCK = ("KeyPadStar", "KeyPadStar", "KeyPadPound")
BOTH = [ListKind.CTL, ListKind.ITL]


@pytest.mark.parametrize(
    ("model", "names", "erased"),
    [
        ("7945", ("Settings", "KeyPad4", "KeyPad5", "KeyPad2", *UNLOCK, "Soft4", "Soft2"), [ListKind.ITL]),
        ("7945", ("Settings", "KeyPad4", "KeyPad5", "KeyPad1", *UNLOCK, "Soft4", "Soft2"), [ListKind.CTL]),
        ("7945", ("Settings", "KeyPad4", "KeyPad5", "KeyPad2", "Soft4", "Soft2"), []),
        ("7945", ("Settings", "KeyPad4", "KeyPad5", "KeyPad2", *UNLOCK, *UNLOCK, "Soft4", "Soft2"), []),
        ("7975", ("Settings", "KeyPad4", "KeyPad5", "KeyPad2", *UNLOCK, "Soft5"), [ListKind.ITL]),
        ("8841", ("Applications", "KeyPad5", "KeyPad4", "KeyPad4", "Soft3"), BOTH),
        ("8851", ("Applications", "KeyPad6", "KeyPad4", "KeyPad4", "Soft3"), BOTH),
        ("8851", ("Applications", "KeyPad5", "KeyPad4", "KeyPad4", "Soft3"), []),
        ("7821", ("Applications", "KeyPad5", "KeyPad4", "KeyPad4", "Soft2"), BOTH),
        ("8841", ("Applications", "KeyPad5", "Init:Services", "KeyPad4", "KeyPad4", "Soft3"), []),
        ("8841", ("Applications", "KeyPad5", "KeyPad4", "KeyPad1", "Soft3"), []),
        ("7940", ("Settings", "KeyPad4", "KeyPad5", "KeyPad2", *UNLOCK), []),
    ],
)
def test_the_keys_of_each_model_erase_its_lists(model: str, names: tuple[str, ...], erased: list[ListKind]) -> None:
    assert pressed(model, *names) == erased


LAST = ("Applications", "KeyPad5", "KeyPad4")


@pytest.mark.parametrize(
    ("layout", "names", "done"),
    [
        (Layout(), (*LAST, "KeyPad1", "Soft3"), [Reset.ALL]),
        (Layout(), (*LAST, "KeyPad\u00b9", "Soft3"), []),
        (Layout(), (*LAST, "KeyPad3", "Soft3"), [Reset.SERVICE]),
        (Layout(), (*LAST, "KeyPad4", "Soft1"), []),
        (Layout(resets=FIVE_RESETS), (*LAST, "KeyPad4", "Soft3"), [Reset.SERVICE]),
        (Layout(resets=FIVE_RESETS), (*LAST, "KeyPad5", "Soft3"), BOTH),
        (Layout(resets=FIVE_RESETS), (*LAST, "KeyPad2", "Soft3"), [Reset.DEVICE]),
        (Layout(row=5), (*LAST, "KeyPad4", "Soft3"), []),
        (Layout(row=5), ("Applications", "KeyPad5", "KeyPad5", "KeyPad4", "Soft3"), BOTH),
        (Layout(access=Access.DISABLED), (*LAST, "KeyPad4", "Soft3"), []),
        (Layout(access=Access.RESTRICTED), (*LAST, "KeyPad4", "Soft3"), []),
        (Layout(password="12"), (*LAST, "KeyPad4", "Soft3"), []),
        (Layout(password="12"), (*LAST[:2], "KeyPad1", "KeyPad2", "Soft1", "KeyPad4", "KeyPad4", "Soft3"), BOTH),
        (Layout(loses=4), (*LAST, "KeyPad4", "Soft3"), []),
        (Layout(redraw=2.0), (*LAST, "KeyPad4", "Soft3"), []),
        (Layout(idle=0.5), (*LAST, "KeyPad4", "Soft3"), []),
    ],
)
def test_what_stands_beside_security_acts_too(layout: Layout, names: tuple[str, ...], done: list[Deed]) -> None:
    assert deeds("8841", *names, layout=layout) == done


def test_two_openings_of_the_padlock_at_once_restart_the_phone() -> None:
    names = ("Settings", "KeyPad4", "KeyPad5", "KeyPad2", *UNLOCK, *UNLOCK, "Soft4", "Soft2")
    assert deeds("7945", *names) == [Reset.DEVICE]


def test_the_small_java_phones_begin_with_applications() -> None:
    names = ("Applications", "KeyPad3", "KeyPad4", "KeyPad5", "KeyPad2", *UNLOCK, "Soft4", "Soft2")
    assert pressed("7911", *names) == [ListKind.ITL]


def test_what_the_screen_shows_is_for_who_may_press_keys() -> None:
    head = "".join(f"{name}: {value}\r\n" for name, value in LOGIN.items())

    async def work(where: tuple[str, int]) -> None:
        assert (await ask(where, get("/CGI/ModeInfo")))[0] == 401
        for key in (*LAST, "KeyPad4"):
            await ask(where, keys(f"Key:{key}"))
        status, body = await ask(where, f"GET /CGI/ModeInfo HTTP/1.1\r\nHost: x\r\n{head}\r\n".encode())
        assert (status, b"Security: Reset Cancel" in body) == (200, True)
        assert (await ask(where, get("/CGI/Screenshot")))[0] == 401
        _, body = await ask(where, f"GET /CGI/Screenshot HTTP/1.1\r\nHost: x\r\n{head}\r\n".encode())
        assert (body.startswith(b"\x89PNG"), b"Security: Reset Cancel" in body) == (True, True)
        _, body = await ask(where, f"GET /CGI/CallInfo HTTP/1.1\r\nHost: x\r\n{head}\r\n".encode())
        assert b"<CallState>Connected</CallState>" in body
        _, body = await ask(where, get("/CGI/Java/Serviceability?adapter=device.statistics.streaming.0"))
        assert b"Active" in body

    served(facts(call="Connected"), work)
