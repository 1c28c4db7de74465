"""Publishing as a value: a view of the cluster, a signer, a digest and the time give the bytes of a list.

Pure: no database, no clock, no file, and for a view that is not real yet the same as for the real one. Rules:

1. What stands in a list, in which order, is the authority's (:mod:`mixedmode.cluster.authority.authority`).
2. Whose key signs is a name (:class:`KeyName`), which needs no key. In a CTL the signer's record stands first.
3. A :class:`StandIn` names a certificate and signs with zeros as long as a signature would be. Its list is the one that
   would be published, but for these bytes and its date: to be looked at, never to be served.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from mixedmode.cluster.authority.authority import KeyName, ctl_anchors, ctl_keys, ctl_records, itl_keys, itl_records
from mixedmode.cluster.authority.view import TrustView
from mixedmode.cluster.model.errors import VersionError
from mixedmode.cluster.model.topology import NodeInfo
from mixedmode.errors import MalformedError
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.signing.digests import DigestAlgorithm
from mixedmode.pki.signing.signer import Signer
from mixedmode.trustlist import TrustList
from mixedmode.trustlist.build import build_trust_list
from mixedmode.trustlist.kinds import CTL_FILE, ITL_FILE


@dataclass(frozen=True, slots=True)
class StandIn:
    """A signer without a key (rule 3)."""

    certificate: Certificate

    def sign(self, data: bytes, digest: DigestAlgorithm) -> bytes:
        """Return zeros in the place of a signature."""
        return bytes(self.certificate.key_bits // 8)


def ctl_signer(view: TrustView, *, reset: bool = False) -> KeyName:
    """Return whose key signs the tokenless CTL.

    Args:
        view: The cluster.
        reset: For ``utils ctl reset localkey``: the second anchor in place of the first.

    Raises:
        VersionError: The version has no tokenless CTL.
    """
    return ctl_keys(view)[-1 if reset else 0]


def itl_signer(view: TrustView, node: str, *, reset: bool = False) -> KeyName:
    """Return whose key signs a node's ITL.

    Args:
        view: The cluster.
        node: Whose ITL.
        reset: For ``utils itl reset localkey``: the last anchor in place of the first.

    Raises:
        VersionError: The version has no ITL.
    """
    keys = itl_keys(view, node)
    if not keys:
        raise VersionError(f"version {view.version} has no ITL", next_step="it exists from version 8.0 on")
    return keys[-1 if reset else 0]


def stand_in(view: TrustView, key: KeyName) -> StandIn:
    """Return the stand-in of a key's owner.

    Raises:
        NotFoundError: There is no such certificate.
    """
    return StandIn(view.certificate(*key))


@lru_cache(maxsize=64)
def has_stand_in(data: bytes) -> bool:
    """Return whether a list was signed by a stand-in."""
    try:
        signature = TrustList.parse(data).header.signature
    except MalformedError:
        return False
    return bool(signature) and not any(signature or b"")


def ctl(view: TrustView, signer: Signer, digest: DigestAlgorithm, now: datetime) -> bytes:
    """Return the tokenless CTL of a view.

    Args:
        view: The cluster; its mode is the one that the list announces.
        signer: Of one of the list's anchors.
        digest: Under the signature.
        now: The list's date (UTC).

    Raises:
        VersionError: The version has no tokenless CTL.
        UsageError: It would be too large for phones, or the signer is none of its anchors.
        SignerError: The signer failed.
    """
    anchors = sorted(ctl_anchors(view), key=lambda anchor: anchor != signer.certificate)
    records = ctl_records(view, anchors=anchors)
    return build_trust_list(records, signer, digest=digest, filename=CTL_FILE, timestamp=int(now.timestamp()))


def itl(view: TrustView, node: NodeInfo, signer: Signer, digest: DigestAlgorithm, now: datetime) -> bytes:
    """Return a TFTP node's ITL.

    Args:
        view: The cluster.
        node: One of its nodes.
        signer: Of one of the list's anchors.
        digest: Under the signature.
        now: The list's date (UTC).

    Raises:
        VersionError: The version has no ITL.
        UsageError: It would be too large for phones, or the signer is none of its anchors.
        SignerError: The signer failed.
    """
    records = itl_records(view, node)
    return build_trust_list(records, signer, digest=digest, filename=ITL_FILE, timestamp=int(now.timestamp()))


def foreseen_ctl(view: TrustView, digest: DigestAlgorithm, now: datetime, *, reset: bool = False) -> bytes:
    """Return the tokenless CTL that would be published, with a stand-in's signature; see :func:`ctl`."""
    return ctl(view, stand_in(view, ctl_signer(view, reset=reset)), digest, now)


def foreseen_itl(
    view: TrustView, node: NodeInfo, digest: DigestAlgorithm, now: datetime, *, reset: bool = False
) -> bytes:
    """Return the ITL that would be published, with a stand-in's signature; see :func:`itl`."""
    return itl(view, node, stand_in(view, itl_signer(view, node.name, reset=reset)), digest, now)


def itl_nodes(view: TrustView, here: Collection[str]) -> list[NodeInfo]:
    """Return the TFTP nodes whose ITL a host can sign, by the names of the nodes whose keys it has."""
    if not view.version.has_trust_verification:
        return []
    return [node for node in view.tftp_nodes if itl_signer(view, node.name).node in here]


def itls_at_start(view: TrustView, node: NodeInfo, here: Collection[str]) -> list[NodeInfo]:
    """Return the nodes whose ITL is made when a node's TFTP starts.

    The publisher's makes those too that are for nodes on other hosts and signed with its key.
    """
    made = itl_nodes(view, here)
    return [each for each in made if each == node or (node.is_publisher and each.name not in here)]


def new_itls(
    view: TrustView,
    nodes: Iterable[NodeInfo],
    present: Mapping[str, bytes | None],
    digest: DigestAlgorithm,
    now: datetime,
) -> dict[str, bytes]:
    """Return by node the foreseen ITL of each whose present one says something else.

    Args:
        view: The cluster.
        nodes: Whose ITL is looked at.
        present: The ITLs that there are, by node.
        digest: Under the signatures.
        now: The lists' date (UTC).
    """
    made = {node.name: foreseen_itl(view, node, digest, now) for node in nodes}
    return {name: data for name, data in made.items() if not same_content(present.get(name), data)}


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
    return data is not None and signer_name(data).startswith('cn="SAST-')


def signer_name(data: bytes) -> str:
    """Return who a list says that it was signed by; empty if it does not say, or is none."""
    try:
        return TrustList.parse(data).header.signer_name or ""
    except MalformedError:
        return ""
