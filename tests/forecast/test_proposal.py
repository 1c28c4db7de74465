"""The ways in which phones are lost in real life, and the plan that loses nobody who can be saved."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from mixedmode.forecast.evaluation import Forecaster
from mixedmode.forecast.plan import Plan, Published, Step, Tvs
from mixedmode.forecast.proposal import Proposal, proposed
from mixedmode.forecast.remedies import remedy
from mixedmode.forecast.tally import Cell
from mixedmode.forecast.vouching import Vouched
from mixedmode.inventory.kinds import Held, PhoneKind
from mixedmode.phone.mind.fate.prospect import Fate
from mixedmode.phone.mind.models import get_model
from mixedmode.phone.mind.trust.decisions import ListKind
from mixedmode.trustlist.model import TrustList
from tests.phone.site import ctl, identity, itl
from tests.support import run_mixedmode

OLD_CTL, OLD_ITL = ctl("callmanager"), itl("callmanager", "recovery")
SECURE = 3


def publish(*lists: TrustList) -> Step:
    return Step("publish", tuple(Published(ListKind(each.kind), each) for each in lists))


def fleet(plan: Plan, *phones: tuple[str, Held, Held, int, tuple[bool, ...]]) -> tuple[list[Fate], Proposal]:
    forecaster = Forecaster(plan)
    cells = []
    for number, (model, ctl_held, itl_held, mode, absences) in enumerate(phones):
        forecast = forecaster.of(PhoneKind(get_model(model), model, ctl_held, itl_held, mode), absences)
        cells.append(Cell(forecast, remedy(forecaster, forecast, absences), absences))
        cells[-1].add(f"SEP{number:012X}")
    return [cell.forecast.outcome for cell in cells], proposed(forecaster, cells)


def test_an_upload_before_the_move_saves_those_that_can_ask() -> None:
    """A2 of the field notes: another cluster's signer, which TVS does not know."""
    new = itl("other-cluster", servers=("other-cluster",))
    plan = Plan((publish(new),), Tvs.OLD)
    fates, proposal = fleet(plan, ("8841", None, OLD_ITL, 1, ()), ("8841", None, itl("callmanager", tvs=False), 1, ()))
    assert fates == [Fate.BEHIND, Fate.FROZEN]
    assert "upload CN=other-cluster" in proposal.steps[0]
    assert proposal.numbers[Fate.FOLLOWS_BY_TVS] == 1
    (left,) = proposal.left
    assert "no anchor in common" in left.why
    assert "names no TVS server" in left.why


def test_a_phone_that_was_off_during_the_first_of_two_changes_has_to_restart_between() -> None:
    """A1: CallManager and ITLRecovery renewed while it was off, and its TVS too."""
    first = itl("callmanager", "new", servers=("new",))
    second = itl("new", servers=("new",), tvs=False)
    plan = Plan((publish(first), publish(second)))
    fates, proposal = fleet(plan, ("8841", None, OLD_ITL, 1, (True, False)), ("8841", None, OLD_ITL, 1, (False, False)))
    assert fates == [Fate.FROZEN, Fate.FOLLOWS]
    assert not proposal.left
    assert proposal.numbers[Fate.FOLLOWS] == 2


def test_the_lists_in_the_wrong_order_lock_out_and_the_right_order_is_found() -> None:
    """A1 and A3: the CTL of the new signer before the ITL that would vouch for it."""
    bridge = itl("callmanager", "new", servers=("new",), tvs=False)
    new_ctl = ctl("new", servers=("new",))
    plan = Plan((publish(new_ctl), publish(bridge)), Tvs.DOWN)
    held = itl("callmanager", tvs=False)
    fates, proposal = fleet(plan, ("7975", OLD_CTL, held, SECURE, ()))
    assert fates == [Fate.BEHIND], "it is locked out in between, and needs one more restart"
    assert proposal.numbers[Fate.FOLLOWS] == 1
    assert not proposal.left


@pytest.mark.parametrize(
    "steps",
    [
        (publish(ctl("new", "callmanager")), publish(OLD_ITL)),
        (publish(OLD_ITL), publish(ctl("new", "callmanager")), Step("restart")),
        (publish(OLD_CTL), replace(publish(OLD_ITL), withdrawn=(ListKind.CTL,)), publish(ctl("new", "callmanager"))),
    ],
)
def test_a_list_that_no_later_step_replaces_is_not_left_out(steps: tuple[Step, ...]) -> None:
    """That would be cheaper than another signature; also where lists do not say where they were read from."""
    plan = Plan(steps)
    fates, proposal = fleet(plan, ("7960", OLD_CTL, None, 1, ()))
    assert fates == [Fate.BEHIND]
    assert proposal.numbers[Fate.FOLLOWS] == 1
    assert proposal.plan.stages()[-1].offer.ctl == ctl("new", "callmanager")


def test_a_regenerated_callmanager_loses_legacy_phones_under_any_plan() -> None:
    """A new CallManager certificate and phones that cannot ask TVS: no plan helps."""
    plan = Plan((publish(ctl("new", servers=("new",))),))
    fates, proposal = fleet(plan, ("7940", OLD_CTL, None, 1, ()), ("7960", OLD_CTL, None, SECURE, ()))
    assert fates == [Fate.FROZEN, Fate.LOCKED_OUT]
    assert [left.outcome for left in proposal.left] == [Fate.FROZEN, Fate.LOCKED_OUT]
    assert all("cannot ask TVS" in left.why for left in proposal.left)


def test_silent_tvs_is_made_to_answer() -> None:
    vouched = Vouched(((identity("new").certificate, frozenset({0})),))
    plan = Plan((publish(ctl("new", servers=("new",))),), Tvs.DOWN, vouched)
    fates, proposal = fleet(plan, ("7975", OLD_CTL, OLD_ITL, SECURE, ()))
    assert fates == [Fate.LOCKED_OUT]
    assert proposal.steps[0] == "have TVS answer"
    assert proposal.numbers[Fate.FOLLOWS_BY_TVS] == 1


def test_the_rollback_flag_between_secure_clusters_freezes() -> None:
    """The flag blanks no CTL, and then TVS cannot be asked any more (phone-trust.md 7)."""
    plan = Plan((publish(itl("callmanager", blanked=True)), publish(ctl("other"), itl("other"))))
    fates, _ = fleet(plan, ("8841", OLD_CTL, OLD_ITL, 1, ()), ("8841", None, OLD_ITL, 1, ()))
    assert fates[0] is Fate.FROZEN


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "held.tlv").write_bytes(OLD_ITL.data)
    (tmp_path / "ITLFile.tlv").write_bytes(itl("new", servers=("new",)).data)
    (tmp_path / "bridge.tlv").write_bytes(itl("callmanager", "new", servers=("new",)).data)
    rows = "".join(f"SEP00112233445{number},8841,none,held.tlv\n" for number in range(3))
    (tmp_path / "phones.csv").write_text(f"name,model,ctl,itl\n{rows}")
    return tmp_path


def test_steps_by_options_and_by_a_plan_are_the_same(folder: Path) -> None:
    (folder / "plans").mkdir()
    (folder / "plans/plan.toml").write_text(
        '[[step]]\npublish = "../bridge.tlv"\noff = ["SEP001122334451"]\n[[step]]\npublish = ["../ITLFile.tlv"]\n'
    )
    words = ("forecast", "--inventory", "phones.csv", "--json", "--steps")
    options = ("--publish", "bridge.tlv", "--off", "SEP001122334451", "--publish=ITLFile.tlv")
    grouped = ("--step", "publish:bridge.tlv;off:SEP001122334451", "--step", "publish:ITLFile.tlv")
    found = []
    for given in (options, grouped, ("--plan", "plans/plan.toml")):
        document = json.loads(run_mixedmode(*words, *given).stdout)
        found.append([step["outcomes"] for step in document["steps"]] + [document["outcomes"]])
    assert found[0] == found[1] == found[2]
    assert found[0][0]["behind"] == 1
    assert found[0][1]["follows"] == 2


@pytest.mark.parametrize(("words", "follows"), [((), 0), (("--tvs", "up"), 3), (("--tvs=up",), 3)])
def test_tvs_on_the_command_line_goes_before_the_plan(folder: Path, words: tuple[str, ...], follows: int) -> None:
    (folder / "new.pem").write_bytes(identity("new").certificate.pem())
    (folder / "plan.toml").write_text('tvs = "down"\n[[step]]\npublish = "ITLFile.tlv"\n')
    given = ("--plan", "plan.toml", "--tvs-trust", "new.pem", *words)
    done = run_mixedmode("forecast", "--inventory", "phones.csv", "--json", *given)
    assert json.loads(done.stdout)["outcomes"]["follows-by-tvs"] == follows


def test_a_folder_of_lists_that_is_not_there_is_a_note(folder: Path) -> None:
    """It holds no list, as an empty one: whose hash is in no list is unknown, and never safe."""
    done = run_mixedmode("forecast", "--inventory", "phones.csv", "--publish", "ITLFile.tlv", "--lists", "nowhere")
    assert done.returncode == 0
    assert done.stderr == "note: nowhere: there is no such folder of lists: no hash was looked up in it\n"


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--publish", "phones.csv"),
        ("--publish", "nothing.tlv"),
        ("--publish", "ITLFile.tlv", "--tvs", "sideways"),
        ("--publish", "ITLFile.tlv", "--policy", "nonsense=true"),
        ("--publish", "ITLFile.tlv", "--policy", "check_expiry=maybe"),
        ("--publish", "ITLFile.tlv", "--off", "120%"),
        ("--publish", "ITLFile.tlv", "--tvs-trust", "held.tlv"),
        ("--step", "publish=ITLFile.tlv"),
        ("--plan", "phones.csv"),
        ("--publish", "ITLFile.tlv", "--phones-out", "no/folder/out.csv"),
    ],
)
def test_bad_usage_is_said_with_exit_code_2(folder: Path, words: tuple[str, ...]) -> None:
    done = run_mixedmode("forecast", "--inventory", "phones.csv", *words)
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stderr


def test_unknown_phones_fail_only_if_that_is_asked(folder: Path) -> None:
    (folder / "phones.csv").write_text("name,model,ctl,itl\nSEP001122334455,8841,none,\n")
    words = ("forecast", "--inventory", "phones.csv", "--publish", "ITLFile.tlv", "--phones-out", "out.csv")
    assert run_mixedmode(*words).returncode == 0
    assert run_mixedmode(*words, "--strict").returncode == 1
    assert (folder / "out.csv").read_text().splitlines()[1].startswith("SEP001122334455,unknown,itl-unknown,")


def test_the_inventory_may_be_standard_input(folder: Path) -> None:
    data = (folder / "phones.csv").read_bytes()
    done = run_mixedmode("forecast", "--inventory", "-", "--publish", "bridge.tlv", "--json", stdin=data)
    assert json.loads(done.stdout)["outcomes"]["follows"] == 3
