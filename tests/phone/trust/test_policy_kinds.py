"""Row 18b and the blanked ITL of phone-trust.md 2.2: what is no list of the kind that was asked for opens nothing."""

from __future__ import annotations

import pytest

from mixedmode.phone.mind.trust.decisions import Reason
from mixedmode.phone.mind.trust.lookup import is_blanked
from mixedmode.phone.mind.trust.settings import PolicySettings
from mixedmode.phone.mind.trust.state import TrustState
from mixedmode.pki.signing.digests import DigestAlgorithm
from mixedmode.trustlist.model import TrustList
from tests.phone.site import Tvs, ctl, damaged, holding, identity, itl, signed_config, silent_tvs
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

OPEN_CTL = ctl("stranger", empty=True)
STATES = (holding(), ITL_ONLY, BOTH, holding(OLD_CTL), holding(itl_file=BLANKED), holding(OLD_CTL, BLANKED))


def version_of(trust_list: TrustList, minor: int, signer: str) -> bytes:
    """The same list with another minor version, signed again."""
    data = bytearray(trust_list.data)
    data[4] = minor
    changed = TrustList.parse(bytes(data))
    start, end = changed.header.fields.span(12) or (0, 0)
    data[start:end] = identity(signer).sign(changed.header.signed_bytes(), DigestAlgorithm.SHA1)
    return bytes(data)


@pytest.mark.parametrize("state", STATES, ids=["none", "ITL", "both", "CTL", "blanked", "CTL and blanked"])
@pytest.mark.parametrize("tvs", [Tvs("stranger", "callmanager"), silent_tvs], ids=["TVS knows", "no TVS"])
def test_row_18b_what_is_no_list_of_this_kind_is_refused_in_every_state(state: TrustState, tvs: object) -> None:
    signed = signed_config("callmanager", b"", name="CTLFile.tlv.sgn")
    offers = (
        (ITL, OLD_CTL.data, Reason.WRONG_KIND),
        (ITL, OPEN_CTL.data, Reason.WRONG_KIND),
        (CTL, OLD_ITL.data, Reason.WRONG_KIND),
        (CTL, BLANKED.data, Reason.WRONG_KIND),
        (CTL, signed, Reason.WRONG_KIND),
        (ITL, signed, Reason.WRONG_KIND),
        (CTL, signed_config("callmanager", b"<device/>"), Reason.WRONG_KIND),
        (CTL, version_of(OLD_CTL, 1, "callmanager"), Reason.WRONG_KIND),
        (CTL, b"<html>", Reason.CORRUPT),
        (ITL, b"", Reason.CORRUPT),
    )
    for kind, data, reason in offers:
        if state.held(kind) is not None and state.held(kind) == data:
            continue
        decision = decide(state, kind, data, tvs=tvs)
        assert (decision.outcome, decision.reason, decision.row) == (NO, reason, "18b")
        assert state.after(decision, kind, None) is state


@pytest.mark.parametrize("name", ["CTLFile.tlv", "ctlfile.TLV", "a/CTLFile.tlv", "/ITL/ctlfile.tlv"])
def test_row_18b_a_ctl_is_known_by_its_name_in_any_case_and_folder(name: str) -> None:
    called = itl("callmanager", blanked=True, filename=name)
    assert not is_blanked(called)
    for state in STATES:
        assert decide(state, ITL, called.data).reason is Reason.WRONG_KIND


def test_the_checks_of_row_18b_are_named_settings() -> None:
    by_name = PolicySettings(check_list_filename=False)
    assert decide(holding(), ITL, OLD_CTL).setting == "check_list_filename"
    assert decide(holding(), ITL, OLD_CTL, settings=by_name).outcome is YES
    old = version_of(OLD_CTL, 1, "callmanager")
    assert decide(holding(), CTL, old).setting == "check_list_version"
    assert decide(holding(), CTL, old, settings=PolicySettings(check_list_version=False)).outcome is YES


def test_a_later_minor_version_is_taken_as_a_7821_takes_1_2() -> None:
    assert decide(BOTH, CTL, version_of(OLD_CTL, 3, "callmanager")).row == 9


def test_a_ctl_in_the_place_of_an_itl_never_counts_as_blanked() -> None:
    """Even where a phone took it once, with the check off: no ITL goes in for that, and no unsigned configuration."""
    assert not is_blanked(OPEN_CTL)
    assert not is_blanked(OPEN_CTL, sast_only=True)
    state = holding(itl_file=OPEN_CTL)
    decision = decide(state, ITL, NEW_ITL)
    assert (decision.outcome, decision.row) == (NO, 8)
    loose = PolicySettings(check_list_filename=False, check_list_version=False)
    assert decide(state, ITL, NEW_ITL, settings=loose).outcome is NO


def test_a_blanked_itl_lets_no_damaged_itl_in() -> None:
    decision = decide(holding(itl_file=BLANKED), ITL, damaged(NEW_ITL))
    assert (decision.reason, decision.setting) == (Reason.BAD_SIGNATURE, "verify_first_list")


def test_a_first_ctl_for_a_blanked_itl_is_no_matter_of_row_5() -> None:
    loose = PolicySettings(first_ctl_from_unknown_signer=True)
    assert decide(holding(itl_file=BLANKED), CTL, NEW_CTL, settings=loose).row == "15b"
