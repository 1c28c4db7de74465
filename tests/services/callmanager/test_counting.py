"""What phones counted in a call is asked for when it ends, and belongs to the call that they were asked about."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mixedmode.protocols.sccp.calls import from_phone as f
from mixedmode.protocols.sccp.calls import to_phone as t
from mixedmode.protocols.sccp.calls.codes import Key, Tone
from mixedmode.protocols.sccp.calls.statistics import ConnectionStatisticsReq, ConnectionStatisticsRes
from mixedmode.services.callmanager.desk import CallDesk
from mixedmode.services.callmanager.switch.counting import ANSWER_SECONDS
from mixedmode.services.callmanager.switch.model import Counted, Counts, Outcome, Party, Record
from tests.services.callmanager.callmanager_site import Table
from tests.services.callmanager.switch_room import A, B, C, Room, key, room, station, talking


def asked(phones: Room, device: str) -> list[ConnectionStatisticsReq]:
    return [each for each in phones.told[device] if isinstance(each, ConnectionStatisticsReq)]


def answer(phones: Room, device: str, packets: int) -> None:
    last = asked(phones, device)[-1]
    phones.say(device, ConnectionStatisticsRes(last.number, last.call, packets_sent=packets))


def sent(phones: Room) -> list[tuple[int, bool, int]]:
    return [(each.number, each.by_caller, each.counts.packets_sent) for each in phones.counted]


@pytest.mark.parametrize("protocol", [3, 11, 17, 18, 22])
def test_both_ends_are_asked_when_a_call_ends(protocol: int) -> None:
    phones = room(protocol=protocol)
    talking(phones)
    phones.say(A, f.OnHook())
    assert [each.number for each in (*asked(phones, A), *asked(phones, B))] == ["1002", "1001"]
    answer(phones, B, 20)
    answer(phones, A, 10)
    number = phones.records[0].number
    assert sent(phones) == [(number, False, 20), (number, True, 10)]


def test_who_was_not_asked_or_answers_twice_or_late_is_not_heard() -> None:
    phones = room()
    phones.say(C, ConnectionStatisticsRes("1001", 1, packets_sent=1))
    talking(phones)
    call = phones.leg(A).call
    phones.say(A, ConnectionStatisticsRes("1002", call, packets_sent=2))
    phones.say(A, f.OnHook())
    phones.say(C, ConnectionStatisticsRes("1002", call, packets_sent=3))
    phones.say(A, ConnectionStatisticsRes("1002", call + 77, packets_sent=4))
    answer(phones, A, 5)
    answer(phones, A, 6)
    phones.now += ANSWER_SECONDS
    answer(phones, B, 7)
    assert [each.counts.packets_sent for each in phones.counted] == [5]


def test_a_call_that_was_not_answered_is_not_asked_about() -> None:
    phones = room()
    phones.dial(A, "1002")
    phones.say(A, f.OnHook())
    assert not asked(phones, A)
    assert not asked(phones, B)


def test_a_held_call_counts_and_each_call_of_a_transfer_for_itself() -> None:
    phones = room()
    talking(phones)
    key(phones, A, Key.TRANSFER)
    phones.digits(A, "1003")
    phones.say(C, f.OffHook())
    phones.listen(A, C)
    key(phones, A, Key.TRANSFER)
    answer(phones, B, 1)
    answer(phones, C, 2)
    phones.listen(B, C)
    phones.say(B, f.OnHook())
    answer(phones, B, 3)
    answer(phones, C, 4)
    first, second, third = (each.number for each in phones.records)
    assert sent(phones) == [(first, False, 1), (second, False, 2), (third, True, 3), (third, False, 4)]
    assert len(asked(phones, A)) == 2


def test_what_a_phone_says_of_quality_is_bounded() -> None:
    phones = room(protocol=22)
    talking(phones)
    phones.say(A, f.OnHook())
    last = asked(phones, A)[-1]
    phones.say(A, ConnectionStatisticsRes(last.number, last.call, text="MLQK=" + "4" * 1500))
    assert len(phones.counted[0].counts.quality) == 600


def test_what_is_counted_stands_in_the_newest_record_of_that_number() -> None:
    desk = CallDesk(Table(), lambda _device: None)
    for _ in range(2):
        desk.records.append(Record(7, Party("SEPA", "1"), Party("SEPB", "2"), "2", 0, 1, 2, Outcome.ANSWERED))
    desk._do([Counted(7, Counts(packets_sent=9), by_caller=False), Counted(8, Counts(), by_caller=True)])
    old, new = (each["counted"] for each in desk.documents())
    assert old == {"calling": None, "called": None}
    assert (new["calling"], new["called"]["packets_sent"]) == (None, 9)


def test_a_tone_tells_of_a_lock_that_is_gone_by_a_transfer() -> None:
    phones = Room(
        station(A, "1001", mode=3), replace(station(B, "1002", mode=3), tells_security=True), station(C, "1003")
    )
    talking(phones)
    assert phones.last(B, t.StartTone).tone == Tone.SECURE
    key(phones, A, Key.TRANSFER)
    phones.digits(A, "1003")
    phones.say(C, f.OffHook())
    phones.listen(A, C)
    key(phones, A, Key.TRANSFER)
    assert phones.last(B, t.StartTone).tone == Tone.NOT_SECURE
