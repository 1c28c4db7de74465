"""The words of boots that were: what is seen of a phone counts more than what lists say of the first server."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mixedmode.phone.mind.fate.observed import NOBODY_LOOKED, Observed, Standing, observed, observed_after
from mixedmode.phone.mind.fate.prospect import Fate
from mixedmode.phone.mind.outcome import BootOutcome
from mixedmode.phone.mind.trust.decisions import ListKind
from mixedmode.phone.mind.trust.state import PhoneState, TrustState
from mixedmode.trustlist.build import RecordSpec, build_trust_list
from mixedmode.trustlist.model import TrustList
from mixedmode.trustlist.roles import Role
from tests.phone.site import DEVICE, Simulator, ctl, identity

HELD = ctl("old", servers=("callmanager", "sub"))
"""Of a 7940: the publisher's CallManager was renewed since, that of the subscriber was not."""
OFFERED = ctl("new", servers=("newer", "sub"))
SUBSCRIBER, PUBLISHER = "sub.example.net", "newer"


def booted(
    offered: TrustList = OFFERED, *, mode: int = 3, group: tuple[str, ...] = (PUBLISHER, SUBSCRIBER)
) -> BootOutcome:
    server = Simulator()
    server.publish(offered)
    members = "".join(
        f"<member priority='{place}'><callManager><processNodeName>{name}</processNodeName></callManager></member>"
        for place, name in enumerate(group)
    )
    server.files[f"{DEVICE}.cnf.xml"] = (
        f"<device><devicePool><callManagerGroup><members>{members}</members></callManagerGroup></devicePool>"
        f"<deviceSecurityMode>{mode}</deviceSecurityMode></device>"
    ).encode()
    boot, _ = server.boot(PhoneState(TrustState(HELD)), model="7940")
    return boot


def test_nobody_looked_so_the_word_is_that_of_forecasts_and_a_note_names_the_server_that_would_take_it() -> None:
    found = observed(booted())
    assert found.fate is Fate.LOCKED_OUT
    assert found.note.startswith(f"{SUBSCRIBER}, another server of its group, would register it")
    assert found.is_as_foreseen(Fate.LOCKED_OUT)
    assert not found.is_as_foreseen(Fate.FROZEN)


def test_a_phone_that_another_server_of_its_group_holds_is_frozen_and_its_forecast_is_not_called_wrong() -> None:
    found = observed(booted(), Standing(SUBSCRIBER))
    assert found.fate is Fate.FROZEN
    assert f"{SUBSCRIBER}, another server of its group, has registered it" in found.note
    assert found.is_as_foreseen(Fate.LOCKED_OUT)
    assert found.is_as_foreseen(Fate.FROZEN)
    assert not found.is_as_foreseen(Fate.BEHIND)


def test_a_phone_that_the_first_server_holds_although_it_was_called_locked_out_shows_a_wrong_forecast() -> None:
    found = observed(booted(HELD), Standing("callmanager"))
    assert found == Observed(Fate.FOLLOWS)
    assert not found.is_as_foreseen(Fate.LOCKED_OUT)


def test_a_phone_that_takes_every_list_and_trusts_no_server_is_locked_out() -> None:
    """field-notes.md A4: the certificate was renewed, and nobody updated the CTL."""
    found = observed(booted(HELD), Standing(distrusts=True))
    assert found == Observed(Fate.LOCKED_OUT)
    assert observed_after([booted(HELD)], TrustState(HELD), Standing(distrusts=True)) == found
    assert observed_after([booted(HELD)], TrustState(HELD)) == Observed(Fate.FOLLOWS)


@pytest.mark.parametrize(
    "boot",
    [
        booted(mode=1),
        booted(group=(PUBLISHER,)),
        booted(group=()),
        booted(ctl("new", servers=("newer", "newest"))),
        booted(group=("", "subway", "sub2.example.net", "sub-1")),
        replace(booted(), config=None),
        replace(booted(), offered={ListKind.CTL: b"\x01\x00"}),
    ],
)
def test_no_server_is_named_that_does_not_take_the_phone(boot: BootOutcome) -> None:
    assert observed(boot).note == ""


def test_a_server_is_found_by_the_address_of_its_record_too() -> None:
    specs = [
        RecordSpec(Role.SAST, identity("new").certificate, dns_name="new"),
        RecordSpec(Role.CCM_TFTP, identity("newer").certificate, dns_name="newer", ip_address="192.0.2.1"),
        RecordSpec(Role.CCM_TFTP, identity("sub").certificate, dns_name="sub", ip_address="192.0.2.2"),
    ]
    offered = TrustList.parse(build_trust_list(specs, identity("new"), timestamp=1_500_000_000))
    boot = booted(offered, group=("192.0.2.1", "192.0.2.2"))
    assert observed(boot).note.startswith("192.0.2.2, another")
    assert observed(boot, Standing("192.0.2.2")).elsewhere == "192.0.2.2"
    assert observed(boot, Standing("192.0.2.1")) == Observed(Fate.FROZEN)


def test_a_record_without_address_is_that_of_the_first_server_of_the_group() -> None:
    boot = booted(group=("192.0.2.1", "192.0.2.2"))
    assert observed(boot, Standing("192.0.2.1")).elsewhere == ""
    assert observed(boot, Standing("192.0.2.2")).elsewhere == "192.0.2.2"
    assert observed(boot, NOBODY_LOOKED).note == ""
