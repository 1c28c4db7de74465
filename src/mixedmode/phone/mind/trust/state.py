"""What a phone holds. Immutable: every change makes a new state, so a forecast can share and compare them.

Rules (phone-trust.md 0, 2.1, 3.5):

1. An accepted list replaces the stored one, which becomes its ``.bak``; a refused one changes nothing.
2. A change of a trust list empties the TVS cache.
3. The TVS servers are those of the last accepted configuration, so a new list is judged with the old ones.
4. A 7940 or any other legacy model never holds an ITL.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from mixedmode.phone.mind.config import PhoneConfig, TvsServer, parse_config
from mixedmode.phone.mind.trust.decisions import Decision, ListKind, Outcome, TvsAnswer, TvsOutcome, TvsQuestion
from mixedmode.trustlist.model import TrustList

if TYPE_CHECKING:
    from mixedmode.phone.mind.models import PhoneModel

TVS_CACHE_LIMIT = 64
"""Answers a phone keeps; the oldest goes first."""


@dataclass(frozen=True, slots=True)
class TrustState:
    """All that a trust decision looks at.

    Attributes:
        ctl: The stored CTL.
        itl: The stored ITL.
        tvs_servers: TVS servers of the last accepted configuration, in the order to ask.
    """

    ctl: TrustList | None = None
    itl: TrustList | None = None
    tvs_servers: tuple[TvsServer, ...] = ()

    @property
    def lists(self) -> tuple[TrustList, ...]:
        """The stored lists, the CTL first."""
        ctl, itl = self.ctl, self.itl
        if ctl is None:
            return () if itl is None else (itl,)
        return (ctl,) if itl is None else (ctl, itl)

    @property
    def key(self) -> tuple[bytes | None, bytes | None, tuple[TvsServer, ...]]:
        """The same in plain bytes, which are looked up faster."""
        ctl, itl = self.ctl, self.itl
        return None if ctl is None else ctl.data, None if itl is None else itl.data, self.tvs_servers

    def held(self, kind: ListKind) -> TrustList | None:
        """Return the stored list of a kind."""
        return self.ctl if kind is ListKind.CTL else self.itl

    def with_list(self, kind: ListKind, trust_list: TrustList | None) -> TrustState:
        """Return the state with another list of a kind."""
        if kind is ListKind.CTL:
            return TrustState(trust_list, self.itl, self.tvs_servers)
        return TrustState(self.ctl, trust_list, self.tvs_servers)

    def as_held_by(self, model: PhoneModel) -> TrustState:
        """Return what a phone of a model holds of it (rule 4)."""
        return self if model.asks_itl or self.itl is None else self.with_list(ListKind.ITL, None)

    def after(self, decision: Decision, kind: ListKind, offered: TrustList | None) -> TrustState:
        """Return the state after a decision about an offered list (rule 1)."""
        if decision.outcome is Outcome.ACCEPT and offered is not None:
            return self.with_list(kind, offered)
        return self.with_list(kind, None) if decision.outcome is Outcome.REMOVE else self


EMPTY = TrustState()


@dataclass(frozen=True, slots=True)
class CachedAnswer:
    """An answer of TVS and how long it may be used."""

    question: TvsQuestion
    answer: TvsAnswer
    expires: datetime


@dataclass(frozen=True, slots=True)
class PhoneState:
    """Everything that survives a restart of the phone.

    Attributes:
        trust: The stored lists and the TVS servers.
        ctl_backup: The CTL before the last change.
        itl_backup: The ITL before the last change.
        config: The last accepted configuration, as plain XML.
        config_name: The name it was fetched by.
        parsed: The same configuration as it was read when it was accepted; None where that is still to be done.
        ask_encrypted: Whether the last configuration told the phone to ask for an encrypted one.
        tvs_cache: Answers of TVS.
    """

    trust: TrustState = EMPTY
    ctl_backup: bytes | None = None
    itl_backup: bytes | None = None
    config: bytes | None = None
    config_name: str | None = None
    parsed: PhoneConfig | None = field(default=None, compare=False, repr=False)
    ask_encrypted: bool = False
    tvs_cache: tuple[CachedAnswer, ...] = ()

    def after(self, decision: Decision, kind: ListKind, offered: TrustList | None) -> PhoneState:
        """Return the state after a decision about an offered list (rules 1 and 2)."""
        trust = self.trust.after(decision, kind, offered)
        return self if trust is self.trust else self._with_trust(kind, trust)

    def without(self, kind: ListKind) -> PhoneState:
        """Return the state after a person erased a list on the phone; its backup goes with it."""
        state = self._with_trust(kind, self.trust.with_list(kind, None))
        return replace(state, ctl_backup=None) if kind is ListKind.CTL else replace(state, itl_backup=None)

    def with_config(self, name: str, content: bytes, config: PhoneConfig) -> PhoneState:
        """Return the state with a newly accepted configuration (rule 3).

        Args:
            name: As what it was fetched.
            content: Its plain XML.
            config: What that says.
        """
        trust = self.trust
        if config.tvs != trust.tvs_servers:
            trust = TrustState(trust.ctl, trust.itl, config.tvs)
        elif config is self.parsed and (name, content) == (self.config_name, self.config):
            return self
        backups = self.ctl_backup, self.itl_backup
        return PhoneState(trust, *backups, content, name, config, self.ask_encrypted, self.tvs_cache)

    def config_in_force(self) -> PhoneConfig | None:
        """Return what the last accepted configuration says, None without one.

        Raises:
            MalformedError: It cannot be read; that of a phone that has booted can.
        """
        return parse_config(self.config) if self.parsed is None and self.config is not None else self.parsed

    def remembered(self, question: TvsQuestion, now: datetime) -> TvsAnswer | None:
        """Return the cached answer to a question, None if there is none that is still valid."""
        for cached in self.tvs_cache:
            if cached.question == question and now < cached.expires:
                return cached.answer
        return None

    def remembering(self, question: TvsQuestion, answer: TvsAnswer, now: datetime) -> PhoneState:
        """Return the state with an answer cached for its time; only "known" is worth keeping."""
        if answer.outcome is not TvsOutcome.KNOWN or answer.ttl <= 0:
            return self
        kept = [cached for cached in self.tvs_cache if cached.question != question and now < cached.expires]
        kept.append(CachedAnswer(question, answer, now + timedelta(seconds=answer.ttl)))
        return replace(self, tvs_cache=tuple(kept[-TVS_CACHE_LIMIT:]))

    def _with_trust(self, kind: ListKind, trust: TrustState) -> PhoneState:
        old = self.trust.held(kind)
        backup = None if old is None else old.serialize()
        ctl, itl = (backup, self.itl_backup) if kind is ListKind.CTL else (self.ctl_backup, backup)
        return PhoneState(trust, ctl, itl, self.config, self.config_name, self.parsed, self.ask_encrypted)
