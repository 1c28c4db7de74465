"""Where the pages of Certificate Management are, and how a page finds the certificate that its address names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlencode

from mixedmode.cluster.operations.identity.csr import Pending, pending_requests
from mixedmode.cluster.store.certificates import OWN_UNITS, check_trust_store
from mixedmode.control.acts import Act
from mixedmode.faces.web.kit.navigation import CMPLATFORM
from mixedmode.faces.web.kit.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mixedmode.cluster.facade import Cluster
    from mixedmode.cluster.model.records import StoredCertificate
    from mixedmode.cluster.model.topology import NodeInfo

LIST: Final = "/cmplatform/certificates"
UPLOAD: Final = f"{LIST}/upload"
GENERATE: Final = f"{LIST}/generate"
REQUESTS: Final = f"{LIST}/csr"
OWN: Final = f"{LIST}/own/{{node}}/{{unit}}"
TRUSTED: Final = f"{LIST}/trust/{{store}}/{{sha256}}"
DELETE: Final = f"{TRUSTED}/delete"
CRUMBS: Final = (CMPLATFORM, "Security")
LEVEL: Final = 1
"""Of every change here; the door says the same."""
IMPORT: Final = Act("set cert import", LEVEL)
"""What is refused before it becomes an operation."""


def path_of(stored: StoredCertificate) -> str:
    """Return the address of a certificate's page."""
    if stored.is_trust:
        return f"{LIST}/trust/{quote(stored.unit, safe='')}/{stored.certificate.sha256.hex()}"
    return f"{LIST}/own/{quote(stored.node, safe='')}/{quote(stored.unit, safe='')}"


def with_query(path: str, **query: str) -> str:
    """Return an address with a query of what is not empty."""
    said = {name: value for name, value in query.items() if value}
    return f"{path}?{urlencode(said)}" if said else path


def own_at(cluster: Cluster, values: Mapping[str, str]) -> StoredCertificate:
    """Return the own certificate that an address names.

    Raises:
        NotFoundError: There is no such node.
        Problem: It has no such certificate.
    """
    node = cluster.node(values["node"]).name
    unit = next((each for each in OWN_UNITS if each.lower() == values["unit"].lower()), "")
    for stored in cluster.certificates.list_own(node, unit) if unit else ():
        return stored
    raise Problem(
        404,
        f"{node} has no such certificate.",
        "Its version has none of this name, or it was never made.",
        "Take it from the list.",
        links=((LIST, "Certificate List"),),
    )


def trusted_at(cluster: Cluster, values: Mapping[str, str]) -> StoredCertificate:
    """Return the trust certificate that an address names.

    Raises:
        NotFoundError: There is no such store.
        Problem: It has no such certificate, perhaps not any more.
    """
    store = check_trust_store(values["store"])
    for stored in cluster.certificates.list_trust(store):
        if stored.certificate.sha256.hex() == values["sha256"].lower():
            return stored
    raise Problem(
        404,
        f"{store} has no such certificate.",
        "Somebody may have deleted it since you saw it.",
        "Look at the list as it is now.",
        links=((LIST, "Certificate List"),),
    )


def nodes_here(cluster: Cluster) -> list[NodeInfo]:
    """Return the nodes whose keys are on this host, the publisher first."""
    return [node for node in cluster.nodes() if cluster.folder(node.name).is_here]


def waiting_requests(cluster: Cluster) -> list[tuple[str, Pending]]:
    """Return the signing requests that wait on nodes of this host, each with its node."""
    names = [node.name for node in nodes_here(cluster)]
    return [(name, pending) for name in names for pending in pending_requests(cluster.folder(name))]
