"""The certificates of a node by its REST interface, from release 14 on (live-cluster.md 3.5). GET alone."""

from __future__ import annotations

import json
from typing import Any, Final

from mixedmode.errors import MixedModeError, RemoteError
from mixedmode.live.observed import CertificateSeen, Sighting, Source
from mixedmode.live.sources.database import der_of
from mixedmode.live.sources.seeing import Seen
from mixedmode.live.wire.clock import Clock
from mixedmode.live.wire.https import Web

SNAPSHOT: Final = "/platformcom/api/v1/certmgr/config/snapshot/server"
_OK, _ABSENT = 200, 404
_TRUST: Final = "-trust"


def look_at_certificates(web: Web, node: str, seen: Seen, clock: Clock) -> None:
    """Add what a node's snapshot has.

    Args:
        web: The node, with an account of the platform.
        node: Its name.
        seen: To be added to.
        clock: Says when.
    """
    try:
        response = web.get(SNAPSHOT)
        if response.status == _ABSENT:
            raise RemoteError("it has no certificate interface", why="releases before 14 have none")
        if response.status != _OK:
            raise RemoteError(f"the certificate interface answers with HTTP status {response.status}")
        document = json.loads(response.body)
    except MixedModeError as error:
        seen.missing("certificates by REST", node, error)
        return
    except (ValueError, RecursionError):
        seen.missing("certificates by REST", node, "the answer is no JSON")
        return
    sighting = Sighting(Source.REST, clock.now(), node)
    for entry in _entries(document, "identities"):
        _take(entry.get("certificate"), node, str(entry.get("service", "")), sighting, seen)
    for entry in _entries(document, "trusts"):
        unit = str(entry.get("service", ""))
        unit = unit if unit.lower().endswith(_TRUST) else f"{unit}{_TRUST}"
        for each in _entries(entry, "certificate_data"):
            _take(each.get("certificate"), node, unit, sighting, seen)


def _take(pem: Any, node: str, unit: str, sighting: Sighting, seen: Seen) -> None:
    der = der_of(pem) if isinstance(pem, str) else None
    if der is not None:
        seen.certificates.append(CertificateSeen(node, unit[:64], der, sighting))


def _entries(document: Any, name: str) -> list[dict[str, Any]]:
    listed = document.get(name) if isinstance(document, dict) else None
    return [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
