"""What a node tells its pages of itself, for metrics and probes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mixedmode.cluster.facade import Cluster
    from mixedmode.services.net.supervisor import UnitStatus

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Vitals:
    """What a node tells.

    Attributes:
        units: Its units, as they are now.
        collect: Yields their metrics.
        networks: Who may ask without a sign-in, beside loopback.
        own: The cluster as the node's own copy of the database has it; None if it has none.
    """

    units: Callable[[], Iterable[UnitStatus]] = tuple
    collect: Callable[[], Iterable[Any]] = tuple
    networks: tuple[Network, ...] = ()
    own: Cluster | None = None
