"""Looking at the audit log: which entries are wanted, and how an entry is told in a line or as a document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Final

from mixedmode.cluster.engine.audit import AuditLog
from mixedmode.cluster.engine.results import AuditRecord
from mixedmode.errors import UsageError
from mixedmode.numbers import whole_number
from mixedmode.printable import one_line

LAST: Final = 20
"""Entries that are shown if nobody says how many."""
MOST: Final = 100_000
OUTCOMES: Final = ("started", "done", "undone", "failed", "refused", "locked")
"""What an entry says became of something; CAPF has words of its own besides."""
_UNITS: Final = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_HIDDEN: Final = frozenset({"node", "level", "warnings", "changes", "error", "plan", "arguments"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries are wanted.

    Attributes:
        since: Not older than this.
        user: Of this account, in any case.
        action: Whose action begins with this, such as ``utils ctl``, in any case.
        outcome: With this outcome, such as ``refused``.
        last: So many, the newest ones.
    """

    since: datetime | None = None
    user: str | None = None
    action: str | None = None
    outcome: str | None = None
    last: int = LAST

    def of(self, journal: AuditLog) -> list[AuditRecord]:
        """Return the entries, oldest first."""
        return journal.audit(self.last, since=self.since, user=self.user, action=self.action, outcome=self.outcome)


def checked_last(text: str) -> int:
    """Return a number of entries.

    Raises:
        UsageError: It is none.
    """
    last = whole_number(text)
    if last is None or not 0 < last <= MOST:
        raise UsageError(f"{text!r} is no number of entries", next_step=f"1 to {MOST}")
    return last


def moment(text: str, now: datetime, zone: tzinfo | None = None) -> datetime:
    """Return the moment that a text such as ``2h``, ``2026-11-26`` or ``2026-11-26T10:00`` names.

    Args:
        text: A period before now (``m``, ``h``, ``d``, ``w``), or a date with or without a time.
        now: The time.
        zone: Of a time without one; None for the machine's.

    Raises:
        UsageError: It names none.
    """
    unit, count = _UNITS.get(text[-1:].lower()), whole_number(text[:-1])
    try:
        if unit is not None and count is not None:
            return now - unit * count
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=zone) if zone else found.astimezone()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"{text!r} is no moment", next_step="write 30m, 2h, 7d, or a date such as 2026-11-26T10:00"
        ) from error


def line(record: AuditRecord, zone: tzinfo | None = None) -> str:
    """Return an entry as a line: when, who and from where, what, how it ended, what changed or why not, where."""
    when = record.moment.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
    who = f"{record.user}@{record.source}"
    told, where = what(record), f"on {record.node}" if record.node else ""
    return one_line("  ".join(filter(None, (when, who, record.action, record.outcome.upper(), told, where))))


def what(record: AuditRecord) -> str:
    """Return what changed, or why nothing did, as one text."""
    details = record.details
    if "error" in details:
        return str(details["error"])
    if isinstance(changes := details.get("changes"), list) and changes:
        return "; ".join(map(str, changes))
    arguments = details.get("arguments")
    said = {**(arguments if isinstance(arguments, Mapping) else {}), **details}
    plain = {name: value for name, value in said.items() if name not in _HIDDEN and isinstance(value, str | int)}
    return ", ".join(f"{name}={value}" for name, value in plain.items())


def document(record: AuditRecord) -> dict[str, Any]:
    """Return an entry as JSON has it."""
    return {
        "number": record.number,
        "moment": record.moment.isoformat(),
        "user": record.user,
        "source": record.source,
        "level": record.level,
        "node": record.node,
        "action": record.action,
        "outcome": record.outcome,
        "operation": record.operation,
        "details": dict(record.details),
    }
