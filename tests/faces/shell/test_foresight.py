"""The prompt says who would be lost before it asks, and nothing where nobody would be."""

from __future__ import annotations

import hashlib

import pytest

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.sightings import Delivery, Fetched, Registered, Reported, Seen
from mixedmode.cluster.model.topology import DeviceSpec
from mixedmode.cluster.operations.devices import AddDevices
from mixedmode.faces.shell import texts
from tests.cluster.building import MIXED, ctl_of, itl_of
from tests.faces.conftest import PUBLISHER, Terminal

UPDATE = "utils ctl update CTLFile"
LEGACY = [f"SEP0011223344{number:02X}" for number in range(7)]
ABLE = "SEP0011223344AA"


def sha1(data: bytes) -> str:
    return hashlib.sha1(data).hexdigest()


@pytest.fixture
def site(terminal: Terminal, cluster: Cluster) -> Terminal:
    """Mixed mode; seven phones without TVS and one with it say that they hold the published lists."""
    cluster.run(MIXED)
    specs = [*(DeviceSpec(name, "7940") for name in LEGACY), DeviceSpec(ABLE, "7975")]
    cluster.run(AddDevices((*specs, DeviceSpec("SEP0011223344BB", "7940"))))
    found = {}
    for spec in specs:
        seen = found[spec.name] = Seen()
        itl = "none" if spec.model == "7940" else sha1(itl_of(cluster).data)
        seen.report(Reported(1.0, sha1(ctl_of(cluster).data), itl))
    cluster.sightings.add(found)
    return terminal


def test_who_would_be_lost_is_said_before_the_question(site: Terminal) -> None:
    assert site.type("set cert regen CallManager")[0] == "Successfully regenerated certificate for CallManager."
    said = site.type(UPDATE, "n")
    assert said == [
        f"7 phones would be frozen: {', '.join(LEGACY[:5])} and 2 more",
        f"See who, why and what helps: mixedmode forecast --inventory cluster --operation '{UPDATE}'",
        f"{texts.ASK_UPDATE.line()}n",
        "Command cancelled",
    ]
    assert site.last.exit_code == 1


def test_phones_that_never_report_are_counted_by_what_tftp_gave_them(site: Terminal, cluster: Cluster) -> None:
    """A 7940 has no words for what it holds; what it was given is evidence enough for a warning."""
    silent = {name: Seen() for name in ("SEP0011223344BB", "SEP0011223344DD", "SEP0011223344EE")}
    cluster.run(AddDevices((DeviceSpec("SEP0011223344DD", "7940"), DeviceSpec("SEP0011223344EE", "7975"))))
    for name, seen in silent.items():
        seen.deliver("CTL", Delivery(10.0, "10.0.0.1", hashlib.sha256(ctl_of(cluster).data).hexdigest()))
        seen.fetched = Fetched(11.0, "10.0.0.1", f"{name}.cnf.xml")
        seen.registered = Registered(12.0, "10.0.0.1", "non-secure")
    cluster.sightings.add(silent)
    site.type("set cert regen CallManager")
    said = site.type(UPDATE, "n")
    may = "2 phones whose lists are not known would be frozen with those that TFTP gave"
    assert said[:2] == [
        f"7 phones would be frozen: {', '.join(LEGACY[:5])} and 2 more",
        f"{may}: SEP0011223344BB, SEP0011223344DD",
    ]
    site.type(UPDATE, "y")
    assert site.type(UPDATE, "n")[0] == f"{texts.ASK_UPDATE.line()}n", "they are lost already"


def test_who_is_lost_already_is_not_said_again(site: Terminal) -> None:
    site.type("set cert regen CallManager")
    site.type(UPDATE, "y")
    assert site.type(UPDATE, "n")[0] == f"{texts.ASK_UPDATE.line()}n"


@pytest.mark.parametrize("line", ["set cert regen CallManager", "set cert regen TVS", "utils itl reset localkey"])
def test_where_nobody_is_lost_nothing_is_asked(site: Terminal, line: str) -> None:
    assert not any("would be" in each for each in site.type(line))
    assert site.last.exit_code == 0


def test_a_question_that_is_there_keeps_its_words(site: Terminal) -> None:
    assert site.type("utils ctl set-cluster non-secure-mode", "n")[0].startswith(texts.ASK_NON_SECURE.line())


def test_a_command_without_a_question_asks_if_somebody_would_be_lost(site: Terminal, cluster: Cluster) -> None:
    """A phone that registers by TLS and cannot ask TVS does not know what the server would show."""
    name = "SEP0011223344CC"
    cluster.run(AddDevices((DeviceSpec(name, "7940", security_mode=3),)))
    seen = Seen()
    seen.report(Reported(1.0, sha1(ctl_of(cluster).data), "none"))
    cluster.sightings.add({name: seen})
    before = cluster.own_certificate(PUBLISHER, "CallManager")
    said = site.type("set cert regen CallManager", "n")
    assert said[0] == f"1 phone would be locked out: {name}"
    assert f"'set cert regen node={PUBLISHER} unit=CallManager key=RSA-2048'" in said[1]
    assert said[2:] == [f"{texts.ASK_LOST.line()}n", "Command cancelled"]
    assert cluster.own_certificate(PUBLISHER, "CallManager") == before
    ended = site.type("set cert regen CallManager")
    assert ended[-1] == "Command cancelled", "no answer is a no"
    assert site.last.exit_code == 1
    assert "Successfully regenerated certificate for CallManager." in site.type("set cert regen CallManager", "y")
