"""What a boot's two decisions amount to: the trust list alarm (4.2) and the status messages (4.1).

Tables of phone-trust.md section 4. What happened to each list, with what was stored before, is one
:class:`ListEvent`; the alarm is looked up by the pair. Rules where the source only names the codes:

1. A first list of its kind counts as initial (2, 3), both at once as 4; any other success is 1.
2. Codes 5, 8 and 9 name the refused list whose old version stays. If the refused list has no old version,
   an unchanged list of the other kind is named (the old trust goes on), after a change of it the code is 7.
3. 6: something was refused and the phone holds no list at all.
4. A phone that was offered nothing and holds nothing raises no alarm.
"""

from __future__ import annotations

from enum import Enum, IntEnum
from typing import Final

from mixedmode.phone.mind.trust.decisions import Decision, ListKind, Outcome, Reason


class Alarm(IntEnum):
    """The trust list alarms that a phone sends to its CallManager."""

    TL_SUCCESS = 1
    CTL_INITIAL_SUCCESS = 2
    ITL_INITIAL_SUCCESS = 3
    TL_INITIAL_SUCCESS = 4
    TL_FAILED_OLD_CTL = 5
    TL_FAILED_NO_TL = 6
    TL_FAILED = 7
    TL_FAILED_OLD_ITL = 8
    TL_FAILED_OLD_TL = 9

    @property
    def failed(self) -> bool:
        """Whether a list was refused."""
        return self >= Alarm.TL_FAILED_OLD_CTL


class ListEvent(Enum):
    """What a boot did to one list."""

    ABSENT = "absent"
    """None stored, none offered."""
    NEW = "new"
    """The first of its kind was installed."""
    REPLACED = "replaced"
    """A new one took the place of the stored one."""
    SAME = "same"
    """The stored one stays: unchanged on the server, or not there."""
    REFUSED_OLD = "refused, old one stays"
    REFUSED_NONE = "refused, none stored"


def list_event(*, had_one: bool, decision: Decision | None) -> ListEvent:
    """Return what happened to a list.

    Args:
        had_one: Whether one was stored before.
        decision: The policy's; None if the file could not be fetched.
    """
    if decision is None or decision.outcome is Outcome.REJECT:
        return ListEvent.REFUSED_OLD if had_one else ListEvent.REFUSED_NONE
    if decision.outcome is Outcome.ACCEPT:
        return ListEvent.REPLACED if had_one else ListEvent.NEW
    if decision.outcome is Outcome.REMOVE:
        return ListEvent.ABSENT
    return ListEvent.SAME if had_one else ListEvent.ABSENT


_A, _E = Alarm, ListEvent
_COLUMNS: Final = (_E.ABSENT, _E.NEW, _E.REPLACED, _E.SAME, _E.REFUSED_OLD, _E.REFUSED_NONE)
# Rows: what happened to the CTL. Columns: what happened to the ITL, in the order of _COLUMNS.
_ALARMS: Final[dict[ListEvent, tuple[int, ...]]] = {
    _E.ABSENT: (0, 3, 1, 1, 8, 6),
    _E.NEW: (2, 4, 2, 2, 8, 7),
    _E.REPLACED: (1, 3, 1, 1, 8, 7),
    _E.SAME: (1, 3, 1, 1, 8, 5),
    _E.REFUSED_OLD: (5, 5, 5, 5, 9, 5),
    _E.REFUSED_NONE: (6, 7, 7, 8, 8, 6),
}


def alarm_of(ctl: ListEvent, itl: ListEvent) -> Alarm | None:
    """Return the alarm of a boot, None if there is nothing to tell (rule 4)."""
    code = _ALARMS[ctl][_COLUMNS.index(itl)]
    return Alarm(code) if code else None


_INSTALLED: Final[dict[tuple[bool, bool], str]] = {
    (True, True): "CTL and ITL installed",
    (True, False): "CTL Installed",
    (False, True): "ITL installed",
}
NO_TRUST_LIST = "No Trust List installed"
UPDATE_FAILED = "Trust List update failed"
ERASING = "Erasing CTL and ITL files"


def status_messages(
    ctl: ListEvent, itl: ListEvent, decisions: dict[ListKind, Decision | None], *, holds_any: bool
) -> list[str]:
    """Return what the phone shows about a boot's trust lists, in order (4.1).

    Args:
        ctl: What happened to the CTL.
        itl: What happened to the ITL.
        decisions: The decision about each list that was asked for.
        holds_any: Whether any list is stored now.
    """
    shown = []
    absent = decisions.get(ListKind.CTL)
    if absent is not None and absent.reason is Reason.NOT_FOUND:
        shown.append("File Not Found <CTLFile.tlv>")
    installed = _INSTALLED.get((ctl is _E.NEW, itl is _E.NEW))
    if installed is not None:
        shown.append(installed)
    if ctl is _E.REPLACED or itl is _E.REPLACED:
        shown.append("Trust List updated")
    if ctl is _E.REFUSED_NONE:
        shown.append("CTL update failed")
    if ctl is _E.REFUSED_OLD or itl is _E.REFUSED_OLD or itl is _E.REFUSED_NONE:
        shown.append(UPDATE_FAILED)
    if not holds_any:
        shown.append(NO_TRUST_LIST)
    return shown
