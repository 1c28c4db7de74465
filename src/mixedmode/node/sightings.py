"""Writes what a node's services have seen of phones into the publisher's database, every two seconds.

Rules:

1. Nobody waits for it: services note, and this writes in a thread, a few hundred devices at a time with a pause between
   them, so that a storm of phones has the processor.
2. What cannot be written now is kept, one entry for each device of the cluster, and written when the database is back.
3. On a node whose publisher's database is out of reach nothing is ever written into its own copy.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from itertools import islice
from threading import Lock
from typing import Any, Final

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.sightings import Seen
from mixedmode.cluster.store.sightings import CHUNK
from mixedmode.errors import MixedModeError
from mixedmode.services.sightings.collector import Sightings

WRITE_SECONDS: Final = 2.0
_PAUSE_SECONDS: Final = 0.02


class SightingWriter:
    """Writes sightings.

    Args:
        cluster: Whose database is written: the publisher's. None: it cannot be.
        pause: Seconds between two transactions.
        trace: Told what was seen, before it is written.

    Attributes:
        seen: Takes what services see.
    """

    def __init__(
        self,
        cluster: Cluster | None,
        pause: float = _PAUSE_SECONDS,
        trace: Callable[[Mapping[str, Seen]], None] = lambda _found: None,
    ) -> None:
        self.seen = Sightings()
        self._cluster = cluster
        self._pause = pause
        self._trace = trace
        self._change: int | None = None
        self._lock = Lock()

    def told(self, note: Mapping[str, Any]) -> None:
        """Take what a worker process has seen."""
        self.seen.add({name: Seen.of(document) for name, document in note.items()})

    async def run(self) -> None:
        """Write now and then, until cancelled."""
        while True:
            await asyncio.sleep(WRITE_SECONDS)
            await asyncio.to_thread(self.write)

    def write(self, *, hurry: bool = False) -> None:
        """Write what there is; what cannot be written is kept (rule 2).

        Args:
            hurry: Leave out the pauses, as when the node stops.
        """
        cluster = self._cluster
        with self._lock:
            found = self.seen.take()
            self._trace(found)
            if cluster is None:
                return
            try:
                change = cluster.last_change()
                if change != self._change:
                    self.seen.known, self._change = cluster.sightings.names(), change
                while found:
                    chunk = dict(islice(found.items(), CHUNK))
                    cluster.sightings.add(chunk)
                    for name in chunk:
                        del found[name]
                    if found and not hurry:
                        time.sleep(self._pause)
            except MixedModeError:
                self.seen.add(found)
