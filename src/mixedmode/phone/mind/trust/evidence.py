"""What speaks for a file: records of stored lists and answers of TVS, and whether the signature holds.

The part of :class:`mixedmode.phone.mind.trust.policy.TrustPolicy` that trust lists and configuration files share. Rules
(phone-trust.md 0 and 2.1):

1. Stored records come first; only a signer that no record names leads to TVS.
2. A signer that is found but whose signature does not hold is refused; TVS is not asked about it.
3. Whether TVS may be asked at all is for :mod:`mixedmode.phone.mind.trust.asking` to say.
4. One signature is verified for each distinct certificate of the signer, which is one in any sane list.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from mixedmode.articles import with_article
from mixedmode.errors import MalformedError
from mixedmode.phone.mind.trust.asking import tvs_obstacle
from mixedmode.phone.mind.trust.decisions import (
    Decision,
    NeedTvs,
    Outcome,
    Reason,
    Row,
    TvsAnswer,
    TvsOutcome,
    TvsQuestion,
    Verdict,
    Voucher,
)
from mixedmode.phone.mind.trust.lookup import Verifier
from mixedmode.pki.certificates.names import serial_matches, serial_text
from mixedmode.pki.signing.digests import DigestAlgorithm

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mixedmode.phone.mind.models import PhoneModel
    from mixedmode.phone.mind.trust.settings import PolicySettings
    from mixedmode.phone.mind.trust.state import TrustState
    from mixedmode.pki.certificates.certificates import Certificate
    from mixedmode.trustlist.header import Header
    from mixedmode.trustlist.model import Record


def refusal(reason: Reason, text: str, row: Row | None = None, setting: str | None = None) -> Decision:
    """Return the decision to refuse a file."""
    return Decision(Outcome.REJECT, reason, text, row, setting=setting)


_SHA1: Final = int(DigestAlgorithm.SHA1)
"""Known to every phone, and asked for about every list: an enumeration's member is dearer than the comparison."""


class Evidence:
    """Weighs signatures for phones of one model.

    Args:
        model: What the phone can do.
        settings: Answers to what the record leaves open.
        verifier: Checks one signature.
    """

    __slots__ = ("model", "settings", "verifier")

    def __init__(self, model: PhoneModel, settings: PolicySettings, verifier: Verifier) -> None:
        self.model = model
        self.settings = settings
        self.verifier = verifier

    def unknown_digest(self, code: int | None) -> Decision | None:
        """Return the refusal of a digest, by its wire code, that the model does not know (row 23)."""
        if code is None or code == _SHA1:
            return None
        known = code == DigestAlgorithm.SHA512 or (code == DigestAlgorithm.SHA256 and self.settings.sha256_where_sha512)
        if known and self.model.sha512:
            return None
        name = next((each.label for each in DigestAlgorithm if each == code), f"digest code {code}")
        text = f"signed over {name}, which {with_article(self.model.name)} does not know"
        return refusal(Reason.DIGEST_UNSUPPORTED, text, 23)

    def judge(
        self, header: Header, records: Iterable[Record], source: Voucher, row: Row, now: datetime | None
    ) -> Decision | None:
        """Decide by records that are the signer's; None if there are none (rules 1 and 2).

        Args:
            header: Of the offered file.
            records: Records of the signer in one stored list.
            source: Which list.
            row: The row to report.
            now: UTC; only looked at if expiry is checked.
        """
        expired: Record | None = None
        found: Record | None = None
        tried: set[bytes] = set()
        for record in records:
            certificate = record.certificate
            if certificate is None or certificate.der in tried:
                continue
            tried.add(certificate.der)
            found = found or record
            if self.has_expired(certificate, now):
                expired = expired or record
            elif self.holds(header, certificate):
                role = record.role_label
                text = f"{source.value} {record.number} ({role}) is the signer's and the signature holds"
                return Decision(Outcome.ACCEPT, Reason.TRUSTED_SIGNER, text, row, source, record.number)
        if expired is not None:
            text = f"the signer's certificate in {source.value} {expired.number} is not valid now"
            return refusal(Reason.EXPIRED, text, row, setting="check_expiry")
        if found is not None:
            text = f"{source.value} {found.number} is the signer's, but the signature does not hold"
            return refusal(Reason.BAD_SIGNATURE, text, row)
        return None

    def by_tvs(
        self,
        state: TrustState,
        header: Header,
        roles: frozenset[int],
        row: Row,
        answer: TvsAnswer | None,
        now: datetime | None,
    ) -> Verdict:
        """Decide about a signer that no stored list names.

        Args:
            state: What the phone holds.
            header: Of the offered file.
            roles: Wire codes, one of which TVS must give the signer.
            row: The row to report.
            answer: What TVS said, None if it was not asked yet.
            now: UTC; only looked at if expiry is checked.
        """
        serial, issuer = header.signer_serial, header.signer_issuer
        if serial is None or issuer is None:
            return refusal(Reason.UNKNOWN_SIGNER, "the header does not name its signer", row)
        obstacle = tvs_obstacle(self.model, state)
        if answer is None and obstacle is None:
            return NeedTvs(TvsQuestion(header.signer_name or "", issuer, serial))
        signer = f"the signer {header.signer_name} (serial {serial_text(serial)})"
        if answer is None or obstacle is not None:
            text = f"{signer} is in no stored list, and TVS cannot help: {obstacle}"
            return refusal(Reason.TVS_NOT_USABLE, text, row)
        return self._judge_answer(header, roles, row, answer, now, signer)

    def _judge_answer(
        self,
        header: Header,
        roles: frozenset[int],
        row: Row,
        answer: TvsAnswer,
        now: datetime | None,
        signer: str,
    ) -> Decision:
        obstacle = self._obstacle_in_answer(header, roles, answer, now)
        if obstacle is None:
            return Decision(Outcome.ACCEPT, Reason.TRUSTED_BY_TVS, f"TVS vouches for {signer}", row, Voucher.TVS)
        reason, text = obstacle
        setting = "check_expiry" if reason is Reason.EXPIRED else None
        return refusal(reason, f"{signer} is in no stored list, and {text}", row, setting)

    def _obstacle_in_answer(
        self, header: Header, roles: frozenset[int], answer: TvsAnswer, now: datetime | None
    ) -> tuple[Reason, str] | None:
        certificate = answer.certificate
        found: tuple[Reason, str] | None = None
        if answer.outcome is TvsOutcome.UNREACHABLE:
            found = Reason.TVS_UNREACHABLE, "no TVS server could be asked"
        elif answer.outcome is TvsOutcome.UNKNOWN or certificate is None:
            found = Reason.UNKNOWN_SIGNER, "TVS does not know it"
        elif not answer.roles & roles:
            given = ", ".join(map(str, sorted(answer.roles))) or "none"
            wanted = " or ".join(map(str, sorted(roles)))
            found = Reason.TVS_ROLE, f"TVS gives it role {given}, not {wanted}"
        elif not self._is_answer_to(certificate, header):
            found = Reason.TVS_MISMATCH, "TVS answered with another certificate: of another issuer or serial"
        elif self.has_expired(certificate, now):
            found = Reason.EXPIRED, "the certificate that TVS gave is not valid now"
        elif not self.holds(header, certificate):
            found = Reason.BAD_SIGNATURE, "the signature does not hold for the certificate that TVS gave"
        return found

    def _is_answer_to(self, certificate: Certificate, header: Header) -> bool:
        if not self.settings.tvs_certificate_must_match:
            return True
        try:
            fits = serial_matches(header.signer_serial or b"", certificate.serial)
        except MalformedError:
            return False
        return fits and certificate.has_issuer(header.signer_issuer or "")

    def holds(self, header: Header, certificate: Certificate | None) -> bool:
        """Return whether a file's signature holds for a certificate; an unreadable one holds nothing."""
        try:
            return certificate is not None and header.signature is not None and self.verifier(header, certificate)
        except MalformedError:
            return False

    def has_expired(self, certificate: Certificate, now: datetime | None) -> bool:
        """Return whether a certificate is not valid now, if that is looked at (``check_expiry``)."""
        if not self.settings.check_expiry or now is None:
            return False
        try:
            return not certificate.not_before <= now <= certificate.not_after
        except MalformedError:
            return True
