"""Phones' pages in their skins: what each says of its lists, and what is no evidence."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from html import escape

import pytest

from mixedmode.errors import RemoteError
from mixedmode.live.notebook import NoNotebook
from mixedmode.live.observed import Sighting, Source, Value
from mixedmode.live.page_reader import PageReader
from mixedmode.live.phones import Book, look_at_phones
from mixedmode.live.sources import pages
from mixedmode.live.sources.ris import Ris
from mixedmode.live.sources.seeing import Seen
from mixedmode.live.wire.clock import SYSTEM
from mixedmode.live.wire.https import Web
from tests.live.canned import SAID, SIGNATURE, Canned, Time, device, told
from tests.live.stub import Answer, Sent, serving

NAME = "SEP00005E005301"
ROWS = [
    ("MAC Address", NAME[3:]), ("Host Name", NAME), ("Security mode", "Non secure"), ("Web access enabled", "Yes"),
    ("CTL file", "Not installed"), ("ITL file", "Installed"), ("ITL signature", SIGNATURE),
    ("CAPF server", "CAPF-5e005301"),
    ("TVS", "pub.example.net"),
]  # fmt: skip
FOUND = {"phone_security_mode": "non-secure", "web_access": "yes", "ctl": "none", "itl": SAID["itl"]}
TITLE = f"<TR><TD>Cisco IP Phone CP-8841 ( {NAME} )</TD></TR>"


def upper(rows: list[tuple[str, str]]) -> str:
    made = "".join(f"<TR><TD><B> {a}</B></TD><td width=20></TD><TD><B>{b}</B></TD></TR>\n" for a, b in rows)
    return f"<html><table>{TITLE}{made}</table></html>"


def escaped(rows: list[tuple[str, str]]) -> str:
    return upper([(a, escape(b).replace("-", "&#x2D;").replace("/", "&#x2F;").replace(" ", "&#x20;")) for a, b in rows])


def lines(rows: list[tuple[str, str]]) -> str:
    made = "".join(f"<tr>\n<td>\n<b> {a}</b>\n</td>\n<td>\n<b>{b}\n</b></td>\n</tr>\n" for a, b in rows)
    return f"<html><table>\n{TITLE.lower().replace(NAME.lower(), NAME)}\n{made}</table></html>"


def as_xml(rows: list[tuple[str, str]]) -> str:
    made = "".join(f"<{a.replace(' ', '')}>{b}</{a.replace(' ', '')}>\r\n" for a, b in rows)
    return f'<?xml version="1.0"?><NetworkConfiguration>{made}</NetworkConfiguration>'


@pytest.mark.parametrize("skin", [upper, escaped, lines, as_xml])
@pytest.mark.parametrize("case", [str, str.title])
def test_skins(skin: object, case: object) -> None:
    text = skin([(case(a), b) for a, b in ROWS])  # type: ignore[operator]
    assert pages.network_values(text) == FOUND
    assert pages.names_phone(text, NAME)


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ([("CTL File", "Installed")], {}),  # no signature: no evidence
        ([("ITL Signature", "5E " * 16)], {"itl": "5e" * 16}),  # MD5 of older models
        ([("ITL Signature", "5E 5E")], {}),
        ([("CTL Signature", "0A" * 20), ("CTL File", "Not Installed")], {"ctl": "0a" * 20}),
        ([("Security Mode", "Encrypted"), ("CTL file", "")], {"phone_security_mode": "encrypted"}),
        ([], {}),
    ],
)
def test_evidence_and_none(rows: list[tuple[str, str]], found: dict[str, str]) -> None:
    assert pages.network_values(upper(rows)) == found


def test_messages_that_have_to_do_with_trust() -> None:
    rows = [("[8:52:30am 10/01/19] ITL installed", ""), ("[8:53:30am 10/01/19] Call from 1001", ""),
            ("1:33:26a Trust List update failed", ""), ("File Not Found &lt;CTLFile.tlv&gt;", "")]  # fmt: skip
    assert pages.messages_of(upper(rows)).splitlines() == [
        "[8:52:30am 10/01/19] ITL installed", "1:33:26a Trust List update failed", "File Not Found <CTLFile.tlv>"
    ]  # fmt: skip
    assert pages.messages_of("<DeviceLog><status>CTL update failed</status></DeviceLog>") == "CTL update failed"


@pytest.mark.parametrize("model", ["7940", "Cisco 8945", "6921", "6911", "DX80", "7841", "CP-8841", "9951", "", "7937"])
def test_every_page_of_every_family_is_on_the_allow_list(model: str) -> None:
    from mixedmode.live.allowed.files import check_page

    for page in (pages.NETWORK, pages.MESSAGES, pages.ALARMS):
        for target in pages.targets(model, page):
            check_page(target)
    assert pages.targets(model, pages.NETWORK)


def book_of(*names: str, address: str = "127.0.0.1", model: str = "8841") -> Book:
    book = Book(Seen(), NoNotebook(), lambda _what, _done, _total: None)
    seen = Sighting(Source.AXL, Time().now())
    for name in names:
        book.add(name, {"address": Value(address, seen), "model": Value(model, seen)})
    return book


def answer(sent: Sent) -> Answer:
    if sent.target.endswith(pages.NETWORK):
        return 200, {}, escaped(ROWS).encode()
    if sent.target.endswith(pages.MESSAGES):
        return 200, {}, upper([("ITL installed", "")]).encode()
    return 404, {}, b""


def test_a_phone_over_a_socket() -> None:
    with serving(answer) as stub:
        found = PageReader(book_of(NAME), stub.port, {"none"}, Web, SYSTEM)(NAME)
    assert {key: value.text for key, value in found.items()} == {**FOUND, "messages": "ITL installed"}
    assert found["itl"].seen.source is Source.PAGE
    assert len(stub.sent) == 2  # the list is not one that is served, so the messages are read too
    with serving(answer) as stub:
        PageReader(book_of(NAME), stub.port, {"none", SAID["itl"]}, Web, SYSTEM)(NAME)
    assert len(stub.sent) == 1
    assert all("authorization" not in each.headers for each in stub.sent)


@pytest.mark.parametrize(
    ("name", "status", "why"),
    [("SEP00005E0053FF", 200, "another phone"), (NAME, 404, "no such page"), (NAME, 503, "no such page")],
)
def test_no_evidence(name: str, status: int, why: str) -> None:
    with serving(lambda _: (status, {}, upper(ROWS).encode())) as stub, pytest.raises(RemoteError, match=why):
        PageReader(book_of(name), stub.port, (), Web, SYSTEM)(name)


def test_ris_says_whose_pages_are_read() -> None:
    names = [f"SEP00005E00530{n}" for n in range(4)]
    states = {names[0]: "Registered", names[1]: "UnRegistered", names[2]: "Registered"}
    asked: list[str] = []

    def page(name: str) -> dict[str, Value]:
        asked.append(name)
        return {"itl": Value("none", Sighting(Source.PAGE, SYSTEM.now()))}

    book = book_of(*names)
    devices = [
        device(name, status=status).replace("Yes", "No" if name == names[2] else "Yes")
        for name, status in states.items()
    ]
    with closing(Canned(lambda _: told(*devices))) as web, ThreadPoolExecutor(2) as pool:
        look_at_phones(book, Ris(web, Time()), page, pool, SYSTEM)
    assert asked == names[:1]
    found = {each.name: each for each in book.phones()}
    assert found[names[0]].newest("itl") == "none"
    assert found[names[0]].newest("status") == "Registered"
    assert found[names[3]].newest("status") is None
    assert ["their web server is off" in each.why for each in book.seen.not_seen] == [True]
