"""One phone of the simulation: its start, and how it registers, by the code that ships."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache, lru_cache
from operator import itemgetter
from typing import Final

from mixedmode.phone.mind.boot import Boot
from mixedmode.phone.mind.models import PhoneModel
from mixedmode.phone.mind.outcome import BootOutcome
from mixedmode.phone.mind.requests import AskTvs
from mixedmode.phone.mind.transports import Transport
from mixedmode.phone.mind.trust.asking import tvs_requests
from mixedmode.phone.mind.trust.decisions import ListKind, NeedTvs, Voucher
from mixedmode.phone.mind.trust.lookup import remembering, tvs_hosts
from mixedmode.phone.mind.trust.policy import read_file, read_list
from mixedmode.phone.mind.trust.registration_trust import judge_server, ways_to_register
from mixedmode.phone.mind.trust.remembering import RememberingPolicy
from mixedmode.phone.mind.trust.state import PhoneState
from mixedmode.protocols.sccp.registration.admission import Security, SecurityMode
from mixedmode.protocols.sccp.registration.phone_events import PhoneFacts
from mixedmode.protocols.tftp import FailureReason
from mixedmode.protocols.tftp.client import Failure
from mixedmode.signedfile import SignedFile
from mixedmode.trustlist.model import TrustList
from tests.simulation import oracle
from tests.simulation.world import course
from tests.simulation.world.course import Answer, Point, Trail, Walk, root
from tests.simulation.world.network import Booting, Fetched, Look, Weather, calm, carried_by, rough
from tests.simulation.world.served import Node

_ABILITIES: Final = ("security_by_default", "signed_config", "http_first", "sha512")
"""Of a model, what decides how its phones start; of what it speaks, its configuration tells."""
_holds = remembering(size=1 << 13)


class Policy(RememberingPolicy):
    """The trust rules as forecasts have them: they read equal bytes, check equal signatures and judge equals once."""

    __slots__ = ()

    def read_list(self, data: bytes) -> TrustList | bytes:
        """Return the list of these bytes, or the bytes if they are none."""
        return parsed(data)

    def read_file(self, data: bytes) -> SignedFile | bytes:
        """Return the signed file of these bytes, or the bytes if they are none."""
        return _parsed_file(data)


parsed = lru_cache(maxsize=2048)(read_list)
_parsed_file = lru_cache(maxsize=2048)(read_file)


_policies: dict[tuple[bool, ...], Policy] = {}


@cache
def policy_of(model: PhoneModel) -> Policy:
    """Return the trust rules of a model, the same for models that can do the same."""
    able = tuple(getattr(model, each) for each in _ABILITIES)
    return _policies.setdefault(able, Policy(model, None, _holds))


def forget() -> None:
    """Forget how phones start and what they decide: other worlds have other lists."""
    course.forget()
    _policies.clear()
    policy_of.cache_clear()


@cache
def alias(_name: str, mode: int, protocol: str) -> str:
    """Return the name under which a phone starts, which none has: that of all whose configuration says the same."""
    return f"SEP0022FF0000{mode:X}{protocol == 'SIP':X}"


@dataclass(slots=True)
class Handset:
    """A phone.

    Attributes:
        name: Its name.
        model: What it can do.
        mode: Its ``deviceSecurityMode``.
        state: What it holds.
        alias: The name under which it starts: no server and no phone looks into a name, so equal files have one.
        lsc: The name of the CAPF that issued its LSC, as far as that is known: its certificate is gone where no list
            names it any more.
        reached: How far its last start came, if that was shared.
    """

    name: str
    model: PhoneModel
    mode: int
    state: PhoneState
    lsc: str | None = None
    alias: str = field(init=False)
    reached: Point | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.alias = alias(self.name, self.mode, self.protocol)

    @property
    def protocol(self) -> str:
        """What it speaks."""
        return "SIP" if self.model.sip_only else "SCCP"

    @property
    def is_of_two_clusters(self) -> bool:
        """Whether its configuration names the TVS servers of another cluster than its ITL: then it asks none."""
        hosts, trust = tvs_hosts(self.state.trust.itl), self.state.trust
        return bool(hosts and trust.tvs_servers) and hosts.keys().isdisjoint(
            each.address.lower() for each in trust.tvs_servers
        )

    def copy(self, name: str = "") -> Handset:
        """Return another phone that holds the same, under another name if there is one."""
        return Handset(name or self.name, self.model, self.mode, self.state, self.lsc)

    def booting(self, node: Node, now: datetime) -> Booting:
        """Start: yields the names of files that TFTP shall bring, returns how it went.

        What it has accepted is kept at once, so that it is there when the start breaks off. It goes where others went
        that differ in nothing that decides, as far as they are told the same.
        """
        before = self.state
        walk = Walk(self._root(node, now), self._beginning(node), now)
        point = self.reached = walk.point
        while not isinstance(point.request, BootOutcome):
            request = point.request
            if isinstance(request, AskTvs):
                point = walk.on(node.ask(request.requests))
            elif request.transport is Transport.HTTP:
                point = walk.on(self._by_http(request.name, node))
            else:
                fetched = yield request.name
                point = walk.on(None if _is_missing(fetched) else fetched)
            self.state, self.reached = _kept(before, point.state), point
        return point.request

    def _root(self, node: Node, now: datetime) -> Point:
        """Return where it begins, by all that a start depends on."""
        state, model = self.state, self.model
        http = model.http_first and node.http is not None
        able = model.security_by_default, model.signed_config, http, model.sha512
        told = state.tvs_cache and (state.tvs_cache, now)
        kind = able, self.alias, state.trust.key, state.config_name, state.config, state.ask_encrypted, told
        return root(kind, self._beginning(node))

    def _beginning(self, node: Node) -> Callable[[], Boot]:
        name, model, state, http = self.alias, self.model, self.state, node.http is not None
        return lambda: Boot(name, policy_of(model), state, http=http)

    def _by_http(self, name: str, node: Node) -> Answer:
        if node.http:
            return "no HTTP", node.http
        return node.file(name, self.mode, self.protocol)

    def comes_to(self, point: Point) -> BootOutcome | None:
        """Start, and come as far as others came; returns None if that is not the end."""
        self.state, self.reached = _kept(self.state, point.state), point
        return point.request if isinstance(point.request, BootOutcome) else None

    def trail(self, node: Node, now: datetime) -> Trail:
        """Return how far it comes over a network where nothing goes wrong, and after how many seconds."""
        begin = self._root(node, now)
        found = node.trails.get((begin, now))
        if found is None:
            found = node.trails[begin, now] = self.trail_of_its_own(node, now)
        return found

    def trail_of_its_own(self, node: Node, now: datetime) -> Trail:
        """Return the same without what others found out."""
        twin, after = self.copy(), 0.0
        found: list[tuple[float, Point]] = []

        def reaches() -> None:
            assert twin.reached is not None
            found.append((after, twin.reached))

        def carry(content: bytes | None) -> tuple[Fetched, float]:
            nonlocal after
            reaches()
            fetched, took = calm(content)
            after += took
            return fetched, took

        carried_by(carry, twin.booting(node, now), twin._look(node))
        reaches()
        return tuple(found)

    def comes_in(self, weather: Weather, lot: str, node: Node, now: datetime, crash: float) -> Point:
        """Return how far it would come over a network with a weather, by fates that were played packet by packet."""
        twin = self.copy()
        carried_by(rough(weather, lot), twin.booting(node, now), self._look(node), crash)
        assert twin.reached is not None
        return twin.reached

    def _look(self, node: Node) -> Look:
        return lambda name: node.file(name, self.mode, self.protocol)

    def starts(self, node: Node, now: datetime) -> BootOutcome:
        """Start over a network where nothing goes wrong."""
        outcome = self.comes_to(self.trail(node, now)[-1][1])
        assert outcome is not None
        return outcome

    def starts_by_itself(self, node: Node, now: datetime) -> BootOutcome:
        """Start the same way, not where others went before: at each question it holds what it took by then."""
        outcome = carried_by(calm, self.booting(node, now), self._look(node))
        assert outcome is not None
        return outcome

    def registers(self, node: Node, now: datetime) -> bool:
        """Return whether it registers in its security mode, and with a CallManager that it trusts."""
        config = self.state.config_in_force()
        mode = (config.device_security_mode if config is not None else None) or 1
        if self.mode <= 1:
            return True
        return any(self._registers(node, now, secure=secure) for secure in ways_to_register(mode, self.state.trust))

    def _registers(self, node: Node, now: datetime, *, secure: bool) -> bool:
        if secure and self.lsc is not None and not self._lsc_holds(node, self.lsc):
            return False
        if secure and not self._trusts(node, now):
            return False
        security = Security(secure, secure, self.alias if secure else None)
        if self.model.sip_only:
            mixed = SecurityMode(self.mode) if node.call_manager.mode else SecurityMode.NON_SECURE
            return security.suits(self.alias, mixed)
        facts = PhoneFacts(self.alias, self.model.device_type or 0)
        return node.call_manager.registers(facts, security, self.mode)

    def _lsc_holds(self, node: Node, issuer: str) -> bool:
        """Return whether a published list names this CAPF; a broken one says what the old one did."""
        if not node.files:
            return True
        for kind in ListKind:
            found, held = oracle.read(node.files.get(kind.filename, b"")), self.state.trust.held(kind)
            if found is None or not found.whole:
                found = None if held is None else oracle.read(held.data)
            if found is not None and oracle.names_capf(found, issuer):
                return True
        return False

    def _trusts(self, node: Node, now: datetime) -> bool:
        policy, trust = policy_of(self.model), self.state.trust
        certificate = node.call_manager.certificate
        verdict = judge_server(policy, trust, certificate)
        while isinstance(verdict, NeedTvs):
            answer = self.state.remembered(verdict.question, now)
            if answer is None:
                answer = node.ask(tvs_requests(self.name, self.model, trust, verdict.question))
                self.state = self.state.remembering(verdict.question, answer, now)
            verdict = judge_server(policy, trust, certificate, answer)
        return not verdict.refused


def how_far(trail: Trail, crash: float) -> Point:
    """Return where a phone is on its way when it loses its power, after so many seconds."""
    return trail[bisect_left(trail, crash, key=itemgetter(0)) - 1][1]


def _kept(before: PhoneState, after: PhoneState) -> PhoneState:
    """Return what a phone holds after a start in which another one, with other backups, held as much."""
    was, now = before.trust, after.trust
    ctl = before.ctl_backup if was.ctl == now.ctl else after.ctl_backup
    itl = before.itl_backup if was.itl == now.itl else after.itl_backup
    if (ctl, itl) == (after.ctl_backup, after.itl_backup):
        return after
    return replace(after, ctl_backup=ctl, itl_backup=itl)


def _is_missing(fetched: Fetched) -> bool:
    return isinstance(fetched, Failure) and fetched.reason is FailureReason.NOT_FOUND


def by_tvs(outcome: BootOutcome) -> bool:
    """Return whether a phone took anything because TVS vouched for it."""
    return any(each is not None and each.voucher is Voucher.TVS for each in outcome.decisions.values())


def took_all(outcome: BootOutcome) -> bool:
    """Return whether a phone refused nothing and got everything."""
    for each in outcome.decisions.values():  # noqa: SIM110 - asked for every phone and step
        if each is None or each.refused:
            return False
    return True
