"""Whom a phone registers with, and how: pure decisions of wire-formats.md 6 and phone-trust.md 2.

Rules:

1. A device in authenticated or encrypted mode registers by TLS, unless its CTL holds no CallManager certificate:
   then the cluster is not in mixed mode, and it registers without.
2. By TLS the server's certificate must be that of a CCM or CCM+TFTP record of the CTL, or else of the ITL, byte for
   byte; no authority, name or date is looked at. Failing both, TVS must give it such a role.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mixedmode.errors import MalformedError
from mixedmode.phone.mind.trust.asking import tvs_obstacle
from mixedmode.phone.mind.trust.decisions import (
    Decision,
    NeedTvs,
    Outcome,
    Reason,
    TvsOutcome,
    TvsQuestion,
    Verdict,
    Voucher,
)
from mixedmode.phone.mind.trust.evidence import refusal
from mixedmode.phone.mind.trust.lookup import is_mixed_mode
from mixedmode.trustlist.roles import Role

if TYPE_CHECKING:
    from mixedmode.phone.mind.trust.decisions import TvsAnswer
    from mixedmode.phone.mind.trust.policy import TrustPolicy
    from mixedmode.phone.mind.trust.state import TrustState
    from mixedmode.pki.certificates.certificates import Certificate
    from mixedmode.trustlist.model import Record, TrustList

SERVER_ROLES: Final = frozenset({Role.CCM, Role.CCM_TFTP})
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
    for source, stored in ((Voucher.CTL, trust.ctl), (Voucher.ITL, trust.itl)):
        record = _record_of(stored, certificate)
        if record is not None:
            text = f"the server's certificate is that of {source.value} {record.number} ({record.role_label})"
            return Decision(Outcome.ACCEPT, Reason.TRUSTED_SIGNER, text, voucher=source, record=record.number)
    try:
        question = TvsQuestion(certificate.subject, certificate.issuer, certificate.serial)
    except MalformedError as error:
        return refusal(Reason.CORRUPT, f"the server's certificate cannot be read: {error}")
    unknown = f"no list names {question.subject} as a CallManager"
    obstacle = tvs_obstacle(policy.model, trust)
    if obstacle is not None:
        return refusal(Reason.TVS_NOT_USABLE, f"{unknown}, and TVS cannot help: {obstacle}")
    if tvs is None:
        return NeedTvs(question)
    return _judge_answer(certificate, tvs, unknown)


def _judge_answer(certificate: Certificate, answer: TvsAnswer, unknown: str) -> Decision:
    if answer.outcome is TvsOutcome.UNREACHABLE:
        return refusal(Reason.TVS_UNREACHABLE, f"{unknown}, and no TVS server could be asked")
    if answer.outcome is TvsOutcome.UNKNOWN:
        return refusal(Reason.UNKNOWN_SIGNER, f"{unknown}, and TVS does not know it")
    if answer.certificate != certificate:
        return refusal(Reason.TVS_MISMATCH, f"{unknown}, and TVS answered with another certificate")
    if not answer.roles & {role.value for role in SERVER_ROLES}:
        given = ", ".join(map(str, sorted(answer.roles))) or "none"
        return refusal(Reason.TVS_ROLE, f"{unknown}, and TVS gives it role {given}, not 1 or 2")
    text = "TVS vouches for the server's certificate"
    return Decision(Outcome.ACCEPT, Reason.TRUSTED_BY_TVS, text, voucher=Voucher.TVS)


def _record_of(stored: TrustList | None, certificate: Certificate) -> Record | None:
    digests = (certificate.sha1, certificate.sha256)
    for record in stored.records_with_role(*SERVER_ROLES) if stored is not None else ():
        if record.certificate_der == certificate.der or record.certificate_hash in digests:
            return record
    return None
