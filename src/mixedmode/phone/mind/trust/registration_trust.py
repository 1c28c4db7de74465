"""Whom a phone registers with, and how: pure decisions of wire-formats.md 6 and phone-trust.md 2.

Rules:

1. A device in authenticated or encrypted mode registers by TLS. If its CTL holds no CallManager certificate, the
   cluster left mixed mode: then it registers in the clear, and by TLS where that is refused, since a newer CTL that it
   did not take may have brought the cluster back (forecast.md 5.8: its ITL or TVS may still vouch for the server).
2. By TLS the server's certificate must be trusted as that of a CallManager (:mod:`.uses`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mixedmode.phone.mind.trust.lookup import is_mixed_mode
from mixedmode.phone.mind.trust.uses import SERVER

if TYPE_CHECKING:
    from mixedmode.phone.mind.trust.decisions import TvsAnswer, Verdict
    from mixedmode.phone.mind.trust.policy import TrustPolicy
    from mixedmode.phone.mind.trust.state import TrustState
    from mixedmode.pki.certificates.certificates import Certificate

_NON_SECURE: Final = 1


def ways_to_register(mode: int | None, trust: TrustState) -> tuple[bool, ...]:
    """Return how a device tries to register (rule 1), in order; True is by TLS.

    Args:
        mode: ``deviceSecurityMode`` of its configuration.
        trust: What it holds.
    """
    if mode is None or mode <= _NON_SECURE:
        return (False,)
    return (True,) if trust.ctl is None or is_mixed_mode(trust.ctl) else (False, True)


def judge_server(
    policy: TrustPolicy, trust: TrustState, certificate: Certificate, tvs: TvsAnswer | None = None
) -> Verdict:
    """Decide about the certificate of a CallManager (rule 2).

    Args:
        policy: The phone's.
        trust: What it holds.
        certificate: What the server showed.
        tvs: The answer to the question that this function returned before.
    """
    return policy.judge_certificate(trust, certificate, SERVER, tvs)
