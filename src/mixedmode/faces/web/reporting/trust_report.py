"""Who holds which trust list: every list that a phone holds, with how many phones, and how those stand."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import func, select

from mixedmode.cluster.publishing import archive
from mixedmode.faces.web.kit.answers import Answer
from mixedmode.faces.web.kit.asking import Ask
from mixedmode.faces.web.kit.outcomes import LOOK_OF, LOOKS
from mixedmode.faces.web.kit.tables import Column, Filter, Table
from mixedmode.faces.web.reporting.whole import report
from mixedmode.faces.web.standing.rows import PHONES
from mixedmode.phone.mind.fate.prospect import Fate

NONE: Final = "none"
_STATES: Final = ("published", "older", "no list", "unexplained", "not known")


@dataclass(frozen=True, slots=True)
class Row:
    """A list that phones hold, or that none is known of.

    Attributes:
        kind: ``CTL`` or ``ITL``.
        held: Its SHA-256, or the checksum that no list explains; ``none``; empty: not known.
        sha1: As phones show it; empty where that is not known.
        state: ``published``, ``older``, ``no list``, ``unexplained`` or ``not known``.
        published: When it was published last.
        by: What published it, and for which node.
        phones: How many hold it, by outcome.
    """

    kind: str
    held: str
    sha1: str
    state: str
    published: datetime | None
    by: str
    phones: Counter[Fate]

    @property
    def total(self) -> int:
        """How many phones hold it."""
        return self.phones.total()

    @property
    def path(self) -> str:
        """The list of these phones."""
        named = self.held[:16] if self.state != "not known" else "unknown"
        return f"/ccmadmin/phones?list={named}"


def _of(fate: Fate) -> Column:
    look = LOOK_OF[fate]
    return Column(look.css, look.word, value=lambda row: row.phones[fate], number=True, low=True)


TABLE: Final = Table(
    "lists",
    (
        Column("kind", "List", value=lambda row: row.kind),
        Column("sha1", "SHA-1", value=lambda row: row.sha1 or row.held),
        Column("state", "What it is", value=lambda row: row.state),
        Column("published", "Published", value=lambda row: row.published.isoformat() if row.published else ""),
        Column("by", "By", value=lambda row: row.by, low=True),
        Column("phones", "Phones", value=lambda row: row.total, number=True),
        *(_of(look.fate) for look in LOOKS),
    ),
    (
        Filter("kind", "List", test=lambda row, text: row.kind == text, choices=(("CTL", "CTL"), ("ITL", "ITL"))),
        Filter("state", "What it is", test=lambda row, text: row.state == text, choices=tuple((s, s) for s in _STATES)),
        Filter("sha1", "Checksum", test=lambda row, text: text.lower().replace(":", "") in f"{row.sha1} {row.held}"),
    ),
    sort="-phones",
)


def trust_lists(ask: Ask) -> Answer:
    """Show the report."""
    ask.desk.standing.fresh()
    found = rows(ask)
    newest = {
        kind: sum(row.total for row in found if (row.kind, row.state) == (kind, "published")) for kind in ("CTL", "ITL")
    }
    context = {
        "newest": newest,
        "total": ask.desk.standing.counts_now.total,
        "moment": ask.desk.standing.moment,
        "problem": ask.desk.standing.problem,
        "mixed": bool(ask.desk.standing.published.get("CTL")),
    }
    return report(ask, TABLE, found, "cucreports/trust_lists.html", context, "trust-list-report")


def rows(ask: Ask) -> list[Row]:
    """Return a row for each list that a phone holds."""
    counts: dict[tuple[str, str], Counter[Fate]] = defaultdict(Counter)
    # Phones of one state hold the same; one of each says what, and the index of states counts the others.
    of_each = select(func.min(PHONES.c.id)).group_by(PHONES.c.state)
    held_by = select(PHONES.c.state, PHONES.c.severity, PHONES.c.ctl, PHONES.c.itl).where(PHONES.c.id.in_(of_each))
    numbers = select(PHONES.c.state, func.count()).group_by(PHONES.c.state)
    with ask.desk.standing.read() as session:
        count_of = {row[0]: row[1] for row in session.execute(numbers)}
        for state, severity, ctl, itl in session.execute(held_by):
            for kind, held in (("CTL", ctl), ("ITL", itl)):
                counts[kind, held][LOOKS[severity].fate] += count_of.get(state, 0)
    publications: dict[str, archive.Publication] = {}
    for each in archive.history(ask.cluster.database):
        kept = publications.get(each.sha256)
        if kept is None or (each.current, each.number) > (kept.current, kept.number):
            publications[each.sha256] = each
    return [_row(kind, held, phones, publications.get(held)) for (kind, held), phones in counts.items()]


def _row(kind: str, held: str, phones: Counter[Fate], published: archive.Publication | None) -> Row:
    if published is None:
        state = {"": "not known", NONE: "no list"}.get(held, "unexplained")
        return Row(kind, held, "", state, None, "", phones)
    by = " for ".join(part for part in (published.action, published.node or "all nodes") if part)
    state = "published" if published.current else "older"
    return Row(kind, held, published.sha1, state, published.published, by, phones)
