"""A schedule's clusters, step by step, and what phones and forecasts are given of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from itertools import pairwise
from typing import Any

from mixedmode.cluster.authority.view import TrustView
from mixedmode.cluster.publishing.outlook import Outlook
from mixedmode.forecast.cluster.outlooks import foreseen_step
from mixedmode.forecast.plan import NOBODY, Off, Plan, Published, Step, Tvs
from mixedmode.forecast.vouching import Vouched
from mixedmode.inventory.kinds import PhoneKind, Unexplained
from mixedmode.phone.mind.config import parse_config
from mixedmode.phone.mind.models import PhoneModel, get_model
from mixedmode.phone.mind.trust.decisions import ListKind
from mixedmode.phone.mind.trust.state import PhoneState, TrustState
from mixedmode.pki.certificates.profiles import Purpose
from mixedmode.pki.signing.digests import DigestAlgorithm
from mixedmode.trustlist.kinds import CTL_FILE, ITL_FILE
from mixedmode.trustlist.model import TrustList
from tests.simulation.schedule import PhonePlan, Schedule, StepPlan
from tests.simulation.world.chance import chances_of
from tests.simulation.world.changes import Change
from tests.simulation.world.damage import damaged
from tests.simulation.world.handset import Handset, parsed
from tests.simulation.world.served import LISTS, Node, config_text
from tests.simulation.world.site import Site
from tests.simulation.world.world import files_of, node_name, world_of

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
        world: The clusters, as they are before anything goes wrong.
        moments: After each step that the cluster does not refuse.
    """

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.world = world_of(
            schedule.version,
            schedule.nodes,
            DigestAlgorithm.SHA512 if schedule.sha512 else DigestAlgorithm.SHA1,
            schedule.ctl,
            schedule.before,
            tuple((each.words, each.days) for each in schedule.steps),
        )
        self.moments = [
            Moment(schedule.steps[made.number], made.site, made.home, made.change, made.when)
            for made in self.world.made
        ]
        self._http = {"off": None, "works": ""}.get(schedule.http, schedule.http)
        self._names_off: dict[int, frozenset[str]] = {}
        self._nodes: dict[tuple[int, int], Node] = {}

    # What phones meet.

    def files(self, number: int, node: int, *, whole: bool = False) -> dict[str, bytes]:
        """Return the lists of a node after a step; before the change for -1; without damage if that is wanted."""
        files = self.world.files(number, node)
        if number < 0 or whole:
            return files
        plan = self.moments[number].plan
        kind, _, damage = plan.damage.partition(" ")
        name = f"{kind}File.tlv"
        if damage and name in files and node >= plan.damage_from:
            files[name] = damaged(name, damage, files, lambda: self.files(number - 1, node))
        return files

    @property
    def has_half(self) -> bool:
        """Whether phones ever start with lists of before."""
        return any(moment.plan.half for moment in self.moments)

    def half(self, number: int, node: int) -> Node:
        """Return all that phones of a node meet while a step is being published: some lists are those of before."""
        plan, now, before = self.moments[number].plan, self.files(number, node), self.files(number - 1, node)
        if node >= plan.half_from:
            late = LISTS if plan.half == "both" else (f"{plan.half}File.tlv",)
            mixed = {name: (before if name in late else now).get(name) for name in LISTS}
            now = {name: data for name, data in mixed.items() if data is not None}
        return self.world.node(number, node, plan.tvs, self._http, now)

    def node(self, number: int, node: int) -> Node:
        """Return all that phones of a node meet after a step."""
        found = self._nodes.get((number, node))
        if found is None:
            tvs, files = self.moments[number].plan.tvs, self.files(number, node)
            found = self._nodes[number, node] = self.world.node(number, node, tvs, self._http, files)
        return found

    # What phones hold.

    def handset(self, plan: PhonePlan) -> Handset:
        """Return a phone as it is before the change."""
        model = _with_load(get_model(plan.model), old=plan.old_load)
        lsc = self._capf_name(plan)
        phone = Handset(plan.name, model, plan.mode, PhoneState(), lsc)
        if plan.held == "new":
            return phone
        key, states = (plan.held, plan.node, model.asks_itl, phone.alias), self.world.states
        if key not in states:
            states[key] = self._state(plan, phone)
        phone.state = states[key]
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
        site = self.world.oldest if plan.lsc == "own" else self.world.foreign
        return site.own(site.publisher, Purpose.CAPF).subject

    def _list(self, data: bytes | None) -> TrustList | None:
        found = None if data is None else parsed(data)
        return found if isinstance(found, TrustList) else None

    def _held(self, plan: PhonePlan) -> tuple[bytes | None, bytes | None, Site]:
        world = self.world
        now, old, foreign = (
            (files.get(CTL_FILE), files.get(ITL_FILE))
            for files in (files_of(each, plan.node) for each in (world.present, world.oldest, world.foreign))
        )
        present = world.present
        match plan.held:
            case "old":
                return *old, world.oldest
            case "foreign":
                return *foreign, world.foreign
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
                return (now[0] if plan.held == "blank" else None), files_of(world.blanked, plan.node)[ITL_FILE], present
            case _:
                return *now, present

    # What the forecast is given.

    def kind(self, plan: PhonePlan, phone: Handset) -> PhoneKind:
        """Return what is known of a phone."""
        trust = phone.state.trust
        ctl = Unexplained("ab" * 16) if plan.hidden == "ctl" else trust.ctl
        itl = Unexplained("cd" * 16) if plan.hidden == "itl" else trust.itl
        return PhoneKind(get_model(plan.model), plan.model, ctl, itl, phone.mode, phone.lsc)

    def off(self, number: int, name: str) -> bool:
        """Return whether a phone is off in a step."""
        return name in self._off(number)

    def _off(self, number: int) -> frozenset[str]:
        if number not in self._names_off:
            phones, share = self.schedule.phones, self.moments[number].plan.off
            lots = {
                office: f"{self.schedule.seed} off {number} {office}" for office in {each.office for each in phones}
            }
            gone = {office for office, lot in lots.items() if share > 0 and chances_of(lot)[0] < share}
            self._names_off[number] = frozenset(
                each.name for each in phones if each.office in gone or each.is_away(number)
            )
        return self._names_off[number]

    def plan(self, node: int) -> Plan:
        """Return the change as the lists that a node will have."""
        steps = [self._step(number, node, moment) for number, moment in enumerate(self.moments)]
        return Plan(tuple(steps), present=self._listed(-1, node))

    def is_served_as_foreseen(self, plan: Plan, kind: PhoneKind, node: int) -> bool:
        """Return whether a phone gets its files where forecasts of a cluster take it to: where its ITL is from.

        Args:
            plan: The change as the operations foresee it.
            kind: What is known of the phone.
            node: Where it gets its files, by number.
        """
        wanted = plan.node_of(kind.itl)
        sites = (self.world.present, *(moment.site for moment in self.moments))
        return all(
            node_name(site, node) == (wanted if wanted in [each.name for each in site.view.nodes] else site.publisher)
            for site in sites
        )

    def _step(self, number: int, node: int, moment: Moment) -> Step:
        return self._around(self._listed(number, node), number, moment)

    def _listed(self, number: int, node: int) -> Step:
        """Return a step with the lists that a node has then and did not have before."""
        now = self.files(number, node)
        before = {} if number < 0 else self.files(number - 1, node)
        lists = [
            Published(kind, parsed(now[name]))
            for kind, name in _KINDS.items()
            if name in now and now[name] != before.get(name)
        ]
        withdrawn = tuple(kind for kind, name in _KINDS.items() if name in before and name not in now)
        site = self.world.present if number < 0 else self.moments[number].site
        signer = site.own(node_name(site, node), Purpose.CALLMANAGER)
        return replace(self.world.step(number), lists=tuple(lists), withdrawn=withdrawn, signer=signer, nodes=())

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
            servers=servers or step.servers,
            vouched=vouched,
            elsewhere=elsewhere,
        )

    def foreseen(self) -> Plan | None:
        """Return the change as the operations foresee it, None if it is more than operations."""
        if any(moment.change is None or moment.plan.damage for moment in self.moments):
            return None
        made = [moment.plan.words[0] for moment in self.moments]
        making = next((number for number, word in enumerate(made) if word in {"regenerate", "switch"}), len(made))
        if "token" in made[making:]:
            return None  # nobody can sign a list by hand of a certificate that is not made yet
        outlooks = self.world.foreseen
        steps = [
            self._around(foreseen_step("", after, before), number, moment, after)
            for number, (moment, (before, after)) in enumerate(zip(self.moments, pairwise(outlooks), strict=True))
        ]
        return Plan(tuple(steps), present=foreseen_step("now", outlooks[0], None))


_UNSURE = ("security_by_default", "sha512", "http_first")


@cache
def _with_load(model: PhoneModel, *, old: bool) -> PhoneModel:
    turned: dict[str, Any] = {each: not getattr(model, each) for each in _UNSURE if each in model.unknown and old}
    return replace(model, **turned) if turned else model


def _publishers_tvs(view: TrustView) -> bytes:
    return view.certificate(view.publisher.name, Purpose.TVS).der
