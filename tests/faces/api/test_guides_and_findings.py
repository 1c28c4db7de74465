"""Guided runs, findings, alarms and traces for programs: the same acts as on the pages, the same refusals."""

from __future__ import annotations

import pytest

from tests.faces.api.conftest import PUB, Program, code, parsed, program
from tests.faces.web.weblab import WebLab

RUNS = "/api/v1/guides/runs"


@pytest.fixture
def reader(lab: WebLab) -> Program:
    return program(lab, "reader")


def test_a_run_is_planned_and_dropped(admin: Program) -> None:
    made = admin.post(RUNS, {"procedure": "non-secure-to-mixed"})
    assert made.status == 201
    run = parsed(made)
    assert run["state"] == "planned"
    where = made.headers["location"]
    assert where == f"{RUNS}/{run['number']}"
    assert parsed(admin.get(where))["number"] == run["number"]
    assert admin.post(f"{where}/forecast").status == 202
    assert admin.post(f"{where}/steps/99", {}).status == 404
    assert admin.post(f"{where}/steps/x", {}).status == 404
    stopped = parsed(admin.post(f"{where}/stop"))
    assert (stopped["state"], stopped["is_open"]) == ("dropped", False)
    assert admin.post(f"{where}/begin").status == 409
    assert admin.post(f"{where}/steps/1").status == 409
    assert admin.post(f"{where}/steps/1/leave-out", {"why": "no"}).status == 409
    assert admin.post(f"{where}/stop").status == 409
    records = [each for each in parsed(admin.get("/api/v1/audit-log?action=guide")) if each["outcome"] == "done"]
    assert [each["details"]["what"] for each in records[-2:]] == ["plan", "stop"]


def test_what_is_no_run_is_refused(admin: Program, reader: Program) -> None:
    assert admin.post(RUNS, {"procedure": "nothing"}).status == 404
    assert code(admin.post(RUNS, {})) == "invalid"
    assert code(admin.post(RUNS, {"procedure": "non-secure-to-mixed", "more": 1})) == "invalid"
    key = {"procedure": "non-secure-to-mixed", "certificates": {"first": "-----BEGIN PRIVATE KEY-----"}}
    assert admin.post(RUNS, key).status in {400, 422}
    assert admin.post(f"{RUNS}/999999/stop").status == 404
    assert reader.post(RUNS, {"procedure": "non-secure-to-mixed"}).status == 403
    assert reader.get(RUNS).status == 200


def test_what_is_wrong_and_what_was_refused(admin: Program, reader: Program) -> None:
    assert reader.post(RUNS, {"procedure": "non-secure-to-mixed"}).status == 403
    found = parsed(reader.get("/api/v1/findings"))
    assert all({"id", "severity", "what", "cause", "remedy", "page"} <= set(each) for each in found)
    assert reader.get("/api/v1/alarms").status == 403
    alarms = parsed(admin.get("/api/v1/alarms?since=1h&last=20"))
    assert {each["outcome"] for each in alarms} <= {"failed", "refused", "locked", "undone"}
    assert any(each["outcome"] == "refused" for each in alarms)
    assert code(admin.get("/api/v1/alarms?last=0")) == "invalid"


def test_traces_are_listed_and_read(admin: Program) -> None:
    listed = parsed(admin.get("/api/v1/traces"))
    assert {"tvs", "tftp", "ccm", "capf", "servm"} == {each["trace"] for each in listed if each["node"] == PUB}
    one = parsed(admin.get(f"/api/v1/nodes/{PUB}/traces/tvs?last=5&find=x"))
    assert (one["node"], one["is_here"]) == (PUB, True)
    assert len(one["lines"]) <= 5
    assert admin.get(f"/api/v1/nodes/{PUB}/traces/tvs", accept="text/plain").status == 200
    for path in (f"/api/v1/nodes/{PUB}/traces/nothing", "/api/v1/nodes/nobody/traces/tvs"):
        assert admin.get(path).status == 404


def test_web_access_of_a_phone_is_set_and_a_long_text_refused(admin: Program) -> None:
    path = "/api/v1/phones/SEP001122334403"
    assert parsed(admin.get(path))["web_access"] is False
    url = f"http://{PUB}:8080/authenticate.jsp"
    assert admin.send("PATCH", path, {"web_access": True, "authentication_url": url, "secure_tone": True}).status == 200
    found = parsed(admin.get(path))
    assert (found["web_access"], found["authentication_url"], found["secure_tone"]) == (True, url, True)
    assert 400 <= admin.send("PATCH", path, {"authentication_url": "cucm"}).status < 500
    assert 400 <= admin.send("PATCH", path, {"description": "x" * 256}).status < 500
    step = {"name": "SEP001122334403", "values": {"description": "x" * 256}}
    assert 400 <= admin.post("/api/v1/operations/device-change", step).status < 500
    assert (
        admin.send("PATCH", path, {"web_access": False, "authentication_url": "", "secure_tone": False}).status == 200
    )
