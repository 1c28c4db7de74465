"""A schedule's clusters, step by step, and what phones and forecasts are given of them."""

from __future__ import annotations

import random
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache, cached_property

from mixedmode.cluster.authority.view import TrustView
from mixedmode.cluster.model.topology import SecurityMode
from mixedmode.cluster.model.versions import Version
from mixedmode.cluster.publishing.outlook import Outlook
from mixedmode.errors import MixedModeError
from mixedmode.forecast.cluster.outlooks import foreseen_step, in_force
from mixedmode.forecast.plan import NOBODY, Off, Plan, Published, Step, Tvs
from mixedmode.forecast.vouching import Vouched
from mixedmode.inventory.kinds import PhoneKind, Unexplained
from mixedmode.phone.mind.config import parse_config
from mixedmode.phone.mind.models import get_model
from mixedmode.phone.mind.trust.decisions import ListKind
from mixedmode.phone.mind.trust.state import PhoneState, TrustState
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.profiles import Purpose
from mixedmode.pki.signing.digests import DigestAlgorithm
from mixedmode.trustlist.kinds import CTL_FILE, ITL_FILE
from mixedmode.trustlist.model import TrustList
from tests.simulation.schedule import PhonePlan, Schedule, StepPlan
from tests.simulation.world import keys
from tests.simulation.world.handset import Handset, parsed
from tests.simulation.world.served import LISTS, CallManager, Node, TvsServer, config_text, tvs_server
from tests.simulation.world.site import Change, Site, changed

_KINDS = {ListKind.CTL: CTL_FILE, ListKind.ITL: ITL_FILE}


@dataclass(frozen=True)
class Moment:
    """The clusters after a step.

    Attributes:
        plan: The step.
        site: The cluster that serves the phones from now on.
        home: The one that they come from, if they have moved; its TVS still answers.
        change: What was done, None for a move.
        when: The time.
    """

    plan: StepPlan
    site: Site
    home: Site | None
    change: Change | None
    when: datetime


class History:
    """A schedule's clusters.

    Attributes:
        schedule: The schedule.
        present: The cluster before the change.
        oldest: The cluster before it was worked on at all.
        moments: After each step that the cluster does not refuse.
    """

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        version = Version.parse(schedule.version)
        digest = DigestAlgorithm.SHA512 if schedule.sha512 else DigestAlgorithm.SHA1
        self.other = _founded("B", version, 1, digest, schedule.ctl)
        self.foreign = _founded("C", version, 1, digest, schedule.ctl)
        site = self.oldest = _founded("A", version, schedule.nodes, digest, schedule.ctl)
        for words in schedule.before:
            change = self._changed(site.later(30), words)
            site = site if change is None else change.after
        self.present = site.later(30)
        self.moments = list(self._moments())
        self._nodes: dict[tuple[int, int], Node] = {}
        self._servers: dict[tuple[int, str], TvsServer] = {}
        self._names_off: dict[int, frozenset[str]] = {}
        self._states: dict[Hashable, PhoneState] = {}

    def _changed(self, site: Site, words: tuple[str, ...]) -> Change | None:
        try:
            return changed(site, self.other, words)
        except MixedModeError:
            return None  # the cluster refuses it

    def _moments(self) -> list[Moment]:
        found, site, when = [], self.present, keys.BEGIN + timedelta(days=90)
        for plan in self.schedule.steps:
            when += timedelta(days=plan.days)
            if plan.words == ("move",):
                found.append(Moment(plan, self.other, site, None, when))
                break
            change = self._changed(site.later(plan.days), plan.words)
            if change is not None:
                site = change.after
                found.append(Moment(plan, site, None, change, when))
        return found

    # What phones meet.

    def files(self, number: int, node: int, *, whole: bool = False) -> dict[str, bytes]:
        """Return the lists of a node after a step; before the change for -1; without damage if that is wanted."""
        if number < 0:
            return _files(self.present, node)
        moment = self.moments[number]
        files = _files(moment.site, node)
        kind, _, damage = moment.plan.damage.partition(" ")
        name = f"{kind}File.tlv"
        if damage and name in files and not whole:
            files[name] = _damaged(files[name], damage, files)
        return files

    @property
    def has_half(self) -> bool:
        """Whether phones ever start with lists of before."""
        return any(moment.plan.half for moment in self.moments)

    def half_files(self, number: int, node: int) -> dict[str, bytes]:
        """Return the lists of a node while a step is being published: some of them are those of before still."""
        plan, now, before = self.moments[number].plan, self.files(number, node), self.files(number - 1, node)
        if node < plan.half_from:
            return now
        late = LISTS if plan.half == "both" else (f"{plan.half}File.tlv",)
        mixed = {name: (before if name in late else now).get(name) for name in LISTS}
        return {name: data for name, data in mixed.items() if data is not None}

    def node(self, number: int, node: int) -> Node:
        """Return all that phones of a node meet after a step."""
        found = self._nodes.get((number, node))
        if found is None:
            found = self._nodes[number, node] = self._node(number, node)
        return found

    def _node(self, number: int, node: int) -> Node:
        moment = self.moments[number]
        site = moment.site
        http = {"off": None, "works": ""}.get(self.schedule.http, self.schedule.http)
        servers = {}
        for each in (moment.home, site):
            for info in each.view.nodes if each is not None else ():
                silent = moment.plan.tvs == "down" or (moment.plan.tvs == "some" and info.is_publisher)
                if each is not None and not silent:
                    certificate = each.own(info.name, Purpose.TVS)
                    servers[info.name] = self._tvs_server(each, certificate, info.name)
        return Node(
            self.files(number, node),
            site.own(_node_name(site, node), Purpose.CALLMANAGER),
            site.outlook.digest,
            CallManager(site.own(site.publisher, Purpose.CALLMANAGER), site.view.mode),
            servers,
            tuple(info.name for info in site.view.nodes),
            http,
            self._old_tvs(moment) if moment.plan.tvs == "old" else None,
        )

    def _old_tvs(self, moment: Moment) -> TvsServer:
        """Return what the servers know that answer under whatever certificate a phone's ITL has."""
        site = moment.home or moment.site
        return self._tvs_server(site, site.own(site.publisher, Purpose.TVS), site.publisher)

    def _tvs_server(self, site: Site, certificate: Certificate, node: str) -> TvsServer:
        """Return a node's TVS, the same for the phones of every node."""
        found = self._servers.get((id(site), node))
        if found is None:  # the sites of all moments are kept
            found = self._servers[id(site), node] = tvs_server(site.outlook, certificate, node)
        return found

    # What phones hold.

    def handset(self, plan: PhonePlan) -> Handset:
        """Return a phone as it is before the change."""
        model = get_model(plan.model)
        lsc = self._capf_name(plan)
        phone = Handset(plan.name, model, plan.mode, PhoneState(), lsc)
        if plan.held == "new":
            return phone
        key = plan.held, plan.node, model.asks_itl, phone.alias
        if key not in self._states:
            self._states[key] = self._state(plan, phone)
        phone.state = self._states[key]
        return phone

    def _state(self, plan: PhonePlan, phone: Handset) -> PhoneState:
        ctl, itl, site = self._held(plan)
        names = tuple(info.name for info in site.view.nodes)
        content = config_text(names, "callmanager", phone.mode, phone.protocol)
        config = parse_config(content)
        trust = TrustState(self._list(ctl), self._list(itl) if phone.model.asks_itl else None, config.tvs)
        return PhoneState(trust).with_config(f"{phone.alias}.cnf.xml", content, config)

    def _capf_name(self, plan: PhonePlan) -> str | None:
        """Return the name of the CAPF that issued an LSC, None if the inventory does not say."""
        if not plan.lsc:
            return None
        site = self.oldest if plan.lsc == "own" else self.foreign
        return site.own(site.publisher, Purpose.CAPF).subject

    def _list(self, data: bytes | None) -> TrustList | None:
        found = None if data is None else parsed(data)
        return found if isinstance(found, TrustList) else None

    def _held(self, plan: PhonePlan) -> tuple[bytes | None, bytes | None, Site]:
        now, old, foreign = (
            (files.get(CTL_FILE), files.get(ITL_FILE))
            for files in (
                _files(self.present, plan.node),
                _files(self.oldest, plan.node),
                _files(self.foreign, plan.node),
            )
        )
        present = self.present
        match plan.held:
            case "old":
                return *old, self.oldest
            case "foreign":
                return *foreign, self.foreign
            case "erased" | "new":
                return None, None, present
            case "half-ctl":
                return now[0], old[1], present
            case "half-itl":
                return old[0], now[1], present
            case "no-itl":
                return now[0], None, present
            case "mixed-up":
                return foreign[0], now[1], present
            case "blank" | "blank-alone":
                return (now[0] if plan.held == "blank" else None), _files(self._blanked, plan.node)[ITL_FILE], present
            case _:
                return *now, present

    @cached_property
    def _blanked(self) -> Site:
        return replace(self.present, outlook=self.present.outlook.preparing(rollback=True)).signed()

    # What the forecast is given.

    def kind(self, plan: PhonePlan, phone: Handset) -> PhoneKind:
        """Return what is known of a phone."""
        trust = phone.state.trust
        ctl = Unexplained("ab" * 16) if plan.hidden == "ctl" else trust.ctl
        itl = Unexplained("cd" * 16) if plan.hidden == "itl" else trust.itl
        return PhoneKind(phone.model, phone.model.name, ctl, itl, phone.mode, phone.lsc)

    def off(self, number: int, name: str) -> bool:
        """Return whether a phone is off in a step."""
        return name in self._off(number)

    def _off(self, number: int) -> frozenset[str]:
        share = self.moments[number].plan.off
        if share > 0 and number not in self._names_off:
            chances = (
                (each.name, random.Random(f"{self.schedule.seed} off {number} {each.name}").random())
                for each in self.schedule.phones
            )
            self._names_off[number] = frozenset(name for name, chance in chances if chance < share)
        return self._names_off.get(number, frozenset())

    def plan(self, node: int) -> Plan:
        """Return the change as the lists that a node will have."""
        steps = [self._step(number, node, moment) for number, moment in enumerate(self.moments)]
        return Plan(tuple(steps), present=self._listed(foreseen_step("now", self.present.outlook, None), -1, node))

    def _step(self, number: int, node: int, moment: Moment) -> Step:
        before = moment.site.outlook if moment.home is None else None
        return self._around(self._listed(foreseen_step("", moment.site.outlook, before), number, node), number, moment)

    def _listed(self, step: Step, number: int, node: int) -> Step:
        """Return a step with the lists that a node has then and did not have before."""
        now = self.files(number, node)
        before = {} if number < 0 else self.files(number - 1, node)
        lists = [
            Published(kind, parsed(now[name]))
            for kind, name in _KINDS.items()
            if name in now and now[name] != before.get(name)
        ]
        withdrawn = tuple(kind for kind, name in _KINDS.items() if name in before and name not in now)
        site = self.present if number < 0 else self.moments[number].site
        return replace(
            step, lists=tuple(lists), withdrawn=withdrawn, signer=site.own(_node_name(site, node), Purpose.CALLMANAGER)
        )

    def _around(self, step: Step, number: int, moment: Moment, after: Outlook | None = None) -> Step:
        """Return a step with what is around the lists: who is off, who of TVS answers.

        Args:
            step: The step.
            number: Which.
            moment: The clusters after it.
            after: The cluster after it as it was foreseen, whose new certificates are not yet those that it will have.
        """
        plan = moment.plan
        names = self._off(number)
        servers = step.servers or frozenset()
        vouched = step.vouched
        if plan.tvs == "some":
            servers -= {_publishers_tvs(moment.site.view if after is None else after.view)}
        elsewhere: tuple[tuple[frozenset[bytes], Vouched], ...] = ()
        if moment.home is not None:
            home = foreseen_step("", moment.home.outlook, None)
            silent = {_publishers_tvs(moment.home.view)} if plan.tvs == "some" else frozenset()
            old = (home.servers or frozenset()) - silent
            if (old or plan.tvs == "old") and home.vouched is not None and vouched is not None:
                elsewhere = ((servers, vouched),) if servers else ()
                servers, vouched = old, home.vouched
        return replace(
            step,
            label=" ".join(plan.words),
            off=Off(names) if names else NOBODY,
            tvs=Tvs.OLD if plan.tvs == "old" else Tvs.DOWN if plan.tvs == "down" or not servers else None,
            reset=plan.reset,
            servers=servers or None,
            vouched=vouched,
            elsewhere=elsewhere,
        )

    def foreseen(self) -> Plan | None:
        """Return the change as the operations foresee it, None if it is more than operations."""
        if any(moment.change is None or moment.plan.damage for moment in self.moments):
            return None
        made = [moment.plan.words[0] for moment in self.moments]
        if "regenerate" in made and "token" in made[made.index("regenerate") :]:
            return None  # nobody can sign a list by hand of a certificate that is not made yet
        steps, before = [], self.present.outlook
        for number, moment in enumerate(self.moments):
            after = self._after(before, moment)
            steps.append(self._around(foreseen_step("", after, before), number, moment, after))
            before = after
        return Plan(tuple(steps), present=foreseen_step("now", self.present.outlook, None))

    @staticmethod
    def _after(before: Outlook, moment: Moment) -> Outlook:
        before = replace(before, now=moment.site.outlook.now)
        operation = moment.change.operation if moment.change is not None else None
        return before.starting_every_tftp() if operation is None else in_force(operation, operation.foresee(before))


def _publishers_tvs(view: TrustView) -> bytes:
    return view.certificate(view.publisher.name, Purpose.TVS).der


@cache
def _founded(name: str, version: Version, nodes: int, digest: DigestAlgorithm, ctl: str) -> Site:
    return _with_ctl(Site.founded(name, version, nodes, digest), ctl)


def _with_ctl(site: Site, how: str) -> Site:
    words = {"tokenless": ("mixed",), "token": ("token", "mixed", "0")}.get(how)
    change = changed(site, site, words) if words is not None else None
    return site if change is None else change.after


def _node_name(site: Site, node: int) -> str:
    nodes = site.view.tftp_nodes
    return nodes[node % len(nodes)].name


def _files(site: Site, node: int) -> dict[str, bytes]:
    here = _node_name(site, node)
    found = {name: site.outlook.files.get((here, name)) for name in LISTS}
    return {name: data for name, data in found.items() if data is not None}


def _damaged(data: bytes, how: str, files: Mapping[str, bytes]) -> bytes:
    match how:
        case "cut":
            return data[: len(data) * 2 // 3]
        case "flipped":
            return data[:-9] + bytes([data[-9] ^ 1]) + data[-8:]
        case "other-kind":
            return files[ITL_FILE if data == files.get(CTL_FILE) else CTL_FILE] if len(files) > 1 else data[:99]
        case "large":
            return data + bytes(70_000)
        case _:
            return b""


MIXED = SecurityMode.MIXED
