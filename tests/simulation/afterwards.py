"""What a forecast promises beyond the change: help from afar for those behind, none for the frozen, and a better plan.

The promises are played: the phones start against servers that do what the forecast says would help, or what the
proposed plan says, and must then do as promised.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mixedmode.cluster.model.topology import SecurityMode
from mixedmode.forecast.evaluation import Forecast, Forecaster
from mixedmode.forecast.plan import Plan
from mixedmode.forecast.proposal import proposed
from mixedmode.forecast.tally import Cell
from mixedmode.phone.mind.fate.offers import Keys, Presence, Stage
from mixedmode.phone.mind.fate.prospect import Fate
from mixedmode.phone.mind.trust.asking import TvsRequest
from mixedmode.phone.mind.trust.decisions import TvsAnswer, TvsOutcome
from mixedmode.phone.mind.trust.lookup import anchors
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.signing.digests import DigestAlgorithm
from mixedmode.trustlist.build import RecordForm, RecordSpec, build_trust_list
from mixedmode.trustlist.kinds import CTL_FILE, ITL_FILE
from mixedmode.trustlist.model import Record, TrustList
from mixedmode.trustlist.roles import MAX_PHONE_FILE, Role
from tests.simulation.world import keys
from tests.simulation.world.handset import Handset, parsed, took_all
from tests.simulation.world.served import CallManager, Node, TvsServer

_STARTS = 2
_UNKNOWN_HOST = "tvs"
Servers = dict[bytes, TvsServer]
"""TVS servers by the DER of what they show."""
_LOST = {Fate.FROZEN, Fate.LOCKED_OUT}


class Willing(TvsServer):
    """A TVS server as a plan has it: it knows what it is told to know.

    Args:
        certificate: DER of what it shows.
        stage: What it says.
        known: Certificates that it gives every role, whatever else.
    """

    def __init__(self, certificate: bytes, stage: Stage | None, known: tuple[Certificate, ...] = ()) -> None:
        self.certificate = certificate
        self._stage, self._known = stage, known

    def ask(self, request: TvsRequest) -> TvsAnswer:
        """Return what it answers."""
        question = request.question
        for each in self._known:
            serials = (each.serial, each.serial[::-1])
            if question.serial in serials and each.has_issuer(question.issuer):
                return TvsAnswer(TvsOutcome.KNOWN, each, frozenset(range(256)))
        if self._stage is not None:
            tvs = self._stage.tvs
            answer = next((each for servers, each in tvs.others if self.certificate in servers), tvs.answer)
            return answer(question)
        return TvsAnswer(TvsOutcome.UNKNOWN)


class _AnyHost(dict[str, TvsServer]):
    """Servers that answer under any host: a plan names certificates, not hosts."""

    def __init__(self, phone: Handset, servers: dict[bytes, TvsServer]) -> None:
        super().__init__()
        self._phone, self._servers = phone, servers

    def get(self, host: str, default: object = None) -> TvsServer | None:  # type: ignore[override]
        itl = self._phone.state.trust.itl
        for record in itl.records_with_role(Role.TVS) if itl is not None else ():
            found = self._servers.get(record.certificate_der or b"")
            if found is not None and self._is_at(host, record):
                return found
        return None

    def _is_at(self, _host: str, _record: Record) -> bool:
        return True


class _OwnHost(_AnyHost):
    """Servers that answer under their own hosts, which the phone's ITL names, and under no other cluster's."""

    def _is_at(self, host: str, record: Record) -> bool:
        named = {each.lower() for each in (record.dns_name, record.subject) if each}
        return host == _UNKNOWN_HOST or host.lower() in named


class _Every(dict[bytes, TvsServer]):
    """Servers of which every one answers that an ITL names, also one that the phone took a moment ago."""

    def __init__(self, stage: Stage | None, known: tuple[Certificate, ...] = ()) -> None:
        super().__init__()
        self._stage, self._known = stage, known

    def get(self, der: bytes, _default: object = None) -> TvsServer | None:  # type: ignore[override]
        return Willing(der, self._stage, self._known) if der else None


def starts(phone: Handset, node: Node, when: datetime) -> bool:
    """Let a phone start; return whether it took all that it was offered.

    It starts itself, and not a twin of it: these servers answer by what it holds when it asks.
    """
    return took_all(phone.starts_by_itself(node, when))


@dataclass(frozen=True)
class Helping:
    """The help that there could be after the last step.

    Attributes:
        node: What phones met last.
        whole: The lists as they would be without damage.
        when: The time.
    """

    node: Node
    whole: dict[str, bytes]
    when: datetime

    def broken_promise(self, phone: Handset, forecast: Forecast) -> str | None:
        """Return why a phone that is called behind cannot be helped, or one that is called frozen can; else None."""
        ways = self._ways(phone, forecast)
        helped = next((how for how, files, tvs in ways if self._follows(phone.copy(), files, tvs)), None)
        if forecast.outcome is Fate.BEHIND:
            said = "+".join(forecast.prospect.helps)
            return None if helped else f"it is called behind ({said}), and nothing from afar brings it along"
        return f"it is called frozen, and {helped} brings it along" if helped else None

    def _can_be_read(self, name: str) -> bool:
        return isinstance(parsed(self.node.files.get(name, b"")), TrustList)

    def _follows(self, phone: Handset, files: Mapping[str, bytes], servers: Servers | None) -> bool:
        if servers is None and self.node.old_tvs is None:
            servers = {each.certificate: each for each in self.node.tvs.values()}
        node = replace(self.node, files=files)
        if servers is not None:
            node = replace(node, tvs=_AnyHost(phone, servers), old_tvs=None)
        return any(starts(phone, node, self.when + timedelta(days=3 * number)) for number in range(1, _STARTS + 1))

    def _ways(self, phone: Handset, forecast: Forecast) -> Iterator[tuple[str, Mapping[str, bytes], Servers | None]]:
        lists = [found for each in self.whole.values() if isinstance(found := parsed(each), TrustList)]
        known = tuple(record.certificate for each in lists for record in each.records if record.certificate is not None)
        reach = forecast.stages[-1].tvs.within_reach
        known = (self.node.signer, *known)
        servers: Servers = _Every(None, known) if reach is None else {der: Willing(der, None, known) for der in reach}
        yield "a restart", self.node.files, None
        yield "a whole list", self.whole, None
        yield "TVS", self.whole, servers
        # Whom the phone does not hold as an anchor would need TVS as well, which was tried before.
        held = anchors(phone.state.trust.lists)
        there = forecast.stages[-1].offer.keys
        choices = [
            # Of one that cannot be read, forecast.md 5.7 asks whether the same list would be taken if it were whole.
            _signed_again(name, data, held, there, sha512=phone.model.sha512)
            if self._can_be_read(name)
            else [(name, data)]
            for name, data in self.whole.items()
        ]
        for chosen in itertools.product(*choices):
            yield "another signature", dict(chosen), servers


def _signed_again(
    name: str, data: bytes, held: frozenset[bytes], there: Keys | None, *, sha512: bool = True
) -> list[tuple[str, bytes]]:
    """Return a list as each would sign it who can and whom a phone holds; over SHA-1 if it knows no other.

    Args:
        name: Of the file.
        data: The list.
        held: DER of the phone's anchors.
        there: Whose keys there are; None: those of the list's own anchors.
        sha512: Whether the phone knows that digest.
    """
    found = parsed(data)
    if not isinstance(found, TrustList) or len(data) > MAX_PHONE_FILE:
        return [(name, data)]
    specs = _specs(found)
    able = held & (anchors([found]) if there is None else there.signers(found))
    more = sorted(there.there, key=lambda each: each.der) if there is not None else []
    own = dict.fromkeys([*(each.certificate for each in specs if each.role is Role.SAST and each.certificate), *more])
    digest = found.header.digest if sha512 else DigestAlgorithm.SHA1
    return [(name, data)] + [
        (name, _built(name, specs, each, digest))
        for each in own
        if each is not None and each.der in able and digest is not None
    ]


def _specs(trust_list: TrustList) -> list[RecordSpec]:
    return [
        RecordSpec(
            record.role,
            record.certificate,
            dns_name=record.dns_name,
            ip_address=record.ip_address,
            form=RecordForm.FULL if record.certificate is not None else RecordForm.ADDRESS,
        )
        for record in trust_list.records
        if record.role is not None
    ]


def _built(name: str, specs: list[RecordSpec], by: Certificate, digest: DigestAlgorithm) -> bytes:
    signer = keys.remembering(by)
    return build_trust_list(specs, signer, timestamp=0, filename=name, digest=digest, require_signer_record=False)


def broken_proposal(
    forecaster: Forecaster, phones: list[tuple[Handset, Forecast]], when: datetime
) -> Iterator[tuple[Handset, str]]:
    """Play the proposed plan; yield each phone that does not do what it promises.

    Args:
        forecaster: Of the plan that was asked about.
        phones: As they are before the change, and what was said of them.
        when: The time.
    """
    plan = forecaster.plan
    cells: dict[tuple[int, tuple[bool, ...]], Cell] = {}
    for phone, forecast in phones:
        absences = plan.absences(phone.name)
        cell = cells.setdefault((id(forecast.prospect), absences), Cell(forecast, "", absences))
        cell.add(phone.name)
    best = proposed(forecaster, list(cells.values()))
    promised = Forecaster(best.plan)
    lost = 0
    for phone, forecast in phones:
        absences = best.plan.absences(phone.name)
        said = promised.of(forecast.kind, absences).outcome
        lost += said in _LOST
        if said in {Fate.UNKNOWN, Fate.BEHIND}:
            continue
        registers, took = _played(phone.copy(), best.plan, when)
        safe = registers and took
        if safe != (said not in _LOST):
            yield phone, f"the proposed plan promises {said}; registers {registers}, took all {took}"
    numbers = best.numbers[Fate.FROZEN] + best.numbers[Fate.LOCKED_OUT]
    if numbers != lost:
        yield phones[0][0], f"the proposal says that {numbers} are lost, its plan loses {lost}"


def _really_signed(name: str, offered: TrustList | bytes, plan: Plan) -> bytes:
    """Return the bytes of a list; one that a stand-in signed, as whom it names would sign it."""
    if not isinstance(offered, TrustList):
        return offered
    if offered.data not in plan.unsigned:
        return offered.data
    header = offered.header
    assert header.digest is not None
    by = keys.named(header.signer_issuer or "", header.signer_serial or b"")
    return _built(name, _specs(offered), by, header.digest)


def _played(phone: Handset, plan: Plan, when: datetime) -> tuple[bool, bool]:
    took, registers = True, True
    stages = plan.stages(plan.absences(phone.name))
    for number, stage in enumerate((*stages, *([] if stages[-1].presence is Presence.RESTARTS else [stages[-1]]))):
        now = when + timedelta(days=3 * number)
        offer = stage.offer
        lists = {CTL_FILE: offer.ctl, ITL_FILE: offer.itl}
        files = {name: _really_signed(name, each, plan) for name, each in lists.items() if each is not None}
        server, signer = offer.server, offer.file_signer
        up = stage.tvs.up
        servers: Servers = _Every(stage) if up is None else {der: Willing(der, stage) for der in up}
        node = Node(
            files,
            signer or keys.token(0).certificate,
            keys.digest_of(offer.file_digest),
            CallManager(
                server or keys.token(0).certificate,
                SecurityMode.NON_SECURE if server is None and offer.newest_ctl else SecurityMode.MIXED,
            ),
            _AnyHost(phone, servers) if up is None else _OwnHost(phone, servers),
            tuple(sorted(offer.config_hosts)) or (_UNKNOWN_HOST,),
        )
        is_last_return = number >= len(stages)
        if stage.presence is not Presence.RESTARTS and not is_last_return:
            continue
        took = starts(phone, node, now)
        registers = offer.newest_ctl is None or phone.registers(node, now)
    return registers, took
