"""Is an offered file a list of the kind that was asked for, and is it older than the one held?

What phones do with a list of the other kind is not documented; row 18b of phone-trust.md 2.2 is ours. Without it a CTL
of a non-secure cluster, offered as ITL, would count as blanked for rollback and open the phone to everybody.

Rules:

1. The name in the header tells the kind: ``CTL....tlv`` or ``ITL....tlv``. A list without a name is an ITL if it has
   a TVS record, which no CTL has.
2. Trust lists have version 1.2. A later minor version is read as well (2.3); 1.0 and 1.1 are those of signed files.
3. Phones are not known to compare dates: an older list is taken like any other, and the decision says so.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mixedmode.phone.mind.trust.decisions import Decision, ListKind, Outcome, Reason
from mixedmode.phone.mind.trust.rows import WRONG_KIND_ROW
from mixedmode.trustlist.kinds import LIST_VERSION, names_list

if TYPE_CHECKING:
    from mixedmode.phone.mind.trust.settings import PolicySettings
    from mixedmode.trustlist.model import TrustList


def wrong_kind(kind: ListKind, offered: TrustList, settings: PolicySettings) -> Decision | None:
    """Return the refusal of a file that is no list of a kind (rules 1 and 2), None if it is one."""
    header = offered.header
    major, minor = header.version
    if settings.check_list_version and (major != LIST_VERSION[0] or minor < LIST_VERSION[1]):
        text = f"a file of version {major}.{minor} is no trust list; those have version 1.2"
        return _refused(text, "check_list_version")
    if settings.check_list_filename:
        name = header.filename
        if name is not None and not names_list(name):
            return _refused(f"its header calls it {name!r}, which is no trust list's name", "check_list_filename")
        if offered.kind != kind:
            called = (
                f"its header calls it {name!r}" if name else "it has no name, and its records are those of the other"
            )
            return _refused(f"the file is a list of the other kind: {called}, asked for was the {kind}",
                            "check_list_filename")  # fmt: skip
    return None


def _refused(text: str, setting: str) -> Decision:
    return Decision(Outcome.REJECT, Reason.WRONG_KIND, text, WRONG_KIND_ROW, setting=setting)


def with_age(decision: Decision, offered: TrustList, held: TrustList | None, settings: PolicySettings) -> Decision:
    """Return a decision that says whether the list it accepts is older than the one held (rule 3)."""
    if not decision.accepted or held is None:
        return decision
    new, old = offered.header.timestamp, held.header.timestamp
    if new is None or old is None or new >= old:
        return decision
    text = f"it was signed on {_day(new)}, before the stored one ({_day(old)})"
    if not settings.allow_older_list:
        return Decision(Outcome.REJECT, Reason.OLDER_LIST, text, decision.row, setting="allow_older_list")
    return replace(decision, text=f"{decision.text}; note: a roll-back, {text}", older=True)


def _day(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds & 0xFFFFFFFF, UTC):%Y-%m-%d %H:%M}"
