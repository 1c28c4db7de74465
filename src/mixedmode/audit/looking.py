"""Reads the facts of a cluster, from its database and the folders of the nodes that are on this host."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, select

from mixedmode.audit.facts import CertificateFact, CtlFact, CutOff, Facts, ListFact, ServiceFact
from mixedmode.cluster.model.topology import SecurityMode, Service
from mixedmode.cluster.publishing import archive
from mixedmode.cluster.publishing.lists import is_token_signed
from mixedmode.cluster.store.folders import NodeFolder
from mixedmode.cluster.store.schema import CallManagerGroupMember, DevicePool, DeviceRow, ProcessNode, TrustFileRow
from mixedmode.errors import MixedModeError
from mixedmode.pki.certificates.purposes import Purpose
from mixedmode.trustlist.kinds import CTL_FILE, ITL_FILE
from mixedmode.trustlist.model import TrustList

if TYPE_CHECKING:
    from mixedmode.cluster.facade import Cluster
    from mixedmode.cluster.model.records import StoredCertificate

OFFERED: Final = frozenset(
    {
        Service.CALLMANAGER,
        Service.TFTP,
        Service.TVS,
        Service.CAPF,
        Service.CTL_PROVIDER,
        Service.CHANGE_NOTIFICATION,
        Service.TOMCAT,
    }
)
"""Services that this program has; of others nothing is found."""
_OF_GROUPS: Final = frozenset({Service.CALLMANAGER, Service.TVS})
_SERVERS: Final = frozenset({Service.CALLMANAGER, Service.TFTP})
_KINDS: Final = {CTL_FILE: "CTL", ITL_FILE: "ITL"}


def facts_of(cluster: Cluster, phones: Mapping[str, int], running: Mapping[str, Any] | None = None) -> Facts:
    """Return the facts of a cluster.

    Args:
        cluster: To be read.
        phones: How many phones have which outcome.
        running: Who holds the cluster's lock, as the door tells it.

    Raises:
        DatabaseError: The database does not answer.
    """
    certificates = [*cluster.certificates.list_own(), *cluster.certificates.list_trust()]
    return Facts(
        now=cluster.now(),
        services=_services(cluster),
        lists=_lists(cluster),
        certificates=tuple(_certificate(each) for each in certificates),
        ctl=_ctl(cluster, certificates),
        phones=phones,
        cut_off=_cut_off(running),
    )


def phones_by_node(cluster: Cluster) -> dict[str, int]:
    """Return how many phones have which node in the CallManager group of their device pool."""
    by_pool = select(DeviceRow.fkdevicepool, func.count()).group_by(DeviceRow.fkdevicepool)
    nodes = (
        select(DevicePool.id, ProcessNode.name)
        .join(CallManagerGroupMember, CallManagerGroupMember.fkcallmanagergroup == DevicePool.fkcallmanagergroup)
        .join(ProcessNode, ProcessNode.id == CallManagerGroupMember.fkprocessnode)
    )
    found: Counter[str] = Counter()
    with cluster.database.read() as session:
        # By pool first: its index alone answers that, however many phones there are.
        counts = {row[0]: row[1] for row in session.execute(by_pool)}
        for pool, name in session.execute(nodes):
            found[name] += counts.get(pool, 0)
    return dict(found)


def _services(cluster: Cluster) -> tuple[ServiceFact, ...]:
    phones = phones_by_node(cluster)
    return tuple(
        ServiceFact(
            each.node,
            each.service,
            each.started is not None,
            each.restart_needed,
            phones.get(each.node, 0) if each.service in _OF_GROUPS else 0,
        )
        for each in cluster.services()
        if each.activated and each.service in OFFERED
    )


def _lists(cluster: Cluster) -> tuple[ListFact, ...]:
    with cluster.database.read() as session:
        published = {(row.name, row.node): row.sha1 for row in session.scalars(select(TrustFileRow))}
    waiting = {(each.node, each.name): each.error or "it was not tried yet" for each in cluster.deliveries.pending()}
    found = []
    for node in cluster.nodes():
        folder = NodeFolder(cluster.directory / node.name)
        for name, kind in _KINDS.items():
            if name == ITL_FILE and Service.TFTP not in node.services:
                continue
            wanted = published.get((name, "" if name == CTL_FILE else node.name), "")
            held, waits = wanted, waiting.get((node.name, name), "")
            if folder.is_here:
                data = folder.read(name)
                held = "" if data is None else hashlib.sha1(data, usedforsecurity=False).hexdigest()
            elif waits:
                held = ""  # what another host's node has is not known; what waits for it, it has not
            found.append(ListFact(node.name, kind, wanted, held, waits))
    return tuple(found)


def _certificate(stored: StoredCertificate) -> CertificateFact:
    certificate = stored.certificate
    return CertificateFact(
        stored.unit,
        stored.node,
        certificate.common_name or certificate.subject,
        certificate.sha256.hex(),
        certificate.not_after,
        stored.is_trust,
    )


def _ctl(cluster: Cluster, certificates: list[StoredCertificate]) -> CtlFact:
    with cluster.database.read() as session:
        row = session.scalar(select(TrustFileRow).where(TrustFileRow.name == CTL_FILE, TrustFileRow.node == ""))
    wanted = cluster.mode is SecurityMode.MIXED
    data = None if row is None else archive.content(cluster.database, row.sha256)
    if row is None or data is None:
        return CtlFact(None if row is None else row.published, wanted)
    try:
        ctl = TrustList.parse(data)
        held = {record.certificate_der for record in ctl.records}
    except MixedModeError:
        return CtlFact(row.published, wanted)
    own = [each for each in certificates if not each.is_trust]
    by_tokens = is_token_signed(data)
    return CtlFact(row.published, wanted, _missing(cluster, own, held, by_tokens=by_tokens), by_tokens)


def _missing(
    cluster: Cluster, own: list[StoredCertificate], held: set[bytes | None], *, by_tokens: bool
) -> tuple[tuple[str, str], ...]:
    """Return what a CTL of this cluster has to have (authority, rule 1) and this one does not."""
    publisher, nodes = cluster.publisher.name, {node.name: node for node in cluster.nodes()}
    anchors = set() if by_tokens else {purpose.value for purpose in cluster.version.ctl_anchors}
    found = []
    for each in own:
        serves = each.node in nodes and bool(_SERVERS & nodes[each.node].services)
        wanted = each.unit == Purpose.CALLMANAGER.value and serves
        wanted = wanted or (each.node == publisher and each.unit in {Purpose.CAPF.value, *anchors})
        if wanted and each.certificate.der not in held:
            found.append((each.node, each.unit))
    return tuple(found)


def _cut_off(running: Mapping[str, Any] | None) -> CutOff | None:
    if running is None or running.get("state") == "running":
        return None
    since = datetime.fromisoformat(str(running["since"]))
    return CutOff(str(running["operation"]), str(running["user"]), since)
