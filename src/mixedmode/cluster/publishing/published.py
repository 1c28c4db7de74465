"""What the publisher published, and building it: the signed files, and their record in the database."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.orm import Session

from mixedmode.cluster.authority.authority import DIGESTS, TrustView, ctl_records, itl_anchors, itl_records
from mixedmode.cluster.model.errors import OperationFailedError
from mixedmode.cluster.model.parameters import SIGNATURE_ALGORITHM
from mixedmode.cluster.model.topology import NodeInfo, SecurityMode, Service
from mixedmode.cluster.store.folders import CTL_FILE, ITL_FILE
from mixedmode.cluster.store.schema import TrustFileContentRow, TrustFileRow
from mixedmode.cluster.store.state import ClusterState
from mixedmode.errors import MalformedError
from mixedmode.pki.signing.digests import DigestAlgorithm
from mixedmode.pki.signing.signer import Signer
from mixedmode.trustlist import TrustList
from mixedmode.trustlist.build import build_trust_list


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


def build_ctl(state: ClusterState, mode: SecurityMode, *, reset: bool = False) -> bytes:
    """Return a new tokenless CTL, signed.

    Args:
        state: The cluster.
        mode: The mode that it announces.
        reset: Sign with the second SAST certificate in place of the first (``utils ctl reset localkey``).

    Raises:
        VersionError: The version has no tokenless CTL.
        UsageError: It would be too large for phones.
    """
    view = state.view()
    purposes = list(view.version.ctl_anchors)
    if reset:
        purposes.reverse()
    publisher = view.publisher.name
    anchors = [view.certificate(publisher, purpose) for purpose in purposes]
    records = ctl_records(view, mode, anchors=anchors or None)
    signer = state.certificates.signer(publisher, purposes[0].value, anchors[0])
    data = build_trust_list(
        records, signer, digest=digest(state), filename=CTL_FILE, timestamp=int(state.now().timestamp())
    )
    return checked(data)


def build_itl(state: ClusterState, view: TrustView, node: NodeInfo, signer: Signer | None = None) -> bytes:
    """Return a TFTP node's new ITL, signed by its first anchor or by ``signer``.

    Raises:
        VersionError: The version has no ITL.
        UsageError: It would be too large for phones.
    """
    records = itl_records(view, node)
    if signer is None:
        holder, purpose = itl_anchors(view, node.name)[0]
        signer = state.certificates.signer(holder, purpose.value, view.certificate(holder, purpose))
    data = build_trust_list(
        records, signer, digest=digest(state), filename=ITL_FILE, timestamp=int(state.now().timestamp())
    )
    return checked(data)


def build_itls(state: ClusterState, view: TrustView, *, missing_only: bool = False) -> dict[str, bytes]:
    """Return by node the ITL of each TFTP node whose present file says something else, or only of those without.

    An ITL whose signing key is on another host is made there, when TFTP starts: a key never leaves its host.
    """
    if not view.version.has_trust_verification:
        return {}
    found = {}
    for node in view.nodes:
        if Service.TFTP not in node.services or not can_sign_itl(state, view, node):
            continue
        if missing_only and state.folder(node.name).read(ITL_FILE) is not None:
            continue
        data = build_itl(state, view, node)
        if not same_content(state.folder(node.name).read(ITL_FILE), data):
            found[node.name] = data
    return found


def can_sign_itl(state: ClusterState, view: TrustView, node: NodeInfo) -> bool:
    """Return whether the key that signs a node's ITL is on this host."""
    return state.folder(itl_anchors(view, node.name)[0][0]).is_here


def recovery_signer(state: ClusterState) -> Signer:
    """Return the publisher's other ITL anchor, which signs ``utils itl reset localkey``."""
    view = state.view()
    holder, purpose = itl_anchors(view, view.publisher.name)[-1]
    return state.certificates.signer(holder, purpose.value)


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


def same_content(old: bytes | None, new: bytes) -> bool:
    """Return whether two lists have the same signer, digest and records; dates and signatures do not count."""
    if old is None:
        return False
    try:
        before, after = TrustList.parse(old), TrustList.parse(new)
    except MalformedError:
        return False
    heads = [(t.header.signer_name, t.header.signer_serial, t.header.digest_code) for t in (before, after)]
    return heads[0] == heads[1] and old[before.header.header_length :] == new[after.header.header_length :]


def is_token_signed(data: bytes | None) -> bool:
    """Return whether a CTL was signed by a security token."""
    if data is None:
        return False
    try:
        return (TrustList.parse(data).header.signer_name or "").startswith('cn="SAST-')
    except MalformedError:
        return False


def record(session: Session, name: str, node: str, data: bytes | None, now: datetime) -> None:
    """Record what was published; None records that nothing is."""
    for table in (TrustFileRow, TrustFileContentRow):
        session.execute(delete(table).where(table.name == name, table.node == node))
    if data is None:
        return
    session.add(TrustFileContentRow(name=name, node=node, data=data))
    session.add(
        TrustFileRow(
            name=name,
            node=node,
            md5=hashlib.md5(data, usedforsecurity=False).hexdigest(),
            sha1=hashlib.sha1(data, usedforsecurity=False).hexdigest(),
            sha256=hashlib.sha256(data).hexdigest(),
            length=len(data),
            published=now,
        )
    )


def trust_file(state: ClusterState, node: str, name: str) -> TrustFile:
    """Return a node's CTL or ITL file beside what was published."""
    info = state.node(node)
    folder = state.folder(info.name)
    data = folder.read(name)
    with state.database.read() as session:
        row = session.get(TrustFileRow, (name, "" if name == CTL_FILE else info.name))
        wanted = None if row is None else row.sha256
    here = None if data is None else hashlib.sha256(data).hexdigest()
    pending = [d.error or "waiting" for d in state.deliveries.pending() if (d.node, d.name) == (info.name, name)]
    return TrustFile(info.name, name, data, folder.modified(name), here != wanted, "".join(pending[:1]))
