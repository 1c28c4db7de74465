"""Restarts that nodes do by themselves: each is entered in the audit log, so that who ordered it can wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from mixedmode.cluster.engine.principal import SYSTEM, Principal
from mixedmode.cluster.engine.results import DONE, AuditRecord
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.records import ServiceState
from mixedmode.cluster.model.topology import Service
from mixedmode.control.acts import SERVICE
from mixedmode.control.audit_log import Wanted
from mixedmode.control.door import Control
from mixedmode.errors import MixedModeError

FAILED: Final = "failed"
_RESTARTS: Final = "restarts"
_POLL_SECONDS: Final = 0.5
_ENTRIES: Final = 1000
"""So many of the newest are looked through: more than the nodes of a cluster have services to restart at once."""


async def follow(restart: Awaitable[None], cluster: Cluster | None, state: ServiceState) -> None:
    """Start a service anew as it was noted, and enter what became of it.

    Args:
        restart: Does it.
        cluster: The cluster, as this node changes it; None if it cannot: nobody is told.
        state: What was noted.

    Raises:
        DatabaseError: It cannot be entered now.
    """
    details: dict[str, Any] = {"service": state.service.value, _RESTARTS: state.restarts}
    outcome = DONE
    try:
        await restart
    except MixedModeError as error:
        outcome, details["error"] = FAILED, str(error)
    if cluster is not None:
        who = replace(SYSTEM, node=state.node)
        await asyncio.to_thread(lambda: Control(cluster).note(who, SERVICE, outcome, **details))


@dataclass(frozen=True, slots=True)
class Followed:
    """What a node has told of a restart.

    Attributes:
        done: Whether the service was started anew.
        problem: Why not.
    """

    done: bool
    problem: str = ""


class Following:
    """Waits for nodes to do what was noted for them.

    Args:
        cluster: The cluster, as administrators change it.
        principal: Who ordered it.
    """

    def __init__(self, cluster: Cluster, principal: Principal) -> None:
        self._control, self._principal = Control(cluster), principal
        self._cluster = cluster
        self._ordered: dict[tuple[str, Service], int] = {}
        self._after = 0

    def begin(self) -> None:
        """Take the entries until now as old; to be called before anything is ordered."""
        entries = self._entries()
        self._after = entries[-1].number if entries else 0

    def ordered(self, node: str, service: Service) -> None:
        """Note that a restart was ordered just now."""
        states = self._cluster.services(node)
        self._ordered[node, service] = next(each.restarts for each in states if each.service is service)

    async def told(self, seconds: float) -> Mapping[tuple[str, Service], Followed]:
        """Return what became of what was ordered, once all is told or the time is over; what was not told is left out.

        Args:
            seconds: To wait.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while True:
            found = await asyncio.to_thread(self._found)
            if len(found) == len(self._ordered) or loop.time() >= end:
                return found
            await asyncio.sleep(_POLL_SECONDS)

    def _entries(self) -> Sequence[AuditRecord]:
        return self._control.audit_log(self._principal, Wanted(action=SERVICE.name, last=_ENTRIES))

    def _found(self) -> dict[tuple[str, Service], Followed]:
        found = {}
        for entry in self._entries():
            # What administrators ask for has a longer name.
            if entry.number <= self._after or entry.action != SERVICE.name or entry.node is None:
                continue
            for (node, service), restarts in self._ordered.items():
                told, meant = entry.details.get(_RESTARTS), (entry.node, entry.details.get("service"))
                if meant == (node, service.value) and isinstance(told, int) and told >= restarts:
                    found[node, service] = Followed(entry.outcome == DONE, str(entry.details.get("error", "")))
        return found
