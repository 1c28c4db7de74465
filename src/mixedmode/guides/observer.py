"""What can be seen of a live cluster, as the facts that procedures are judged by.

Rules:

1. A node on another host has the published CTL once it has taken the file: what waits for it says that it has not.
2. What a phone holds is what the cluster knows of it; one of which that is not known is held to have another list, and
   never counted as in step.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.topology import Service
from mixedmode.errors import MalformedError, MixedModeError
from mixedmode.guides.lists import list_facts, token_facts
from mixedmode.inventory.cluster import ClusterInventory, Entry
from mixedmode.inventory.library import Library
from mixedmode.phone.mind.models import get_model
from mixedmode.pki.certificates.profiles import Purpose
from mixedmode.procedures.facts import Facts, PhoneFacts, Topic
from mixedmode.procedures.reading import shown_mode, traced
from mixedmode.services.traces.catalogue import TVS
from mixedmode.trustlist.kinds import CTL_FILE, ITL_FILE
from mixedmode.trustlist.model import TrustList

_UNKNOWN: Final = ""
"""Stands for the checksum of a list that is not known (rule 2)."""
_TRACE_BYTES: Final = 1 << 20


def observe(
    cluster: Cluster,
    topics: Collection[Topic],
    *,
    said: tuple[str, ...] | None = None,
    failed: bool | None = None,
    choices: Mapping[str, str] | None = None,
) -> Facts:
    """Return what is so now.

    Args:
        cluster: The cluster.
        topics: What to look at; phones take their time.
        said: What the last act printed.
        failed: Whether it was refused.
        choices: What the run knows of tokens.

    Raises:
        DatabaseError: The database does not answer.
    """
    seen: dict[str, Any] = {}
    for topic in topics:
        seen |= _LOOK[topic](cluster)
    shown = shown_mode(said) if said is not None else None
    if shown is not None and "mode" in seen:
        seen["mode"] = shown
    nodes = tuple(node.name for node in cluster.nodes())
    return Facts(
        nodes=nodes, said=said, failed=failed, tokens=token_facts(choices or {}), looked=frozenset(topics), **seen
    )


def published(cluster: Cluster, name: str = CTL_FILE) -> TrustList | None:
    """Return the publisher's CTL or ITL, None if it has none that can be read."""
    publisher = cluster.publisher.name
    found = cluster.show_ctl(publisher) if name == CTL_FILE else cluster.show_itl(publisher)
    try:
        return None if found.data is None else TrustList.parse(found.data)
    except MalformedError:
        return None


def published_sha1(cluster: Cluster) -> str:
    """Return the SHA-1 of the publisher's CTL, empty if it has none that can be read."""
    ctl = published(cluster)
    return "" if ctl is None else ctl.sha1


def phone_facts(entry: Entry, md5s: Mapping[str, str]) -> PhoneFacts:
    """Return what procedures ask of a phone (rule 2).

    Args:
        entry: What the cluster knows of it.
        md5s: The MD5 of each list by each of its hashes.
    """

    def held(text: str) -> str | None:
        return None if text == "none" else md5s.get(text, _UNKNOWN)

    try:
        asks = get_model(entry.device.model).security_by_default
    except MixedModeError:
        asks = False
    ctl = None if entry.ctl.held == "none" else entry.ctl.held
    return PhoneFacts(
        entry.device.name, entry.device.model, asks, held(entry.ctl.held), ctl, held(entry.itl.held) if asks else None
    )


def _mode(cluster: Cluster) -> dict[str, Any]:
    return {"mode": cluster.mode.value}


def _lists(cluster: Cluster) -> dict[str, Any]:
    waiting = {each.node for each in cluster.deliveries.pending() if each.name == CTL_FILE}
    differing = frozenset(
        node.name
        for node in cluster.nodes()
        if (cluster.show_ctl(node.name).differs if cluster.folder(node.name).is_here else node.name in waiting)
    )
    return {
        "ctl": list_facts(published(cluster)),
        "itl": list_facts(published(cluster, ITL_FILE)),
        "differing": differing,
    }


def certificate_facts(cluster: Cluster) -> dict[str, Any]:
    """Return what procedures ask of certificates."""
    names = {"callmanager_serial": Purpose.CALLMANAGER, "capf_serial": Purpose.CAPF}
    publisher = cluster.publisher.name
    return {
        name: cluster.own_certificate(publisher, purpose.value).serial.hex().upper() for name, purpose in names.items()
    }


def service_facts(cluster: Cluster) -> dict[str, Any]:
    """Return what procedures ask of services."""
    wanted = {Service.TFTP, Service.CALLMANAGER}
    waiting = (each for each in cluster.services() if each.service in wanted and each.activated)
    return {"awaiting_restart": frozenset((each.node, each.service.value) for each in waiting if each.restart_needed)}


def _phones(cluster: Cluster) -> dict[str, Any]:
    library = Library()
    entries = ClusterInventory(cluster, library).entries()
    md5s = checksums(cluster)
    return {"phones": tuple(phone_facts(each, md5s) for each in entries)}


def checksums(cluster: Cluster) -> dict[str, str]:
    """Return the MD5 of each list that was ever published by each of its hashes."""
    from sqlalchemy import select

    from mixedmode.cluster.store.schema import TrustFileArchiveRow as Row

    with cluster.database.read() as session:
        rows = session.execute(select(Row.md5, Row.sha1, Row.sha256)).all()
    return {digest: md5 for md5, sha1, sha256 in rows for digest in (md5, sha1, sha256)}


def _tvs(cluster: Cluster) -> dict[str, Any]:
    here = [node.name for node in cluster.nodes() if cluster.folder(node.name).is_here]
    return {"tvs": {node: traced(_trace(cluster, node)) for node in here}}


def _trace(cluster: Cluster, node: str) -> list[str]:
    """Return the last lines that TVS of a node traced."""
    folder = cluster.folder(node).area("activelog") / TVS.folder
    data = b""
    for path in sorted(folder.glob("*.txt"), reverse=True):
        data = path.read_bytes() + data
        if len(data) >= _TRACE_BYTES:
            break
    return data[-_TRACE_BYTES:].decode(errors="replace").splitlines()


_LOOK: Final[Mapping[Topic, Callable[[Cluster], dict[str, Any]]]] = {
    Topic.MODE: _mode,
    Topic.LISTS: _lists,
    Topic.CERTIFICATES: certificate_facts,
    Topic.SERVICES: service_facts,
    Topic.PHONES: _phones,
    Topic.TVS: _tvs,
}
