"""Looks at a live cluster: everything that ``CLUSTER.toml`` gives a way to, and nothing but what reads.

Rules:

1. Files, faces and the release need no login; each login adds what it opens. What has no login, or no answer, is noted
   as not seen and never stops the rest.
2. Nodes are asked side by side, one node's interfaces one after another.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from typing import Final

from mixedmode.live.cluster_file import ClusterFile, Node
from mixedmode.live.observed import Observation
from mixedmode.live.sources.faces import look_at_faces
from mixedmode.live.sources.files import BETWEEN, look_at_files
from mixedmode.live.sources.seeing import Seen
from mixedmode.live.sources.uds import look_at_release
from mixedmode.live.wire.clock import SYSTEM, Clock, Pace
from mixedmode.live.wire.tls import Trust

Progress = Callable[[str, int, int], None]
"""Told what is being looked at, how much of it is done, and of how much."""
_SIDE_BY_SIDE: Final = 8


class Part(StrEnum):
    """What can be looked at."""

    RELEASE = "release"
    FILES = "files"
    FACES = "faces"


EVERYTHING: Final = frozenset(Part)


def quiet(_what: str, _done: int, _total: int) -> None:
    """Say nothing."""


def observe(
    cluster: ClusterFile,
    parts: Collection[Part] = EVERYTHING,
    *,
    progress: Progress = quiet,
    clock: Clock = SYSTEM,
) -> Observation:
    """Look at a cluster.

    Args:
        cluster: Its nodes, and who logs in.
        parts: What to look at.
        progress: Is told how it goes.
        clock: Says what time it is.

    Raises:
        MixedModeError: What ``CLUSTER.toml`` names cannot be read; nothing that a node does.
    """
    begun = clock.now()
    trust = _public_trust(cluster)
    pace = Pace(BETWEEN, clock)
    each = [Seen() for _ in cluster.nodes]

    def look(number: int) -> None:
        node, seen = cluster.nodes[number], each[number]
        _look_at_node(node, seen, parts, trust, pace, clock)

    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        for done, _ in enumerate(pool.map(look, range(len(each))), 1):
            progress("nodes", done, len(each))
    seen = Seen()
    for one in each:
        seen.add(one)
    return Observation(
        name_of(cluster),
        begun,
        clock.now(),
        tuple(seen.nodes),
        tuple(seen.files),
        tuple(seen.certificates),
        tuple(seen.faces),
        tuple(seen.services),
        tuple(seen.parameters),
        (),
        tuple(seen.not_seen),
        seen.replication_ok,
    )


def name_of(cluster: ClusterFile) -> str:
    """Return what a cluster is called: as its file, or as its publisher where that says nothing."""
    stem = cluster.path.stem
    return cluster.publisher.name if stem.lower() == "cluster" or not stem else stem


def _look_at_node(
    node: Node, seen: Seen, parts: Collection[Part], trust: Trust | None, pace: Pace, clock: Clock
) -> None:
    if Part.RELEASE in parts:
        look_at_release(node, seen, clock, trust)
    if Part.FILES in parts:
        look_at_files(node, seen, clock, pace)
    if Part.FACES in parts:
        look_at_faces(node, seen, clock)


def _public_trust(cluster: ClusterFile) -> Trust | None:
    """Return how nodes are recognised where nobody logs in; None: not at all, what is public is read of anybody."""
    for login in (cluster.web, cluster.axl):
        if login is not None and login.cacert is not None:
            return Trust.of(login.cacert)
    return None
