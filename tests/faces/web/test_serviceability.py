"""Control Center, traces, alarms and the audit log."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import Page as Tab
from playwright.sync_api import expect

from mixedmode.cluster.model.topology import Service
from mixedmode.cluster.operations.parameters import SetParameter
from mixedmode.faces.web.foresight import Foreseen
from mixedmode.faces.web.serviceability import control_center
from mixedmode.faces.web.standing.resets import Reset
from mixedmode.phone.mind.fate.prospect import Fate
from mixedmode.services.traces.catalogue import TVS
from mixedmode.services.traces.trace_file import TraceFile
from tests.faces.web.weblab import Visitor, WebLab

SERVICES = "/ccmservice/services"
SUB = "cucm-1051-a-sub1"
TVS_STOP = {"service": Service.TVS.value, "node": SUB}


def ask(visitor: Visitor, verb: str, service: Service, node: str = SUB) -> str:
    path = f"{SERVICES}/{verb}?service={service.value.replace(' ', '%20')}&node={node}"
    page = visitor.get(path)
    assert page.status == 200
    return page.csrf


def started(lab: WebLab, node: str, service: Service) -> bool:
    return next(each.started is not None for each in lab.cluster.services(node) if each.service is service)


def test_a_service_of_another_node_is_stopped_and_started_and_everybody_sees_it(own_lab: WebLab) -> None:
    visitor, other = own_lab.visitor("operator"), own_lab.visitor("reader")
    page = visitor.get(f"{SERVICES}/stop?service=Cisco%20Trust%20Verification%20Service&node={SUB}")
    assert "4 phones may ask this TVS" in page.text
    assert started(own_lab, SUB, Service.TVS)
    answer = visitor.post(f"{SERVICES}/stop", {**TVS_STOP, "csrf": page.csrf})
    assert (answer.status, answer.location) == (303, f"{SERVICES}?node={SUB}")
    seen = other.wait_for(f"{SERVICES}?node={SUB}", "is stopped on cucm-1051-a-sub1").text
    assert "begun by operator" in seen
    other.wait_for(f"{SERVICES}?node={SUB}", "</time>, by operator</td>")
    assert not started(own_lab, SUB, Service.TVS)
    assert "1 of 18 services is stopped" in seen or "services is stopped" in seen
    assert "begun by operator" in other.get("/").text
    csrf = ask(visitor, "start", Service.TVS)
    visitor.post(f"{SERVICES}/start", {**TVS_STOP, "csrf": csrf})
    other.wait_for(SERVICES, "is started on cucm-1051-a-sub1")
    assert started(own_lab, SUB, Service.TVS)
    log = own_lab.cluster.operations.journal.audit(20, user="operator", action="utils service")
    assert [(each.action, each.outcome) for each in log if each.outcome == "done"] == [
        ("utils service stop", "done"), ("utils service start", "done"),
    ]  # fmt: skip
    assert {each.source for each in log} == {"127.0.0.1"}


def test_a_restart_on_every_node_goes_node_after_node(own_lab: WebLab) -> None:
    visitor = own_lab.visitor("administrator")
    before = {each.node: each.restarts for each in own_lab.cluster.services() if each.service is Service.TFTP}
    page = visitor.get(f"{SERVICES}/restart?service=Cisco%20Tftp")
    assert "Restart Cisco Tftp on 2 nodes?" in page.text
    assert "Node after node" in page.text
    visitor.post(f"{SERVICES}/restart", {"service": "Cisco Tftp", "node": "", "csrf": page.csrf})
    visitor.wait_for(SERVICES, "Cisco Tftp is restarted on 2 nodes.")
    after = {each.node: each.restarts for each in own_lab.cluster.services() if each.service is Service.TFTP}
    assert after == {node: number + 1 for node, number in before.items()}


def test_what_is_refused(own_lab: WebLab) -> None:
    reader, visitor = own_lab.visitor("reader"), own_lab.visitor("administrator")
    shown = reader.get(f"{SERVICES}/stop?service=Cisco%20Tftp&node={SUB}")
    assert "this needs 1" in shown.text
    assert "<button>" not in shown.text.replace("<button>Filter", "")
    csrf = reader.get(SERVICES).csrf
    assert reader.post(f"{SERVICES}/stop", {**TVS_STOP, "csrf": csrf}).status == 403
    assert started(own_lab, SUB, Service.TVS)
    refused = own_lab.cluster.operations.journal.audit(5, user="reader", outcome="refused")
    assert refused[-1].action == "utils service stop"
    assert visitor.post(f"{SERVICES}/stop", TVS_STOP).status == 403
    csrf = visitor.get(SERVICES).csrf
    for path, fields in (
        ("explode", {"service": "Cisco Tftp", "node": SUB}),
        ("stop", {"service": "Cisco Nothing", "node": SUB}),
        ("stop", {"service": "Cisco Tftp", "node": "<script>"}),
        ("stop", {"service": Service.CAPF.value, "node": SUB}),
    ):
        page = visitor.post(f"{SERVICES}/{path}", {**fields, "csrf": csrf})
        assert page.status in {400, 404}, path
        assert "<script>" not in page.text.replace("<script src", "")
    assert visitor.get(f"{SERVICES}?node=nowhere").status == 404


def test_the_services_as_csv(lab: WebLab) -> None:
    rows = lab.visitor("reader").get(f"{SERVICES}?format=csv").rows
    tftp = [row for row in rows if row["service"] == "Cisco Tftp"]
    assert [row["node"] for row in tftp] == ["cucm-1051-a-pub", SUB]
    assert {row["status"] for row in tftp} == {"started"}


def traced(lab: WebLab) -> TraceFile:
    return TraceFile(lab.cluster.folder("cucm-1051-a-pub").area("activelog") / TVS.folder)


def test_a_trace_is_shown_searched_and_saved(own_lab: WebLab) -> None:
    visitor, trace = own_lab.visitor("reader"), traced(own_lab)
    path = "/ccmservice/traces?node=cucm-1051-a-pub&trace=tvs"
    assert "has written nothing" in visitor.get(path).text
    trace([f"line {at} <b>&\x1b[31m" for at in range(300)])
    page = visitor.get(path).text
    assert "line 299 &lt;b&gt;&amp;\\x1b[31m" in page
    assert "line 99 " not in page
    assert '<meta http-equiv="refresh" content="5">' in page
    found = visitor.get(f"{path}&find=LINE%2017%20").text
    assert found.count("|   debug line 17 ") == 1
    assert "line 18 " not in found
    assert visitor.get(f"{path}&format=txt").body.count(b"\n") == 300
    assert "refresh" not in visitor.get(f"{path}&follow=no").text.partition("<body>")[0]
    assert visitor.get("/ccmservice/traces?trace=../../keys").status == 404


def test_a_trace_of_another_host_says_where_it_is(own_lab: WebLab) -> None:
    keys = own_lab.cluster.folder(SUB).keys
    keys.rename(keys.with_name("elsewhere"))
    page = own_lab.visitor("reader").get(f"/ccmservice/traces?node={SUB}").text
    assert "is on another host" in page
    assert "127.0.0.12" in page


def test_a_trace_follows_live_without_a_line_twice(signed_in: Tab, lab: WebLab) -> None:
    trace = traced(lab)
    trace(["before"])
    signed_in.goto("/ccmservice/traces?node=cucm-1051-a-pub&trace=tvs")
    log = signed_in.locator("[data-tail]")
    expect(log).to_contain_text("before")
    trace(["after <i>", "and more"])
    expect(log).to_contain_text("after <i>")
    assert log.inner_text().count("before") == 1
    desk = lab.service.desk
    assert desk is not None
    number = desk.dock.begin("Restart of <all>", "admin2", SERVICES, 3).number
    dock = signed_in.locator("#dock")
    expect(dock).to_contain_text("Restart of <all>")
    desk.dock.tell(number, "node1 is stopping.", 1)
    expect(dock).to_contain_text("node1 is stopping. 1 of 3; running, begun by admin2")
    desk.dock._acts.clear()


def test_the_audit_log_filters_pages_and_exports(own_lab: WebLab) -> None:
    own_lab.visitor().sign_in("nobody-of-that-name", "wrong-1")
    visitor = own_lab.visitor("administrator")
    page = visitor.get("/ccmservice/audit?act=LOGIN&outcome=refused")
    assert "nobody-of-that-name" in page.text
    assert "cluster create" not in page.text
    assert "cluster create" in visitor.get("/ccmservice/audit").text
    rows = visitor.get("/ccmservice/audit?act=login&node=cucm-1051-a-pub&since=1h&format=csv").rows
    assert {row["act"] for row in rows} == {"login"}
    assert {row["node"] for row in rows} == {"cucm-1051-a-pub"}
    assert "nobody-of-that-name" in {row["person"] for row in rows}
    assert "No audit entries" in visitor.get("/ccmservice/audit?node=elsewhere").text
    assert "is no moment" in visitor.get("/ccmservice/audit?since=yesterday").text
    assert own_lab.visitor("reader").get("/ccmservice/audit").status == 403


def test_alarms_are_findings_and_what_failed(own_lab: WebLab) -> None:
    own_lab.visitor().sign_in("nobody-of-that-name", "wrong-1")
    page = own_lab.visitor("operator").get("/ccmservice/alarms").text
    assert "Nothing is wrong now." in page
    assert "nobody-of-that-name" in page
    assert "cluster create" not in page
    page = own_lab.visitor("reader").get("/ccmservice/alarms").text
    assert "nobody-of-that-name" not in page
    assert own_lab.visitor("reader").get("/ccmservice/alarms?format=csv").status == 403


@pytest.mark.parametrize("path", ["/", "/ccmservice/audit"])
def test_a_long_act_stands_on_every_page(own_lab: WebLab, path: str) -> None:
    desk = own_lab.service.desk
    assert desk is not None
    number = desk.dock.begin("Restart <all>", "admin2", SERVICES, 3).number
    desk.dock.tell(number, "node1 is stopping.", 1)
    page = own_lab.visitor("administrator").get(path).text
    assert "Restart &lt;all&gt;" in page
    assert "1 of 3; running, begun by admin2" in page
    desk.dock.end(number, "node2: it is away.", failed=True)
    assert "failed, begun by admin2" in own_lab.visitor("administrator").get(path).text


def test_a_restart_that_would_lose_phones_asks_for_the_word(own_lab: WebLab, monkeypatch: pytest.MonkeyPatch) -> None:
    lost = Foreseen(lost={Fate.LOCKED_OUT: 2}, names=("SEP001122334400", "SEP001122334401"))
    monkeypatch.setattr(control_center, "foresee", lambda _ask, _wish: ((SUB,), lost))
    visitor = own_lab.visitor("administrator")
    page = visitor.get(f"{SERVICES}/restart?service=Cisco%20Tftp&node={SUB}")
    assert f"Restart Cisco Tftp on {SUB} and lose 2 phones" in page.text
    assert "SEP001122334401" in page.text
    fields = {"service": "Cisco Tftp", "node": SUB, "csrf": page.csrf}
    path = f"{SERVICES}/restart"
    for more, said in (
        ({}, "2 phones would be lost now; when you were asked there were none."),
        ({"lost": "1", "word": "LOCKOUT"}, "when you were asked there were 1."),
        ({"lost": "2", "word": "yes"}, "Type LOCKOUT to go on."),
    ):
        answer = visitor.post(path, {**fields, **more})
        assert answer.status == 422
        assert said in answer.text
    assert own_lab.cluster.operations.journal.audit(5, action="utils service") == []
    assert visitor.post(path, {**fields, "lost": "2", "word": "LOCKOUT"}).status == 303
    visitor.wait_for(SERVICES, f"Cisco Tftp is restarted on {SUB}.")


def test_a_start_that_publishes_a_new_itl_says_so(own_lab: WebLab) -> None:
    own_lab.cluster.run(SetParameter("PrepareClusterForRollbackToPre80", "True"))
    page = own_lab.visitor("reader").get(f"{SERVICES}/restart?service=Cisco%20Tftp&node={SUB}")
    assert f"A new ITL is published for {SUB}." in page.text
    assert "No phone that is known is lost by it." in page.text


def test_what_others_began_stands_in_the_dock_too(own_lab: WebLab, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = own_lab.service.desk
    assert desk is not None
    holder = {"operation": "utils ctl update CTLFile", "user": "admin2", "node": "cucm-1051-a-pub", "host": "x"}
    holder |= {"since": "2026-11-26T01:12:00+00:00", "state": "running"}
    monkeypatch.setattr(type(desk.control), "running", lambda _control: holder)
    reset = Reset(3, "operator", ("SEP001122334400", "SEP001122334401"), time.time(), {"SEP001122334400": 1.0})
    desk.resets._resets[3] = reset
    page = own_lab.visitor("reader").get("/").text
    dock = page[page.index('<aside id="dock"') :]
    assert "utils ctl update CTLFile</a> <b>At cucm-1051-a-pub.</b>" in dock
    assert "begun by admin2" in dock
    assert 'href="/ccmadmin/phones/resets/3">Reset of 2 phones</a> <b>1 told, 0 not reached.</b>' in dock
    assert "1 of 2; running, begun by operator" in dock
