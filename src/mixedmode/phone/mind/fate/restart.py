"""One restart of a phone, without a network (rules 1 and 2 of :mod:`mixedmode.phone.mind.fate`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mixedmode.phone.mind.config import TvsServer
from mixedmode.phone.mind.fate.hosts import is_told
from mixedmode.phone.mind.fate.offers import KNOWN_BY_NAME, Ask, Offer, TvsServers
from mixedmode.phone.mind.requests import LIST_FILES, BootFile
from mixedmode.phone.mind.trust.decisions import Decision, ListKind, Outcome, Reason, settle
from mixedmode.phone.mind.trust.lookup import tvs_hosts
from mixedmode.phone.mind.trust.registration_trust import judge_server, ways_to_register
from mixedmode.phone.mind.trust.state import TrustState
from mixedmode.phone.mind.trust.uses import FILES
from mixedmode.pki.certificates.names import texts_match
from mixedmode.trustlist.model import TrustList
from mixedmode.trustlist.roles import Role

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import datetime

    from mixedmode.phone.mind.trust.decisions import TvsAnswer, TvsQuestion
    from mixedmode.phone.mind.trust.policy import TrustPolicy
    from mixedmode.trustlist.model import Record

_SOME_SERVER: Final = (TvsServer("tvs"),)
NON_SECURE: Final = 1
"""A ``deviceSecurityMode`` in which registering needs no trust."""


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
        for decision in self.decisions.values():  # noqa: SIM110 - asked for every kind of phone and step
            if decision.refused:
                return False
        return True

    @property
    def registers(self) -> bool:
        """Whether it registers in its security mode."""
        return self.registration is None or not self.registration.refused


def restart(
    policy: TrustPolicy,
    trust: TrustState,
    offer: Offer,
    tvs: TvsServers,
    *,
    mode: int = NON_SECURE,
    lsc_issuer: str | None = None,
    now: datetime | None = None,
) -> Restart:
    """Let a phone start once, without a network.

    Args:
        policy: Its trust rules.
        trust: What it holds.
        offer: What it is offered.
        tvs: How TVS answers.
        mode: Its ``deviceSecurityMode``.
        lsc_issuer: The name of the CAPF that issued its LSC; None if that is not known.
        now: UTC; only looked at if expiry is checked.
    """
    # The mode decides about registering alone, so phones of all modes share what becomes of the files; and what TVS
    # says matters to those alone who ask.
    met = (*trust.key, offer, now if policy.settings.check_expiry else None)
    taken = policy.once(("files", *met), lambda: _unless_asked(lambda: _take_files(policy, trust, offer, _UNTOLD, now)))
    told = taken is None
    if taken is None:
        taken = policy.once(("files", *met, tvs), lambda: _take_files(policy, trust, offer, tvs, now))
    if mode <= NON_SECURE:
        return taken
    with_files = taken

    def registered(servers: TvsServers) -> Restart:
        ask = servers.asked_by(with_files.trust)
        decision = register(policy, with_files.trust, offer, mode, lsc_issuer, ask)
        return with_files if decision is None else Restart(with_files.trust, with_files.decisions, decision)

    if not told:
        found = policy.once(("registers", *met, lsc_issuer), lambda: _unless_asked(lambda: registered(_UNTOLD)))
        if found is not None:
            return found
    return policy.once(("registers", *met, tvs, lsc_issuer), lambda: registered(tvs))


class _AsksTvsError(Exception):
    """A phone asks TVS."""


def _asked(_question: TvsQuestion) -> TvsAnswer:
    raise _AsksTvsError


_UNTOLD: Final = TvsServers(_asked, None, None)
"""TVS servers of which nothing is known yet; who names none is not answered by any."""


def _unless_asked(restarted: Callable[[], Restart]) -> Restart | None:
    """Return a restart that does not depend on TVS, None if it does."""
    try:
        return restarted()
    except _AsksTvsError:
        return None


def _take_files(policy: TrustPolicy, trust: TrustState, offer: Offer, tvs: TvsServers, now: datetime | None) -> Restart:
    trust = configured(trust)
    ask = tvs.asked_by(trust)
    decisions = {}
    for file, kind in LIST_FILES.items():
        offered = offer.of(kind)
        decision = decisions[file] = offer_list(policy, trust, kind, offered, ask, now)
        before, trust = trust, trust.after(decision, kind, offered if isinstance(offered, TrustList) else None)
        if trust is not before:
            if trust.itl is not before.itl and trust.tvs_servers is _SOME_SERVER:
                trust = _configured_by(tvs_hosts(before.itl), trust)
            ask = tvs.asked_by(trust)
    config = decisions[BootFile.CONFIG] = offer_config(policy, trust, offer, ask, now)
    # Whom the configuration names that was told, it names on where nothing says otherwise.
    if config.accepted and (offer.config_hosts or not is_told(trust)):
        trust = _configured_by(offer.config_hosts, trust)
    return Restart(trust, decisions, None)


def configured(trust: TrustState) -> TrustState:
    """Return the state with a TVS server in the configuration: which ones answer is for rule 2 to say."""
    return trust if trust.tvs_servers else TrustState(trust.ctl, trust.itl, _SOME_SERVER)


def _configured_by(there: Collection[str], trust: TrustState) -> TrustState:
    """Return the state with a configuration that names these TVS servers.

    They matter only if the ITL names one that the configuration does not: that of another cluster, or of a node that
    joined since.
    """
    known = tvs_hosts(trust.itl)
    every = frozenset().union(*known.values())
    is_newer = there and not every <= frozenset().union(*(known[each] for each in there if each in known))
    servers = tuple(TvsServer(each, KNOWN_BY_NAME) for each in sorted(there)) if is_newer else _SOME_SERVER
    return trust if trust.tvs_servers is servers else TrustState(trust.ctl, trust.itl, servers)


def offer_list(
    policy: TrustPolicy,
    trust: TrustState,
    kind: ListKind,
    offered: TrustList | bytes | None,
    ask: Ask,
    now: datetime | None,
) -> Decision:
    """Return what the phone decides about a list."""
    return settle(lambda answer: policy.offer_trust_list(trust, kind, offered, tvs=answer, now=now), ask)


def offer_config(policy: TrustPolicy, trust: TrustState, offer: Offer, ask: Ask, now: datetime | None) -> Decision:
    """Return what the phone decides about a configuration."""
    signer = offer.file_signer
    if signer is None or not policy.expects_signed(trust):
        return Decision(Outcome.ACCEPT, Reason.NON_SECURE, "nothing to check a configuration with")
    unusable = policy.unknown_digest(offer.file_digest)
    if unusable is not None:
        return unusable
    decision = settle(lambda answer: policy.judge_certificate(trust, signer, FILES, answer), ask)
    if decision.accepted and policy.has_expired(signer, now):
        text = "the certificate that signs files is not valid now"
        return Decision(Outcome.REJECT, Reason.EXPIRED, text, decision.row, setting="check_expiry")
    return decision


def register(
    policy: TrustPolicy, trust: TrustState, offer: Offer, mode: int, lsc_issuer: str | None, ask: Ask
) -> Decision | None:
    """Return what phone and server decide about registering in a security mode; None if that needs no trust."""
    if mode <= NON_SECURE:
        return None
    server, newest = offer.server, offer.newest_ctl
    if newest is not None and (server is not None or offer.says_mode or offer.mixed is False):
        if server is None:
            return _register_in_clear(mode, trust)
        decision = settle(lambda answer: judge_server(policy, trust, server, answer), ask)
        if decision.refused:
            return decision
    return _judge_lsc(trust, offer, lsc_issuer) if lsc_issuer else None


def _register_in_clear(mode: int, trust: TrustState) -> Decision:
    if False in ways_to_register(mode, trust):
        text = "the cluster went non-secure, and the phone's CTL says so: it registers in the clear"
        return Decision(Outcome.ACCEPT, Reason.NON_SECURE, text)
    text = "the cluster went non-secure, and the phone holds no CTL that says so"
    return Decision(Outcome.REJECT, Reason.NON_SECURE, text)


def _judge_lsc(trust: TrustState, offer: Offer, issuer: str) -> Decision | None:
    """Return the refusal of an LSC whose issuer no list names any more, None if one does or none is published."""
    published = [
        offered if isinstance(offered, TrustList) else trust.held(kind)
        for kind, offered in ((kind, offer.of(kind)) for kind in ListKind)
    ]
    if offer.ctl is None and offer.itl is None:
        return None
    records = [record for each in published if each is not None for record in each.records_with_role(Role.CAPF)]
    if any(_names(record, issuer) for record in records):
        return None
    return Decision(
        Outcome.REJECT, Reason.LSC_ISSUER, f"the phone's LSC is from {issuer}, which no list names any more"
    )


def _names(record: Record, issuer: str) -> bool:
    subject = record.subject or ""
    if subject == issuer or texts_match(subject, issuer) or texts_match(subject, f"CN={issuer}"):
        return True
    # People write the common name alone.
    return "=" not in issuer and any(
        part.strip().lower() == f"cn={issuer.strip().lower()}" for part in subject.replace(";", ",").split(",")
    )
