"""Rows 1 to 18 and 23 of phone-trust.md 2.2: each state x offered list x what TVS says."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from mixedmode.phone.mind.models import get_model
from mixedmode.phone.mind.trust.decisions import (
    Decision,
    ListKind,
    NeedTvs,
    Outcome,
    Reason,
    TvsAnswer,
    TvsOutcome,
    Voucher,
)
from mixedmode.phone.mind.trust.lookup import is_blanked, remembering
from mixedmode.phone.mind.trust.policy import TrustPolicy
from mixedmode.phone.mind.trust.settings import PolicySettings
from mixedmode.phone.mind.trust.state import TrustState
from mixedmode.pki.certificates.profiles import Purpose, Subject, self_signed
from mixedmode.pki.signing.digests import DigestAlgorithm
from mixedmode.trustlist.model import TrustList
from mixedmode.trustlist.verify import check_signature
from tests.phone.site import NOW, Tvs, ctl, damaged, holding, identity, itl, silent_tvs
from tests.phone.trust.policy import (
    BLANKED,
    BOTH,
    CTL,
    ITL,
    ITL_ONLY,
    NEW_CTL,
    NEW_ITL,
    NO,
    OLD_CTL,
    OLD_ITL,
    YES,
    decide,
)
from tests.support import DATA


@dataclass(frozen=True)
class Case:
    """A row: the state, what is offered, and the outcome by TVS knowing, not knowing and not answering."""

    row: int | str
    state: TrustState
    kind: ListKind
    offered: TrustList
    knows: Outcome
    denies: Outcome
    absent: Outcome
    voucher: Voucher | None = None
    model: str = "7975"
    title: str = ""


LATER = 1_600_000_000

CASES = (
    Case(1, holding(tvs_configured=False), CTL, NEW_CTL, YES, YES, YES, Voucher.FIRST_USE),
    Case(2, holding(tvs_configured=False), ITL, NEW_ITL, YES, YES, YES, Voucher.FIRST_USE),
    Case(4, ITL_ONLY, CTL, ctl("callmanager"), YES, YES, YES, Voucher.ITL, title="by CallManager"),
    Case(4, ITL_ONLY, CTL, ctl("recovery"), YES, YES, YES, Voucher.ITL, title="by ITLRecovery"),
    Case(5, ITL_ONLY, CTL, ctl("token"), YES, NO, NO),
    Case(6, ITL_ONLY, ITL, itl("callmanager", timestamp=LATER), YES, YES, YES, Voucher.ITL),
    Case(7, ITL_ONLY, ITL, itl("recovery", "callmanager"), YES, YES, YES, Voucher.ITL),
    Case(8, ITL_ONLY, ITL, NEW_ITL, YES, NO, NO),
    Case(9, BOTH, CTL, ctl("callmanager", timestamp=LATER), YES, YES, YES, Voucher.CTL, title="same signer"),
    Case(9, BOTH, CTL, ctl("recovery"), YES, YES, YES, Voucher.CTL, title="other SAST"),
    Case(10, BOTH, ITL, itl("recovery"), YES, YES, YES, Voucher.CTL),
    Case(11, holding(ctl("token"), OLD_ITL), CTL, ctl("callmanager"), YES, YES, YES, Voucher.ITL),
    Case("10b", holding(ctl("token"), OLD_ITL), ITL, itl("recovery"), YES, YES, YES, Voucher.ITL),
    Case(12, BOTH, CTL, NEW_CTL, YES, NO, NO),
    Case(13, BOTH, ITL, NEW_ITL, YES, NO, NO),
    Case(14, holding(OLD_CTL, BLANKED), CTL, NEW_CTL, NO, NO, NO),
    Case("14b", holding(OLD_CTL, BLANKED), ITL, NEW_ITL, NO, NO, NO),
    Case("15b", holding(itl_file=BLANKED), CTL, NEW_CTL, NO, NO, NO),
    Case(4, holding(itl_file=BLANKED), CTL, OLD_CTL, YES, YES, YES, Voucher.ITL, title="by a blanked ITL's SAST"),
    Case(15, holding(itl_file=BLANKED), ITL, NEW_ITL, YES, YES, YES, Voucher.ROLLBACK_ITL),
    Case(16, holding(), CTL, NEW_CTL, YES, YES, YES, Voucher.FIRST_USE, model="7960"),
    Case(17, holding(OLD_CTL), CTL, ctl("recovery"), YES, YES, YES, Voucher.CTL, model="7960"),
    Case(18, holding(OLD_CTL), CTL, NEW_CTL, NO, NO, NO, model="7960"),
    Case(23, BOTH, CTL, ctl("callmanager", digest=DigestAlgorithm.SHA512), NO, NO, NO),
    Case(23, ITL_ONLY, ITL, itl("callmanager", digest=DigestAlgorithm.SHA512), NO, NO, NO, title="ITL"),
)


@pytest.mark.parametrize("tvs", ["knows", "denies", "absent"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"row{case.row}{case.title and ' '}{case.title}")
def test_each_row_of_the_table(case: Case, tvs: str) -> None:
    services = {"knows": Tvs("token", "new-callmanager"), "denies": Tvs(), "absent": silent_tvs}
    decision = decide(case.state, case.kind, case.offered, model=case.model, tvs=services[tvs])
    assert decision.outcome is getattr(case, tvs)
    assert decision.row == case.row
    if case.voucher is not None:
        assert decision.voucher is case.voucher
    elif decision.accepted:
        assert decision.voucher is Voucher.TVS
    else:
        assert decision.voucher is None


def test_row_3_both_lists_at_once_the_itl_is_checked_against_the_new_ctl() -> None:
    state = holding(tvs_configured=False)
    first = decide(state, CTL, OLD_CTL)
    assert (first.outcome, first.row) == (YES, 1)
    second = decide(state.after(first, CTL, OLD_CTL), ITL, itl("recovery"))
    assert (second.outcome, second.row, second.voucher) == (YES, 10, Voucher.CTL)


def test_row_3_a_ctl_of_tokens_vouches_for_the_first_itl_by_its_server_record() -> None:
    fresh = holding(ctl("token", servers=("callmanager",)), tvs_configured=False)
    assert decide(fresh, ITL, itl("callmanager")).outcome is YES
    strict = PolicySettings(ctl_server_record_vouches_for_first_itl=False)
    assert decide(fresh, ITL, itl("callmanager"), settings=strict).outcome is NO
    assert decide(fresh, ITL, itl("stranger")).outcome is NO


def test_row_5_is_a_named_setting() -> None:
    loose = PolicySettings(first_ctl_from_unknown_signer=True)
    for tvs in (Tvs(), silent_tvs):
        decision = decide(ITL_ONLY, CTL, ctl("token"), tvs=tvs, settings=loose)
        assert (decision.outcome, decision.setting) == (YES, "first_ctl_from_unknown_signer")
    assert decide(ITL_ONLY, CTL, damaged(ctl("callmanager")), settings=loose).outcome is NO


def test_the_question_names_the_signer_as_the_header_does() -> None:
    tvs = Tvs("new-callmanager")
    decision = decide(BOTH, CTL, NEW_CTL, tvs=tvs)
    assert decision.reason is Reason.TRUSTED_BY_TVS
    (question,) = tvs.questions
    certificate = identity("new-callmanager").certificate
    assert (question.subject, question.issuer) == (certificate.subject, certificate.issuer)
    assert question.serial == certificate.serial


def test_a_known_signer_is_never_asked_about() -> None:
    tvs = Tvs("callmanager")
    assert decide(BOTH, CTL, ctl("recovery"), tvs=tvs).outcome is YES
    assert decide(BOTH, CTL, damaged(ctl("recovery")), tvs=tvs).reason is Reason.BAD_SIGNATURE
    assert tvs.questions == []


@pytest.mark.parametrize(
    ("state", "why"),
    [
        (holding(OLD_CTL, OLD_ITL, tvs_configured=False), "names no TVS server"),
        (holding(OLD_CTL, itl("callmanager", tvs=False)), "holds no TVS certificate"),
        (holding(OLD_CTL, BLANKED), "holds no TVS certificate"),
        (holding(OLD_CTL), "without an ITL"),
    ],
)
def test_tvs_is_used_only_with_an_address_and_a_record_in_the_itl(state: TrustState, why: str) -> None:
    verdict = TrustPolicy(get_model("7975")).offer_trust_list(state, CTL, NEW_CTL)
    assert isinstance(verdict, Decision)
    assert verdict.reason is Reason.TVS_NOT_USABLE
    assert why in verdict.text


def test_an_answer_without_role_0_is_not_enough_for_a_list() -> None:
    decision = decide(BOTH, CTL, NEW_CTL, tvs=Tvs("new-callmanager", roles=(2, 3)))
    assert decision.reason is Reason.TVS_ROLE


def test_an_answer_about_somebody_else_is_refused() -> None:
    def tvs(_question: object) -> TvsAnswer:
        return TvsAnswer(TvsOutcome.KNOWN, identity("stranger").certificate, frozenset({0}), 60)

    assert decide(BOTH, CTL, NEW_CTL, tvs=tvs).reason is Reason.TVS_MISMATCH
    loose = PolicySettings(tvs_certificate_must_match=False)
    assert decide(BOTH, CTL, NEW_CTL, tvs=tvs, settings=loose).reason is Reason.BAD_SIGNATURE


def test_a_damaged_list_is_refused_even_if_tvs_knows_its_signer() -> None:
    assert decide(BOTH, CTL, damaged(NEW_CTL), tvs=Tvs("new-callmanager")).reason is Reason.BAD_SIGNATURE


def test_a_list_by_a_certificate_that_is_trusted_for_other_things_is_refused() -> None:
    only_server = holding(ctl("token", servers=("callmanager",)), itl("token", servers=("callmanager",), tvs=False))
    assert decide(only_server, CTL, ctl("callmanager")).outcome is NO


def test_absent_file_changes_nothing_unless_set_otherwise() -> None:
    for kind in ListKind:
        decision = decide(BOTH, kind, None)
        assert (decision.outcome, decision.reason) == (Outcome.KEEP, Reason.NOT_FOUND)
    forgetful = PolicySettings(ctl_kept_on_404=False)
    decision = decide(BOTH, CTL, None, settings=forgetful)
    assert decision.outcome is Outcome.REMOVE
    assert BOTH.after(decision, CTL, None).ctl is None
    assert decide(BOTH, ITL, None, settings=forgetful).outcome is Outcome.KEEP


def test_the_stored_list_needs_no_decision() -> None:
    decision = decide(BOTH, CTL, OLD_CTL.data)
    assert (decision.outcome, decision.reason) == (Outcome.KEEP, Reason.UNCHANGED)


@pytest.mark.parametrize("data", [b"", b"\x01", OLD_CTL.data[:-1], b"<html>not found</html>"])
def test_a_file_that_cannot_be_read_is_refused(data: bytes) -> None:
    for state in (holding(), BOTH):
        assert decide(state, CTL, data).reason is Reason.CORRUPT


def test_a_list_over_64_kib_is_refused() -> None:
    record = OLD_CTL.record(1).raw
    data = OLD_CTL.data + record * (66_000 // len(record))
    assert decide(holding(), CTL, data).reason is Reason.TOO_LARGE
    loose = PolicySettings(refuse_over_64_kib=False, verify_first_list=False)
    assert decide(holding(), CTL, data, settings=loose).outcome is YES


def test_four_sast_records_are_taken_unless_two_are_enforced() -> None:
    offered = ctl("token", "token-2", "recovery", "callmanager")
    assert decide(holding(), CTL, offered).outcome is YES
    decision = decide(holding(), CTL, offered, settings=PolicySettings(enforce_two_sast=True))
    assert (decision.reason, decision.setting) == (Reason.TOO_MANY_SAST, "enforce_two_sast")


def test_a_damaged_first_list_is_refused_unless_phones_do_not_look() -> None:
    assert decide(holding(), CTL, damaged(NEW_CTL)).setting == "verify_first_list"
    loose = PolicySettings(verify_first_list=False)
    assert decide(holding(), CTL, damaged(NEW_CTL), settings=loose).outcome is YES


def test_a_first_list_without_its_signers_record_is_taken_on_trust() -> None:
    data = (DATA / "cucm" / "signer-absent.tlv").read_bytes()
    assert decide(holding(), CTL, data).outcome is YES
    assert decide(holding(), CTL, (DATA / "cucm" / "bad-signature.tlv").read_bytes()).outcome is NO


def test_expiry_counts_only_if_set() -> None:
    signer = identity("short-lived", years=5)
    late = signer.certificate.not_after.replace(year=signer.certificate.not_after.year + 1)
    policy = TrustPolicy(get_model("7975"), PolicySettings(check_expiry=True))
    state, offered = holding(ctl("short-lived")), ctl("short-lived", timestamp=LATER)
    assert policy.offer_trust_list(state, CTL, offered, now=NOW).outcome is YES  # type: ignore[union-attr]
    verdict = policy.offer_trust_list(state, CTL, offered, now=late)
    assert isinstance(verdict, Decision)
    assert (verdict.reason, verdict.setting) == (Reason.EXPIRED, "check_expiry")
    plain = TrustPolicy(get_model("7975")).offer_trust_list(state, CTL, offered, now=late)
    assert isinstance(plain, Decision)
    assert plain.accepted


def test_models_of_the_tls_12_generation_take_sha512() -> None:
    offered = ctl("callmanager", digest=DigestAlgorithm.SHA512)
    assert decide(BOTH, CTL, offered, model="8861").outcome is YES
    sha256 = ctl("callmanager", digest=DigestAlgorithm.SHA256)
    assert decide(BOTH, CTL, sha256, model="8861").outcome is YES
    assert decide(BOTH, CTL, sha256, model="8861", settings=PolicySettings(sha256_where_sha512=False)).row == 23


def test_a_legacy_model_asks_for_no_itl() -> None:
    decision = decide(holding(), ITL, NEW_ITL, model="6911")
    assert (decision.outcome, decision.reason) == (Outcome.KEEP, Reason.NOT_ASKED)


def test_a_blanked_itl_still_lets_its_own_signer_in_by_record() -> None:
    decision = decide(holding(itl_file=BLANKED), ITL, itl("callmanager"))
    assert (decision.outcome, decision.row, decision.voucher) == (YES, 6, Voucher.ITL)


def test_a_list_of_sast_records_alone_is_blanked_only_by_setting() -> None:
    sast_only = itl("recovery", servers=(), tvs=False)
    assert not is_blanked(sast_only)
    assert is_blanked(sast_only, sast_only=True)
    assert is_blanked(BLANKED)
    assert decide(holding(itl_file=sast_only), ITL, NEW_ITL).outcome is NO
    loose = PolicySettings(sast_only_itl_is_blank=True)
    assert decide(holding(itl_file=sast_only), ITL, NEW_ITL, settings=loose).row == 15


def test_an_older_list_of_a_trusted_signer_is_taken_and_the_decision_says_so() -> None:
    newer = holding(ctl("callmanager", timestamp=LATER), itl("callmanager", timestamp=LATER))
    for kind, offered in ((CTL, ctl("callmanager")), (ITL, itl("callmanager"))):
        decision = decide(newer, kind, offered)
        assert (decision.outcome, decision.older) == (YES, True)
        assert "before the stored one" in decision.text
        strict = decide(newer, kind, offered, settings=PolicySettings(allow_older_list=False))
        assert (strict.outcome, strict.reason, strict.setting) == (NO, Reason.OLDER_LIST, "allow_older_list")
    by_tvs = decide(newer, CTL, NEW_CTL, tvs=Tvs("new-callmanager"))
    assert (by_tvs.row, by_tvs.older) == (12, True)
    assert not decide(BOTH, CTL, ctl("callmanager", timestamp=LATER)).older
    assert not decide(holding(), CTL, OLD_CTL).older


# What is no list of the kind that was asked for (row 18b; not documented, ours).


@pytest.mark.parametrize("other", ["issuer", "serial"])
def test_an_answer_of_tvs_must_be_of_the_issuer_and_serial_that_were_asked_for(other: str) -> None:
    """A certificate with the right key, made under another name: its signature would hold."""
    asked = identity("new-callmanager")
    serial = int.from_bytes(asked.certificate.serial)
    fake = self_signed(
        Purpose.CALLMANAGER,
        subject=Subject("somebody" if other == "issuer" else "new-callmanager", "TAC", "Cisco", "Krakow",
                        "Malopolska", "PL"),
        key=asked.key,
        now=NOW,
        serial=serial + (other == "serial"),
    )  # fmt: skip

    def tvs(_question: object) -> TvsAnswer:
        return TvsAnswer(TvsOutcome.KNOWN, fake, frozenset({0}), 60)

    assert decide(BOTH, CTL, NEW_CTL, tvs=tvs).reason is Reason.TVS_MISMATCH
    loose = PolicySettings(tvs_certificate_must_match=False)
    assert decide(BOTH, CTL, NEW_CTL, tvs=tvs, settings=loose).outcome is YES


def test_a_decision_costs_one_verification_and_verdicts_can_be_shared() -> None:
    checked = []

    def count(header: object, certificate: object) -> bool:
        checked.append(certificate)
        return check_signature(header, certificate)  # type: ignore[arg-type]

    policy = TrustPolicy(get_model("7975"), verifier=remembering(count))
    state = holding(ctl("callmanager"), itl("callmanager"))
    for _ in range(100):
        verdict = policy.offer_trust_list(state, CTL, ctl("callmanager", timestamp=LATER))
        assert not isinstance(verdict, NeedTvs)
        assert verdict.accepted
    assert len(checked) == 1


def test_the_seeds_own_list_is_taken_on_first_use_and_stays_trusted() -> None:
    data = (DATA / "cucm" / "tokenless-4947.tlv").read_bytes()
    decision = decide(holding(), CTL, data)
    assert decision.row == 1
    state = holding().after(decision, CTL, TrustList.parse(data))
    assert decide(state, CTL, data).reason is Reason.UNCHANGED
    assert decide(state, CTL, NEW_CTL).row == 12
