"""Trust certificates that a node deleted, before 11.0 (field-notes.md A11, technote 211300).

Rules:

1. Before 11.0 a deletion works on its own node. Where Cisco Certificate Change Notification runs, on any node, the
   certificate comes back from the nodes that have it still. So the practice was to stop that service on every node
   and to delete on each.
2. What every node has deleted is gone. From 11.0 a deletion is for the whole cluster at once.
3. What TVS and other services look up is the database, which has a certificate until rule 2.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from mixedmode.cluster.store.schema import TrustAbsence


def absent_from(session: Session, node: str) -> set[tuple[str, str]]:
    """Return what a node has deleted, as (trust store, SHA-256)."""
    rows = session.execute(select(TrustAbsence.unit, TrustAbsence.sha256).where(TrustAbsence.node == node))
    return {(unit, sha256) for unit, sha256 in rows}


def mark_absent(session: Session, unit: str, sha256: str, node: str, *, nodes: Collection[str], now: datetime) -> bool:
    """Note that a node has deleted a certificate; return whether no node has it now (rule 2)."""
    session.merge(TrustAbsence(unit=unit, sha256=sha256, node=node, since=now))
    session.flush()
    here = TrustAbsence.unit == unit, TrustAbsence.sha256 == sha256
    return set(session.scalars(select(TrustAbsence.node).where(*here))) >= set(nodes)


def forget_absence(session: Session, unit: str, sha256: str) -> bool:
    """Note that every node has a certificate again, or that it is gone; return whether a node had deleted it."""
    here = TrustAbsence.unit == unit, TrustAbsence.sha256 == sha256
    found = session.scalars(select(TrustAbsence.node).where(*here)).first() is not None
    session.execute(delete(TrustAbsence).where(*here))
    return found


def due(session: Session, before: datetime) -> list[tuple[str, str, str]]:
    """Return what was deleted before a moment, as (trust store, SHA-256, node)."""
    query = select(TrustAbsence).where(TrustAbsence.since <= before).order_by(TrustAbsence.since)
    return [(row.unit, row.sha256, row.node) for row in session.scalars(query)]
