"""Whether a node's lists are what was published, and putting them right where they are not.

Rules:

1. A list on the disk is compared with the hash that was recorded when it was published. One that differs, be it torn by
   a disk, cut off or replaced, is not served if it can be helped: phones would refuse it, or believe the wrong one.
2. It is put right from the archive, else from another copy with the recorded hash. Where there is
   none, the publisher's host signs it anew, if it is sure who signed it.
3. A list that is missing is left missing: ``file delete tftp`` on a node is how administrators take it away
   (cucm-admin.md 1.6). One that waits to be delivered is left to its delivery.
4. Nothing is put right without a word: the caller is told, and the audit log.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

from sqlalchemy import select

from mixedmode.cluster.engine.principal import SYSTEM
from mixedmode.cluster.engine.results import DONE
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.topology import SecurityMode
from mixedmode.cluster.operations.ctl import SetNonSecureMode, UpdateCtl
from mixedmode.cluster.publishing import archive
from mixedmode.cluster.publishing.lists import itl_nodes
from mixedmode.cluster.publishing.published import build_itl, holder_of, nodes_here, record, recorded
from mixedmode.cluster.store.folders import PARTITIONS
from mixedmode.cluster.store.schema import DeliveryRow, OperationFileRow, TrustFileRow
from mixedmode.cluster.store.state import ClusterState
from mixedmode.errors import MalformedError, MixedModeError
from mixedmode.trustlist import TrustList
from mixedmode.trustlist.kinds import CTL_FILE, ITL_FILE

PUT_RIGHT: Final = "trust list put right"
KEPT: Final = "trust list kept"
"""Actions of the audit log."""


class ListState(Enum):
    """What became of a published list on a node."""

    WHOLE = "as published"
    NONE = "none"
    MISSING = "missing"
    WAITING = "waiting to be delivered"
    UNKNOWN = "not published by this cluster"
    TORN = "torn"
    OTHER = "not the one that was published"

    @property
    def is_wrong(self) -> bool:
        """Whether a service must not be left to serve it."""
        return self in {ListState.TORN, ListState.OTHER}


@dataclass(frozen=True, slots=True)
class ListReport:
    """One list of one node.

    Attributes:
        node: The node.
        name: The file.
        state: What became of it.
        length: Bytes on the disk, None if it is not there.
        why: What is wrong with its content, for people; empty if nothing is.
    """

    node: str
    name: str
    state: ListState
    length: int | None
    why: str = ""

    @property
    def text(self) -> str:
        """Say it in a line."""
        return f"{self.name} of {self.node} is {self.state.value}" + (f": {self.why}" if self.why else "")


@dataclass(frozen=True, slots=True)
class Mended:
    """What :func:`put_right` did with a list, or could not do.

    Attributes:
        report: What was found.
        done: What was done, for people; empty if nothing could be.
        problem: Why nothing could be done, and what to do by hand.
    """

    report: ListReport
    done: str
    problem: str


def look_at_lists(state: ClusterState, node: str) -> list[ListReport]:
    """Return what became of a node's lists (rule 1)."""
    return [_look(state, node, name) for name in (CTL_FILE, ITL_FILE)]


def put_right(cluster: Cluster, node: str) -> list[Mended]:
    """Put a node's lists right, if its folder is on this host; return what there was to do (rules 2 to 4).

    Args:
        cluster: The publisher's database, with the folders of this host.
        node: The node.

    Raises:
        DatabaseError: The database does not answer.
        NodeDownError: The node's folder cannot be read or written.
    """
    if not cluster.folder(node).is_here:
        return []
    found = []
    for name in (CTL_FILE, ITL_FILE):
        report = _look(cluster, node, name)
        if report.state is ListState.WHOLE:
            _keep_content(cluster, node, name)
        elif report.state.is_wrong:
            found.append(_mend(cluster, report))
    return found


def _look(state: ClusterState, node: str, name: str) -> ListReport:
    data, wanted = state.folder(node).read(name), recorded(state, node, name)
    why = ""
    if data is None:
        status = ListState.NONE if wanted is None else ListState.MISSING
    elif _hash(data) == wanted:
        status = ListState.WHOLE
    elif any((each.node, each.name) == (node, name) for each in state.deliveries.pending()):
        status = ListState.WAITING
    elif wanted is None:
        status = ListState.UNKNOWN
    else:
        why = _broken(data)
        status = ListState.TORN if why else ListState.OTHER
    return ListReport(node, name, status, None if data is None else len(data), why)


def _mend(cluster: Cluster, report: ListReport) -> Mended:
    wanted = recorded(cluster, report.node, report.name)
    for where, data in _copies(cluster, report.node, report.name, wanted or ""):
        if _hash(data) == wanted:
            cluster.folder(report.node).write(report.name, data)
            return _noted(cluster, report, f"put back from {where}")
    try:
        done = _sign_anew(cluster, report)
    except MixedModeError as error:
        return Mended(report, "", f"it cannot be signed anew: {error}")
    if done:
        return _noted(cluster, report, done)
    return Mended(report, "", f"there is no copy of it; {_BY_HAND[report.name]}")


_BY_HAND = {
    CTL_FILE: "sign a new one: utils ctl update CTLFile on the publisher, or the CTL Client where tokens signed it",
    ITL_FILE: "delete it (file delete tftp ITLFile.tlv) and restart Cisco Tftp, which makes a new one",
}


def _noted(cluster: Cluster, report: ListReport, done: str) -> Mended:
    details = {"node": report.node, "file": report.name, "found": report.state.value, "why": report.why, "how": done}
    cluster.operations.journal.note(SYSTEM, PUT_RIGHT, DONE, details)
    return Mended(report, done, "")


def _copies(cluster: Cluster, node: str, name: str, sha256: str) -> Iterator[tuple[str, bytes]]:
    """Return where the list may be kept, the likeliest first."""
    kept = archive.content(cluster.database, sha256)
    if kept is not None:
        yield "the database", kept
    for other in cluster.nodes() if name == CTL_FILE else ():
        data = cluster.folder(other.name).read(name)
        if data is not None and other.name != node:
            yield other.name, data
    for partition in PARTITIONS:
        data = cluster.folder(node).read(name, partition=partition)
        if data is not None:
            yield f"partition {partition}", data
    with cluster.database.read() as session:
        waiting = select(DeliveryRow.data).where(DeliveryRow.name == name)
        worked_on = select(OperationFileRow.data).where(OperationFileRow.name.endswith(name))
        for query, where in ((waiting, "the deliveries"), (worked_on, "the journal of operations")):
            yield from ((where, data) for data in session.scalars(query) if data is not None)


def _sign_anew(cluster: Cluster, report: ListReport) -> str:
    """Make the list again; return what was done, nothing if it is not sure who signed it (rule 2)."""
    node = cluster.node(report.node)
    if report.name == ITL_FILE:
        view = cluster.view()
        if node not in itl_nodes(view, nodes_here(cluster)):
            return ""
        data = build_itl(cluster, view, node)
        cluster.folder(node.name).write(ITL_FILE, data)
        with cluster.database.write() as session:
            record(session, ITL_FILE, node.name, data, cluster.now(), action=PUT_RIGHT)
        return "signed anew"
    left = cluster.folder(node.name).read(CTL_FILE) or b""
    # Tokens are named SAST-...; of an empty file nobody can tell who signed it.
    if not node.is_publisher or not cluster.version.has_tokenless_ctl or not left or b"SAST-" in left:
        return ""
    operation = UpdateCtl() if cluster.mode is SecurityMode.MIXED else SetNonSecureMode()
    cluster.run(operation, SYSTEM)
    return f"signed anew by {operation.title}"


def _keep_content(cluster: Cluster, node: str, name: str) -> None:
    """Keep what an earlier release published without keeping it."""
    holder = holder_of(node, name)
    with cluster.database.read() as session:
        published = session.get(TrustFileRow, (name, holder))
        if published is None or archive.has(session, published.sha256):
            return
    data = cluster.folder(node).read(name)
    if data is not None and _hash(data) == published.sha256:
        with cluster.database.write() as session:
            archive.keep(session, data)
            archive.note(session, published.sha256, name, holder, published.published)
            details = {"node": node, "file": name, "sha256": published.sha256}
            cluster.operations.journal.record(session, SYSTEM, KEPT, DONE, details)


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _broken(data: bytes) -> str:
    """Return what is wrong with a list taken by itself, empty if nothing is."""
    try:
        verdict = TrustList.parse(data).verify()
    except MalformedError as error:
        return error.what
    return "" if verdict else verdict.reason
