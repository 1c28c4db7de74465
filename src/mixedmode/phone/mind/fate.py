"""What becomes of a phone that holds these lists when it is offered those, TVS answering so (forecast.md 2 and 5).

Rules:

1. A restart offers the CTL, then the ITL, then a configuration signed by the first TFTP record of the list that was
   published last, each to the phone's own policy. Then the phone registers in its security mode with the CallManager
   that the published CTL names first. What is not published is a 404, and registration goes on as before.
2. A phone can ask only a TVS server whose certificate is a TVS record of the ITL that it holds at that moment.
3. ``locked-out``: it cannot register. Else ``follows``: it took all that it was offered; ``follows-by-tvs``: it would
   not have, had TVS been silent. Else ``behind``: something from afar brings the rest in (rule 4). Else ``frozen``.
4. From afar one can start the phone once more, have a TVS server that can be reached vouch for anything, make a damaged
   or too large list whole, and have a list signed again by a certificate that stands as SAST both in it and in what
   the phone holds.
5. ``unknown``: what the phone holds is not known, or a setting decides whose answer is not (:data:`OPEN_SETTINGS`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from mixedmode.errors import MalformedError
from mixedmode.phone.mind.config import TvsServer
from mixedmode.phone.mind.requests import LIST_FILES, BootFile
from mixedmode.phone.mind.trust.decisions import (
    TVS_UNREACHABLE,
    Decision,
    ListKind,
    Outcome,
    Reason,
    TvsAnswer,
    TvsOutcome,
    TvsQuestion,
    settle,
)
from mixedmode.phone.mind.trust.lookup import FILE_SIGNERS, list_signers
from mixedmode.phone.mind.trust.policy import TrustPolicy
from mixedmode.phone.mind.trust.registration_trust import judge_server, registers_by_tls
from mixedmode.phone.mind.trust.uses import FILES, SERVER, judge_certificate
from mixedmode.trustlist.header import Header
from mixedmode.trustlist.model import TrustList
from mixedmode.trustlist.roles import HEADER_CONTAINERS, Role
from mixedmode.trustlist.walk import walk_header

if TYPE_CHECKING:
    from datetime import datetime

    from mixedmode.phone.mind.trust.state import TrustState
    from mixedmode.pki.certificates.certificates import Certificate

OPEN_SETTINGS: Final = ("first_ctl_from_unknown_signer",)
"""Settings of the policy whose answer the public record does not give."""
_SOME_SERVER: Final = (TvsServer("tvs"),)
_EVERY_ROLE: Final = frozenset(range(256))


class Fate(StrEnum):
    """What becomes of a phone."""

    FOLLOWS = "follows"
    FOLLOWS_BY_TVS = "follows-by-tvs"
    BEHIND = "behind"
    FROZEN = "frozen"
    LOCKED_OUT = "locked-out"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Offer:
    """What the servers have at a restart.

    Attributes:
        ctl: The CTL, as bytes if it cannot be read; None: none is published.
        itl: The same of the ITL.
        signer: Who signs configurations; None: the first TFTP record of the ITL, or else of the CTL.
    """

    ctl: TrustList | bytes | None = None
    itl: TrustList | bytes | None = None
    signer: Certificate | None = None

    def of(self, kind: ListKind) -> TrustList | bytes | None:
        """Return the list of a kind."""
        return self.ctl if kind is ListKind.CTL else self.itl

    @property
    def file_signer(self) -> Certificate | None:
        """Who signs configurations, None if nobody is known to."""
        return self.signer or _first(self.itl, FILE_SIGNERS) or _first(self.ctl, FILE_SIGNERS)

    @property
    def server(self) -> Certificate | None:
        """What the CallManager shows that the CTL names first; None if it names none with a certificate."""
        return _first(self.ctl, SERVER.roles)


@dataclass(frozen=True, slots=True)
class TvsServers:
    """The TVS servers at a restart.

    Attributes:
        answer: What they say.
        up: DER of the certificates of those that answer.
        within_reach: The same of those that could be made to answer, and to vouch.
    """

    answer: Callable[[TvsQuestion], TvsAnswer] = lambda _question: TVS_UNREACHABLE
    up: frozenset[bytes] = frozenset()
    within_reach: frozenset[bytes] = frozenset()


@dataclass(frozen=True, slots=True)
class Restart:
    """What one restart came to.

    Attributes:
        trust: What the phone holds now.
        decisions: About each file, in order.
        registration: About the CallManager; None if that needs no trust.
    """

    trust: TrustState
    decisions: dict[BootFile, Decision]
    registration: Decision | None

    @property
    def took_all(self) -> bool:
        """Whether the phone refused nothing."""
        return not any(decision.refused for decision in self.decisions.values())

    @property
    def registers(self) -> bool:
        """Whether it registers in its security mode."""
        return self.registration is None or not self.registration.refused


@dataclass(frozen=True, slots=True)
class Prospect:
    """What becomes of a phone, and why.

    Attributes:
        fate: In a word.
        restart: What the restart came to; None if it is not known what the phone holds.
        settings: Settings that decide and whose answer is not known.
    """

    fate: Fate
    restart: Restart | None = None
    settings: tuple[str, ...] = ()


def what_becomes(
    policy: TrustPolicy,
    held: TrustState | None,
    offer: Offer,
    tvs: TvsServers,
    *,
    mode: int = 1,
    now: datetime | None = None,
    open_settings: Collection[str] = OPEN_SETTINGS,
) -> Prospect:
    """Return what becomes of a phone.

    Args:
        policy: Its trust rules.
        held: What it holds; None if that is not known.
        offer: What it is offered.
        tvs: How TVS answers.
        mode: Its ``deviceSecurityMode``.
        now: UTC; only looked at if expiry is checked.
        open_settings: Settings to evaluate both ways (rule 5).
    """
    if held is None:
        return Prospect(Fate.UNKNOWN)
    prospect = _settled(policy, held, offer, tvs, mode, now)
    undecided = tuple(
        name
        for name in open_settings
        if _settled(policy.turned(name), held, offer, tvs, mode, now).fate is not prospect.fate
    )
    return replace(prospect, fate=Fate.UNKNOWN, settings=undecided) if undecided else prospect


def _settled(
    policy: TrustPolicy, held: TrustState, offer: Offer, tvs: TvsServers, mode: int, now: datetime | None
) -> Prospect:
    came = restart(policy, held, offer, tvs, mode=mode, now=now)
    if not came.registers:
        fate = Fate.LOCKED_OUT
    elif came.took_all:
        alone = restart(policy, held, offer, TvsServers(), mode=mode, now=now)
        fate = Fate.FOLLOWS if alone.took_all else Fate.FOLLOWS_BY_TVS
    else:
        fate = Fate.BEHIND if _helped(policy, came.trust, offer, tvs, now) else Fate.FROZEN
    return Prospect(fate, came)


def restart(
    policy: TrustPolicy, trust: TrustState, offer: Offer, tvs: TvsServers, *, mode: int = 1, now: datetime | None = None
) -> Restart:
    """Let a phone start once, without a network (rules 1 and 2); the arguments are those of :func:`what_becomes`."""
    trust = _configured(trust)
    decisions = {}
    for file, kind in LIST_FILES.items():
        offered = offer.of(kind)
        decision = decisions[file] = _offer_list(policy, trust, kind, offered, _asking(tvs, trust), now)
        trust = trust.after(decision, kind, offered if isinstance(offered, TrustList) else None)
    decisions[BootFile.CONFIG] = _offer_config(policy, trust, offer.file_signer, _asking(tvs, trust))
    return Restart(trust, decisions, _register(policy, trust, offer, mode, _asking(tvs, trust)))


Ask = Callable[[TvsQuestion], TvsAnswer]


def _configured(trust: TrustState) -> TrustState:
    """Return the state with a TVS server in the configuration: which ones answer is for rule 2 to say."""
    return replace(trust, tvs_servers=trust.tvs_servers or _SOME_SERVER)


def _asking(tvs: TvsServers, trust: TrustState) -> Ask:
    return tvs.answer if _reaches(trust, tvs.up) else TvsServers().answer


def _reaches(trust: TrustState, servers: Collection[bytes]) -> bool:
    records = trust.itl.records_with_role(Role.TVS) if trust.itl is not None else ()
    return any(record.certificate_der in servers for record in records)


def _offer_list(
    policy: TrustPolicy,
    trust: TrustState,
    kind: ListKind,
    offered: TrustList | bytes | None,
    ask: Ask,
    now: datetime | None,
) -> Decision:
    return settle(lambda answer: policy.offer_trust_list(trust, kind, offered, tvs=answer, now=now), ask)


def _offer_config(policy: TrustPolicy, trust: TrustState, signer: Certificate | None, ask: Ask) -> Decision:
    if signer is None or not policy.expects_signed(trust):
        return Decision(Outcome.ACCEPT, Reason.NON_SECURE, "nothing to check a configuration with")
    return settle(lambda answer: judge_certificate(policy.model, trust, signer, FILES, answer), ask)


def _register(policy: TrustPolicy, trust: TrustState, offer: Offer, mode: int, ask: Ask) -> Decision | None:
    published, server = offer.ctl, offer.server
    if not isinstance(published, TrustList) or not registers_by_tls(mode, trust):
        return None
    if server is None:
        text = "the cluster went non-secure, and the phone holds a CTL that says otherwise"
        return Decision(Outcome.REJECT, Reason.NON_SECURE, text)
    return settle(lambda answer: judge_server(policy, trust, server, answer), ask)


def _helped(policy: TrustPolicy, trust: TrustState, offer: Offer, tvs: TvsServers, now: datetime | None) -> bool:
    """Return whether something from afar brings in all that is offered (rule 4)."""
    lenient = replace(policy.settings, refuse_over_64_kib=False, tvs_certificate_must_match=False)
    friendly = TrustPolicy(policy.model, lenient, lambda _header, _certificate: True)
    for kind in ListKind:
        offered = offer.of(kind)
        if isinstance(offered, bytes):
            if not _would_take(trust, offered, tvs):
                return False
            continue
        decision = _offer_list(friendly, trust, kind, offered, _vouching(trust, offer, tvs), now)
        if decision.refused and (decision.reason is Reason.WRONG_KIND or not _shares_anchor(trust, offered)):
            return False
        trust = trust if offered is None or decision.reason is Reason.NOT_ASKED else trust.with_list(kind, offered)
    return not _offer_config(friendly, trust, offer.file_signer, _vouching(trust, offer, tvs)).refused


def _vouching(trust: TrustState, offer: Offer, tvs: TvsServers) -> Ask:
    """Return TVS as it could be: it knows every certificate that is in play, with every role."""
    if not _reaches(trust, tvs.within_reach):
        return TvsServers().answer
    lists = [each for each in (offer.ctl, offer.itl) if isinstance(each, TrustList)]
    found = [record.certificate for each in lists for record in each.records]
    known = [each for each in (offer.signer, *found) if each is not None]

    def answer(question: TvsQuestion) -> TvsAnswer:
        meant = (each for each in known if each.serial == question.serial and each.has_issuer(question.issuer))
        certificate = next(meant, known[0] if known else None)
        return TvsAnswer(TvsOutcome.KNOWN, certificate, _EVERY_ROLE)

    return answer


def _shares_anchor(trust: TrustState, offered: TrustList | None) -> bool:
    """Return whether one who stands as SAST in a list stands so in what the phone holds, and could sign it again."""
    held = [each for each in (trust.ctl, trust.itl) if each is not None]
    anchors = {record.certificate_der for each in held for record in each.records_with_role(Role.SAST)} - {None}
    return offered is not None and any(
        record.certificate_der in anchors for record in offered.records_with_role(Role.SAST)
    )


def _would_take(trust: TrustState, offered: bytes, tvs: TvsServers) -> bool:
    """Return whether a list that cannot be read would be taken if it were whole, by what its header says."""
    try:
        header = Header(offered, walk_header(offered, HEADER_CONTAINERS))
    except MalformedError:
        return False
    held = [each for each in (trust.ctl, trust.itl) if each is not None]
    anchored = any(True for each in held for _ in list_signers(each, header))
    return not held or anchored or _reaches(trust, tvs.within_reach)


def _first(published: TrustList | bytes | None, roles: Collection[Role]) -> Certificate | None:
    records = published.records_with_role(*roles) if isinstance(published, TrustList) else ()
    return next((record.certificate for record in records if record.certificate is not None), None)
