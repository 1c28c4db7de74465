"""Each planted fault is found, by its name; nothing is found in what is healthy."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from mixedmode.audit.live.finding import Severity, Standing
from mixedmode.audit.live.judging import Judgement, judge
from mixedmode.audit.live.table import RULES
from mixedmode.live.observed import CertificateSeen, NotSeen, Observation
from mixedmode.live.provisioned import VouchedSeen
from mixedmode.trustlist.model import TrustList
from tests.audit.live import planted_certificates, planted_lists, planted_phones
from tests.audit.live.faults import CALLMANAGER, FAULTS, RECOVERY, TVS
from tests.audit.live.planted_certificates import tvs_has_ended
from tests.audit.live.world import (
    NOW,
    PUB,
    SUB,
    VERSIONS,
    World,
    lists_alone,
    phone,
    sha1,
    with_file,
    with_phone,
)
from tests.cluster.tokens import ONE
from tests.support import effort

PLANTED = (planted_certificates, planted_lists, planted_phones)
"""They fill FAULTS."""


def found_in(observation: Observation, **archive: TrustList) -> dict[str, Severity]:
    return {each.id: each.severity for each in judge(observation, archive).findings}


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found(name: str) -> None:
    wanted, plant = FAULTS[name]
    judgement = judge(plant())
    found = [each for each in judgement.findings if each.id == wanted or each.id.startswith(f"{wanted}/")]
    assert found, [each.id for each in judgement.findings]
    finding = found[0]
    rule = next(each for each in RULES if each.id == finding.rule)
    assert judgement.standings[rule.id] is Standing.HOLDS
    assert finding.severity.rank >= rule.severity.rank
    assert finding.evidence and finding.remedy and finding.effect  # noqa: PT018
    assert finding.title.endswith(".")
    assert any("UTC" in line for line in finding.evidence), finding.evidence


@pytest.mark.parametrize("reverse", [False, True])
def test_tvs_vouches_for_a_token_by_either_order_of_its_serial_number(reverse: bool) -> None:
    """AXL tells it as trust lists do: reversed."""
    found, made = World().look(), ONE.certificate
    at = found.vouched[0].seen
    serial = made.serial[::-1] if reverse else made.serial
    stored = CertificateSeen("", "Phone-SAST-trust", made.der, at, ("SAST",))
    vouched = VouchedSeen(made.subject, made.issuer, serial.hex().upper(), ("SAST",), ("Phone-SAST-trust",), at)
    with_token = replace(found, certificates=(*found.certificates, stored))
    assert [each for each in found_in(with_token) if each.startswith("S3")]
    assert not [
        each for each in found_in(replace(with_token, vouched=(*found.vouched, vouched))) if each.startswith("S3")
    ]


def test_enough_kinds_of_faults() -> None:
    planted = {wanted.partition("/")[0] for wanted, _ in FAULTS.values()}
    assert len(FAULTS) >= 30
    assert {f"C{number}" for number in range(1, 20)} <= planted
    assert planted == {rule.id for rule in RULES} - {"L3"}


@pytest.mark.parametrize("mixed", [True, False])
@pytest.mark.parametrize("version", VERSIONS.values(), ids=list(VERSIONS))
def test_nothing_is_found_in_what_is_healthy(version: str, mixed: bool) -> None:
    judgement = judge(World(version, mixed).look())
    assert [each.id for each in judgement.findings] == []
    alone = judge(lists_alone(World(version, mixed).look()))
    assert [each.id for each in alone.findings] == []
    assert alone.not_seen


def test_nothing_seen_is_no_finding() -> None:
    found = World().look()
    empty = Observation("x", found.begun, found.ended, not_seen=(NotSeen("ITLFile.tlv", PUB, "no answer"),))
    judgement = judge(empty)
    assert judgement.findings == ()
    assert NotSeen("ITLFile.tlv", PUB, "no answer") in judgement.not_seen
    assert {rule for rule, standing in judgement.standings.items() if standing is Standing.CLEAR} <= {
        *("C8", "C9", "C11", "C17", "C19", "L4"),  # without a node, a large key or SHA-512 there is nothing to ask
    }


def test_a_hash_that_nobody_shares_accuses_nobody() -> None:
    world = World()
    world.phones = tuple(phone(number, itl="ab" * 20, ctl="none", security_mode="Non Secure") for number in range(9))
    judgement = judge(world.look())
    assert "C12/unknown" not in {each.id for each in judgement.findings}
    assert any("hash method unconfirmed" in each.why for each in judgement.not_seen)


def test_an_unknown_hash_may_be_of_a_node_that_did_not_answer() -> None:
    found = with_phone(World().look(), itl="ab" * 20)
    silent = replace(found, files=tuple(each for each in found.files if each.node != SUB))
    assert "C12/unknown" not in found_in(silent)
    told = with_phone(silent, 98, itl="ac" * 20, itl_server=PUB)
    assert "C12/unknown" in found_in(told)


def test_an_earlier_list_tells_who_has_no_anchor_left() -> None:
    old, new = World(), World()
    for node in (PUB, SUB):
        new.renew(node, TVS, lists=True, store=True)
        new.renew(node, CALLMANAGER, lists=True, store=True)
    new.renew(PUB, RECOVERY, lists=True, store=True)
    held = TrustList.parse(old.itl(PUB))
    found = found_in(with_phone(new.look(), itl=held.sha1), **{held.sha1: held})
    assert found["C2/list"] is Severity.CRITICAL
    one = World()
    one.certificates, one.listed, one.shown = dict(old.certificates), dict(old.listed), dict(old.shown)
    one.renew(PUB, CALLMANAGER, one.make(PUB, CALLMANAGER), lists=True, store=True)
    found = found_in(with_phone(one.look(), itl=held.sha1), **{held.sha1: held})
    assert "C2/list" not in found
    assert found["C12/earlier"] is Severity.SERIOUS


def test_a_list_that_contradicts_itself() -> None:
    world = World()
    records = world.itl_records(PUB)
    data = world.built(records, world.signs(PUB), "ITLFile.tlv")
    assert b"CAPF-" in data
    serial = world.listed[PUB, "CAPF"].certificate.serial
    at = data.index(b"\x06\x00" + bytes([len(serial)]) + serial)
    changed = data[: at + 3] + bytes(len(serial)) + data[at + 3 + len(serial) :]
    assert "L3/ITL/cucm-pub" in found_in(lists_alone(with_file(world.look(), PUB, "ITLFile.tlv", changed)))


def test_who_may_not_have_been_reset_yet_is_not_accused() -> None:
    same = with_phone(World().look(), httpd="No", web_access_configured="yes")
    assert found_in(same) == {"P3/configuration": Severity.INFORMATION}
    later = with_phone(World().look(), httpd="No", web_access_configured="yes", config_changed=NOW.isoformat())
    assert found_in(later) == {"P3/configuration": Severity.INFORMATION}
    earlier = (NOW - timedelta(hours=1)).isoformat()
    proven = with_phone(World().look(), httpd="No", web_access_configured="yes", config_changed=earlier)
    assert found_in(proven) == {"P3/configuration": Severity.MODERATE}
    unset = with_phone(World().look(), httpd="No", web_access_configured="")
    assert found_in(unset) == {}


def test_a_view_of_tvs_that_has_nothing_of_the_cluster_says_nothing() -> None:
    found = World().look()
    foreign = tuple(replace(each, serial=f"ABCD{number}") for number, each in enumerate(found.vouched))
    judgement = judge(replace(found, vouched=foreign))
    assert judgement.findings == ()
    assert judgement.standings["S3"] is Standing.NO_EVIDENCE


def test_whose_tvs_is_stopped_is_told_by_group() -> None:
    found = World().look()
    services = tuple(
        replace(each, status="Stopped") if (each.node, each.name) == (SUB, "Cisco Trust Verification Service") else each
        for each in found.services
    )
    finding = judge(replace(found, services=services)).findings[0]
    assert (finding.rule, finding.phones) == ("S1", tuple(each.name for each in found.phones))


def test_many_firmwares_are_few_findings() -> None:
    world = World()
    world.phones = tuple(phone(number, configured_load=f"own.{number}") for number in range(60))
    found = [each for each in judge(world.look()).findings if each.rule == "P6"]
    assert len(found) == 21
    assert sum(len(each.phones) for each in found) == 60


def test_what_the_cluster_says_of_a_model_counts_more_than_what_is_known_of_it() -> None:
    found = with_phone(World().look(), model="Cisco 7940", model_number="8", product="568", itl="none")
    assert "C12/none" in found_in(found)
    assert "C14/encrypted" in found_in(replace(found, features=()))
    sccp = tuple(replace(each, protocol="SCCP") for each in found.features)
    assert "C14/encrypted" in found_in(replace(found, features=sccp))


def test_an_expired_certificate_is_told_once_for_all_who_show_it() -> None:
    judgement: Judgement = judge(tvs_has_ended())
    assert [each.id for each in judgement.findings if each.rule == "C1"] == ["C1/cucm-sub1/TVS"]
    assert judgement.findings[0].severity is Severity.CRITICAL
    assert "utils service restart Cisco Trust Verification Service" in "\n".join(map(str, judgement.findings[0].remedy))


def test_names_of_one_node() -> None:
    found = World().look()
    renamed = tuple(replace(each, node=f"{each.node.upper()}.example.net") for each in found.certificates)
    assert found_in(replace(found, certificates=renamed)) == {}


def test_a_node_that_two_sources_name_differently_is_one() -> None:
    found = World().look()
    long = tuple(
        replace(node, name=f"{node.name}.example.net", address=f"{node.name}.example.net") for node in found.nodes
    )
    bare = tuple(replace(node, version="14.0.1") for node in found.nodes)
    judgement = judge(replace(found, nodes=(*bare, *long)))
    assert judgement.findings == ()
    assert [(node.name, node.version) for node in judgement.nodes] == [(PUB, VERSIONS["14"]), (SUB, VERSIONS["14"])]


def test_a_fleet_is_judged_in_time() -> None:
    world = World()
    itl, ctl = sha1(world.itl(PUB)), sha1(world.ctl())
    values = phone(0, itl=itl, ctl=ctl, node=PUB).values
    world.phones = tuple(replace(phone(0), name=f"SEP{number:012X}", values=values) for number in range(40_000))
    observation = world.look()
    judged: list[Judgement] = []
    assert effort(lambda: judged.append(judge(observation))) < 600
    assert judged[0].findings == ()


def test_the_page_has_every_rule() -> None:
    text = (Path(__file__).parents[3] / "docs" / "reference" / "findings.md").read_text()
    for rule in RULES:
        assert f"| {rule.id} | {rule.severity} | {rule.condition} | {rule.effect} | {rule.needs} |\n" in text
    assert len(re.findall(r"^\| [A-Z]\d+ \|", text, re.MULTILINE)) == len(RULES)
