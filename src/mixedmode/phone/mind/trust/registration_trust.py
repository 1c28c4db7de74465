"""Whom a phone registers with, and how: pure decisions of wire-formats.md 6 and phone-trust.md 2.

Rules:

1. A device in authenticated or encrypted mode registers by TLS, unless its CTL holds no CallManager certificate:
   then the cluster is not in mixed mode, and it registers without.
2. By TLS the server's certificate must be trusted as that of a CallManager (:mod:`.uses`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mixedmode.phone.mind.trust.lookup import is_mixed_mode
from mixedmode.phone.mind.trust.uses import SERVER, judge_certificate

if TYPE_CHECKING:
    from mixedmode.phone.mind.trust.decisions import TvsAnswer, Verdict
    from mixedmode.phone.mind.trust.policy import TrustPolicy
    from mixedmode.phone.mind.trust.state import TrustState
    from mixedmode.pki.certificates.certificates import Certificate

_NON_SECURE: Final = 1


def registers_by_tls(mode: int | None, trust: TrustState) -> bool:
    """Return whether a device registers by TLS (rule 1).

    Args:
        mode: ``deviceSecurityMode`` of its configuration.
        trust: What it holds.
    """
    if mode is None or mode <= _NON_SECURE:
        return False
    return trust.ctl is None or is_mixed_mode(trust.ctl)


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
    return judge_certificate(policy.model, trust, certificate, SERVER, tvs)
