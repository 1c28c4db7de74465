"""RIS and Control Center as plain SOAP."""

from __future__ import annotations

import html
import re

import pytest

from mixedmode.faces.soap.ris.face import Rate, answer
from tests.faces.soap.conftest import AST, ENVELOPE, NAMES, Hands, Programs
from tests.faces.web.weblab import WebLab


def devices(text: str) -> list[tuple[str, str]]:
    return re.findall(r"<ns1:Name>(SEP\w+)</ns1:Name>.*?<ns1:Status>(\w+)</ns1:Status>", text)


def test_registered_phones_of_all_nodes_are_told(programs: Programs) -> None:
    page = programs.ris([*NAMES, "SEPNOBODY"])
    assert page.status == 200
    assert f'<ns1:selectCmDeviceResponse xmlns:ns1="{AST}">' in page.text
    assert devices(page.text) == [(NAMES[1], "Registered"), (NAMES[2], "UnRegistered"), (NAMES[3], "Registered")]
    assert "<ns1:TotalDevicesFound>3</ns1:TotalDevicesFound>" in page.text
    assert re.findall(r"<ns1:ReturnCode>Ok</ns1:ReturnCode><ns1:Name>([\w-]+)</ns1:Name>", page.text) == [
        "axl-pub",
        "axl-sub1",
    ]
    assert "<ns1:DirNumber>1001-Registered</ns1:DirNumber>" in page.text
    assert "<ns1:Model>437</ns1:Model>" in page.text
    assert "<ns1:Httpd>No</ns1:Httpd>" in page.text
    assert "<ns1:Description>Desk &lt;1&gt; &amp; 'co'</ns1:Description>" in page.text
    assert "<ns1:IP>192.0.2.51</ns1:IP><ns1:IPAddrType>ipv4</ns1:IPAddrType>" in page.text
    assert page.text.count("<ns1:IPAddress>") == 2


def test_what_a_node_counts_of_its_phones(programs: Programs) -> None:
    def asked(body: str) -> tuple[int, str]:
        page = programs.post("/perfmonservice2/services/PerfmonService", ENVELOPE.format(space=AST, body=body))
        return page.status, page.text

    collect = (
        "<ns:perfmonCollectCounterData><ns:Host>{}</ns:Host><ns:Object>{}</ns:Object></ns:perfmonCollectCounterData>"
    )
    status, text = asked(collect.format("axl-pub", "Cisco CallManager"))
    assert status == 200
    counted = dict(re.findall(r"Cisco CallManager.(\w+)</ns1:Name><ns1:Value>(\d+)<", text))
    assert (counted["RegisteredHardwarePhones"], counted["EncryptedRegisteredPhones"]) == ("1", "0")
    assert asked("<ns:perfmonListCounter><ns:Host>AXL-PUB</ns:Host></ns:perfmonListCounter>")[0] == 200
    for body in (collect.format("axl-sub1", "Cisco CallManager"), collect.format("", "x"), "<ns:perfmonOpenSession/>"):
        assert asked(body)[0] == 500


def test_criteria_choose(programs: Programs) -> None:
    assert devices(programs.ris(["*"], "selectCmDevice", Status="Registered").text) == [
        (NAMES[1], "Registered"),
        (NAMES[3], "Registered"),
    ]
    assert devices(programs.ris(["SEP*5301"], "selectCmDevice").text) == [(NAMES[1], "Registered")]
    assert devices(programs.ris(["*"]).text) == []  # no wildcards in the other one
    assert devices(programs.ris([f"{NAMES[1]},{NAMES[3]}"], NodeName="axl-sub1").text) == [(NAMES[3], "Registered")]
    assert devices(programs.ris(["192.0.2.53"], SelectBy="IPV4Address").text) == [(NAMES[3], "Registered")]
    assert devices(programs.ris(["1001"], SelectBy="DirNumber").text) == [(NAMES[1], "Registered")]
    for none in ({"DeviceClass": "Gateway"}, {"Model": "683"}, {"Protocol": "SIP"}):
        assert devices(programs.ris(NAMES, **none).text) == []


def test_what_is_beyond_the_maximum_is_cut_silently(programs: Programs) -> None:
    page = programs.ris(NAMES, MaxReturnedDevices="1")
    assert devices(page.text) == [(NAMES[1], "Registered")]
    many = [f"SEP{number:012X}" for number in range(1000)]
    assert devices(programs.ris([*many, NAMES[1]]).text) == []


def test_a_node_that_cannot_be_asked_makes_nobody_missing(programs: Programs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Hands, "alone", True)
    page = programs.ris(NAMES)
    assert devices(page.text) == [(NAMES[1], "Registered")]
    assert "<ns1:ReturnCode>NodeNotResponding</ns1:ReturnCode><ns1:Name>axl-sub1</ns1:Name>" in page.text


def test_state_that_comes_back_unchanged_has_nothing_new(programs: Programs) -> None:
    first = programs.ris(NAMES).text
    state = re.search(r"<ns1:StateInfo>(.*?)</ns1:StateInfo>", first)
    assert state is not None
    assert html.unescape(state[1]).startswith('<StateInfo><Node Name="axl-pub" SubsystemStartTime="')
    again = programs.ris(NAMES, state=state[1]).text
    assert devices(again) == []
    assert again.count("<ns1:NoChange>true</ns1:NoChange>") == 2
    assert devices(programs.ris(NAMES, state="&lt;!DOCTYPE x&gt;").text) == devices(first)


def test_the_rate_is_held(shared: WebLab) -> None:
    now = [0.0]
    rate = Rate(clock=lambda: now[0])
    body = ENVELOPE.format(space=AST, body="<ns:selectCmDeviceExt><ns:CmSelectionCriteria/></ns:selectCmDeviceExt>")
    told = [answer(shared.cluster, body.encode(), {}, rate) for _ in range(16)]
    assert [each.status for each in told] == [200] * 15 + [500]
    assert b"AxisFault: Exceeded allowed rate for Reatime information. Current allowed rate" in told[-1].body
    now[0] = 61.0
    assert answer(shared.cluster, body.encode(), {}, rate).status == 200


@pytest.mark.parametrize(
    "criteria", [{"Status": "Broken"}, {"Model": "x"}, {"MaxReturnedDevices": "-1"}, {"SelectBy": "Shoe size"}]
)
def test_criteria_that_are_none_are_faults(programs: Programs, criteria: dict[str, str]) -> None:
    page = programs.ris(NAMES, **criteria)
    assert (page.status, "<faultcode>soapenv:Client</faultcode>" in page.text) == (500, True)


def test_services_of_the_node(programs: Programs) -> None:
    page = programs.control("<ns:soapGetServiceStatus><ns:ServiceStatus/></ns:soapGetServiceStatus>")
    assert page.status == 200
    found = dict(
        re.findall(r"<ns1:ServiceName>([^<]+)</ns1:ServiceName><ns1:ServiceStatus>([^<]+)</ns1:Serv", page.text)
    )
    assert found["Cisco CallManager"] in {"Started", "Stopped"}
    assert len(found) > 5
    one = programs.control(
        "<ns:soapGetServiceStatus><ns:ServiceStatus>Cisco Tftp</ns:ServiceStatus>"
        "<ns:ServiceStatus>Nonsense</ns:ServiceStatus></ns:soapGetServiceStatus>"
    )
    assert re.findall("<ns1:ServiceName>([^<]+)", one.text) == ["Cisco Tftp", "Nonsense"]
    assert "<ns1:ServiceStatus>Unknown</ns1:ServiceStatus>" in one.text
    products = programs.control("<ns:getProductInformationList><ns:ServiceInfo/></ns:getProductInformationList>").text
    assert "<ns1:ActiveServerVersion>14.0.1.10000-20</ns1:ActiveServerVersion>" in products
    assert "<ns1:PrimaryNode>axl-pub</ns1:PrimaryNode>" in products


def test_services_are_not_controlled_here(programs: Programs) -> None:
    for operation in ("soapDoControlServices", "soapDoServiceDeployment", "nonsense"):
        page = programs.control(f"<ns:{operation}><ns:ControlType>Stop</ns:ControlType></ns:{operation}>")
        assert (page.status, "<faultcode>soapenv:Client</faultcode>" in page.text) == (500, True)


def test_nobody_is_told_without_a_login(programs: Programs) -> None:
    for path in ("/realtimeservice2/services/RISService70", "/controlcenterservice2/services/ControlCenterServices"):
        assert programs.post(path, "<a/>", login=False).status == 401
        assert programs.lab.visitor().get(path).status == 405
