"""Log collection of a node: what a collector finds there of phones' lists, and what it is not given."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mixedmode.cluster.model.sightings import NONE, Registered, Reported, Seen
from mixedmode.cluster.store.folders import NodeFolder
from mixedmode.faces.soap.routes import LOG_FILE, LOGS
from mixedmode.live.sources import logs
from mixedmode.live.sources.logs import look_at_traces
from mixedmode.live.wire.clock import SYSTEM
from mixedmode.node.units.traces import NodeTraces
from tests.faces.soap.conftest import AST, ENVELOPE, NAMES, Programs
from tests.live.canned import Canned
from tests.live.stub import Answer, Sent

CTL, ITL = "ab" * 20, "cd" * 20
JOB = "<ns:JobType>DownloadtoClient</ns:JobType>"


def asked(criteria: str) -> str:
    body = f"<ns:selectLogFiles><ns:FileSelectionCriteria>{criteria}</ns:FileSelectionCriteria></ns:selectLogFiles>"
    return ENVELOPE.format(space=AST, body=body)


def file(name: str) -> str:
    return ENVELOPE.format(space=AST, body=f"<ns:GetOneFile><ns:FileName>{name}</ns:FileName></ns:GetOneFile>")


@pytest.fixture
def traced(programs: Programs) -> Iterator[Programs]:
    """A node whose phones said what they hold."""
    folder = NodeFolder(programs.lab.cluster.directory / "axl-pub")
    traces = NodeTraces(folder)
    first, second = (Seen(registered=Registered(100.0, "192.0.2.51", "encrypted")) for _ in range(2))
    first.report(Reported(101.0, "11" * 20, ITL))
    second.report(Reported(102.0, NONE, None))
    traces.seen({NAMES[0]: first, NAMES[1]: second})
    first.report(Reported(103.0, CTL, ITL))
    traces.seen({NAMES[0]: first})
    traces.close()
    yield programs
    for path in (folder.area("activelog") / "cm" / "trace").rglob("*.txt"):
        path.unlink()


class _Seen:
    def __init__(self) -> None:
        self.missed: list[str] = []

    def missing(self, what: str, where: str, why: object) -> None:
        self.missed.append(f"{what} {where} {why}")


def collected(programs: Programs) -> tuple[logs.Found, list[str]]:
    def answer(sent: Sent) -> Answer:
        page = programs.post(sent.target, sent.body)
        return page.status, {name.lower(): value for name, value in page.headers.items()}, page.body

    seen = _Seen()
    return look_at_traces(Canned(answer), "axl-pub", seen, SYSTEM), seen.missed  # type: ignore[arg-type]


def test_a_collector_finds_what_phones_said(traced: Programs) -> None:
    found, missed = collected(traced)
    assert missed == []
    said = {name: {key: value.text for key, value in values.items()} for name, values in found.items()}
    assert said == {NAMES[0]: {"ctl": CTL, "itl": ITL}, NAMES[1]: {"ctl": "none"}}
    assert found[NAMES[0]]["itl"].seen.where.startswith("axl-pub:/var/log/active/cm/trace/ccm/sdl/SDL0")


def test_without_a_trace_there_is_nothing(programs: Programs) -> None:
    assert collected(programs) == ({}, [])


def test_which_logs_there_are(programs: Programs) -> None:
    page = programs.post(LOGS, ENVELOPE.format(space=AST, body="<ns:listNodeServiceLogs/>"))
    assert page.headers["content-type"].startswith("multipart/related; boundary=")
    assert page.text.count("<ns1:item>Cisco CallManager</ns1:item>") == 1
    assert "<ns1:item>Cisco Trust Verification Service</ns1:item>" in page.text


@pytest.mark.parametrize(
    ("service", "more", "count"),
    [
        ("Cisco CallManager", "", 2),
        ("Cisco Tftp", "", 0),
        ("", "", 0),
        ("cisco callmanager", "<ns:SearchStr>registered from</ns:SearchStr>", 1),
        ("Cisco CallManager", "<ns:ToDate>01/01/20 8:00 AM</ns:ToDate>", 0),
        ("Cisco CallManager", "<ns:FromDate>01/01/20 8:00 AM</ns:FromDate>", 2),
        ("Cisco CallManager", "<ns:RelText>Week</ns:RelText><ns:RelTime>1</ns:RelTime>", 2),
    ],
)
def test_what_is_selected(traced: Programs, service: str, more: str, count: int) -> None:
    services = f"<ns:ServiceLogs>{f'<ns:item>{service}</ns:item>' if service else ''}</ns:ServiceLogs>"
    page = traced.post(LOGS, asked(services + more + JOB))
    assert (page.status, page.text.count("<ns1:absolutepath>/var/log/active/cm/trace/ccm/")) == (200, count)


@pytest.mark.parametrize(
    "body",
    [
        asked("<ns:JobType>PushtoSFTPServer</ns:JobType>"),
        asked(""),
        asked(JOB + "<ns:FromDate>yesterday</ns:FromDate>"),
        asked(JOB + "<ns:RelText>Age</ns:RelText>"),
        ENVELOPE.format(space=AST, body="<ns:deleteLogFiles/>"),
        "<no>",
    ],
)
def test_what_is_refused(programs: Programs, body: str) -> None:
    assert programs.post(LOGS, body).status == 500


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/var/log/active/cm/trace/ccm/sdl/SDL00000009.txt",
        "/var/log/active/../../../etc/passwd",
        "/var/log/active/cm/trace/ccm/sdl/../../../tftpdata/ITLFile.tlv",
        "/var/log/active/cm/tftpdata/ITLFile.tlv",
        "/etc/passwd",
        "SDL00000001.txt",
    ],
)
def test_no_other_file_is_given(traced: Programs, name: str) -> None:
    page = traced.post(LOG_FILE, file(name))
    assert (page.status, "do not exist" in page.text) == (500, True)


def test_a_file_is_given_as_it_is(traced: Programs) -> None:
    path = Path(traced.lab.cluster.directory / "axl-pub" / "active" / "log" / "cm/trace/ccm/sdl/SDL00000001.txt")
    path.write_bytes(odd := b"\r\n--x\r\n\x00\xff\r\n" * 3)
    page = traced.post(LOG_FILE, file("/var/log/active/cm/trace/ccm/sdl/SDL00000001.txt"))
    assert page.status == 200
    assert odd in page.body
    assert traced.post(LOG_FILE, file("x"), login=False).status == 401
