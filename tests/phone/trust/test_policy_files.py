"""Rows 15 and 19 to 23 of phone-trust.md 2.2: configuration files."""

from __future__ import annotations

import pytest

from mixedmode.phone.mind.models import get_model
from mixedmode.phone.mind.trust.decisions import Decision, Outcome, Reason, Voucher, settle
from mixedmode.phone.mind.trust.policy import TrustPolicy
from mixedmode.phone.mind.trust.settings import PolicySettings
from mixedmode.phone.mind.trust.state import TrustState
from mixedmode.pki.signing.digests import DigestAlgorithm
from tests.phone.site import CONFIG, DEVICE, NOW, Tvs, ctl, holding, itl, signed_config, silent_tvs

NAME = f"{DEVICE}.cnf.xml.sgn"
CTL_ONLY = holding(ctl("recovery", servers=("callmanager",)))
ITL_ONLY = holding(itl_file=itl("recovery", servers=("callmanager",)))


def check(
    state: TrustState,
    data: bytes | None,
    *,
    model: str = "7975",
    tvs: object = silent_tvs,
    settings: PolicySettings | None = None,
    manual_key: bool = False,
    name: str = NAME,
) -> Decision:
    policy = TrustPolicy(get_model(model), settings)
    return settle(
        lambda answer: policy.check_signed_file(state, name, data, tvs=answer, now=NOW, manual_key=manual_key),
        tvs,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(("state", "voucher"), [(CTL_ONLY, Voucher.CTL), (ITL_ONLY, Voucher.ITL)])
def test_row_19_a_server_record_of_either_list_vouches(state: TrustState, voucher: Voucher) -> None:
    decision = check(state, signed_config("callmanager", CONFIG))
    assert (decision.outcome, decision.row, decision.voucher) == (Outcome.ACCEPT, 19, voucher)


def test_row_19_a_changed_file_is_refused() -> None:
    data = signed_config("callmanager", CONFIG).replace(b"<deviceSecurityMode>1", b"<deviceSecurityMode>3")
    assert check(ITL_ONLY, data).reason is Reason.BAD_SIGNATURE


def test_a_sast_record_signs_no_files() -> None:
    assert check(ITL_ONLY, signed_config("recovery", CONFIG)).outcome is Outcome.REJECT


@pytest.mark.parametrize(
    ("roles", "outcome"),
    [((3,), Outcome.ACCEPT), ((2,), Outcome.ACCEPT), ((0, 2), Outcome.ACCEPT), ((0,), Outcome.REJECT)],
)
def test_row_20_tvs_must_give_a_tftp_role(roles: tuple[int, ...], outcome: Outcome) -> None:
    data = signed_config("new-callmanager", CONFIG)
    decision = check(ITL_ONLY, data, tvs=Tvs("new-callmanager", roles=roles))
    assert (decision.outcome, decision.row) == (outcome, 20)


@pytest.mark.parametrize("tvs", [Tvs(), silent_tvs])
def test_row_20_otherwise_the_old_configuration_stays(tvs: object) -> None:
    assert check(ITL_ONLY, signed_config("new-callmanager", CONFIG), tvs=tvs).outcome is Outcome.REJECT


def test_row_21_an_unsigned_file_is_refused_by_a_phone_with_a_tftp_record() -> None:
    for state in (CTL_ONLY, ITL_ONLY):
        decision = check(state, CONFIG, name=f"{DEVICE}.cnf.xml")
        assert (decision.outcome, decision.reason, decision.row) == (Outcome.REJECT, Reason.UNSIGNED, 21)


def test_row_21_the_blanked_itl_is_the_exception() -> None:
    blanked = itl("callmanager", blanked=True)
    decision = check(holding(itl_file=blanked), CONFIG, name=f"{DEVICE}.cnf.xml")
    assert (decision.outcome, decision.row) == (Outcome.ACCEPT, 15)
    # A rollback blanks no CTL, and that still names a TFTP server.
    assert check(holding(ctl("callmanager"), blanked), CONFIG).outcome is Outcome.REJECT


def test_row_22_certain_models_with_a_manual_key_ignore_the_signature() -> None:
    data = signed_config("stranger", CONFIG)
    assert check(ITL_ONLY, data, model="7962", manual_key=True).row == 22
    assert check(ITL_ONLY, data, model="7962").outcome is Outcome.REJECT
    assert check(ITL_ONLY, data, model="7965", manual_key=True).outcome is Outcome.REJECT


def test_row_23_sha512_on_a_phone_that_knows_only_sha1() -> None:
    data = signed_config("callmanager", CONFIG, digest=DigestAlgorithm.SHA512)
    assert check(ITL_ONLY, data).row == 23
    assert check(ITL_ONLY, data, model="8861").row == 19


def test_a_file_signed_under_another_name_is_refused() -> None:
    data = signed_config("callmanager", CONFIG, name="SEPFFFFFFFFFFFF.cnf.xml.sgn")
    assert check(ITL_ONLY, data).setting == "check_config_filename"
    assert check(ITL_ONLY, data, settings=PolicySettings(check_config_filename=False)).row == 19


def test_a_phone_without_a_tftp_record_takes_plain_files() -> None:
    no_server = holding(itl_file=itl("recovery", servers=(), tvs=True))
    for state in (holding(), no_server, holding(ctl("callmanager", empty=True))):
        assert check(state, CONFIG, name=f"{DEVICE}.cnf.xml").reason is Reason.NON_SECURE


def test_7940_knows_no_signed_files() -> None:
    assert check(CTL_ONLY, CONFIG, model="7940").reason is Reason.NON_SECURE


def test_absent_and_broken_files() -> None:
    assert check(ITL_ONLY, None).outcome is Outcome.KEEP
    assert check(ITL_ONLY, signed_config("callmanager", CONFIG)[:40]).reason is Reason.CORRUPT
