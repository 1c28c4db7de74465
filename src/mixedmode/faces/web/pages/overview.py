"""The overview: who is locked out, and what next; the nodes, the mode, certificates that end soon, the last changes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.records import ServiceState, StoredCertificate
from mixedmode.cluster.model.topology import NodeInfo, SecurityMode, Service
from mixedmode.cluster.store.folders import NodeFolder
from mixedmode.cluster.store.schema import TrustFileRow
from mixedmode.control.acts import SHOW_AUDIT
from mixedmode.control.audit_log import Wanted, what
from mixedmode.faces.web.kit.answers import Answer, View
from mixedmode.faces.web.kit.asking import Ask
from mixedmode.faces.web.kit.events import Topic
from mixedmode.faces.web.kit.outcomes import Counts
from mixedmode.faces.web.kit.page import Page
from mixedmode.phone.mind.fate.prospect import Fate
from mixedmode.trustlist.kinds import CTL_FILE, ITL_FILE

_SOON_DAYS: Final = 90
_NEXT: Final = 5
_CHANGES: Final = 6


@dataclass(frozen=True, slots=True)
class ListOf:
    """A node's CTL or ITL.

    Attributes:
        sha1: Of its file, or of what was published for a node on another host; empty if there is none.
        differs: Whether it is not what was published.
    """

    sha1: str
    differs: bool


@dataclass(frozen=True, slots=True)
class NodeLine:
    """A node in the table."""

    info: NodeInfo
    ctl: ListOf
    itl: ListOf | None
    stopped: tuple[str, ...]
    started: int

    @property
    def role(self) -> str:
        """What it is, as people say."""
        kind = "Publisher" if self.info.is_publisher else "Subscriber"
        return f"{kind}, TFTP" if Service.TFTP in self.info.services else kind


@dataclass(frozen=True, slots=True)
class Ending:
    """A certificate that ends soon, or has ended."""

    stored: StoredCertificate
    days: int


def overview(ask: Ask) -> Answer:
    """Show the overview."""
    cluster, now = ask.cluster, ask.cluster.now()
    frame = ask.desk.frame.get()
    nodes = _nodes(cluster)
    ending = _ending(cluster, now)
    checked = ask.query.get("check", "")
    cards = ask.desk.cards.get(anew=bool(checked))
    mode = cluster.mode
    return View(
        "overview/overview.html",
        {
            "lead": lead(frame.counts),
            "cards": cards[:_NEXT],
            "more": len(cards) - _NEXT,
            "checked": checked,
            "holds": any(each.finding.id == checked for each in cards),
            "nodes": nodes,
            "mode": mode,
            "is_mixed": mode is SecurityMode.MIXED,
            "ending": ending[:_NEXT],
            "changes": _changes(ask),
        },
    )


def lead(counts: Counts) -> tuple[str, str]:
    """Return the answer with its number, and one sentence more."""
    total, lost, frozen, unknown = counts.total, counts[Fate.LOCKED_OUT], counts[Fate.FROZEN], counts[Fate.UNKNOWN]
    if not total:
        return "There are no phones.", "The cluster's database has no device yet."
    if lost or frozen:
        frozen_too = f" and {_are(frozen)} frozen" if frozen else ""
        first = f"{lost:,} of {_phones(total)} {'is' if lost == 1 else 'are'} locked out{frozen_too}."
    elif unknown == total:
        return (
            f"Of {_phones(total)} nothing is known yet.",
            "What a phone holds is known once it has been seen, or an inventory says it.",
        )
    else:
        first = f"None of {_phones(total)} is known to be locked out."
    more = f"{_phones(unknown)} {'is' if unknown == 1 else 'are'} unknown." if unknown else "All of them are known."
    return first, more


def _phones(number: int) -> str:
    return f"{number:,} phone{'' if number == 1 else 's'}"


def _are(number: int) -> str:
    return f"{number:,} {'is' if number == 1 else 'are'}"


def _nodes(cluster: Cluster) -> list[NodeLine]:
    states: dict[str, list[ServiceState]] = {}
    for state in cluster.services():
        states.setdefault(state.node, []).append(state)
    with cluster.database.read() as session:
        published = {(row.name, row.node): row for row in session.scalars(select(TrustFileRow))}
    lines = []
    for info in cluster.nodes():
        own = [state for state in states.get(info.name, ()) if state.activated]
        tftp = Service.TFTP in info.services
        lines.append(
            NodeLine(
                info,
                _list(cluster, info.name, CTL_FILE, published.get((CTL_FILE, ""))),
                _list(cluster, info.name, ITL_FILE, published.get((ITL_FILE, info.name))) if tftp else None,
                tuple(state.service.value for state in own if state.started is None),
                sum(state.started is not None for state in own),
            )
        )
    return lines


def _list(cluster: Cluster, node: str, name: str, published: TrustFileRow | None) -> ListOf:
    wanted = "" if published is None else published.sha1
    folder = NodeFolder(cluster.directory / node)
    if not folder.is_here:
        return ListOf(wanted, differs=False)
    data = folder.read(name)
    here = "" if data is None else hashlib.sha1(data, usedforsecurity=False).hexdigest()
    return ListOf(here, here != wanted)


def _ending(cluster: Cluster, now: datetime) -> list[Ending]:
    stored: Iterable[StoredCertificate] = [*cluster.certificates.list_own(), *cluster.certificates.list_trust()]
    found: dict[bytes, Ending] = {}
    for each in stored:
        days = (each.certificate.not_after - now).days
        if each.active and days <= _SOON_DAYS:
            # A node's own certificate is in trust stores too; it is told once, under its own name.
            found.setdefault(each.certificate.sha256, Ending(each, days))
    return sorted(found.values(), key=lambda each: each.days)


def _changes(ask: Ask) -> list[tuple[datetime, str]]:
    """Return the last changes, newest first, for who may see the audit log."""
    if not ask.may(SHOW_AUDIT.level):
        return []
    records = ask.control.audit_log(ask.principal, Wanted(last=_CHANGES, outcome="done"))
    return [(each.moment, f"{each.user}: {each.action}. {what(each)}"[:200]) for each in reversed(records)]


PAGES: Final = (Page("/", "Overview", overview),)
TOPICS: Final = (Topic("findings", lambda desk, _which: [each.finding.id for each in desk.cards.get()], seconds=5.0),)
