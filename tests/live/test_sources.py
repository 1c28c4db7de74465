"""RIS, Control Center, certificates and traces, with the habits that real ones have."""

from __future__ import annotations

import contextlib
import gzip
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixedmode.errors import MixedModeError, RemoteError
from mixedmode.live.cluster_file import CUCM_PORTS, ClusterFile, Node
from mixedmode.live.looking import observe
from mixedmode.live.parts import Part
from mixedmode.live.sources import pages
from mixedmode.live.sources.alarms import alarm_on_page, alarms_in
from mixedmode.live.sources.axl import Axl
from mixedmode.live.sources.certificates import look_at_certificates
from mixedmode.live.sources.control_center import look_at_services
from mixedmode.live.sources.logs import look_at_traces
from mixedmode.live.sources.replication import look_at_replication
from mixedmode.live.sources.ris import Ris
from mixedmode.live.sources.seeing import Seen
from tests.live.canned import ALARM, SAID, SIGNATURE, Canned, Time, device, fault, in_turn, told
from tests.live.stub import Answer, Sent, xml
from tests.pki.material import signer


def ris(answer: Callable[[Sent], Answer]) -> tuple[Ris, Canned, Time]:
    web, time = Canned(answer), Time()
    return Ris(web, time), web, time


def test_registrations() -> None:
    asked, web, _ = ris(lambda _: told(device("SEP1"), device("SEP1", 1765000000, "UnRegistered")))
    found = asked.select(["SEP1", "SEP2"])
    assert {name: value.text for name, value in found.phones["SEP1"].items()} == {
        "status": "UnRegistered",
        "httpd": "Yes",
        "load": "sip88xx.14-3-1",
        "protocol": "SIP",
        "model_number": "683",
        "address": "192.0.2.51",
        "node": "sub1",
        "last_seen": "2025-12-06T05:46:40+00:00",
    }
    assert "Joe" not in repr(found)
    assert web.sent[0].body.count(b"<ns:Item>") == 2


def test_a_node_that_does_not_respond_leaves_phones_unknown() -> None:
    more = "<item><ReturnCode>NodeNotResponding</ReturnCode><Name>sub2</Name><CmDevices/></item>"
    asked, _, _ = ris(lambda _: told(more=more, code="NotFound"))
    found = asked.select(["SEP1"])
    assert (found.silent, found.phones) == ({"sub2"}, {})


RATE = "AxisFault: Exceeded allowed rate for Reatime information. Current allowed rate is 15 requests per minute."


@pytest.mark.parametrize("over", [fault(RATE), fault(RATE, 200), (503, {}, b"")])
def test_the_rate(over: Answer) -> None:
    asked, _, time = ris(in_turn(over, over, told(device("SEP1"))))
    assert "SEP1" in asked.select(["SEP1"]).phones
    assert [each for each in time.waits if each > 6] == [30, 60]
    asked, web, time = ris(lambda _: over)
    with pytest.raises(RemoteError):
        asked.select(["SEP1"])
    assert len(web.sent) == 4


def test_requests_are_kept_apart() -> None:
    asked, web, time = ris(lambda _: told())
    for _ in range(21):
        asked.select(["SEP1"])
    assert time.seconds == 120
    assert len(web.sent) == 21


def test_what_was_cut_is_asked_for_again() -> None:
    def answer(sent: Sent) -> Answer:
        names = re.findall(rb"<ns:Item>(\w+)<", sent.body)
        return told(*(device(each.decode()) for each in names[:2]), total=len(names))

    found = ris(answer)[0].select([f"SEP{n}" for n in range(9)])
    assert (len(found.phones), found.cut) == (9, set())
    found = ris(lambda _: told(total=5))[0].select(["SEP1", "SEP2"])
    assert found.cut == {"SEP1", "SEP2"}


def test_services() -> None:
    reply = (
        "<r><soapGetServiceStatusReturn><ServiceInfoList>"
        "<item><ServiceName>Cisco Tftp</ServiceName><ServiceStatus>Started</ServiceStatus>"
        "<StartTime>Thu Nov 26 07:00:00 2026</StartTime><UpTime>3600</UpTime></item>"
        "<item><ServiceName>Cisco CTI</ServiceName><ServiceStatus/><StartTime/><UpTime>-1</UpTime></item><item/>"
        "</ServiceInfoList></soapGetServiceStatusReturn></r>"
    )
    seen = Seen()
    look_at_services(Canned(lambda _: xml(reply)), "pub", seen, Time())
    assert [(each.name, each.status, each.started) for each in seen.services] == [
        ("Cisco Tftp", "Started", datetime(2026, 11, 26, 7, tzinfo=UTC)),
        ("Cisco CTI", "", None),
    ]
    look_at_services(Canned(lambda _: (404, {}, b"")), "sub", seen, Time())
    assert [each.where for each in seen.not_seen] == ["sub"]


def test_certificates() -> None:
    pem = signer().certificate.pem().decode()
    document = {
        "identities": [
            {"service": "CallManager", "certificate": pem, "csr": ""},
            {"service": "TVS", "certificate": ""},
        ],
        "trusts": [
            {"service": "phone-sast", "certificate_data": [{"filename": "a.pem", "certificate": pem}, "odd"]},
            {"service": "tomcat-trust", "certificate_data": [{"certificate": "no PEM"}]},
        ],
    }
    seen = Seen()
    look_at_certificates(Canned(lambda _: (200, {}, json.dumps(document).encode())), "pub", seen, Time())
    assert [(each.unit, each.is_trust) for each in seen.certificates] == [
        ("CallManager", False),
        ("phone-sast-trust", True),
    ]
    odd: list[Answer] = [(404, {}, b""), (200, {}, b"<html>"), (200, {}, b"[]")]
    for answer in odd:
        look_at_certificates(Canned(in_turn(answer)), "pub", seen, Time())
    assert len(seen.not_seen) == 2


@pytest.mark.parametrize(
    ("said", "ok"),
    [
        ("<x:clusterReplicationStatusOK xmlns:x='u'>true</x:clusterReplicationStatusOK>", True),
        ("<clusterReplicationStatusOK>false</clusterReplicationStatusOK>", False),
        ("", None),
    ],
)
def test_replication(said: str, ok: bool | None) -> None:
    seen = Seen()
    web = Canned(
        lambda _: xml(f"<isClusterReplicationOKResponse><return>{said}</return></isClusterReplicationOKResponse>")
    )
    look_at_replication(web, "pub", seen)
    assert seen.replication_ok is ok
    assert len(seen.not_seen) == (ok is None)
    look_at_replication(Canned(lambda _: (401, {}, b"")), "pub", seen)
    assert seen.replication_ok is ok


@pytest.mark.parametrize("at", range(1, len(ALARM), 7))
def test_an_alarm_split_over_two_lines_of_a_trace(at: int) -> None:
    prefix = "00043210.001 |08:52:31.123 |AppInfo  |SIPTcp - wait_SdlReadRsp|"
    text = f"{prefix}{ALARM[:at]}\n{prefix}{ALARM[at:]}"
    assert alarms_in(text) == {"SEP00005E005302": SAID}
    assert alarms_in(f"{ALARM[:at]}\n{ALARM[at:]}") == {"SEP00005E005302": SAID}


@given(st.text(alphabet=st.sampled_from([*ALARM[:200], "<", ">", "\n", "|"]), max_size=300))
def test_odd_traces(text: str) -> None:
    alarms_in(text)
    alarm_on_page(text)
    pages.network_values(text)
    pages.messages_of(text)


def test_an_alarm_on_a_phones_page() -> None:
    line = f"[8:54:12am 08/20/19] DeviceTLInfo CTL_Signature=Not Installed, ITL_Signature={SIGNATURE}, StatusCode=7"
    assert alarm_on_page(f"<html><td>{line}</td></html>") == {"ctl": "none", "itl": SAID["itl"], "tl_status": "7"}
    assert alarm_on_page("<html>nothing</html>") == {}


def multipart(*parts: bytes) -> Answer:
    body = (
        b"".join(b"--x\r\nContent-Type: application/octet-stream\r\n\r\n" + each + b"\r\n" for each in parts)
        + b"--x--\r\n"
    )
    return 200, {"content-type": 'multipart/related; boundary="x"'}, body


@pytest.mark.parametrize("packed", [False, True, None])
def test_traces(packed: bool | None) -> None:
    data = gzip.compress(ALARM.encode()) if packed else ALARM.encode()
    if packed is None:
        data = gzip.compress(ALARM.encode() * 3)[:-8]  # the one that is being written

    def answer(sent: Sent) -> Answer:
        if b"selectLogFiles" not in sent.body:
            return multipart(b"<envelope/>", data)
        listed = "".join(
            f"<File><name>{n}</name><absolutepath>/var/log/active/cm/trace/ccm/sdl/SDL{n}.txt</absolutepath>"
            f"<modifiedDate>Thu Nov 26 0{n}:00:00 UTC 2026</modifiedDate></File>"
            for n in (1, 2)
        )
        return multipart(xml(f"<r><ResultSet><SetOfFiles>{listed}</SetOfFiles></ResultSet></r>")[2])

    seen = Seen()
    found = look_at_traces(Canned(answer), "pub", seen, Time())
    assert {name: value.text for name, value in found["SEP00005E005302"].items()} == SAID
    assert found["SEP00005E005302"]["itl"].seen.at == datetime(2026, 11, 26, 2, tzinfo=UTC)
    assert seen.not_seen == []
    assert look_at_traces(Canned(lambda _: (500, {}, b"no")), "sub", seen, Time()) == {}


PIECES = st.sampled_from(
    [
        *(
            "<e:Envelope xmlns:e='u'>",
            "<e:Body>",
            "<return>",
            "<row>",
            "<name>a</name>",
            "</row>",
            "</return>",
            "<e:Fault>",
        ),
        *(
            "</e:Body></e:Envelope>",
            "<item>",
            "</item>",
            "<CmNodes>",
            "<TotalDevicesFound>9</TotalDevicesFound>",
            "\x00",
            "&x;",
        ),
        *('{"identities":', "[", "{", "}", "]", "null", '"service"', "--x", "\r\n\r\n", "<!DOCTYPE x>", "<File>", "-1"),
    ]
)


@given(st.lists(PIECES, max_size=12).map("".join) | st.text(max_size=20), st.sampled_from([200, 204, 302, 500, 599]))
def test_whatever_a_server_answers_is_an_answer_or_an_error(text: str, status: int) -> None:
    def web() -> Canned:
        return Canned(
            lambda _: (status, {"content-type": 'multipart/related; boundary="x"'}, text.encode("utf-8", "replace"))
        )

    seen, time = Seen(), Time()
    look_at_services(web(), "pub", seen, time)
    look_at_certificates(web(), "pub", seen, time)
    look_at_replication(web(), "pub", seen)
    look_at_traces(web(), "pub", seen, time)
    for ask in (lambda: Ris(web(), time).select(["SEP1"]), lambda: Axl(web(), "", time).select("select a from b")):
        with contextlib.suppress(MixedModeError):
            ask()


@pytest.mark.parametrize(("roles", "asked"), [(("", ""), ["a"]), (("", "publisher"), ["b"])])
def test_capf_is_asked_of_the_publisher_or_of_the_first_node(
    roles: tuple[str, str], asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []

    def connect(address: tuple[str, int], timeout: float) -> None:
        if address[1] == CUCM_PORTS["capf"]:
            tried.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr("mixedmode.live.sources.faces.socket.create_connection", connect)
    named = zip("ab", roles, strict=True)
    nodes = tuple(Node(name, name, role or "subscriber", dict(CUCM_PORTS)) for name, role in named)
    observe(ClusterFile(Path("cluster.toml"), nodes), {Part.FACES})
    assert tried == asked
