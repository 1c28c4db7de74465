"""``/metrics``, ``/healthz``, ``/readyz``, and the dashboard that is made of the metrics."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from mixedmode.faces.web import probes
from mixedmode.faces.web.vitals import Vitals
from mixedmode.node.status import SupervisorCollector
from mixedmode.services.net.supervisor import Supervisor, Unit, UnitState, UnitStatus
from tests.faces.web.weblab import PASSWORD, Visitor, WebLab

DASHBOARD = Path(__file__).resolve().parents[3] / "packaging" / "grafana" / "mixedmode.json"
_WORDS = {
    "by",
    "or",
    "vector",
    "without",
    "on",
    "max",
    "min",
    "sum",
    "count",
    "rate",
    "increase",
    "topk",
    "sort",
    "time",
}


def samples(visitor: Visitor) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    page = visitor.get("/metrics")
    assert page.status == 200
    assert page.headers["content-type"].startswith("text/plain")
    return {
        (each.name, frozenset(each.labels.items())): each.value
        for family in text_string_to_metric_families(page.text)
        for each in family.samples
    }


def value(visitor: Visitor, name: str, **labels: str) -> float:
    return samples(visitor)[name, frozenset(labels.items())]


def test_phones_certificates_sessions_and_requests_are_counted(own_lab: WebLab) -> None:
    visitor = own_lab.visitor()
    assert value(visitor, "mixedmode_web_sessions", node="cucm-1051-a-pub") == 0
    administrator = own_lab.visitor("administrator")
    administrator.get("/")
    administrator.get("/ccmservice/services?node=cucm-1051-a-sub1")
    for path in ("/nope", "/made/up/by/a/stranger", "/static/0/x"):
        visitor.get(path)
    found = samples(visitor)

    def of(name: str, **labels: str) -> float:
        return found[name, frozenset(labels.items())]

    assert of("mixedmode_phones", outcome="unknown") == 4
    assert of("mixedmode_phones", outcome="locked-out") == 0
    assert of("mixedmode_web_sessions", node="cucm-1051-a-pub") == 1
    assert of("mixedmode_certificates_expiring", days="90") == 0
    assert of("mixedmode_findings", severity="critical") == 0
    assert of("mixedmode_web_database_up") == 1
    pages = {"node": "cucm-1051-a-pub", "page": "/ccmservice/services"}
    assert of("mixedmode_web_requests_total", status="200", **pages) == 1
    assert of("mixedmode_web_request_seconds_count", **pages) == 1
    assert of("mixedmode_web_requests_total", node="cucm-1051-a-pub", page="other", status="404") == 2
    ends = {dict(labels)["certificate"] for name, labels in found if name.startswith("mixedmode_certificate_not_after")}
    assert {"CallManager", "TVS", "CAPF", "tomcat"} <= ends
    assert not any("stranger" in str(labels) for _, labels in found)


def test_who_is_not_here_signs_in_whatever_a_header_says(own_lab: WebLab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "address_of", lambda _request: "192.0.2.7")
    visitor = own_lab.visitor()
    for path in ("/metrics", "/healthz", "/readyz"):
        for headers in ({}, {"x_forwarded_for": "127.0.0.1"}, {"forwarded": "for=127.0.0.1"}, {"x_real_ip": "::1"}):
            assert visitor.get(path, **headers).status == 403
    wrong = base64.b64encode(b"reader:wrong-1").decode()
    right = base64.b64encode(f"reader:{PASSWORD}".encode()).decode()
    assert visitor.get("/metrics", authorization=f"Basic {wrong}").status == 403
    assert visitor.get("/metrics", authorization=f"Basic {right}").status == 200
    desk = own_lab.service.desk
    assert desk is not None
    desk.vitals = Vitals(networks=(ip_network("192.0.2.0/24"),))
    assert visitor.get("/healthz").body == b"ok\n"


@pytest.mark.parametrize(
    ("address", "may"),
    [
        ("127.0.0.1", True),
        ("127.9.8.7", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("10.20.1.1", True),
        ("::ffff:10.20.1.1", True),
        ("10.21.0.1", False),
        ("::ffff:192.0.2.1", False),
        ("fe80::1%eth0", False),
        ("", False),
        ("localhost", False),
    ],
)
def test_who_may_ask(address: str, may: bool) -> None:
    assert probes.may_ask(address, [ip_network("10.20.0.0/16"), ip_network("2001:db8::/32")]) is may


def test_a_node_is_ready_when_its_units_run_and_its_database_answers(own_lab: WebLab) -> None:
    visitor, person = own_lab.visitor(), own_lab.visitor("reader")
    assert json.loads(visitor.get("/readyz").body)["ready"] is True
    desk = own_lab.service.desk
    assert desk is not None
    desk.vitals = Vitals(units=lambda: [UnitStatus("tvs", UnitState.STOPPED, None, 1, 1, "the port is taken")])
    page = visitor.get("/readyz")
    assert page.status == 503
    assert json.loads(page.body)["reasons"] == ["tvs: the port is taken"]
    desk.vitals = Vitals()
    (own_lab.cluster.directory / "cluster.db").rename(own_lab.cluster.directory / "away.db")
    try:
        page = visitor.get("/readyz")
        assert page.status == 503
        assert json.loads(page.body)["reasons"][0].startswith("database: ")
        assert visitor.get("/healthz").status == 200
        assert value(visitor, "mixedmode_web_database_up") == 0
        # Where the database is, and who signs in to it, is nothing for strangers.
        for path in ("/", "/signin", "/api/v1/cluster"):
            page = person.get(path)
            assert (page.status, "The cluster's database does not answer" in page.words) == (503, True), path
            assert str(own_lab.cluster.directory) not in page.text
        page = visitor.sign_in()
        assert page.status == 503
        assert str(own_lab.cluster.directory) not in page.text
    finally:
        (own_lab.cluster.directory / "away.db").rename(own_lab.cluster.directory / "cluster.db")


def queries() -> Iterator[str]:
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel["targets"]:
            yield target["expr"]


def test_every_query_of_the_dashboard_names_metrics_that_exist(own_lab: WebLab) -> None:
    desk = own_lab.service.desk
    assert desk is not None
    supervisor = Supervisor([Unit("tvs", lambda _port: own_lab.service, 0)])
    service = supervisor._unit("tvs")
    service.service = own_lab.service
    desk.vitals = Vitals(collect=SupervisorCollector(supervisor, "cucm-1051-a-pub").collect)
    own_lab.visitor("administrator").get("/")
    known = {name for name, _ in samples(own_lab.visitor())}
    labels = {"outcome", "severity", "node", "unit", "event", "status", "page", "certificate", "days"}
    found = 0
    for query in queries():
        plain = re.sub(r'\{[^}]*\}|"[^"]*"|\[[^\]]*\]', "", query)
        for word in re.findall(r"[a-z_]+", plain):
            if word in _WORDS | labels:
                continue
            assert word in known, (word, query)
            found += 1
    assert found > 15
