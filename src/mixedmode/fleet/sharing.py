"""What the phones of a fleet share: parsed lists, equal configurations and bytes, and verdicts on lists.

A verdict on a trust list follows from the model, its settings, what the phone holds, the offered bytes and TVS's
answer alone; with all of these equal it is computed once. The exception is a policy that looks at the clock, where
nothing is remembered. Signed configurations are each verified, since each device has its own bytes.

Everything here is bounded: what does not fit is not shared, and no outcome changes.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Final

from mixedmode.phone.mind.trust.decisions import ListKind, TvsAnswer, Verdict
from mixedmode.phone.mind.trust.policy import TrustPolicy, read_list
from mixedmode.phone.mind.trust.state import PhoneState, TrustState
from mixedmode.trustlist.model import TrustList

if TYPE_CHECKING:
    from mixedmode.phone.mind.config import PhoneConfig
    from mixedmode.phone.mind.models import PhoneModel
    from mixedmode.phone.mind.trust.settings import PolicySettings

_LISTS: Final = 1024
_VERDICTS: Final = 1024
_CONFIGS: Final = 1024
_BYTES: Final = 4096


class Shared:
    """What one fleet shares.

    Args:
        settings: Open questions about the trust rules.
    """

    def __init__(self, settings: PolicySettings | None = None) -> None:
        self._settings = settings
        self._lists: dict[bytes, TrustList | bytes] = {}
        self._bytes: dict[bytes, bytes] = {}
        self._configs: dict[PhoneConfig, PhoneConfig] = {}
        self._policies: dict[str, SharingPolicy] = {}

    def policy(self, model: PhoneModel) -> SharingPolicy:
        """Return the policy of all phones of a model."""
        policy = self._policies.get(model.name)
        if policy is None:
            policy = self._policies[model.name] = SharingPolicy(model, self._settings, self)
        return policy

    def read_list(self, data: bytes) -> TrustList | bytes:
        """Return the list of these bytes, parsed once, or the bytes if they are none."""
        found = self._lists.get(data)
        if found is None:
            found = read_list(data)
            if len(self._lists) < _LISTS:
                self._lists[data] = found
        return found

    def same(self, state: PhoneState) -> PhoneState:
        """Return an equal state that is made of shared lists, configurations and bytes."""
        trust = state.trust
        return replace(
            state,
            trust=TrustState(self._list(trust.ctl), self._list(trust.itl), trust.tvs_servers),
            ctl_backup=self._kept(state.ctl_backup),
            itl_backup=self._kept(state.itl_backup),
            config=self._kept(state.config),
            parsed=self.config(state.parsed),
        )

    def config(self, config: PhoneConfig | None) -> PhoneConfig | None:
        """Return an equal configuration that is shared."""
        if config is None:
            return None
        known = self._configs
        return known.setdefault(config, config) if len(known) < _CONFIGS else known.get(config, config)

    def _list(self, trust_list: TrustList | None) -> TrustList | None:
        if trust_list is None or len(self._lists) >= _LISTS:
            found = None if trust_list is None else self._lists.get(trust_list.data)
        else:
            found = self._lists.setdefault(trust_list.data, trust_list)
        return found if isinstance(found, TrustList) else trust_list

    def _kept(self, data: bytes | None) -> bytes | None:
        if data is None:
            return None
        return self._bytes.setdefault(data, data) if len(self._bytes) < _BYTES else self._bytes.get(data, data)


class SharingPolicy(TrustPolicy):
    """The trust rules of one model, with verdicts on lists remembered.

    Args:
        model: What the phones can do.
        settings: Open questions about the trust rules.
        shared: Parses lists.
    """

    __slots__ = ("_remembers", "_shared", "_verdicts")

    def __init__(self, model: PhoneModel, settings: PolicySettings | None, shared: Shared) -> None:
        super().__init__(model, settings)
        self._shared = shared
        self._remembers = not self.settings.check_expiry
        self._verdicts: dict[tuple[ListKind, TrustState, bytes, TvsAnswer | None], Verdict] = {}

    def read_list(self, data: bytes) -> TrustList | bytes:
        """Return the list of these bytes, parsed once for the whole fleet, or the bytes if they are none."""
        return self._shared.read_list(data)

    def offer_trust_list(
        self,
        state: TrustState,
        kind: ListKind,
        offered: TrustList | bytes | None,
        *,
        tvs: TvsAnswer | None = None,
        now: datetime | None = None,
    ) -> Verdict:
        """Decide about an offered list; see :meth:`.TrustPolicy.offer_trust_list`."""
        if offered is None or not self._remembers:
            return super().offer_trust_list(state, kind, offered, tvs=tvs, now=now)
        case = (kind, state, offered.data if isinstance(offered, TrustList) else offered, tvs)
        verdict = self._verdicts.get(case)
        if verdict is None:
            verdict = super().offer_trust_list(state, kind, offered, tvs=tvs, now=now)
            if len(self._verdicts) >= _VERDICTS:
                self._verdicts.clear()
            self._verdicts[case] = verdict
        return verdict
