"""What a node says without a login: its release, and whether it is being upgraded (live-cluster.md 1.2)."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Final

from mixedmode.errors import MixedModeError, RemoteError
from mixedmode.live.allowed.requests import Place
from mixedmode.live.cluster_file import Node
from mixedmode.live.observed import NodeSeen, ParameterSeen, Sighting, Source
from mixedmode.live.sources.seeing import Seen
from mixedmode.live.wire.clock import Clock
from mixedmode.live.wire.https import Web
from mixedmode.live.wire.tls import Trust
from mixedmode.xml_reader import read_xml

UPGRADING: Final = "upgradeInProgress"
"""The parameter that says so."""
_LIMIT: Final = 256 << 10
_OK, _CLOSED, _ABSENT = 200, 401, 404
_SECONDS: Final = 15.0


def look_at_release(node: Node, seen: Seen, clock: Clock, trust: Trust | None) -> None:
    """Add a node: its release and how far its clock is off; without a login, and of whoever answers there.

    Args:
        node: To be asked.
        seen: To be added to.
        clock: Says when.
        trust: Whom to believe; None believes anybody, since nothing secret is sent.
    """
    version, offset = "", None
    with closing(
        Web(Place.CLUSTER, node.address, node.ports["web"], trust=trust, names=(node.name,), seconds=_SECONDS)
    ) as web:
        at = clock.now()
        sighting = Sighting(Source.UDS, at, f"https://{web.where}/cucm-uds/version")
        try:
            response = web.get("/cucm-uds/version", limit=_LIMIT)
            offset = clock_offset(response.fields.get("date", ""), clock.now())
            if response.status == _OK:
                root = read_xml(response.body, most=_LIMIT)
                version = root.value("version") or root.attribute("version")
                capabilities = root.child("capabilities")
                if capabilities is not None and capabilities.value(UPGRADING):
                    seen.parameters.append(ParameterSeen(UPGRADING, capabilities.value(UPGRADING), sighting, node.name))
            elif response.status == _CLOSED:
                seen.missing("release", node.name, "UDS is closed by policy")
            else:
                raise RemoteError(f"HTTP status {response.status}")
        except MixedModeError as error:
            seen.missing("release", node.name, error)
    seen.nodes.append(NodeSeen(node.name, node.address, node.role, version[:64], offset, sighting))


def clock_offset(date: str, now: datetime) -> float | None:
    """Return how many seconds a ``Date`` is ahead of now; None if it is none."""
    try:
        said = parsedate_to_datetime(date)
    except (ValueError, TypeError, IndexError):
        return None
    return (said - now).total_seconds() if said.tzinfo is not None else None
