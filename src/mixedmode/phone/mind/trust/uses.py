"""Is a certificate trusted for a use: as a CallManager, or to sign files? Pure decisions of phone-trust.md 2.

Rules:

1. It must be that of a record of the CTL, or else of the ITL, with a role for the use, byte for byte; no authority,
   name or date is looked at.
2. Failing both, TVS must give it such a role, if the phone may ask (:mod:`mixedmode.phone.mind.trust.asking`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mixedmode.errors import MalformedError
from mixedmode.phone.mind.trust.asking import tvs_obstacle
from mixedmode.phone.mind.trust.decisions import (
    Decision,
    NeedTvs,
    Outcome,
    Reason,
    Row,
    TvsOutcome,
    TvsQuestion,
    Verdict,
    Voucher,
)
from mixedmode.phone.mind.trust.evidence import refusal
from mixedmode.phone.mind.trust.lookup import FILE_SIGNERS
from mixedmode.trustlist.roles import Role

if TYPE_CHECKING:
    from mixedmode.phone.mind.models import PhoneModel
    from mixedmode.phone.mind.trust.decisions import TvsAnswer
    from mixedmode.phone.mind.trust.state import TrustState
    from mixedmode.pki.certificates.certificates import Certificate
    from mixedmode.trustlist.model import Record, TrustList


@dataclass(frozen=True, slots=True)
class Use:
    """What a certificate is trusted for.

    Attributes:
        what: The certificate, in words.
        role: As what a list has to name it, in words.
        roles: The same as roles; TVS must give one of them.
        by_hash: Whether a record may hold the certificate's hash alone.
        row: The row of phone-trust.md 2.2 if a list names it.
        row_by_tvs: The row if TVS has to.
    """

    what: str
    role: str
    roles: frozenset[Role]
    by_hash: bool = False
    row: Row | None = None
    row_by_tvs: Row | None = None


SERVER: Final = Use("the server's certificate", "a CallManager", frozenset({Role.CCM, Role.CCM_TFTP}), by_hash=True)
FILES: Final = Use("the certificate that signs files", "a TFTP server", FILE_SIGNERS, row=19, row_by_tvs=20)


def judge_certificate(
    model: PhoneModel, trust: TrustState, certificate: Certificate, use: Use, tvs: TvsAnswer | None = None
) -> Verdict:
    """Decide about a certificate by its records, or by TVS.

    Args:
        model: What the phone can do.
        trust: What it holds.
        certificate: Whose trust is in question.
        use: What for.
        tvs: The answer to the question that this function returned before.
    """
    for source, stored in ((Voucher.CTL, trust.ctl), (Voucher.ITL, trust.itl)):
        record = _record_of(stored, certificate, use)
        if record is not None:
            text = f"{use.what} is that of {source.value} {record.number} ({record.role_label})"
            return Decision(Outcome.ACCEPT, Reason.TRUSTED_SIGNER, text, use.row, source, record.number)
    try:
        question = TvsQuestion(certificate.subject, certificate.issuer, certificate.serial)
    except MalformedError as error:
        return refusal(Reason.CORRUPT, f"{use.what} cannot be read: {error}")
    unknown = f"no list names {question.subject} as {use.role}"
    obstacle = tvs_obstacle(model, trust)
    if obstacle is not None:
        return refusal(Reason.TVS_NOT_USABLE, f"{unknown}, and TVS cannot help: {obstacle}", use.row_by_tvs)
    if tvs is None:
        return NeedTvs(question)
    return _judge_answer(certificate, tvs, unknown, use)


def _judge_answer(certificate: Certificate, answer: TvsAnswer, unknown: str, use: Use) -> Decision:
    row = use.row_by_tvs
    if answer.outcome is TvsOutcome.UNREACHABLE:
        return refusal(Reason.TVS_UNREACHABLE, f"{unknown}, and no TVS server could be asked", row)
    if answer.outcome is TvsOutcome.UNKNOWN:
        return refusal(Reason.UNKNOWN_SIGNER, f"{unknown}, and TVS does not know it", row)
    if answer.certificate != certificate:
        return refusal(Reason.TVS_MISMATCH, f"{unknown}, and TVS answered with another certificate", row)
    if not answer.roles & {role.value for role in use.roles}:
        given = ", ".join(map(str, sorted(answer.roles))) or "none"
        wanted = " or ".join(str(role.value) for role in sorted(use.roles))
        return refusal(Reason.TVS_ROLE, f"{unknown}, and TVS gives it role {given}, not {wanted}", row)
    return Decision(Outcome.ACCEPT, Reason.TRUSTED_BY_TVS, f"TVS vouches for {use.what}", row, Voucher.TVS)


def _record_of(stored: TrustList | None, certificate: Certificate, use: Use) -> Record | None:
    return None if stored is None else stored.once((use.what, certificate), lambda: _named(stored, certificate, use))


def _named(stored: TrustList, certificate: Certificate, use: Use) -> Record | None:
    digests = (certificate.sha1, certificate.sha256) if use.by_hash else ()
    for record in stored.records_with_role(*use.roles):
        if record.certificate_der == certificate.der or record.certificate_hash in digests:
            return record
    return None
