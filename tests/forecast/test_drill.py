"""Would a recovery key cure these phones? By the same policy as every forecast."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mixedmode.errors import UsageError
from mixedmode.forecast.drill import Key, Verdict, drill_step, signed_copy, verdicts, weaker_than_lists
from mixedmode.forecast.evaluation import Forecaster
from mixedmode.forecast.plan import Plan, Tvs
from mixedmode.forecast.tally import Cell
from mixedmode.inventory.kinds import Held, PhoneKind, Unexplained
from mixedmode.phone.mind.fate.prospect import Fate
from mixedmode.phone.mind.models import get_model
from mixedmode.phone.mind.trust.decisions import ListKind
from mixedmode.trustlist.model import TrustList
from tests.phone.site import ctl, identity, itl

NEW_CTL = ctl("new-callmanager", servers=("new-callmanager",))
NEW_ITL = itl("new-callmanager", servers=("new-callmanager",))
NOW = [(ListKind.CTL, NEW_CTL), (ListKind.ITL, NEW_ITL)]
HELD_CTL, HELD_ITL = ctl("callmanager", "recovery"), itl("callmanager", "recovery")


def tried(
    name: str,
    *,
    private: bool,
    model: str = "7975",
    ctl_held: Held = HELD_CTL,
    itl_held: Held = HELD_ITL,
    mode: int = 1,
) -> Verdict:
    signer = identity(name)
    key = Key(signer.certificate, signer if private else None)
    forecaster = Forecaster(Plan((drill_step(key, NOW),), Tvs.DOWN))
    kind = PhoneKind(get_model(model), model, ctl_held, itl_held, mode)
    cell = Cell(forecaster.of(kind), "something")
    cell.add("SEP001122334455")
    (verdict,) = verdicts([cell], key)
    return verdict


@pytest.mark.parametrize("private", [True, False])
@pytest.mark.parametrize("mode", [1, 3])
def test_a_key_that_the_lists_name_cures(private: bool, mode: int) -> None:
    verdict = tried("recovery", private=private, mode=mode)
    assert (verdict.cured, verdict.outcome, verdict.remedy) == (True, Fate.FOLLOWS, "")
    assert "of its CTL" in verdict.why
    assert "of its ITL" in verdict.why
    assert tried("recovery", private=private, model="7940", itl_held=None).cured


@pytest.mark.parametrize("private", [True, False])
def test_a_key_that_they_do_not_name_does_not(private: bool) -> None:
    verdict = tried("new-callmanager", private=private)
    assert (verdict.cured, verdict.outcome) == (
        False,
        Fate.FROZEN if verdict.outcome is Fate.FROZEN else verdict.outcome,
    )
    assert verdict.why.startswith("the key is no SAST record of its CTL and ITL")
    assert len(verdict.anchors) == 2
    assert verdict.remedy


def test_a_key_that_only_one_list_names_and_a_key_in_another_role() -> None:
    verdict = tried("recovery", private=True, ctl_held=ctl("callmanager"), itl_held=itl("recovery"))
    assert verdict.cured, "the stored ITL vouches for the CTL too"
    legacy = tried("recovery", private=True, model="7940", ctl_held=ctl("callmanager"), itl_held=None)
    assert legacy.cured is False


def test_a_phone_without_lists_takes_anything_and_one_that_is_not_known_is_not_cured() -> None:
    empty = tried("new-callmanager", private=True, ctl_held=None, itl_held=None)
    assert (empty.cured, "no list" in empty.why) == (True, True)
    unknown = tried("recovery", private=True, ctl_held=Unexplained("ab" * 16))
    assert (unknown.cured, unknown.outcome) == (None, Fate.UNKNOWN)


def test_the_signature_of_a_private_key_is_a_real_one() -> None:
    signer = identity("recovery")
    real = signed_copy(NEW_CTL, Key(signer.certificate, signer))
    assert real.verify(signer.certificate)
    assert real.data[real.header.fields.end :] == NEW_CTL.data[NEW_CTL.header.fields.end :]
    assert not signed_copy(NEW_CTL, Key(signer.certificate)).verify(signer.certificate)


def test_a_signature_of_another_key_cures_nobody() -> None:
    class Wrong:
        certificate = identity("recovery").certificate
        sign = identity("callmanager").sign

    key = Key(Wrong.certificate, Wrong())
    forecaster = Forecaster(Plan((drill_step(key, NOW),), Tvs.DOWN))
    kind = PhoneKind(get_model("7975"), "7975", HELD_CTL, HELD_ITL, 1)
    (verdict,) = verdicts([Cell(forecaster.of(kind), "")], key)
    assert not verdict.cured


def test_no_list_and_no_key_that_signs_are_said() -> None:
    with pytest.raises(UsageError):
        drill_step(Key(identity("recovery").certificate), [])


def test_a_key_that_is_weaker_than_the_lists_is_said() -> None:
    class Small:
        key_bits = 512

    key = Key(identity("recovery").certificate)
    assert weaker_than_lists(key, [NEW_CTL]) == ""
    assert "CSCwf85275" in weaker_than_lists(replace(key, certificate=Small()), [NEW_CTL])  # type: ignore[arg-type]
    assert isinstance(NEW_CTL, TrustList)
