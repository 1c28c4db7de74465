"""The phone's policy, which decides once about what many phones hold and are offered alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from mixedmode.phone.mind.trust.decisions import ListKind
from mixedmode.phone.mind.trust.policy import TrustPolicy
from mixedmode.trustlist.model import TrustList

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from datetime import datetime

    from mixedmode.phone.mind.models import PhoneModel
    from mixedmode.phone.mind.trust.decisions import TvsAnswer, Verdict
    from mixedmode.phone.mind.trust.lookup import Verifier
    from mixedmode.phone.mind.trust.settings import PolicySettings
    from mixedmode.phone.mind.trust.state import TrustState
    from mixedmode.phone.mind.trust.uses import Use
    from mixedmode.pki.certificates.certificates import Certificate


T = TypeVar("T")

_MOST: Final = 1 << 16
"""Verdicts, and answers, that are kept for one kind of model."""


def _held(state: TrustState) -> tuple[bytes | None, bytes | None, bool]:
    """Return all of a state that decides; plain bytes, since looking things up is most of what is left to do."""
    ctl, itl = state.ctl, state.itl
    return None if ctl is None else ctl.data, None if itl is None else itl.data, bool(state.tvs_servers)


class RememberingPolicy(TrustPolicy):
    """The same policy, with a memory.

    A verdict depends on nothing but what stands in its key; a phone's security mode, and what step it is, do not. The
    lists are those of an inventory and a plan, so the memory grows with the states of phones, not with phones; what is
    too much is forgotten.
    """

    __slots__ = ("_answers", "_decided", "_turned")

    def __init__(self, model: PhoneModel, settings: PolicySettings | None, verifier: Verifier) -> None:
        super().__init__(model, settings, verifier)
        self._decided: dict[tuple[object, ...], Verdict] = {}
        self._answers: dict[Hashable, Any] = {}
        self._turned: dict[str, RememberingPolicy] = {}

    def known(self, question: Hashable) -> Any:
        """Return the answer that was found out before, None if there is none."""
        return self._answers.get(question)

    def once(self, question: Hashable, answer: Callable[[], T]) -> T:
        """Return the answer that was found out before, else find it out."""
        answers: dict[Hashable, T] = self._answers
        try:
            return answers[question]
        except KeyError:
            if len(answers) >= _MOST:
                answers.clear()
            found = answers[question] = answer()
            return found

    def forget(self) -> None:
        """Forget everything."""
        self._decided.clear()
        self._answers.clear()
        self._turned.clear()

    def turned(self, setting: str) -> RememberingPolicy:
        """Return the policy with one setting, or one ability of the model, the other way round; it remembers too."""
        found = self._turned.get(setting)
        if found is None:
            other = super().turned(setting)
            found = self._turned[setting] = RememberingPolicy(other.model, other.settings, self._evidence.verifier)
        return found

    def offer_trust_list(
        self,
        state: TrustState,
        kind: ListKind,
        offered: TrustList | bytes | None,
        *,
        tvs: TvsAnswer | None = None,
        now: datetime | None = None,
    ) -> Verdict:
        """Decide about a CTL or ITL that a server offers."""
        file = offered.data if isinstance(offered, TrustList) else offered
        key = (*_held(state), kind is ListKind.CTL, file, tvs, now if self.settings.check_expiry else None)
        found = self._decided.get(key)
        return found or self._decide(key, super().offer_trust_list(state, kind, offered, tvs=tvs, now=now))

    def judge_certificate(
        self, state: TrustState, certificate: Certificate, use: Use, tvs: TvsAnswer | None = None
    ) -> Verdict:
        """Decide whether a certificate is trusted for a use."""
        key = (*_held(state), certificate.der, use.what, tvs)
        found = self._decided.get(key)
        return found or self._decide(key, super().judge_certificate(state, certificate, use, tvs))

    def _decide(self, key: tuple[object, ...], verdict: Verdict) -> Verdict:
        if len(self._decided) >= _MOST:
            self._decided.clear()
        self._decided[key] = verdict
        return verdict
