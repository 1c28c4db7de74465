"""Whole runs against simulated phones on virtual time: proof or a named reason for each, and nothing pressed twice."""

from __future__ import annotations

import errno
import random
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from mixedmode.phone.body.pages.layouts import FIVE_RESETS, Layout, Reset
from mixedmode.rescue.outcomes import Outcome
from mixedmode.rescue.runner import Runner
from tests.rescue.handset import Handset, hashes, lists
from tests.rescue.seeds import check, fleet_of
from tests.rescue.site import Fleet, Killed, MemoryLog, confirmed, events, handset

NEW_MD5 = hashes(lists("new")[1])[0]


def test_a_thousand_phones_within_ten_minutes_each_with_proof_or_reason() -> None:
    counts = {"8841": 220, "8861": 170, "7945": 120, "7821": 110, "7975": 60}
    phones = [
        handset(1000 * kind + number, model, restarts=number % 4 != 0, boots=30 + number % 7)
        for kind, (model, count) in enumerate(counts.items(), 1)
        for number in range(count)
    ]
    by_name = {phone.name: phone for phone in phones}

    def make(number: int, **habits: object) -> None:
        phone = by_name[f"SEP{number:012X}"]
        for name, value in habits.items():
            setattr(phone.habits, name, value)

    make(1010, after="gone", restarts=True)
    make(2010, resets=False, restarts=False)
    make(3010, erases="nothing")
    make(4010, answers="303")
    make(1011, in_call=30.0)
    make(1012, in_call=1e9)
    make(5059, restarts=True, takes="evil")
    for number in range(20, 80):
        make(2000 + number, answers="no")
    phones += [handset(6000 + number, "8832") for number in range(80)]
    phones += [handset(7000 + number, "8945") for number in range(80)]
    phones += [handset(8000 + number, "8841", holds="new") for number in range(159)]
    phones += [handset(9000, "8841", holds="evil")]
    for phone in phones:
        phone.habits.alarms = phone.model_name == "7975"
    # A person reads what the first of those shows in its menu that show no hash anywhere else.
    fleet = Fleet(phones, read={"SEP000000000BB8": NEW_MD5})
    fleet.run()
    assert len(phones) == 1000
    assert set(fleet.results) == {phone.name for phone in phones}
    found = Counter(result.outcome for result in fleet.results.values())
    assert set(found) == set(Outcome), found
    assert found[Outcome.PROVED_1] > 450, found
    assert found[Outcome.NOT_PROVED] > 100, found
    assert not fleet.false
    assert max(fleet.at.values()) <= 600, fleet.stopped_at
    assert "find out who answers TFTP" in fleet.stopped
    assert all(fleet.confirm_presses(phone.name) <= 1 for phone in fleet.plan.phones)


def test_one_phone_of_a_kind_then_three_then_all_and_never_more_than_the_slots() -> None:
    fleet = Fleet([handset(number, "8841", boots=20) for number in range(60)])
    fleet.run()
    began = sorted(phone.presses[0][0] for phone in fleet.phones)
    assert began[1] > fleet.at["SEP000000000000"]
    assert sum(moment < began[1] + 60 for moment in began[1:]) == 3
    for phone in fleet.phones:
        first = phone.presses[0][0]
        at_once = sum(other.presses[0][0] <= first <= other.presses[-1][0] for other in fleet.phones)
        assert at_once <= 25


@pytest.mark.parametrize(
    ("habits", "outcome"),
    [
        ({}, Outcome.PROVED_1),
        ({"restarts": True, "stale": 60.0}, Outcome.PROVED_1),
        ({"restarts": True, "clock": 86_400.0}, Outcome.PROVED_1),
        ({"answer_lost": True}, Outcome.UNREACHABLE),
        ({"erases": "nothing"}, Outcome.NO_CHANGE),
        ({"resets": False}, Outcome.NOT_RESTARTED),
        ({"after": "gone"}, Outcome.LATE),
        ({"after": "moved"}, Outcome.LATE),
        ({"takes": "old"}, Outcome.WRONG_LIST),
        ({"takes": "evil", "restarts": True}, Outcome.WRONG_LIST),
        ({"answers": "401"}, Outcome.REFUSED),
        ({"answers": "303"}, Outcome.REFUSED),
        ({"answers": "html"}, Outcome.REFUSED),
        ({"answers": "cut"}, Outcome.UNREACHABLE),
        ({"answers": "no"}, Outcome.UNREACHABLE),
        ({"https": True}, Outcome.REFUSED),
        ({"in_call": 1e9}, Outcome.IN_USE),
        ({"in_call": 100.0}, Outcome.PROVED_1),
        ({"holds": "new"}, Outcome.ALREADY_RIGHT),
        ({"holds": "evil"}, Outcome.STOPPED),
        ({"layout": Layout(redraw=3.0)}, Outcome.NO_CHANGE),
        ({"layout": Layout(loses=5)}, Outcome.NO_CHANGE),
    ],
)
def test_what_becomes_of_a_phone(habits: dict[str, object], outcome: Outcome) -> None:
    fleet = Fleet([handset(1, "8841", **habits), handset(2, "8841")])
    fleet.run()
    assert fleet.results["SEP000000000001"].outcome is outcome, fleet.results
    assert not fleet.false
    if fleet.results["SEP000000000001"].outcome.is_failure:
        assert fleet.stopped
        assert not fleet.phones[1].presses


@pytest.mark.parametrize(
    ("habits", "outcome"),
    [
        ({}, Outcome.NOT_PROVED),
        ({"takes": "old", "silent": True}, Outcome.NOT_PROVED),
        ({"alarms": True}, Outcome.PROVED_1),
        ({"alarms": True, "takes": "old", "silent": True}, Outcome.NOT_PROVED),
        ({"clock": -86_400.0}, Outcome.NOT_PROVED),
        ({"restarts": True}, Outcome.NOT_PROVED),
        ({"erases": "nothing"}, Outcome.NO_CHANGE),
        ({"takes": "evil"}, Outcome.WRONG_LIST),
        ({"takes": "old"}, Outcome.WRONG_LIST),
        ({"takes": "stale file"}, Outcome.STOPPED),
        ({"after": "gone"}, Outcome.LATE),
        ({"resets": False}, Outcome.NOT_RESTARTED),
    ],
)
def test_messages_alone_are_no_proof(habits: dict[str, object], outcome: Outcome) -> None:
    fleet = Fleet([handset(1, "7945", **habits)])
    fleet.run()
    assert fleet.results["SEP000000000001"].outcome is outcome, fleet.results
    assert not fleet.false
    assert outcome is Outcome.STOPPED or bool(fleet.stopped) is not outcome.is_proof, "else nothing goes on"


def test_what_a_person_reads_in_the_menu_lets_the_kind_go_on() -> None:
    phones = [handset(number, "7945") for number in range(1, 8)]
    first = Fleet(phones)
    first.run()
    assert "read its hash in its menu" in first.stopped
    assert not any(phone.presses for phone in phones[1:])
    second = Fleet(phones, log=first.log, read={"SEP000000000001": NEW_MD5})
    second.run()
    assert not second.stopped
    found = [result.outcome for _, result in sorted(second.results.items())]
    assert found == [Outcome.PROVED_2] + [Outcome.NOT_PROVED] * 6
    assert all(second.confirm_presses(phone.name) == 1 for phone in phones)


def test_a_person_who_reads_the_list_of_before_stops_everything() -> None:
    phones = [handset(number, "7945", takes="old", silent=True) for number in range(1, 4)]
    first = Fleet(phones)
    first.run()
    second = Fleet(phones, log=first.log, read={"SEP000000000001": hashes(lists("old")[1])[0]})
    second.run()
    assert second.results["SEP000000000001"].outcome is Outcome.WRONG_LIST
    assert "find out who answers TFTP" in second.stopped
    assert not any(phone.presses for phone in phones[1:])


def test_a_canary_stops_the_run_within_a_minute_of_the_first_refusal() -> None:
    fleet = Fleet([handset(1, "8841", https=True), *(handset(number, "7945") for number in range(2, 30))])
    fleet.run()
    refused = next(record for record in events(fleet.log, "answer") if not record["taken"])
    assert refused["phone"] == "SEP000000000001"
    assert "SEP000000000001" in fleet.stopped
    last = max(moment for phone in fleet.phones for moment, _ in phone.presses)
    assert last < 60
    assert not fleet.confirm_presses("SEP000000000002")
    assert fleet.results["SEP000000000002"].outcome is Outcome.STOPPED
    assert all(not phone.presses for phone in fleet.phones[2:])


def test_a_menu_that_was_not_walked_is_a_disaster_that_the_first_phone_shows() -> None:
    fleet = Fleet([handset(number, "8841", layout=Layout(resets=FIVE_RESETS)) for number in range(5)])
    fleet.run()
    assert [phone.disaster for phone in fleet.phones] == [Reset.SERVICE, None, None, None, None]
    assert fleet.results["SEP000000000000"].outcome is Outcome.LATE
    assert fleet.stopped


def test_a_phone_that_names_its_windows_is_not_confirmed_in_another_one() -> None:
    phones = [handset(number, "8841", layout=Layout(resets=FIVE_RESETS)) for number in range(5)]
    fleet = Fleet(phones, confirmed(named=True))
    fleet.run()
    assert not any(phone.disaster for phone in phones)
    assert fleet.results["SEP000000000000"].outcome is Outcome.NOT_CONFIRMED
    assert fleet.stopped
    assert phones[0].pages._menus.screen == ""
    models = [handset(1, "8841"), handset(2, "7945", alarms=True), handset(3, "7975", alarms=True)]
    good = Fleet(models, confirmed(named=True))
    good.run()
    assert all(result.outcome.is_proof for result in good.results.values())


def test_a_change_of_the_served_lists_stops_the_run() -> None:
    fleet = Fleet([handset(number, "8841") for number in range(30)], changes_at=180.0)
    fleet.run()
    assert "other lists" in fleet.stopped
    begun = [phone for phone in fleet.phones if phone.presses]
    assert len(begun) == 4
    assert all(moment < 200 for phone in begun for moment, _ in phone.presses)
    assert not any(fleet.results[phone.name].outcome.is_proof for phone in begun[1:])


class FullDisk(MemoryLog):
    """A disk with no room for lists that changed."""

    def write(self, event: str, fields: Mapping[str, Any], *, durable: bool = False) -> None:
        if event == "set" and b'"event":"set"' in bytes(self.data).replace(b": ", b":"):
            raise OSError(errno.ENOSPC, "no room")
        super().write(event, fields, durable=durable)


def test_a_run_that_cannot_watch_the_lists_any_more_ends() -> None:
    fleet = Fleet([handset(number, "8841") for number in range(30)], changes_at=180.0, log=FullDisk())
    with pytest.raises(OSError, match="no room"):
        fleet.run()
    begun = [phone for phone in fleet.phones if phone.presses]
    assert len(begun) < 30
    assert all(phone.pages._menus.screen == "" for phone in begun)


def test_an_old_list_that_is_served_again_is_no_proof() -> None:
    fleet = Fleet([handset(1, "8841", takes="old", restarts=True)], changes_at=60.0)
    fleet.run()
    assert not fleet.results["SEP000000000001"].outcome.is_proof
    assert not fleet.false


def test_who_stops_the_run_finds_no_phone_inside_a_menu() -> None:
    fleet = Fleet([handset(number, model) for number, model in enumerate(("8841", "7945", "7821"))])
    fleet.run(meanwhile=lambda run: _soon(run, 5.0))
    assert fleet.stopped == "the operator"
    assert {result.outcome for result in fleet.results.values()} == {Outcome.STOPPED}
    for phone in fleet.phones:
        assert phone.pages._menus.screen == ""
        assert not fleet.confirm_presses(phone.name)


def _soon(run: Runner, seconds: float) -> None:
    import asyncio

    asyncio.get_running_loop().call_later(seconds, run.stop, "the operator")


def test_a_phone_whose_firmware_is_another_by_now_is_left_alone() -> None:
    fleet = Fleet([handset(1, "8841", load="sip88xx.14-0-1"), handset(2, "8841")])
    fleet.run()
    assert fleet.results["SEP000000000001"].outcome is Outcome.NOT_CONFIRMED
    assert not fleet.phones[0].presses
    assert fleet.results["SEP000000000002"].outcome is Outcome.PROVED_1


def trio() -> list[Handset]:
    first = handset(1, "7945", restarts=True, boots=20, alarms=True)
    return [first, handset(2, "8841", boots=20), handset(3, "8841", boots=20)]


def test_every_point_at_which_the_machine_stops_is_taken_up_without_a_second_press() -> None:
    whole = Fleet(trio())
    whole.run()
    assert all(result.outcome.is_proof for result in whole.results.values())
    for after in range(1, whole.log.number):
        fleet = Fleet(trio(), log=MemoryLog(kill_after=after))
        fleet.run()
        torn = fleet.log.evidence()
        fleet.log = MemoryLog(bytearray(fleet.log.data[: torn.length]), torn.head, len(torn.records))
        fleet.run()
        for phone in fleet.phones:
            assert fleet.confirm_presses(phone.name) <= 1, after
            outcome = fleet.results[phone.name].outcome
            # Between "**#" and Erase nobody goes on by himself.
            assert outcome.is_proof or outcome in {Outcome.STOPPED, Outcome.NO_CHANGE}, (after, fleet.results)
            assert (outcome is Outcome.STOPPED) <= (phone.model_name == "7945"), (after, fleet.results)
        assert not fleet.false


def test_a_key_that_was_about_to_be_sent_is_not_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.rescue.handset import SimulatedHands

    press = SimulatedHands.press

    async def killed(self: SimulatedHands, url: str, uri: str) -> object:
        if uri == "Key:Soft3":
            raise Killed
        return await press(self, url, uri)

    fleet = Fleet([handset(1, "8841")])
    with monkeypatch.context() as patched:
        patched.setattr(SimulatedHands, "press", killed)
        fleet.run()
    fleet.run()
    assert not fleet.confirm_presses("SEP000000000001")
    assert fleet.results["SEP000000000001"].outcome is Outcome.NO_CHANGE


@pytest.mark.parametrize("seed", range(30))
def test_nothing_false_is_proved(seed: int) -> None:
    check(fleet_of(random.Random(seed)), seed)
