"""Findings: one for each cause, worst first, by names that stay."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from mixedmode.audit.facts import CertificateFact, CtlFact, CutOff, Facts, ListFact, ServiceFact
from mixedmode.audit.findings import Finding, Kind, Severity, findings
from mixedmode.cluster.model.topology import Service

NOW = datetime(2026, 11, 26, 1, 42, tzinfo=UTC)
GOOD = Facts(
    NOW,
    services=tuple(ServiceFact("pub", service, is_running=True, phones=5) for service in Service),
    lists=(ListFact("pub", "CTL", "ab" * 20, "ab" * 20), ListFact("pub", "ITL", "cd" * 20, "cd" * 20)),
    certificates=(CertificateFact("CallManager", "pub", "pub", "11" * 32, NOW + timedelta(days=1000)),),
    ctl=CtlFact(NOW, is_wanted=True),
    phones={"follows": 40_000, "follows-by-tvs": 3},
)


def one(facts: Facts) -> Finding:
    found = findings(facts)
    assert len(found) == 1, found
    return found[0]


def test_a_healthy_cluster_has_none() -> None:
    assert findings(GOOD) == []
    assert findings(Facts(NOW)) == []


@pytest.mark.parametrize(
    ("service", "severity"),
    [
        (Service.TVS, Severity.CRITICAL),
        (Service.TFTP, Severity.CRITICAL),
        (Service.CALLMANAGER, Severity.CRITICAL),
        (Service.CAPF, Severity.WARNING),
        (Service.CTL_PROVIDER, Severity.WARNING),
    ],
)
def test_a_stopped_service_that_phones_need(service: Service, severity: Severity) -> None:
    found = one(replace(GOOD, services=(ServiceFact("sub2", service, is_running=False, phones=311),)))
    assert (found.kind, found.severity, found.node) == (Kind.STOPPED, severity, "sub2")
    assert found.id == f"service-stopped/sub2/{service.value.replace(' ', '-')}"
    assert found.command == f"utils service start {service.value}"
    assert "311 phones" in found.cause


def test_a_service_that_no_phone_has_is_less_bad() -> None:
    found = one(replace(GOOD, services=(ServiceFact("sub2", Service.TVS, is_running=False),)))
    assert found.severity is Severity.WARNING


def test_a_stopped_service_that_nobody_needs_is_none() -> None:
    assert findings(replace(GOOD, services=(ServiceFact("pub", Service.DRF_LOCAL, is_running=False),))) == []


def test_lists_that_differ_are_missing_or_unknown() -> None:
    other = one(replace(GOOD, lists=(ListFact("sub1", "ITL", "ab" * 20, "cd" * 20),)))
    assert (other.kind, other.severity) == (Kind.LIST_DIFFERS, Severity.WARNING)
    assert "abababab" in other.cause
    assert "cdcdcdcd" in other.cause
    gone = one(replace(GOOD, lists=(ListFact("sub1", "CTL", "ab" * 20, ""),)))
    assert (gone.kind, gone.severity) == (Kind.NO_LIST, Severity.NOTICE)
    waits = one(replace(GOOD, lists=(ListFact("sub1", "CTL", "ab" * 20, "", "it does not answer"),)))
    assert "it does not answer" in waits.cause
    foreign = one(replace(GOOD, lists=(ListFact("sub1", "CTL", "", "ab" * 20),)))
    assert foreign.command == "file delete tftp CTLFile.tlv"


def test_a_restart_that_waits_is_told_once_for_all_nodes() -> None:
    since = NOW - timedelta(hours=3)
    services = tuple(
        ServiceFact(f"node{at}", Service.TFTP, is_running=True, restart_needed=since + timedelta(minutes=at))
        for at in range(6)
    )
    found = one(replace(GOOD, services=services))
    assert found.id == "restart-needed/Cisco-Tftp"
    assert "node0, node1, node2 and 3 more" in found.what
    assert "2026-11-25 22:42 UTC" in found.cause
    assert found.node == ""
    stopped = replace(GOOD, services=(replace(services[0], is_running=False, phones=0),))
    assert one(stopped).kind is Kind.STOPPED


def test_a_ctl_that_is_older_than_certificates() -> None:
    old = CtlFact(NOW, is_wanted=True, missing=(("sub1", "CallManager"), ("pub", "CAPF")))
    found = one(replace(GOOD, ctl=old))
    assert (found.kind, found.severity) == (Kind.CTL_OLD, Severity.CRITICAL)
    assert found.what == "The CTL is older than 2 certificates in use."
    assert "CallManager of sub1 and CAPF of pub" in found.cause
    assert found.command == "utils ctl update CTLFile"
    by_tokens = one(replace(GOOD, ctl=replace(old, by_tokens=True)))
    assert by_tokens.command == ""
    assert "CTL Client" in by_tokens.remedy
    assert findings(replace(GOOD, ctl=replace(old, is_wanted=False))) == []


@pytest.mark.parametrize(
    ("days", "kind", "severity"),
    [
        (91, None, None),
        (90, Kind.ENDING, Severity.NOTICE),
        (30, Kind.ENDING, Severity.WARNING),
        (1, Kind.ENDING, Severity.WARNING),
        (-2, Kind.ENDED, Severity.CRITICAL),
    ],
)
def test_certificates_that_end(days: int, kind: Kind | None, severity: Severity | None) -> None:
    ends = NOW + timedelta(days=days, hours=1)
    own = CertificateFact("CallManager", "pub", "pub", "11" * 32, ends)
    in_trust = replace(own, unit="Phone-SAST-trust", node="", is_trust=True)
    facts = replace(GOOD, certificates=(in_trust, own))
    if kind is None:
        assert findings(facts) == []
        return
    found = one(facts)
    assert (found.kind, found.severity, found.subject) == (kind, severity, "CallManager")
    alone = one(replace(GOOD, certificates=(in_trust,)))
    assert (alone.severity, alone.command) == (Severity.NOTICE, "")


def test_phones_worst_first_and_one_is_one() -> None:
    found = findings(replace(GOOD, phones={"behind": 311, "frozen": 12, "locked-out": 1, "unknown": 9}))
    assert [each.kind for each in found] == [Kind.LOCKED_OUT, Kind.FROZEN, Kind.BEHIND]
    assert found[0].what == "1 phone is locked out."
    assert found[2].what == "311 phones are behind."


def test_what_was_cut_off() -> None:
    found = one(replace(GOOD, cut_off=CutOff("utils ctl update CTLFile", "admin2")))
    assert found.id == "operation-cut-off/utils-ctl-update-CTLFile"
    assert "admin2" in found.what


def test_names_are_stable_and_each_its_own() -> None:
    bad = replace(
        GOOD,
        services=tuple(ServiceFact(node, each, is_running=False) for node in ("pub", "sub") for each in Service),
        lists=tuple(ListFact(node, kind, "", "ab") for node in ("pub", "sub") for kind in ("CTL", "ITL")),
        certificates=tuple(
            CertificateFact(unit, node, "x", f"{at}" * 64, NOW + timedelta(days=9, hours=1))
            for at, (unit, node) in enumerate([("TVS", "pub"), ("TVS", "sub"), ("CAPF", "pub")])
        ),
    )
    ids = [each.id for each in findings(bad)]
    assert len(set(ids)) == len(ids) == 10 + 4 + 3
    assert ids == [each.id for each in findings(replace(bad, now=NOW + timedelta(seconds=5)))]
    assert [list(Severity).index(each.severity) for each in findings(bad)] == sorted(
        list(Severity).index(each.severity) for each in findings(bad)
    )
