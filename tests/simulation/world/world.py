"""A cluster and a change as they are before anybody says which phones there are and what goes wrong.

Many seeds may have the same: then it is made once, and what phones do at it is played once.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache, cached_property, lru_cache

from mixedmode.cluster.model.versions import Version
from mixedmode.cluster.publishing.outlook import Outlook
from mixedmode.errors import MixedModeError
from mixedmode.forecast.cluster.outlooks import foreseen_step, in_force
from mixedmode.forecast.evaluation import Forecaster
from mixedmode.forecast.plan import Plan, Step
from mixedmode.phone.mind.trust.state import PhoneState
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.profiles import Purpose
from mixedmode.pki.signing.digests import DigestAlgorithm
from tests.simulation.world import keys
from tests.simulation.world.changes import Change, changed, newer
from tests.simulation.world.served import LISTS, CallManager, Node, TvsServer, tvs_server
from tests.simulation.world.site import Site

_KEPT = 2
"""Worlds: those of the seeds that are played one after the other."""


@dataclass(frozen=True)
class Made:
    """The clusters after a step that the cluster did not refuse.

    Attributes:
        number: Of the step among all.
        site: The cluster that serves the phones from now on.
        home: The one that they come from, if they have moved; its TVS still answers.
        change: What was done, None for a move and for a backup that was restored.
        when: The time.
    """

    number: int
    site: Site
    home: Site | None
    change: Change | None
    when: datetime


class World:
    """A cluster, what was done to it before, and what is done to it now.

    Args:
        version: The cluster's.
        nodes: How many it has.
        digest: Under its lists.
        ctl: How its CTL was made.
        before: What was done to it before, oldest first.
        steps: What is done, each so many days after the one before.

    Attributes:
        present: The cluster before the change.
        oldest: The cluster before it was worked on at all.
        other: The one that phones may move to.
        foreign: One that phones may come from.
        made: After each step that the cluster does not refuse.
        states: What phones hold, by how they were described.
    """

    def __init__(
        self,
        version: str,
        nodes: int,
        digest: DigestAlgorithm,
        ctl: str,
        before: tuple[tuple[str, ...], ...],
        steps: tuple[tuple[tuple[str, ...], float], ...],
    ) -> None:
        self._version = Version.parse(version)
        ahead = next((int(words[1]) for words, _ in steps if words[0] == "move" and words[1:]), 0)
        self.other = _founded("B", newer(self._version, ahead), 1, digest, ctl)
        self.foreign = _founded("C", self._version, 1, digest, ctl)
        site = self.oldest = _founded("A", self._version, nodes, digest, ctl)
        for words in before:
            change = self._changed(site.later(30), words, self.other)
            site = site if change is None else change.after
        self.present = site.later(30)
        self.made = tuple(self._made(steps))
        self.states: dict[Hashable, PhoneState] = {}
        self._nodes: dict[Hashable, Node] = {}
        self._servers: dict[tuple[int, str], TvsServer] = {}
        self._steps: dict[int, Step] = {}
        self._first: Forecaster | None = None

    @staticmethod
    def _changed(site: Site, words: tuple[str, ...], other: Site) -> Change | None:
        try:
            return changed(site, other, words)
        except MixedModeError:
            return None  # the cluster refuses it

    def _made(self, steps: tuple[tuple[tuple[str, ...], float], ...]) -> Iterator[Made]:
        site, other, home = self.present, self.other, None
        when = keys.BEGIN + timedelta(days=90)
        for number, (words, days) in enumerate(steps):
            when += timedelta(days=days)
            change = None
            later = site.later(days)
            if words[0] == "move":
                site, other, home = other.later(days), site, site
            elif words == ("restore",):
                site = self._restored(later)
            else:
                change = self._changed(later, words, other)
                if change is None:
                    continue
                site = change.after
            yield Made(number, site, home, change, when)

    def _restored(self, site: Site) -> Site:
        """Return a cluster as it was before the change; what it makes from now on is new all the same.

        A backup of another cluster, of another version or of other nodes cannot be restored.
        """
        before, now = self.present.view, site.view
        if site.name != self.present.name or (before.version, before.nodes) != (now.version, now.nodes):
            return site
        outlook = replace(self.present.outlook, now=site.outlook.now, inactive=site.outlook.inactive)
        return replace(site, outlook=outlook).signed()

    @cached_property
    def blanked(self) -> Site:
        """The cluster before the change, prepared for a rollback."""
        return replace(self.present, outlook=self.present.outlook.preparing(rollback=True)).signed()

    @cached_property
    def foreseen(self) -> tuple[Outlook, ...]:
        """The cluster before the change and after each of its operations, as they foresee it."""
        found = [self.present.outlook]
        for made in self.made:
            before = replace(found[-1], now=made.site.outlook.now)
            found.append(_after(before, made.change))
        return tuple(found)

    def forecaster(self, plan: Plan) -> Forecaster:
        """Return the forecaster of a plan; all of a world share what they have decided about equal bytes."""
        self._first = self._first or Forecaster(plan)
        other = self._first.under(plan)
        other.each_step = True
        return other

    def step(self, number: int) -> Step:
        """Return what a cluster is after a step as a step of a plan, without lists; before the change for -1."""
        found = self._steps.get(number)
        if found is None:
            site = self.present if number < 0 else self.made[number].site
            found = self._steps[number] = foreseen_step("", site.outlook, site.outlook)
        return found

    def files(self, number: int, node: int) -> dict[str, bytes]:
        """Return the lists of a node after a step, before the change for -1, as they should be."""
        return files_of(self.present if number < 0 else self.made[number].site, node)

    def node(self, number: int, node: int, tvs: str, http: str | None, files: Mapping[str, bytes]) -> Node:
        """Return all that phones of a node meet after a step, the same for all that meet the same.

        Args:
            number: The step.
            node: Which.
            tvs: Who of TVS answers.
            http: What becomes of files by HTTP.
            files: The lists.
        """
        key = number, node, tvs, http, *(files.get(name) for name in LISTS)
        found = self._nodes.get(key)
        if found is None:
            found = self._nodes[key] = self._node(number, node, tvs, http, files)
        return found

    def _node(self, number: int, node: int, tvs: str, http: str | None, files: Mapping[str, bytes]) -> Node:
        made = self.made[number]
        site = made.site
        servers = {}
        for each in (made.home, site):
            for info in each.view.nodes if each is not None else ():
                silent = tvs == "down" or (tvs == "some" and info.is_publisher)
                if each is not None and not silent:
                    certificate = each.own(info.name, Purpose.TVS)
                    servers[info.name] = self._tvs_server(each, certificate, info.name)
        return Node(
            files,
            site.own(node_name(site, node), Purpose.CALLMANAGER),
            site.outlook.digest,
            CallManager(site.own(site.publisher, Purpose.CALLMANAGER), site.view.mode),
            servers,
            tuple(info.name for info in site.view.nodes),
            http,
            self._old_tvs(made) if tvs == "old" else None,
        )

    def _old_tvs(self, made: Made) -> TvsServer:
        """Return what the servers know that answer under whatever certificate a phone's ITL has."""
        site = made.home or made.site
        return self._tvs_server(site, site.own(site.publisher, Purpose.TVS), site.publisher)

    def _tvs_server(self, site: Site, certificate: Certificate, node: str) -> TvsServer:
        """Return a node's TVS, the same for the phones of every node."""
        found = self._servers.get((id(site), node))
        if found is None:  # the sites of all steps are kept
            found = self._servers[id(site), node] = tvs_server(site.outlook, certificate, node)
        return found


def _after(before: Outlook, change: Change | None) -> Outlook:
    """Return the cluster after a change, as its operations foresee it."""
    if change is None or change.operation is None:
        return before.starting_every_tftp()
    for done in (change.operation, *change.more):
        before = in_force(done, done.foresee(before))
    return before


world_of = lru_cache(maxsize=_KEPT)(World)
"""Return a world, the same one again."""


@cache
def _founded(name: str, version: Version, nodes: int, digest: DigestAlgorithm, ctl: str) -> Site:
    return _with_ctl(Site.founded(name, version, nodes, digest), ctl)


def _with_ctl(site: Site, how: str) -> Site:
    """Return a cluster with a CTL that was made so, without tokens where its version takes none."""
    ways: dict[str, tuple[tuple[str, ...], ...]] = {
        "tokenless": (("mixed",),),
        "token": (("token", "mixed", "0"), ("mixed",)),
    }
    return next((made.after for each in ways.get(how, ()) if (made := changed(site, site, each)) is not None), site)


def node_name(site: Site, node: int) -> str:
    """Return the name of the node that serves files, by number."""
    nodes = site.view.tftp_nodes
    return nodes[node % len(nodes)].name


def files_of(site: Site, node: int) -> dict[str, bytes]:
    """Return the lists of a node, by number."""
    here = node_name(site, node)
    found = {name: site.outlook.files.get((here, name)) for name in LISTS}
    return {name: data for name, data in found.items() if data is not None}
