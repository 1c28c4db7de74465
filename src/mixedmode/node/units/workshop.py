"""The units that phones ask most, in the worker processes of ``mixedmode node run``.

A worker reads the cluster for itself and changes nothing: on a subscriber from its copy of the database, as the node's
own process does. What it sees of phones it tells the node's process.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from mixedmode.cluster.facade import Cluster
from mixedmode.node.phone_servers import joined_servers
from mixedmode.node.units.options import NodeOptions
from mixedmode.node.units.phone_units import PhoneUnits
from mixedmode.services.net.server_tls import TlsFloor
from mixedmode.services.net.service import Service
from mixedmode.services.sightings.collector import Sightings
from mixedmode.services.workers.workshop import Workshop, worker_count

if TYPE_CHECKING:
    from mixedmode.node.host.settings import Settings

_NOTED: Final = 200
"""Devices in one piece of what was seen: far below what one line may hold."""


def node_options(settings: Settings) -> NodeOptions:
    """Return how a node runs by its settings."""
    return NodeOptions(
        settings.ports,
        floor=TlsFloor(settings.tls.floor),
        host=settings.node.listen,
        remote=settings.node.role != "publisher",
        rules=settings.files.map,
        workers=worker_count(settings.node.workers),
        probes=settings.metrics.allow,
    )


class NodeWorkshop(Workshop):
    """A node's.

    Args:
        settings: Of the node, as JSON has them.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        self._settings = settings
        self._cluster: Cluster
        self._units: PhoneUnits
        self._seen: Sightings | None = None
        """None before it is opened."""

    def open(self) -> None:
        """Open the cluster for reading.

        Raises:
            NotFoundError: There is none.
            DatabaseError: The database cannot be used.
        """
        from mixedmode.node.host.settings import Settings

        settings = Settings(**self._settings)
        options = node_options(settings)
        url = settings.database.url or None
        self._cluster = Cluster.attach(settings.node.directory, database_url=url, writes=False)
        info = self._cluster.node(settings.node.name)
        self._seen = Sightings()
        locate = partial(joined_servers, self._cluster, options)
        self._units = PhoneUnits(self._cluster, info, locate, options, shared=True, seen=self._seen)

    def service(self, unit: str, port: int) -> Service:
        """Return a unit's service, not started yet."""
        return self._units.service(unit, port)

    def refresh(self) -> None:
        """Forget configurations that were built: the cluster has changed."""
        self._units.configs.forget()

    def noted(self) -> Iterator[Any]:
        """Yield what was seen of phones, to be written by the node's own process."""
        while self._seen is not None and (found := self._seen.take(_NOTED)):
            yield {name: seen.document() for name, seen in found.items()}

    def close(self) -> None:
        """Close the database."""
        self._cluster.close()
