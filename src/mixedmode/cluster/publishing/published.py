"""What the publisher published, and building it: the signed files, and their record in the database."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from mixedmode.cluster.authority.authority import DIGESTS, KeyName
from mixedmode.cluster.authority.view import TrustView
from mixedmode.cluster.model.errors import OperationFailedError
from mixedmode.cluster.model.parameters import SIGNATURE_ALGORITHM
from mixedmode.cluster.model.topology import NodeInfo
from mixedmode.cluster.publishing import archive, lists
from mixedmode.cluster.store.folders import NodeFolder
from mixedmode.cluster.store.schema import TrustFileRow
from mixedmode.cluster.store.state import ClusterState
from mixedmode.pki.signing.digests import DigestAlgorithm
from mixedmode.pki.signing.signer import Signer
from mixedmode.trustlist import TrustList
from mixedmode.trustlist.kinds import CTL_FILE, ITL_FILE


@dataclass(frozen=True, slots=True)
class TrustFile:
    """A node's CTL or ITL file beside what the publisher published.

    Attributes:
        data: The node's file, None if it has none.
        modified: When it was written, seconds since 1970.
        differs: Whether it is not what the publisher published.
        pending: Why the newest file is not on the node yet, empty if nothing waits for it.
    """

    node: str
    name: str
    data: bytes | None
    modified: float | None
    differs: bool
    pending: str = ""


def build_ctl(state: ClusterState, view: TrustView, key: KeyName) -> bytes:
    """Return a new tokenless CTL, signed.

    Args:
        state: The cluster.
        view: As it will be; its mode is the one that the list announces.
        key: Whose key signs.

    Raises:
        VersionError: The version has no tokenless CTL.
        UsageError: It would be too large for phones.
    """
    return checked(lists.ctl(view, signer_of(state, view, key), digest(state), state.now()))


def build_itl(state: ClusterState, view: TrustView, node: NodeInfo, signer: Signer | None = None) -> bytes:
    """Return a TFTP node's new ITL, signed by its first anchor or by ``signer``.

    Raises:
        VersionError: The version has no ITL.
        UsageError: It would be too large for phones.
    """
    signer = signer or signer_of(state, view, lists.itl_signer(view, node.name))
    return checked(lists.itl(view, node, signer, digest(state), state.now()))


def build_itls(
    state: ClusterState, view: TrustView, nodes: Iterable[NodeInfo] | None = None, *, missing_only: bool = False
) -> dict[str, bytes]:
    """Return by node the ITL of each TFTP node whose present file says something else, or only of those without.

    An ITL whose signing key is on another host is made there, when TFTP starts: a key never leaves its host.

    Args:
        state: The cluster.
        view: As it will be.
        nodes: Whose ITL is looked at; of every node whose ITL can be signed here, if left out.
        missing_only: Leave the nodes alone that have one.
    """
    looked_at = lists.itl_nodes(view, nodes_here(state)) if nodes is None else list(nodes)
    present = {node.name: state.folder(node.name).read(ITL_FILE) for node in looked_at}
    if missing_only:
        looked_at = [node for node in looked_at if present[node.name] is None]
    new = lists.new_itls(view, looked_at, present, digest(state), state.now())
    return {name: build_itl(state, view, view.node(name)) for name in new}


def nodes_here(state: ClusterState) -> frozenset[str]:
    """Return the names of the nodes that live on this host, whose keys can sign."""
    return frozenset(node.name for node in state.nodes() if NodeFolder(state.directory / node.name).is_here)


def signer_of(state: ClusterState, view: TrustView, key: KeyName) -> Signer:
    """Return the signer of a view's certificate, whose key must be on this host.

    Raises:
        NotFoundError: There is no such certificate, or its key is elsewhere.
    """
    return state.certificates.signer(key.node, key.purpose.value, view.certificate(*key))


def digest(state: ClusterState) -> DigestAlgorithm:
    """Return the digest that "TFTP File Signature Algorithm" asks for."""
    return DIGESTS[state.parameter(SIGNATURE_ALGORITHM.name)]


def checked(data: bytes) -> bytes:
    """Return a list that was just signed, if phones could check it from itself.

    Raises:
        OperationFailedError: They could not; the key is not that of its certificate, or the signer failed.
    """
    verdict = TrustList.parse(data).verify()
    if not verdict:
        raise OperationFailedError(
            "the new trust list does not verify, so it is not published",
            why=verdict.reason,
            next_step="regenerate the certificate that signs it",
        )
    return data


def record(
    session: Session,
    name: str,
    node: str,
    data: bytes | None,
    now: datetime,
    *,
    operation: int | None = None,
    action: str = "",
) -> None:
    """Record what was published, and keep it for ever (:mod:`.archive`); None records that nothing is.

    Args:
        session: The transaction that decides on it.
        name: Of the file.
        node: Whose it is; empty for the CTL.
        data: The file.
        now: The time (UTC).
        operation: The number of the operation that publishes it.
        action: What publishes it, if that is no operation.
    """
    before = session.get(TrustFileRow, (name, node))
    if before is not None:
        session.delete(before)
        session.flush()
    if data is None:
        return
    kept = archive.keep(session, data)
    if before is None or before.sha256 != kept.sha256:
        archive.note(session, kept.sha256, name, node, now, operation=operation, action=action)
    session.add(
        TrustFileRow(
            name=name,
            node=node,
            md5=kept.md5,
            sha1=kept.sha1,
            sha256=kept.sha256,
            length=kept.length,
            published=now,
        )
    )


def holder_of(node: str, name: str) -> str:
    """Return whose a node's list is in the record: all nodes share the CTL, which is nobody's."""
    return "" if name == CTL_FILE else node


def recorded(state: ClusterState, node: str, name: str) -> str | None:
    """Return the SHA-256 (lower hex) of what was published last for a node, None if nothing is."""
    with state.database.read() as session:
        row = session.get(TrustFileRow, (name, holder_of(node, name)))
        return None if row is None else row.sha256


def trust_file(state: ClusterState, node: str, name: str) -> TrustFile:
    """Return a node's CTL or ITL file beside what was published."""
    info = state.node(node)
    folder = state.folder(info.name)
    data = folder.read(name)
    wanted = recorded(state, info.name, name)
    here = None if data is None else hashlib.sha256(data).hexdigest()
    pending = [d.error or "waiting" for d in state.deliveries.pending() if (d.node, d.name) == (info.name, name)]
    return TrustFile(info.name, name, data, folder.modified(name), here != wanted, "".join(pending[:1]))
