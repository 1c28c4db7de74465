"""The nine trust list alarms of phone-trust.md 4.2 and the messages of 4.1."""

from __future__ import annotations

import itertools

import pytest

from mixedmode.phone.mind.alarms import Alarm, ListEvent, alarm_of
from mixedmode.phone.mind.trust.state import PhoneState
from mixedmode.trustlist.model import TrustList
from tests.phone.site import DEVICE, Simulator, ctl, damaged, holding, itl

CTL, ITL = ctl("callmanager", "recovery"), itl("callmanager", "recovery")
NEW_CTL, NEW_ITL = ctl("callmanager", timestamp=1_600_000_000), itl("callmanager", timestamp=1_600_000_000)
BAD_CTL, BAD_ITL = damaged(NEW_CTL), damaged(NEW_ITL)
NONE = None

# What is stored, what is served, the alarm, the messages.
TABLE = [
    (NONE, NONE, CTL, ITL, 4, ["CTL and ITL installed"]),
    (NONE, NONE, CTL, NONE, 2, ["CTL Installed"]),
    (NONE, NONE, NONE, ITL, 3, ["File Not Found <CTLFile.tlv>", "ITL installed"]),
    (NONE, NONE, NONE, NONE, None, ["File Not Found <CTLFile.tlv>", "No Trust List installed"]),
    (NONE, ITL, CTL, ITL, 2, ["CTL Installed"]),
    (CTL, NONE, CTL, ITL, 3, ["ITL installed"]),
    (CTL, ITL, CTL, ITL, 1, []),
    (CTL, ITL, NEW_CTL, ITL, 1, ["Trust List updated"]),
    (CTL, ITL, NEW_CTL, NEW_ITL, 1, ["Trust List updated"]),
    (CTL, ITL, NONE, NONE, 1, ["File Not Found <CTLFile.tlv>"]),
    (CTL, ITL, BAD_CTL, ITL, 5, ["Trust List update failed"]),
    (CTL, ITL, BAD_CTL, NEW_ITL, 5, ["Trust List updated", "Trust List update failed"]),
    (CTL, ITL, CTL, BAD_ITL, 8, ["Trust List update failed"]),
    (CTL, ITL, BAD_CTL, BAD_ITL, 9, ["Trust List update failed"]),
    (CTL, NONE, BAD_CTL, NONE, 5, ["Trust List update failed"]),
    (NONE, ITL, NONE, BAD_ITL, 8, ["File Not Found <CTLFile.tlv>", "Trust List update failed"]),
    (NONE, NONE, BAD_CTL, BAD_ITL, 6, ["CTL update failed", "Trust List update failed", "No Trust List installed"]),
    (NONE, NONE, BAD_CTL, ITL, 7, ["ITL installed", "CTL update failed"]),
    (NONE, NONE, CTL, BAD_ITL, 7, ["CTL Installed", "Trust List update failed"]),
    (NONE, ITL, BAD_CTL, ITL, 8, ["CTL update failed"]),
    (NONE, ITL, BAD_CTL, NEW_ITL, 7, ["Trust List updated", "CTL update failed"]),
]


@pytest.mark.parametrize(("had_ctl", "had_itl", "serves_ctl", "serves_itl", "alarm", "messages"), TABLE)
def test_a_boot_ends_in_its_alarm(
    had_ctl: TrustList | None,
    had_itl: TrustList | None,
    serves_ctl: TrustList | None,
    serves_itl: TrustList | None,
    alarm: int | None,
    messages: list[str],
) -> None:
    server = Simulator()
    server.publish(serves_ctl, serves_itl)
    result, _ = server.boot(PhoneState(trust=holding(had_ctl, had_itl)))
    assert result.alarm == alarm
    assert [text for text in result.messages if "Cfg File" not in text] == messages


def test_a_silent_server_fails_the_update_and_the_old_lists_stay() -> None:
    server = Simulator(silent={f"CTL{DEVICE}.tlv", f"ITL{DEVICE}.tlv", f"{DEVICE}.cnf.xml.sgn"})
    result, state = server.boot(PhoneState(trust=holding(CTL, ITL)))
    assert result.alarm is Alarm.TL_FAILED_OLD_TL
    assert state.trust == holding(CTL, ITL)
    result, _ = server.boot(PhoneState())
    assert result.alarm is Alarm.TL_FAILED_NO_TL


def test_every_pair_of_events_has_an_alarm_and_every_alarm_a_pair() -> None:
    seen = {alarm_of(ctl_event, itl_event) for ctl_event, itl_event in itertools.product(ListEvent, ListEvent)}
    assert seen == {None, *Alarm}
