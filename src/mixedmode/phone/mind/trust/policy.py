"""The phone's trust policy: one pure class, used by the phone, the fleet and the forecast alike.

It touches no file, clock or socket. Where TVS must be asked, the verdict is :class:`NeedTvs`; the caller asks
and offers the same file again with the answer.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from mixedmode.articles import with_article
from mixedmode.errors import MalformedError
from mixedmode.phone.mind.trust.decisions import (
    Decision,
    ListKind,
    NeedTvs,
    Outcome,
    Reason,
    TvsAnswer,
    Verdict,
    Voucher,
)
from mixedmode.phone.mind.trust.evidence import Evidence, refusal
from mixedmode.phone.mind.trust.list_kind import with_age, wrong_kind
from mixedmode.phone.mind.trust.lookup import (
    FILE_SIGNERS,
    Verifier,
    is_blanked,
    list_signers,
    names_file_signer,
    server_records,
)
from mixedmode.phone.mind.trust.rows import (
    FIRST_CTL_ROW,
    ROLLBACK_ROW,
    WRONG_KIND_ROW,
    first_row,
    known_row,
    unknown_row,
)
from mixedmode.phone.mind.trust.settings import PolicySettings
from mixedmode.phone.mind.trust.uses import judge_certificate
from mixedmode.signedfile.signed import SignedFile
from mixedmode.trustlist.model import Record, TrustList
from mixedmode.trustlist.roles import MAX_PHONE_FILE, Role
from mixedmode.trustlist.verify import check_signature

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    from mixedmode.phone.mind.models import PhoneModel
    from mixedmode.phone.mind.trust.state import TrustState
    from mixedmode.phone.mind.trust.uses import Use
    from mixedmode.pki.certificates.certificates import Certificate
    from mixedmode.trustlist.header import Header

T = TypeVar("T")

_SAST_ONLY = frozenset({Role.SAST.value})
_FILE_ROLES = frozenset(role.value for role in FILE_SIGNERS)
_PHONE_SAST_LIMIT = 2


class TrustPolicy:
    """What a phone does with each file that it is offered.

    The numbers are the rows of phone-trust.md 2.2, which every :class:`Decision` carries.

    Trust lists. Before any row: an absent file changes nothing; the stored file itself needs no decision; what is no
    list of the kind that was asked for is refused (18b, :mod:`.list_kind`), and so is a file that is too large or
    signed over a digest that the model lacks (23). A list older than the stored one is taken, and the decision says so.

    * Phone without lists: 1 the first CTL and 2 the first ITL are accepted; 3 when both come at once, the
      ITL is checked against the CTL just accepted.
    * Phone with an ITL only: a CTL whose signer is 4 SAST in the ITL is accepted, 5 unknown goes to TVS;
      an ITL by 6 the same signer or 7 another SAST of the stored ITL is accepted, 8 unknown goes to TVS;
      a blanked ITL 15 lets any new ITL in that is whole, 15b but no CTL of an unknown signer.
    * Phone with a CTL: a CTL whose signer is 9 SAST in the CTL, 11 SAST in the ITL is accepted, 12 unknown
      goes to TVS; an ITL whose signer is 10 SAST in the CTL, 10b SAST in the ITL is accepted, 13 unknown goes to TVS;
      with a blanked ITL an unknown signer's 14 CTL and 14b ITL are refused, since no TVS record is left.
    * Legacy model: never an ITL, never TVS; 16 the first CTL is accepted, 17 a SAST of the stored CTL is
      accepted, 18 any other signer is refused until the CTL is deleted by hand.

    Files. 19 signed by a TFTP or CCM+TFTP record of CTL or ITL: accepted; 20 unknown signer: accepted if TVS
    gives it role 2 or 3; 21 unsigned although a list holds a TFTP certificate: refused; 22 certain models
    with a manual key ignore the signature; 23 as above.

    TVS is used only if the last configuration names a server and the stored ITL holds a TVS certificate; its
    answer must have role SAST for a list. A signer that is found but whose signature does not hold is
    refused without asking TVS.

    Args:
        model: What the phone can do.
        settings: Answers to what the record leaves open.
        verifier: Checks one signature; see :func:`mixedmode.phone.mind.trust.lookup.remembering` to share verdicts.
    """

    __slots__ = ("_evidence", "model", "settings")

    def __init__(
        self, model: PhoneModel, settings: PolicySettings | None = None, verifier: Verifier = check_signature
    ) -> None:
        self.model = model
        self.settings = settings or PolicySettings()
        self._evidence = Evidence(model, self.settings, verifier)

    def known(self, _question: Hashable) -> Any:
        """Return the answer that :meth:`once` found out before, None if there is none, or nobody remembers."""
        return None

    def once(self, _question: Hashable, answer: Callable[[], T]) -> T:
        """Return an answer that depends on the policy and the question alone; one that remembers finds it out once."""
        return answer()

    def turned(self, setting: str) -> TrustPolicy:
        """Return the policy with one setting, or one ability of the model, the other way round."""
        if hasattr(self.settings, setting):
            settings = replace(self.settings, **{setting: not getattr(self.settings, setting)})
            return TrustPolicy(self.model, settings, self._evidence.verifier)
        turned: dict[str, Any] = {setting: not getattr(self.model, setting)}
        return TrustPolicy(replace(self.model, **turned), self.settings, self._evidence.verifier)

    def unknown_digest(self, code: int | None) -> Decision | None:
        """Return the refusal of a file that is signed over a digest that the model does not know (row 23).

        Args:
            code: The digest's wire code; None: the file does not say.
        """
        return self._evidence.unknown_digest(code)

    # Trust lists.

    def read_list(self, data: bytes) -> TrustList | bytes:
        """Return the list of these bytes, or the bytes if they are none: :meth:`offer_trust_list` says why."""
        return read_list(data)

    def read_file(self, data: bytes) -> SignedFile | bytes:
        """Return the signed file of these bytes, or the bytes if they are none, or a damaged one."""
        return read_file(data)

    def offer_trust_list(
        self,
        state: TrustState,
        kind: ListKind,
        offered: TrustList | bytes | None,
        *,
        tvs: TvsAnswer | None = None,
        now: datetime | None = None,
    ) -> Verdict:
        """Decide about a CTL or ITL that a server offers.

        Args:
            state: What the phone holds.
            kind: What it asked for.
            offered: The file, parsed already if that is at hand; None if the server has none.
            tvs: The answer to the question that this method returned before.
            now: UTC; only looked at if expiry is checked.
        """
        if kind is ListKind.ITL and not self.model.asks_itl:
            return Decision(Outcome.KEEP, Reason.NOT_ASKED, f"{with_article(self.model.name)} does not ask for an ITL")
        if offered is None:
            return self._absent_list(state, kind)
        try:
            trust_list = offered if isinstance(offered, TrustList) else TrustList.parse(offered)
        except MalformedError as error:
            reason = Reason.WRONG_KIND if error.code in {"signed_file", "version"} else Reason.CORRUPT
            return refusal(reason, f"the file cannot be read: {error}", WRONG_KIND_ROW)
        held = state.held(kind)
        if held is not None and held == trust_list:
            return Decision(Outcome.KEEP, Reason.UNCHANGED, f"the stored {kind} is the one on the server")
        verdict: Verdict | None = wrong_kind(kind, trust_list, self.settings) or self._unusable(trust_list)
        if verdict is None and state.ctl is None and state.itl is None:
            verdict = self._first_list(kind, trust_list)
        verdict = verdict or self._next_list(state, kind, trust_list, tvs, now)
        if isinstance(verdict, NeedTvs):
            return verdict
        return with_age(verdict, trust_list, held, self.settings)

    def _absent_list(self, state: TrustState, kind: ListKind) -> Decision:
        if kind is ListKind.CTL and state.ctl is not None and not self.settings.ctl_kept_on_404:
            text = "the server has no CTL, so the stored one is forgotten"
            return Decision(Outcome.REMOVE, Reason.NOT_FOUND, text, setting="ctl_kept_on_404")
        kept = f"; the stored {kind} stays" if state.held(kind) is not None else ""
        return Decision(Outcome.KEEP, Reason.NOT_FOUND, f"the server has no {kind}{kept}")

    def _unusable(self, trust_list: TrustList) -> Decision | None:
        if len(trust_list) > MAX_PHONE_FILE and self.settings.refuse_over_64_kib:
            text = f"{len(trust_list)} bytes: phones do not load lists over {MAX_PHONE_FILE} bytes"
            return refusal(Reason.TOO_LARGE, text, setting="refuse_over_64_kib")
        if self.settings.enforce_two_sast:
            count = sum(record.is_sast() for record in trust_list.records)
            if count > _PHONE_SAST_LIMIT:
                text = f"the list has {count} SAST records, more than two"
                return refusal(Reason.TOO_MANY_SAST, text, setting="enforce_two_sast")
        return self.unknown_digest(trust_list.header.digest_code)

    def _first_list(self, kind: ListKind, trust_list: TrustList) -> Decision:
        row = first_row(kind, legacy=not self.model.security_by_default)
        if self.settings.verify_first_list:
            broken = self._broken(trust_list)
            if broken is not None:
                return refusal(Reason.BAD_SIGNATURE, broken, row, setting="verify_first_list")
        text = f"the phone holds no trust list, so it takes the first {kind} on trust"
        return Decision(Outcome.ACCEPT, Reason.FIRST_USE, text, row, Voucher.FIRST_USE)

    def _broken(self, trust_list: TrustList) -> str | None:
        """Return why a list cannot be whole, None if its own record verifies it or it holds no such record."""
        header = trust_list.header
        if header.signature is None:
            return "the list has no signature"
        records = list_signers(trust_list, header)
        if not records or any(self._evidence.holds(header, record.certificate) for record in records):
            return None
        return "the list's signature does not hold for its own signer: it was changed or damaged"

    def _next_list(
        self, state: TrustState, kind: ListKind, trust_list: TrustList, tvs: TvsAnswer | None, now: datetime | None
    ) -> Verdict:
        header = trust_list.header
        legacy = not self.model.security_by_default
        row_if_unknown = unknown_row(state, kind, blanked=self._holds_blanked(state), legacy=legacy)
        for source, records in self._list_candidates(state, kind, header):
            row = known_row(state, kind, source, header, legacy=legacy)
            decision = self._evidence.judge(header, records, source, row, now)
            if decision is not None:
                return decision
        if row_if_unknown == ROLLBACK_ROW:
            broken = self._broken(trust_list) if self.settings.verify_first_list else None
            if broken is not None:
                return refusal(Reason.BAD_SIGNATURE, broken, ROLLBACK_ROW, setting="verify_first_list")
            text = "the stored ITL is blanked for rollback, so any new ITL is taken"
            return Decision(Outcome.ACCEPT, Reason.ROLLBACK, text, ROLLBACK_ROW, Voucher.ROLLBACK_ITL)
        verdict = self._evidence.by_tvs(state, header, _SAST_ONLY, row_if_unknown, tvs, now)
        if row_if_unknown == FIRST_CTL_ROW and isinstance(verdict, Decision) and self._takes_any_first_ctl(verdict):
            text = "nobody vouches for the signer, but a first CTL is taken all the same"
            return Decision(
                Outcome.ACCEPT,
                Reason.FIRST_USE,
                text,
                FIRST_CTL_ROW,
                Voucher.FIRST_USE,
                setting="first_ctl_from_unknown_signer",
            )
        return verdict

    def _takes_any_first_ctl(self, verdict: Decision) -> bool:
        unvouched = {Reason.UNKNOWN_SIGNER, Reason.TVS_UNREACHABLE, Reason.TVS_NOT_USABLE, Reason.TVS_ROLE}
        return self.settings.first_ctl_from_unknown_signer and verdict.reason in unvouched

    def _list_candidates(
        self, state: TrustState, kind: ListKind, header: Header
    ) -> Iterable[tuple[Voucher, tuple[Record, ...]]]:
        if state.ctl is not None:
            records = list_signers(state.ctl, header)
            first_itl = kind is ListKind.ITL and state.itl is None
            if first_itl and self.settings.ctl_server_record_vouches_for_first_itl:
                records += tuple(server_records(state.ctl, header))
            yield Voucher.CTL, records
        if state.itl is not None:
            yield Voucher.ITL, list_signers(state.itl, header)

    def _holds_blanked(self, state: TrustState) -> bool:
        return state.itl is not None and is_blanked(state.itl, sast_only=self.settings.sast_only_itl_is_blank)

    # Files.

    def has_expired(self, certificate: Certificate, now: datetime | None) -> bool:
        """Return whether the policy refuses a signer since its certificate is not valid now (``check_expiry``)."""
        return self._evidence.has_expired(certificate, now)

    def expects_signed(self, state: TrustState) -> bool:
        """Return whether the phone asks for ``.sgn`` files and refuses others (1.3)."""
        if not self.model.signed_config:
            return False
        return names_file_signer(state.ctl) or names_file_signer(state.itl)

    def judge_certificate(
        self, state: TrustState, certificate: Certificate, use: Use, tvs: TvsAnswer | None = None
    ) -> Verdict:
        """Decide whether a certificate is trusted for a use; see :mod:`.uses`."""
        return judge_certificate(self.model, state, certificate, use, tvs)

    def check_signed_file(
        self,
        state: TrustState,
        name: str,
        data: SignedFile | bytes | None,
        *,
        tvs: TvsAnswer | None = None,
        now: datetime | None = None,
        manual_key: bool = False,
    ) -> Verdict:
        """Decide about a configuration file, signed or not, encrypted or not.

        Args:
            state: What the phone holds.
            name: What it asked for.
            data: What came, parsed already if that is at hand; None if the server has none.
            tvs: The answer to the question that this method returned before.
            now: UTC; only looked at if expiry is checked.
            manual_key: Whether the phone runs SIP and a key was entered by hand (row 22).
        """
        if data is None:
            return Decision(Outcome.KEEP, Reason.NOT_FOUND, f"the server has no {name}")
        if isinstance(data, bytes) and not is_signed_file(data):
            return self._unsigned(state, name)
        try:
            file = data if isinstance(data, SignedFile) else SignedFile.parse(data)
        except MalformedError as error:
            return refusal(Reason.CORRUPT, f"the file cannot be read: {error}")
        if manual_key and self.model.manual_key_ignores_signature:
            text = f"{with_article(self.model.name)} with a manual key does not look at the signature"
            return Decision(Outcome.ACCEPT, Reason.SIGNATURE_IGNORED, text, 22)
        if not self.expects_signed(state):
            return Decision(Outcome.ACCEPT, Reason.NON_SECURE, "no list names a TFTP server: nothing to check with")
        unusable = self.unknown_digest(file.header.digest_code) or self._wrong_name(file, name)
        return unusable or self._signed(state, file, tvs, now)

    def _unsigned(self, state: TrustState, name: str) -> Decision:
        if not self.expects_signed(state):
            if state.ctl is None and self._holds_blanked(state):
                text = "the ITL is blanked for rollback: an unsigned file will do"
                return Decision(Outcome.ACCEPT, Reason.ROLLBACK, text, ROLLBACK_ROW, Voucher.ROLLBACK_ITL)
            text = f"no list names a TFTP server: {name} need not be signed"
            return Decision(Outcome.ACCEPT, Reason.NON_SECURE, text)
        return refusal(Reason.UNSIGNED, "the file is not signed, although a list names a TFTP server", 21)

    def _wrong_name(self, file: SignedFile, name: str) -> Decision | None:
        if not self.settings.check_config_filename or file.header.filename in {None, name}:
            return None
        text = f"the file was signed as {file.header.filename!r}, not as {name!r}"
        return refusal(Reason.WRONG_FILENAME, text, setting="check_config_filename")

    def _signed(self, state: TrustState, file: SignedFile, tvs: TvsAnswer | None, now: datetime | None) -> Verdict:
        for source, stored in ((Voucher.CTL, state.ctl), (Voucher.ITL, state.itl)):
            if stored is not None:
                records = [record for record in file.signer_candidates(stored) if record.certificate_der is not None]
                verdict = self._evidence.judge(file.header, records, source, 19, now)
                if verdict is not None:
                    return verdict
        return self._evidence.by_tvs(state, file.header, _FILE_ROLES, 20, tvs, now)


def read_list(data: bytes) -> TrustList | bytes:
    """Return the list of these bytes, or the bytes if they are none."""
    try:
        return TrustList.parse(data)
    except MalformedError:
        return data


def read_file(data: bytes) -> SignedFile | bytes:
    """Return the signed file of these bytes, or the bytes if they are none, or a damaged one."""
    try:
        return SignedFile.parse(data) if is_signed_file(data) else data
    except MalformedError:
        return data


def is_signed_file(data: bytes) -> bool:
    """Return whether bytes begin as a signed or encrypted file does (wire-formats.md 2 and 3)."""
    return data[:3] == b"\x01\x00\x02"
