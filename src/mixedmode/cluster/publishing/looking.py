"""The outlook of the cluster as it is, read from its database and its nodes' folders."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from sqlalchemy import select

from mixedmode.cluster.model.topology import NodeInfo
from mixedmode.cluster.publishing.outlook import Files, Inactive, Outlook
from mixedmode.cluster.publishing.published import digest, nodes_here
from mixedmode.cluster.store.folders import NodeFolder
from mixedmode.cluster.store.schema import TrustAbsence
from mixedmode.cluster.store.state import ClusterState
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.trustlist.kinds import CTL_FILE, ITL_FILE


def outlook(state: ClusterState) -> Outlook:
    """Return the cluster's outlook.

    Raises:
        DatabaseError: The database does not answer.
        NodeDownError: A node's folder cannot be read.
    """
    view, versions = state.view(), state.versions()
    other = versions[1] if len(versions) > 1 else None
    every = {
        (stored.node, stored.unit): stored.certificate
        for each in reversed(versions)
        for stored in state.certificates.list_own(version=each.version)
    }
    former: dict[tuple[str, str], set[Certificate]] = defaultdict(set)
    for stored in state.certificates.list_own(inactive=True):
        if not stored.active:
            former[stored.node, stored.unit].add(stored.certificate)
    trust: dict[str, set[Certificate]] = defaultdict(set)
    for stored in state.certificates.list_trust():
        trust[stored.unit].add(stored.certificate)
    with state.database.read() as session:
        absent = {(row.unit, row.sha256, row.node): row.since for row in session.scalars(select(TrustAbsence))}
    return Outlook(
        view=view,
        digest=digest(state),
        now=state.now(),
        here=nodes_here(state),
        files=_files(state, view.nodes),
        trust={store: frozenset(found) for store, found in trust.items()},
        absent=absent,
        hidden={key: certificate for key, certificate in every.items() if key not in view.own},
        former={key: frozenset(found) for key, found in former.items()},
        inactive=Inactive(other.version, _files(state, view.nodes, other.partition)) if other else None,
    )


def _files(state: ClusterState, nodes: Iterable[NodeInfo], partition: str | None = None) -> Files:
    found = {
        (node.name, name): NodeFolder(state.directory / node.name).read(name, partition=partition)
        for node in nodes
        for name in (CTL_FILE, ITL_FILE)
    }
    return {key: data for key, data in found.items() if data is not None}
