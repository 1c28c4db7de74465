"""Control Center of each node: what runs, and since when (live-cluster.md 3.1)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from mixedmode.errors import MixedModeError, RemoteError
from mixedmode.live.allowed.requests import CONTROL
from mixedmode.live.observed import ServiceSeen, Sighting, Source
from mixedmode.live.sources.seeing import Seen
from mixedmode.live.wire.clock import Clock
from mixedmode.live.wire.https import Web
from mixedmode.live.wire.soap import AST, Fault, envelope, opened
from mixedmode.numbers import whole_number
from mixedmode.xml_reader import Element

_LONGEST_UP: Final = 10 * 366 * 86400


def look_at_services(web: Web, node: str, seen: Seen, clock: Clock) -> None:
    """Add the services of a node.

    Args:
        web: The node.
        node: Its name.
        seen: To be added to.
        clock: Says when.
    """
    body = envelope(AST, "soapGetServiceStatus", "<ns:ServiceStatus></ns:ServiceStatus>")
    try:
        response = web.post(CONTROL, "soapGetServiceStatus", body)
        answer = opened(response, web.where)
        if isinstance(answer, Fault):
            raise RemoteError(f"Control Center answers: {answer.text}")
        if answer is None or response.status != 200:
            raise RemoteError(f"Control Center answers with HTTP status {response.status}")
    except MixedModeError as error:
        seen.missing("services", node, error)
        return
    at = clock.now()
    sighting = Sighting(Source.CONTROL_CENTER, at, node)
    held = next((each for each in answer.children if each.name.endswith("Return")), answer)
    listed = held.child("ServiceInfoList") or Element("", "none")
    for item in listed.all("item"):
        name, status = item.value("ServiceName"), item.value("ServiceStatus")
        if name:
            seen.services.append(ServiceSeen(node, name[:128], status[:64], _started(item, at), sighting))


def _started(item: Element, at: datetime) -> datetime | None:
    """Return since when a service runs: by how long, which has no time zone; else by the time that is written."""
    up = whole_number(item.value("UpTime"))
    if up is not None and up < _LONGEST_UP:
        return at - timedelta(seconds=up)
    try:
        return datetime.strptime(item.value("StartTime"), "%a %b %d %H:%M:%S %Y").replace(tzinfo=UTC)
    except ValueError:
        return None
