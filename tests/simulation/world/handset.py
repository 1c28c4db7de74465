"""One phone of the simulation: its start, and how it registers, by the code that ships."""

from __future__ import annotations

import math
import random
from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache, lru_cache
from typing import Final

from mixedmode.phone.mind.boot import Boot
from mixedmode.phone.mind.models import PhoneModel, get_model
from mixedmode.phone.mind.outcome import BootOutcome
from mixedmode.phone.mind.requests import AskTvs
from mixedmode.phone.mind.transports import Transport
from mixedmode.phone.mind.trust.asking import tvs_requests
from mixedmode.phone.mind.trust.decisions import ListKind, NeedTvs, Voucher
from mixedmode.phone.mind.trust.lookup import remembering
from mixedmode.phone.mind.trust.policy import read_file, read_list
from mixedmode.phone.mind.trust.registration_trust import judge_server, ways_to_register
from mixedmode.phone.mind.trust.remembering import RememberingPolicy
from mixedmode.phone.mind.trust.state import PhoneState
from mixedmode.pki.signing.digests import DigestAlgorithm
from mixedmode.protocols.sccp.registration.admission import Security, SecurityMode
from mixedmode.protocols.sccp.registration.phone_events import PhoneFacts
from mixedmode.protocols.tftp import FailureReason
from mixedmode.protocols.tftp.client import Failure
from mixedmode.signedfile import SignedFile
from mixedmode.trustlist.model import TrustList
from tests.simulation import oracle
from tests.simulation.world.network import Booting, Fetched, Look, Weather, calm, carried_by, rough
from tests.simulation.world.served import Node

_ABILITIES: Final = ("security_by_default", "signed_config", "http_first", "sha512")
"""Of a model, what decides how its phones start; of what it speaks, its configuration tells."""
_holds = remembering(size=1 << 15)


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
def policy_of(model: str) -> Policy:
    """Return the trust rules of a model, the same for models that can do the same."""
    found = get_model(model)
    able = tuple(getattr(found, each) for each in _ABILITIES)
    return _policies.setdefault(able, Policy(found, None, _holds))


@cache
def alias(_name: str, mode: int, protocol: str) -> str:
    """Return the name under which a phone starts: that of all whose configuration says the same."""
    return f"SEP0022000000{mode:X}{protocol == 'SIP':X}"


@dataclass(slots=True, eq=False)
class Point:
    """How far the start of phones came that differ in nothing that decides.

    Attributes:
        state: What they hold.
        asks: The file that they ask for; empty at the end.
        outcome: What came of it all.
        ways: How it goes on, by what came of the file; None: as the server has it.
        judged: What the oracle says of it, once it was asked.
    """

    state: PhoneState
    asks: str = ""
    outcome: BootOutcome | None = None
    ways: dict[Fetched | None, Point] = field(default_factory=dict)
    judged: tuple[str, ...] | None = None


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

    def copy(self) -> Handset:
        """Return another phone that holds the same."""
        return Handset(self.name, self.model, self.mode, self.state, self.lsc)

    def booting(self, node: Node, now: datetime) -> Booting:
        """Start: yields the names of files that TFTP shall bring, returns how it went.

        What it has accepted is kept at once, so that it is there when the start breaks off.
        """
        boot = Boot(self.alias, policy_of(self.model.name), self.state, http=node.http is not None)
        while not isinstance(boot.request, BootOutcome):
            request = boot.request
            if isinstance(request, AskTvs):
                boot.answered(node.ask(request.requests), now)
            elif request.transport is Transport.HTTP:
                self._by_http(boot, request.name, node, now)
            else:
                _told(boot, (yield request.name), now)
            self.state = boot.state
        return boot.request

    def _by_http(self, boot: Boot, name: str, node: Node, now: datetime) -> None:
        if node.http:
            boot.failed("no HTTP", node.http)
            return
        found = node.file(name, self.mode, self.protocol)
        if found is None:
            boot.not_found(now)
        else:
            boot.received(found, now)

    def start(self, node: Node, now: datetime, crash: float = math.inf) -> BootOutcome | None:
        """Start over a network where nothing goes wrong; returns None if it loses its power, after ``crash`` s."""
        if crash < math.inf:
            return self._starts(node, now, crash)
        kind = self._kind(node, now)
        point = node.ended.get(kind)
        if point is None:
            outcome = self._starts(node, now, crash)
            assert outcome is not None
            if self.reached is not None:
                node.ended[kind] = self.reached
            return outcome
        self.state, self.reached = _kept(self.state, point.state), point
        return point.outcome

    def _starts(self, node: Node, now: datetime, crash: float) -> BootOutcome | None:
        return carried_by(calm, self.following(node, now), self._look(node), crash)

    def start_in(
        self, weather: Weather, rng: random.Random, node: Node, now: datetime, crash: float
    ) -> BootOutcome | None:
        """Start over a network with a weather, by fates of files that were played packet by packet."""
        return carried_by(rough(weather, rng), self.following(node, now), self._look(node), crash)

    def _look(self, node: Node) -> Look:
        return lambda name: node.file(name, self.mode, self.protocol)

    def following(self, node: Node, now: datetime) -> Booting:
        """Start as :meth:`booting` does, and as others did that differ in nothing that decides, as far as they came.

        What becomes of the files decides too; every way through them is really gone once.
        """
        kind, before, met = self._kind(node, now), self.state, list[Fetched]()
        twin = self.copy()
        live = None  # a start of its own, where none came so far; in a storm others overtake it meanwhile
        point = node.started.get(kind)
        if point is None:
            live = twin.booting(node, now)
            point = node.started[kind] = _next(live, twin)
        while True:
            self.state, self.reached = _kept(before, point.state), point
            if point.outcome is not None:
                return point.outcome
            fetched = yield point.asks
            met.append(fetched)
            way = None if fetched == node.file(point.asks, self.mode, self.protocol) else fetched
            found = point.ways.get(way)
            if found is None:
                if live is None:
                    live = twin.booting(node, now)
                    next(live)
                for each in met[:-1]:
                    live.send(each)
                met.clear()
                found = point.ways[way] = _next(live, twin, fetched)
            point = found

    def _kind(self, node: Node, now: datetime) -> Hashable:
        """Return all that a start depends on."""
        state, model = self.state, self.model
        http = model.http_first and node.http is not None
        sha512 = model.sha512 or node.digest is DigestAlgorithm.SHA1  # of which no list is another
        able = model.security_by_default, model.signed_config, http, sha512
        stored = state.config_name, state.config, state.ask_encrypted, state.tvs_cache
        return now, able, self.alias, state.trust.key, stored

    def starts(self, node: Node, now: datetime) -> BootOutcome:
        """Start over a network where nothing goes wrong."""
        outcome = self.start(node, now)
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
        policy, trust = policy_of(self.model.name), self.state.trust
        certificate = node.call_manager.certificate
        verdict = judge_server(policy, trust, certificate)
        while isinstance(verdict, NeedTvs):
            answer = self.state.remembered(verdict.question, now)
            if answer is None:
                answer = node.ask(tvs_requests(self.name, self.model, trust, verdict.question))
                self.state = self.state.remembering(verdict.question, answer, now)
            verdict = judge_server(policy, trust, certificate, answer)
        return not verdict.refused


def _next(booting: Booting, phone: Handset, fetched: Fetched | None = None) -> Point:
    """Go on with a start; returns how far it comes."""
    try:
        asks = next(booting) if fetched is None else booting.send(fetched)
    except StopIteration as end:
        return Point(phone.state, outcome=end.value)
    return Point(phone.state, asks)


def _kept(before: PhoneState, after: PhoneState) -> PhoneState:
    """Return what a phone holds after a start in which another one, with other backups, held as much."""
    was, now = before.trust, after.trust
    ctl = before.ctl_backup if was.ctl == now.ctl else after.ctl_backup
    itl = before.itl_backup if was.itl == now.itl else after.itl_backup
    if (ctl, itl) == (after.ctl_backup, after.itl_backup):
        return after
    return replace(after, ctl_backup=ctl, itl_backup=itl)


def _told(boot: Boot, fetched: Fetched, now: datetime) -> None:
    if not isinstance(fetched, Failure):
        boot.received(fetched, now)
    elif fetched.reason is FailureReason.NOT_FOUND:
        boot.not_found(now)
    else:
        boot.failed(fetched.message, fetched.reason)


def by_tvs(outcome: BootOutcome) -> bool:
    """Return whether a phone took anything because TVS vouched for it."""
    return any(each is not None and each.voucher is Voucher.TVS for each in outcome.decisions.values())


def took_all(outcome: BootOutcome) -> bool:
    """Return whether a phone refused nothing and got everything."""
    for each in outcome.decisions.values():  # noqa: SIM110 - asked for every phone and step
        if each is None or each.refused:
            return False
    return True
