"""What phones are offered now and who answers them; each kind of phone is judged once in it.

Rules (docs/specification/forecast.md 2 and 5):

1. A phone is judged as it is, not as it would be after a restart: who would take a newer list when restarted is behind.
2. Phones ask the TVS of the nodes of their device pool's CallManager group, where it runs; nobody else's.
3. What was judged holds as long as nothing that decides has changed (:attr:`World.mark`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from mixedmode.cluster.model.topology import Service
from mixedmode.cluster.publishing.looking import outlook
from mixedmode.cluster.store.schema import CallManagerGroupMember, DevicePool, ProcessNode
from mixedmode.faces.web.standing.words import next_step, reason
from mixedmode.forecast.cluster.outlooks import foreseen_step
from mixedmode.forecast.evaluation import Forecast, Forecaster
from mixedmode.forecast.plan import Plan, Step, Tvs
from mixedmode.inventory.kinds import held_text
from mixedmode.pki.certificates.purposes import Purpose

if TYPE_CHECKING:
    from mixedmode.cluster.facade import Cluster
    from mixedmode.cluster.publishing.outlook import Outlook
    from mixedmode.inventory.kinds import PhoneKind
    from mixedmode.phone.mind.fate.prospect import Fate

_LABEL: Final = "as it is"


@dataclass(frozen=True, slots=True)
class State:
    """How phones of one kind stand.

    Attributes:
        kind: What is known of them, with their device pool.
        forecast: What was decided, and why.
        servers: The nodes whose TVS they may ask and where it runs.
        silent: Those that they may ask and where it does not run.
        reason: Why, in a sentence for people.
        next_step: What to do; empty if nothing.
    """

    kind: PhoneKind
    forecast: Forecast
    servers: tuple[str, ...]
    silent: tuple[str, ...]
    reason: str
    next_step: str

    @property
    def outcome(self) -> Fate:
        """In a word."""
        return self.forecast.outcome


class World:
    """What decides about phones, at one moment.

    Args:
        cluster: To be read.

    Attributes:
        outlook: The cluster's lists and certificates.
        step: What the servers have.
        mark: Another one when anything that decides is.
    """

    def __init__(self, cluster: Cluster) -> None:
        self.outlook = outlook(cluster)
        self.step = replace(foreseen_step(_LABEL, self.outlook, None), reset=False)
        self._groups = _groups(cluster)
        running = {each.node for each in cluster.services() if each.service is Service.TVS and each.started}
        self._running = frozenset(running)
        self._tvs = {
            node: certificate.der
            for (node, unit), certificate in self.outlook.view.own.items()
            if unit == Purpose.TVS.value
        }
        self.mark = _mark(self.outlook, self._groups, self._running)
        self._forecasters: dict[tuple[frozenset[bytes], bool], Forecaster] = {}

    @property
    def published(self) -> dict[str, str]:
        """SHA-256 of the lists that phones are offered, by kind."""
        return {
            each.kind.value: held_text(each.file) or "" for each in self.step.lists if not isinstance(each.file, bytes)
        }

    @property
    def offered(self) -> dict[str, frozenset[str]]:
        """SHA-256 of the lists that any node offers to its phones, by kind."""
        found: dict[str, set[str]] = {}
        for lists in (self.step.lists, *(node.lists for node in self.step.nodes)):
            for each in lists:
                if not isinstance(each.file, bytes):
                    found.setdefault(each.kind.value, set()).add(each.file.sha256)
        return {kind: frozenset(some) for kind, some in found.items()}

    def asked(self, pool: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the nodes whose TVS phones of a pool may ask: where it runs, and where it does not."""
        nodes = self._groups.get(pool, ())
        return tuple(n for n in nodes if n in self._running), tuple(n for n in nodes if n not in self._running)

    def state(self, kind: PhoneKind) -> State:
        """Return how phones of a kind stand."""
        servers, silent = self.asked(kind.pool)
        forecaster = self._forecaster(servers, silent)
        forecast = forecaster.of(replace(kind, pool=""))
        return State(
            kind,
            forecast,
            servers,
            silent,
            reason(forecast, silent if not servers else ()),
            next_step(forecaster, forecast, silent if not servers else ()),
        )

    def _forecaster(self, servers: Iterable[str], silent: Iterable[str]) -> Forecaster:
        up = frozenset(self._tvs[node] for node in servers if node in self._tvs)
        reachable = up or frozenset(self._tvs[node] for node in silent if node in self._tvs)
        key = (reachable, bool(up))
        found = self._forecasters.get(key)
        if found is None:
            step: Step = replace(self.step, servers=reachable, tvs=Tvs.UP if up else Tvs.DOWN)
            found = self._forecasters[key] = Forecaster(Plan((step,)), now=self.outlook.now)
        return found


def _groups(cluster: Cluster) -> Mapping[str, tuple[str, ...]]:
    """Return the nodes of each device pool's CallManager group, in order."""
    query = (
        select(DevicePool.name, ProcessNode.name)
        .join(CallManagerGroupMember, CallManagerGroupMember.fkcallmanagergroup == DevicePool.fkcallmanagergroup)
        .join(ProcessNode, ProcessNode.id == CallManagerGroupMember.fkprocessnode)
        .order_by(DevicePool.name, CallManagerGroupMember.priority)
    )
    found: dict[str, tuple[str, ...]] = {}
    with cluster.database.read() as session:
        for pool, node in session.execute(query):
            found[pool] = (*found.get(pool, ()), node)
    return found


def _mark(now: Outlook, groups: Mapping[str, tuple[str, ...]], running: frozenset[str]) -> str:
    view = now.view
    parts: list[object] = [view.mode.name, view.version.text, now.digest.name, sorted(running), sorted(groups.items())]
    parts += [(key, hashlib.sha256(data).hexdigest()) for key, data in sorted(now.files.items())]
    parts += [(key, each.sha256) for key, each in sorted(view.own.items())]
    parts += [(store, sorted(each.sha256 for each in found)) for store, found in sorted(now.trust.items())]
    # An end of validity that passes decides too.
    parts.append(sum(each.not_after < now.now for each in view.own.values()))
    return hashlib.sha256(repr(parts).encode()).hexdigest()
