"""When a phone goes to CAPF, to which, and what it keeps of it (phone-trust.md 6).

Rules:

1. It goes there after a start if its configuration names a CAPF and says nothing of its certificate, or the MD5 of
   another one than it holds. The LSC counts, without one the MIC. One that says nothing of it and has ``capfAuthMode``
   0, "none", is of a device for which nothing waits (docs/decisions/0066): then it does not go.
2. How it proves itself is for ``capfAuthMode`` to say; without it, it proves nothing.
3. It believes a CAPF that shows a certificate of a CAPF record of its CTL or ITL. One that holds no list believes any.
4. The servers are asked in their order; the next one when one cannot be reached or is not believed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mixedmode.errors import RemoteError
from mixedmode.phone.body.capf import AuthMode, Outcome, Proofs, enrol
from mixedmode.phone.mind.config import PhoneConfig
from mixedmode.trustlist.roles import Role

if TYPE_CHECKING:
    from mixedmode.phone.body.client import Phone
    from mixedmode.phone.mind.trust.state import TrustState
    from mixedmode.pki.signing.signer import SoftwareSigner

_NOTHING_WAITS: Final = 0
"""``capfAuthMode`` (rule 1)."""


@dataclass(frozen=True, slots=True)
class PhoneKeys:
    """The keys of a phone, each with its certificate.

    Attributes:
        lsc: From a CAPF; None without one.
        mic: From its maker; None without one.
    """

    lsc: SoftwareSigner | None = None
    mic: SoftwareSigner | None = None

    @property
    def own(self) -> SoftwareSigner | None:
        """The one that counts."""
        return self.lsc or self.mic


def goes_to_capf(config: PhoneConfig, keys: PhoneKeys) -> bool:
    """Return whether a phone goes to CAPF (rule 1)."""
    if not may_go(config):
        return False
    wanted, own = (config.certificate_hash or "").lower(), keys.own
    return not wanted or own is None or own.certificate.md5.hex() != wanted


def may_go(config: PhoneConfig) -> bool:
    """Return whether there is a phone that goes to CAPF by a configuration, whatever keys it holds."""
    return bool(config.capf) and (bool(config.certificate_hash) or config.capf_mode != _NOTHING_WAITS)


async def renew(
    phone: Phone,
    keys: PhoneKeys,
    *,
    password: str = "",
    by_hand: bool = False,
    keep: Callable[[SoftwareSigner | None], None] = lambda _lsc: None,
) -> Outcome | None:
    """Let a phone that has booted go to CAPF, if it would.

    Args:
        phone: Its state has a configuration.
        keys: What it holds.
        password: Digits that somebody typed on it.
        by_hand: Whether somebody chose "Update" on its menu: it goes whatever its configuration says of certificates.
        keep: Told the LSC that it holds from now on, before CAPF hears that it does.

    Returns:
        How it ended; None if the phone does not go there.

    Raises:
        RemoteError: No CAPF of its configuration could be asked.
        MalformedError: The configuration cannot be read.
    """
    config = phone.state.config_in_force()
    if config is None or not (config.capf if by_hand else goes_to_capf(config, keys)):
        return None
    problem: RemoteError | None = None
    for server in config.capf:
        try:
            return await enrol(
                server.address,
                server.port,
                phone.name,
                Proofs(keys.lsc, keys.mic, password, _mode(config.capf_mode, typed=bool(password))),
                tls_max=phone.model.tls_max,
                trusted=_believed(phone.state.trust),
                world=phone.world,
                keep=keep,
            )
        except RemoteError as error:
            problem = problem or error
    raise problem or RemoteError("the configuration names no CAPF")


def _mode(number: int | None, *, typed: bool) -> AuthMode:
    """Return how it proves itself; digits that somebody typed are given, also where nothing was to be proved."""
    mode = AuthMode(number) if number in set(AuthMode) else AuthMode.NONE
    return AuthMode.PASSWORD if typed and mode is AuthMode.NONE else mode


def _believed(trust: TrustState) -> Collection[bytes] | None:
    """Return the certificates that a CAPF may show, None for any (rule 3)."""
    if not trust.lists:
        return None
    records = [record for each in trust.lists for record in each.records_with_role(Role.CAPF)]
    return {record.certificate_der for record in records if record.certificate_der is not None}
