"""The lists and signed files that each node serves: by HTTP on 6970, by TFTP where that does not answer (6.2, 6.3).

Rules:

1. 404 is an answer: the node has no such file. 503 is none: the node asks other clusters, so TFTP is asked.
2. Ten files a second, all nodes together.
"""

from __future__ import annotations

from contextlib import closing
from typing import Final

from mixedmode.errors import MixedModeError, RemoteError
from mixedmode.live.allowed.requests import Place
from mixedmode.live.cluster_file import Node
from mixedmode.live.observed import FileSeen, Sighting, Source
from mixedmode.live.sources.seeing import Seen, reason
from mixedmode.live.wire.clock import Clock, Pace
from mixedmode.live.wire.https import Web
from mixedmode.live.wire.tftp import read_tftp

FILES: Final = ("CTLFile.tlv", "ITLFile.tlv", "XMLDefault.cnf.xml.sgn", "ConfigFileCacheList.txt")
BETWEEN: Final = 0.1
"""Seconds between two files."""
LARGEST: Final = 2048 << 10
"""Bytes; phones take no more either."""
_FOUND, _ABSENT = 200, 404
_SECONDS: Final = 15.0


def look_at_files(node: Node, seen: Seen, clock: Clock, pace: Pace, names: tuple[str, ...] = FILES) -> None:
    """Add what a node serves, and what it serves not.

    Args:
        node: To be asked.
        seen: To be added to.
        clock: Says when.
        pace: Keeps requests apart.
        names: Of the files.
    """
    silent: str | None = None
    with closing(Web(Place.LISTS, node.address, node.ports["http"], tls=False, seconds=_SECONDS)) as web:
        for name in names:
            pace.wait()
            if silent is None:
                try:
                    data = _by_http(web, name)
                    where = f"http://{web.where}/{name}"
                    seen.files.append(FileSeen(node.name, name, data, Sighting(Source.HTTP, clock.now(), where)))
                    continue
                except MixedModeError as error:
                    why = reason(error)
                    if error.code in {"unreachable", "timeout"}:
                        silent = why
            else:
                why = silent
            try:
                data = read_tftp(node.address, node.ports["tftp"], name)
            except MixedModeError as error:
                seen.missing(name, node.name, f"HTTP: {why}; TFTP: {reason(error)}")
                if silent is not None and error.code in {"unreachable", "timeout"}:
                    for other in names[names.index(name) + 1 :]:
                        seen.missing(other, node.name, f"HTTP: {why}; TFTP: {reason(error)}")
                    return
                continue
            where = f"tftp://{node.address}:{node.ports['tftp']}/{name}"
            seen.files.append(FileSeen(node.name, name, data, Sighting(Source.TFTP, clock.now(), where)))


def _by_http(web: Web, name: str) -> bytes | None:
    response = web.get(f"/{name}", limit=LARGEST)
    if response.status == _FOUND:
        return response.body
    if response.status == _ABSENT:
        return None
    raise RemoteError(f"HTTP status {response.status}", where=web.where, code="status")
