"""The CTL and ITL authority: which certificates stand in a trust list, in which order, and who signs.

Pure: certificates in, record specifications out. Rules (cucm-admin.md 3 and 6, phone-trust.md 2.3):

1. A tokenless CTL holds, in this order: the publisher's SAST certificates, the signer first; the publisher's
   CCM+TFTP; the publisher's CAPF; each subscriber's CCM+TFTP. Which SAST there are is the version's
   (:attr:`Version.ctl_anchors`).
2. In non-secure mode the CTL stays signed and keeps SAST and CAPF, but the CCM+TFTP records hold only name,
   function and address: a phone that finds no certificate of a CallManager there knows that the cluster is
   not in mixed mode.
3. An ITL is made for each TFTP node: its SAST certificates, its own CCM+TFTP, the publisher's CAPF, and the TVS
   certificate of every node that runs TVS. A CTL never holds a TVS record.
4. With "Prepare Cluster for Rollback to pre-8.0" the CCM+TFTP and TVS records of an ITL are empty.
5. A multi-server CallManager certificate, the same on several nodes, stands once, as the publisher's.
6. A list over 64 KB is refused, since phones would not load it (held by ``build_trust_list``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from mixedmode.cluster.authority.view import TrustView
from mixedmode.cluster.model.errors import VersionError
from mixedmode.cluster.model.topology import NodeInfo, SecurityMode, Service
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.profiles import Purpose
from mixedmode.pki.signing.digests import DigestAlgorithm
from mixedmode.trustlist.build import RecordForm, RecordSpec
from mixedmode.trustlist.roles import Role

DIGESTS = {"SHA-1": DigestAlgorithm.SHA1, "SHA-512": DigestAlgorithm.SHA512}
"""The enterprise parameter "TFTP File Signature Algorithm" and the digest it means."""


class KeyName(NamedTuple):
    """Whose key: that of a node's certificate for a purpose. The key itself stays where it is."""

    node: str
    purpose: Purpose


def call_role(node: NodeInfo) -> Role | None:
    """Return the function of a node's CallManager certificate by the services that the node runs."""
    calls, files = Service.CALLMANAGER in node.services, Service.TFTP in node.services
    if calls and files:
        return Role.CCM_TFTP
    return Role.CCM if calls else Role.TFTP if files else None


def ctl_anchors(view: TrustView, tokens: Sequence[Certificate] = ()) -> list[Certificate]:
    """Return the SAST certificates of a CTL, the signer first; with tokens those stand before the others.

    Raises:
        VersionError: The version has no tokenless CTL, or takes no tokens.
    """
    version, publisher = view.version, view.publisher.name
    if not tokens:
        return [view.certificate(*key) for key in ctl_keys(view)]
    if not version.accepts_tokens:
        raise VersionError(f"version {version} takes no security tokens", next_step="use the utils ctl commands")
    with_servers = version.release >= (11, 5)
    purposes = (Purpose.ITLRECOVERY, Purpose.CALLMANAGER) if with_servers else ()
    return [*tokens, *(view.certificate(publisher, purpose) for purpose in purposes)]


def ctl_keys(view: TrustView) -> list[KeyName]:
    """Return whose certificates stand as SAST in a tokenless CTL, the signer first.

    Raises:
        VersionError: The version has no tokenless CTL.
    """
    version = view.version
    if not version.has_tokenless_ctl:
        raise VersionError(
            f"version {version} has no utils ctl commands",
            why="a CTL without security tokens exists from version 10.0(1) on",
            next_step="use the CTL Client with two security tokens",
        )
    return [KeyName(view.publisher.name, purpose) for purpose in version.ctl_anchors]


def ctl_records(view: TrustView, *, anchors: Sequence[Certificate] | None = None) -> list[RecordSpec]:
    """Return the records of a tokenless CTL (rules 1, 2 and 5).

    Args:
        view: The cluster.
        anchors: SAST certificates in place of the version's.
    """
    publisher = view.publisher
    sast = ctl_anchors(view) if anchors is None else anchors
    records = [_record(Role.SAST, publisher, certificate) for certificate in sast]
    servers = list(_servers(view))
    capf = [_record(Role.CAPF, publisher, view.certificate(publisher.name, Purpose.CAPF))]
    own = [record for record in servers if record.dns_name == publisher.name]
    return [*records, *own, *capf, *(record for record in servers if record.dns_name != publisher.name)]


def _servers(view: TrustView) -> Iterator[RecordSpec]:
    seen: set[Certificate] = set()
    for node in view.nodes:
        role = call_role(node)
        if role is None:
            continue
        certificate = view.certificate(node.name, Purpose.CALLMANAGER)
        if view.mode is SecurityMode.NON_SECURE:
            yield _empty(role, node)
        elif certificate not in seen:
            yield _record(role, node, certificate)
        seen.add(certificate)


def itl_keys(view: TrustView, node: str) -> list[KeyName]:
    """Return whose certificates stand as SAST in a node's ITL, the signer first; none before 8.0."""
    holders = []
    for purpose in view.version.itl_anchors:
        holder = node if (node, purpose.value) in view.own else view.publisher.name
        holders.append(KeyName(holder, purpose))
    return holders


def itl_records(view: TrustView, node: NodeInfo) -> list[RecordSpec]:
    """Return the records of a TFTP node's ITL (rules 3 and 4).

    Raises:
        VersionError: The version has no ITL.
    """
    if not view.version.has_trust_verification:
        raise VersionError(f"version {view.version} has no ITL", next_step="it exists from version 8.0 on")
    publisher = view.publisher
    records = [
        _record(Role.SAST, node if holder == node.name else publisher, view.certificate(holder, purpose))
        for holder, purpose in itl_keys(view, node.name)
    ]
    role = call_role(node) or Role.TFTP
    calls = view.certificate(node.name, Purpose.CALLMANAGER)
    records.append(_empty(role, node) if view.rollback else _record(role, node, calls))
    records.append(_record(Role.CAPF, publisher, view.certificate(publisher.name, Purpose.CAPF)))
    seen: set[Certificate] = set()
    for other in view.nodes:
        if Service.TVS not in other.services:
            continue
        certificate = view.certificate(other.name, Purpose.TVS)
        if view.rollback:
            records.append(_empty(Role.TVS, other))
        elif certificate not in seen:
            records.append(_record(Role.TVS, other, certificate))
        seen.add(certificate)
    return records


def _record(role: Role, node: NodeInfo, certificate: Certificate) -> RecordSpec:
    return RecordSpec(role, certificate, dns_name=node.name, ip_address=node.address)


def _empty(role: Role, node: NodeInfo) -> RecordSpec:
    return RecordSpec(role, None, dns_name=node.name, ip_address=node.address, form=RecordForm.ADDRESS)
