"""Proposed plans on fleets and changes that nobody thought of: what is promised comes true, also from the file."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from mixedmode.app.commands.forecasting.change import Changes
from mixedmode.errors import MixedModeError
from mixedmode.forecast.evaluation import Forecaster
from mixedmode.forecast.plan import Off, Plan, Published, Step, Tvs
from mixedmode.forecast.plan_file import written
from mixedmode.forecast.planning.proof import why_lost
from mixedmode.forecast.proposal import Proposal, proposed
from mixedmode.forecast.remedies import remedy
from mixedmode.forecast.tally import Cell
from mixedmode.forecast.vouching import Vouched
from mixedmode.inventory.kinds import PhoneKind
from mixedmode.phone.mind.fate.prospect import LOST, Fate
from mixedmode.phone.mind.models import get_model
from mixedmode.phone.mind.trust.decisions import ListKind
from mixedmode.trustlist.model import TrustList
from tests.phone.site import ctl, damaged, identity, itl

QUICK = settings(
    max_examples=30,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
    deadline=None,
)
NAMES = st.sampled_from(["one", "two", "three"])
SIGNERS = st.lists(NAMES, min_size=1, max_size=2, unique=True)


@st.composite
def ctls(draw: st.DrawFn) -> TrustList:
    signers = draw(SIGNERS)
    return ctl(*signers, servers=(draw(NAMES),), empty=draw(st.sampled_from([False] * 7 + [True])))


@st.composite
def itls(draw: st.DrawFn) -> TrustList:
    signers = draw(SIGNERS)
    blanked, tvs = draw(st.sampled_from([(False, True)] * 6 + [(False, False), (True, True)]))
    return itl(*signers, servers=(draw(NAMES),), tvs=tvs, blanked=blanked)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    steps = []
    for number in range(draw(st.integers(1, 3))):
        lists = draw(st.sampled_from([(ctls(),), (itls(),), (ctls(), itls())]))
        made = [draw(each) for each in lists]
        if draw(st.integers(0, 9)) == 0:
            made = [damaged(each) for each in made]
        names = [f"{number}/{each.kind}File.tlv" for each in made]
        published = tuple(Published(ListKind(each.kind), each, name) for each, name in zip(made, names, strict=True))
        off = Off(frozenset({"SEP000000000000"})) if draw(st.integers(0, 3)) == 0 else Off()
        tvs = draw(st.sampled_from([None, None, Tvs.DOWN, Tvs.OLD]))
        steps.append(
            Step(f"publish {', '.join(names)}", published, off=off, tvs=tvs, reset=draw(st.integers(0, 4)) > 0)
        )
    known = Vouched(tuple((identity(name).certificate, frozenset({0})) for name in draw(st.sets(NAMES))))
    return Plan(tuple(steps), draw(st.sampled_from(Tvs)), known)


@st.composite
def kinds(draw: st.DrawFn) -> PhoneKind:
    model = draw(st.sampled_from(["8841", "7975", "7940", "6901", "7931"]))
    held_itl = None if model in {"7940", "6901"} else draw(st.none() | itls())
    return PhoneKind(get_model(model), model, draw(st.none() | ctls()), held_itl, draw(st.sampled_from([1, 3])))


def fleet(forecaster: Forecaster, phones: list[PhoneKind]) -> list[Cell]:
    cells = []
    for number, kind in enumerate(phones):
        name = f"SEP{number:012X}"
        absences = forecaster.plan.absences(name)
        forecast = forecaster.of(kind, absences)
        cells.append(Cell(forecast, remedy(forecaster, forecast, absences), absences))
        cells[-1].add(name)
    return cells


def outcomes(plan: Plan, phones: list[PhoneKind]) -> Counter[Fate]:
    forecaster = Forecaster(plan)
    return Counter(forecaster.outcome(kind, plan.absences(f"SEP{number:012X}")) for number, kind in enumerate(phones))


def no_operation(text: str) -> Step:
    raise AssertionError(text)


def read_again(plan: Plan, proposal: Proposal) -> Plan:
    """The proposed plan from its file."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        for step in plan.steps:
            for each in step.lists:
                (folder / each.source).parent.mkdir(exist_ok=True)
                (folder / each.source).write_bytes(each.file.data if isinstance(each.file, TrustList) else each.file)
        (folder / "plan.toml").write_text(written(proposal))
        steps, tvs = Changes(no_operation).from_file(folder / "plan.toml")
    assert tvs is None, "each step says its own"
    return Plan(tuple(steps), plan.tvs, plan.vouched)


@settings(
    max_examples=30,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
    deadline=None,
)
@given(plan=plans(), phones=st.lists(kinds(), min_size=1, max_size=4))
def test_a_proposed_plan_keeps_its_promise_and_so_does_its_file(plan: Plan, phones: list[PhoneKind]) -> None:
    forecaster = Forecaster(plan)
    cells = fleet(forecaster, phones)
    proposal = proposed(forecaster, cells)
    promised = {fate: count for fate, count in proposal.numbers.items() if count}
    assert outcomes(proposal.plan, phones) == promised
    assert outcomes(read_again(plan, proposal), phones) == promised
    before = outcomes(plan, phones)
    assert sum(promised.get(fate, 0) for fate in LOST) <= sum(before[fate] for fate in LOST)
    assert sum(each.count for each in proposal.left) == sum(promised.get(fate, 0) for fate in LOST)
    assert proposed(Forecaster(plan), cells) == proposal, "the same question has the same answer"


@settings(
    max_examples=30,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
    deadline=None,
)
@given(plan=plans(), kind=kinds())
def test_who_is_proved_to_be_lost_is_saved_by_no_plan(plan: Plan, kind: PhoneKind) -> None:
    forecaster = Forecaster(plan)
    cells = fleet(forecaster, [kind])
    fate = cells[0].forecast.outcome
    if why_lost(forecaster, kind) is not None:
        assert fate not in {Fate.FOLLOWS, Fate.FOLLOWS_BY_TVS}
        proposal = proposed(forecaster, cells)
        assert not proposal.numbers[Fate.FOLLOWS]
        assert not proposal.numbers[Fate.FOLLOWS_BY_TVS]
    elif fate in LOST:
        proposal = proposed(forecaster, cells)
        assert all(not each.proved or "CallManager shows" in each.why for each in proposal.left)


def test_a_list_signed_again_by_the_recovery_key_saves_those_that_hold_it() -> None:
    """What ``utils ctl reset localkey`` is for: phones that cannot ask TVS hold the other anchor."""
    old, new = ctl("callmanager", "recovery"), ctl("new", "recovery", servers=("new",))
    plan = Plan((Step("publish CTLFile.tlv", (Published(ListKind.CTL, new, "CTLFile.tlv"),)),))
    phones = [PhoneKind(get_model("7960"), "7960", old, None, 3), PhoneKind(get_model("7940"), "7940", old, None)]
    forecaster = Forecaster(plan)
    cells = fleet(forecaster, phones)
    assert [cell.forecast.outcome for cell in cells] == [Fate.LOCKED_OUT, Fate.BEHIND]
    assert "utils ctl reset localkey" in cells[0].remedy
    assert "utils ctl reset localkey" in cells[1].remedy
    proposal = proposed(forecaster, cells)
    assert proposal.numbers[Fate.FOLLOWS] == 2
    assert "signed by CN=recovery" in proposal.steps[0]
    assert f'signed_by = "{identity("recovery").certificate.sha256.hex()}"' in written(proposal)


def test_the_signer_of_configurations_goes_into_the_other_store() -> None:
    """Phone-SAST-trust lets sign lists, and nothing else (phone-trust.md 3.4)."""
    new = itl("recovery", servers=("other",))
    held = ctl("callmanager", "recovery")
    plan = Plan((Step("publish ITLFile.tlv", (Published(ListKind.ITL, new, "ITLFile.tlv"),)),))
    forecaster = Forecaster(plan)
    (cell,) = fleet(forecaster, [PhoneKind(get_model("6901"), "6901", held, None)])
    assert cell.forecast.outcome is Fate.FROZEN
    (can_ask,) = fleet(forecaster, [PhoneKind(get_model("8841"), "8841", held, itl("stranger", servers=("x",)))])
    assert can_ask.forecast.outcome is Fate.FOLLOWS


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"step = 1", "no array of tables"),
        (b"\xff\xfe[\x00", "no TOML"),
        (b"x=" + b"[" * 20_000, "no TOML"),
        (b'[[step]]\npublish = "\\u0000"', "step 1: no file can be called"),
        (b"[[step]]\npublish = 5", "step 1: 5 is no"),
        (b'[[step]]\n[[step]]\nupload = "Phone-SAST-trust:\\u0000"', "step 2"),
        (b"[[step]]\noff = 1e999", "step 1: inf"),
        (b'[[step]]\noff = "nan%"', "names no phones"),
        (b'[[step]]\ntvs = ["x"]', "step 1: "),
        (b"[[step]]\na = 1", "no key"),
    ],
)
def test_a_plan_file_that_is_none_says_what_is_wrong_and_in_which_step(tmp_path: Path, data: bytes, said: str) -> None:
    (tmp_path / "plan.toml").write_bytes(data)
    with pytest.raises(MixedModeError) as error:
        Changes(no_operation).from_file(tmp_path / "plan.toml")
    assert said in str(error.value)
    assert "plan.toml" in str(error.value)
    assert error.value.exit_code == 2
