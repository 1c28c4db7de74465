"""A whole look: 40,000 phones in time that does not pass, cut off anywhere and taken up again."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import pytest

from mixedmode.errors import RemoteError
from mixedmode.live.allowed.requests import HttpRequest, Place
from mixedmode.live.cluster_file import ClusterFile, Login, Node
from mixedmode.live.document import read_document, write_document
from mixedmode.live.looking import observe
from mixedmode.live.notebook import FileNotebook, Notebook
from mixedmode.live.observed import Observation, Source
from mixedmode.live.parts import Part
from mixedmode.live.phones import AT_ONCE
from mixedmode.live.sources.ris import BETWEEN
from mixedmode.live.wire.https import Response, Web
from tests.live.canned import Time, fault, rows, told
from tests.live.stub import Answer, Sent

AXL_SECONDS, RIS_SECONDS, PAGE_SECONDS = 1.5, 1.0, 0.12
ITL = "A9 02 5C 3E 81 F7 4D 16 B8 6A 0F 92 E3 57 CC 28 7D 41 05 9B "
WITH_PAGES = 20
"""One of so many phones has pages: CUCM switches them off unless somebody asks for them."""
PHONES = {Part.DATABASE, Part.PHONES, Part.REGISTRATIONS, Part.PAGES}


class Site:
    """A cluster of many phones, each of whose answers takes its time.

    Args:
        count: Phones.
        broken: Asked before each answer; raises what happens then.
        settings: Whether its tables of settings are full too.
    """

    def __init__(
        self, count: int, broken: Callable[[int], None] = lambda _number: None, *, settings: bool = False
    ) -> None:
        self.time = Time()
        self.names = [f"SEP{number:012X}" for number in range(count)]
        self.asked: list[str] = []
        self._broken, self._settings = broken, settings

    def opener(self, place: Place, address: str, port: int, **_: Any) -> Web:
        return Visit(self, place, address, port)

    def answer(self, sent: Sent, address: str) -> Answer:
        self._broken(len(self.asked))
        if sent.method == "GET":
            self.asked.append("page")
            self.time.seconds += PAGE_SECONDS / AT_ONCE
            name = f"SEP{int(address.removeprefix('phone')):012X}"
            made = "".join(
                f"<TR><TD><B> {label}</B></TD><TD><B>{value}</B></TD></TR>"
                for label, value in (("Host Name", name), ("CTL File", "Not Installed"), ("ITL Signature", ITL))
            )
            return 200, {}, f"<table>{made}</table>".encode()
        text = sent.body.decode()
        if "RISService" in sent.target:
            self.asked.append("ris")
            self.time.seconds += RIS_SECONDS
            names = re.findall(r"<ns:Item>(\w+)<", text)
            assert len(names) <= 1000
            return told(*(self.device(name) for name in names))
        self.asked.append("axl")
        self.time.seconds += AXL_SECONDS
        if "systables" in text:
            return fault("no such table", code="-206")
        if self._settings and ("devicexml4k" in text or "sp.tkkeysize" in text):
            self.asked[-1] = "settings"
        elif "device d join typemodel" not in text:
            return rows()
        size, after = re.search(r"first (\d+)", text), re.search(r"d\.name &gt; 'SEP(\w+)'", text)
        first = int(after[1], 16) + 1 if after else 0
        found = self.names[first : first + int(size[1] if size else 0)]
        cells = {"settings": "&lt;webAccess&gt;1&lt;/webAccess&gt;", "lsc_key_bits": "2048"}
        cells = cells if self.asked[-1] == "settings" else {"model": "Cisco 8841", "security_mode": "Encrypted"}
        return rows(*({"name": name, **cells} for name in found))

    def device(self, name: str) -> str:
        """Return a phone as RIS tells of it; a few of many have their web server on."""
        number = int(name[3:], 16)
        return (
            f"<item><Name>{name}</Name><Httpd>{'No' if number % WITH_PAGES else 'Yes'}</Httpd>"
            f"<Status>Registered</Status><IPAddress><item><IP>phone{number}</IP></item></IPAddress></item>"
        )

    def look(self, notebook: Notebook | None = None, parts: set[Part] | None = None) -> Observation:
        login = Login("axl", "audit", cacert=None)
        cluster = ClusterFile(Path("site.toml"), (Node("pub", "192.0.2.10", "publisher"),), axl=login)
        return observe(
            cluster,
            parts or PHONES,
            clock=self.time,
            ask=lambda _: "secret",
            notebook=notebook,
            opener=self.opener,
            pool=Now,
        )


class Visit(Web):
    """A connection to a site, behind the allow-list."""

    def __init__(self, site: Site, place: Place, address: str, port: int) -> None:
        super().__init__(place, address, port, tls=False)
        self._site = site

    def _exchange(self, request: HttpRequest, limit: int) -> Response:
        sent = Sent(request.method, request.target, request.fields, request.body)
        return Response(*self._site.answer(sent, self.address))


class Now(Executor):
    """Runs at once."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


def test_40000_phones_within_six_minutes() -> None:
    site = Site(40_000)
    seen = site.look()
    assert len(seen.phones) == 40_000
    assert site.time.seconds <= 360
    assert {name: site.asked.count(name) for name in ("ris", "page")} == {"ris": 40, "page": 2 * 40_000 / WITH_PAGES}
    last = seen.phones[-WITH_PAGES]
    assert {name: last.newest(name) for name in ("model", "security_mode", "status", "ctl", "itl")} == {
        "model": "8841",
        "security_mode": "encrypted",
        "status": "Registered",
        "ctl": "none",
        "itl": ITL.replace(" ", "").lower(),
    }
    assert {value.seen.source for values in last.values.values() for value in values} == {
        Source.AXL,
        Source.RIS,
        Source.PAGE,
    }


def test_settings_are_asked_for_while_ris_has_to_wait() -> None:
    site = Site(6000, settings=True)
    seen = site.look(parts=PHONES - {Part.PAGES})
    assert [seen.phones[5999].newest(name) for name in ("lsc_key_bits", "status")] == ["2048", "Registered"]
    first, last = site.asked.index("ris"), len(site.asked) - site.asked[::-1].index("ris")
    assert site.asked[first:last].count("settings") == 8
    requests = AXL_SECONDS * (len(site.asked) - 6)
    assert site.time.seconds <= requests + 5 * BETWEEN + RIS_SECONDS - 15, "they take place within the waits"


class CutOffError(BaseException):
    """Somebody pressed Ctrl-C."""


@pytest.fixture(scope="module")
def whole() -> Observation:
    return Site(1200).look()


@pytest.mark.parametrize("at", [0, 2, 4, 6, 9, 20, 90])
def test_cut_off_anywhere_and_taken_up_again(at: int, whole: Observation, tmp_path: Path) -> None:
    path = tmp_path / "o.json.partial"

    def cut(number: int) -> None:
        if number == at:
            raise CutOffError

    first = Site(1200, cut)
    book = FileNotebook(path, "x", first.time.now())
    with pytest.raises(CutOffError):
        first.look(book)
    book.close()
    data = path.read_bytes()
    path.write_bytes(data[: len(data) - 3])  # and the last line was not written whole
    assert path.stat().st_mode & 0o077 == 0
    second = Site(1200)
    book = FileNotebook(path, "x", second.time.now())
    seen = second.look(book)
    book.remove()
    assert not path.exists()
    texts = [{name: values[0].text for name, values in each.values.items()} for each in seen.phones]
    assert texts == [{name: values[0].text for name, values in each.values.items()} for each in whole.phones]
    assert second.asked.count("page") <= 130 - max(0, at - 12)


def test_a_notebook_of_something_else_does_not_count(tmp_path: Path) -> None:
    path, time = tmp_path / "n", Time()
    book = FileNotebook(path, "x", time.now())
    book.keep("a", lambda: [1])
    book.close()
    assert FileNotebook(path, "x", time.now()).known("a") == [1]
    time.seconds = 13 * 3600
    assert FileNotebook(path, "x", time.now()).known("a") is None
    assert FileNotebook(path, "y", time.now()).known("a") is None
    path.write_bytes(b"\xff no notebook")
    assert FileNotebook(path, "y", time.now()).resumed == 0


def test_a_login_that_is_refused_stops_nothing_else() -> None:
    def refuse(_number: int) -> None:
        raise RemoteError("the login of audit was refused", code="login")

    seen = Site(5, refuse).look()
    assert seen.phones == ()
    assert [(each.what, each.why) for each in seen.not_seen] == [("AXL", "the login of audit was refused")]
    assert read_document("".join(write_document(seen))) == seen


def test_without_a_login_it_is_said() -> None:
    cluster = ClusterFile(Path("site.toml"), (Node("pub", "192.0.2.10", "publisher"),))
    seen = observe(cluster, PHONES | {Part.CERTIFICATES})
    assert {each.what for each in seen.not_seen} == {"AXL", "certificates by REST"}


def test_ris_that_ends_does_not_end_the_rest() -> None:
    site = Site(1500)

    def limit(_number: int) -> None:
        if site.asked.count("ris") == 1 and site.asked.count("page") == 2 * 1000 / WITH_PAGES:
            raise RemoteError("down")

    site._broken = limit
    seen = site.look()
    assert len(seen.phones) == 1500
    assert [each.what for each in seen.not_seen if each.why == "down"] == ["registrations"]
