"""What a switch does with calls: each flow of calls-and-media.md 8, and what a user does besides."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mixedmode.protocols.sccp.calls import from_phone as f
from mixedmode.protocols.sccp.calls import media as m
from mixedmode.protocols.sccp.calls import to_phone as t
from mixedmode.protocols.sccp.calls.call_info import CallInfo, DynamicCallInfo
from mixedmode.protocols.sccp.calls.codes import Button, CallKind, Key, Lamp, Phrase, Ring, State, Tone
from mixedmode.protocols.sccp.registration.admission import Line
from mixedmode.services.callmanager.switch.model import CallSettings, Outcome
from mixedmode.services.callmanager.switch.plan import DialPlan, Entry, Look
from tests.services.callmanager.switch_room import A, B, C, Room, key, kinds, room, station, talking


def test_a_call_is_dialled_rings_is_answered_and_ends() -> None:
    phones = room()
    phones.say(A, f.OffHook())
    assert kinds(phones.told[A]) == [
        *("SetLamp", "CallState", "ActivateCallPlane", "DynamicPromptStatus", "SelectSoftKeys", "StartTone"),
    ]
    assert phones.last(A, t.StartTone).tone == Tone.INSIDE_DIAL
    phones.digits(A, "1")
    assert kinds(phones.told[A][6:]) == ["StopTone", "SelectSoftKeys"]
    phones.digits(A, "00")
    assert len(phones.told[A]) == 8
    phones.digits(A, "2")
    assert kinds(phones.told[A][8:]) == [
        *("StopTone", "SelectSoftKeys", "DialedNumber", "CallState", "DynamicCallInfo"),
        *("CallState", "DynamicCallInfo", "StartTone", "DynamicPromptStatus"),
    ]
    assert (phones.state(A), phones.lock(A)) == (State.RING_OUT, 0)
    assert kinds(phones.told[B]) == [
        *("CallState", "DynamicCallInfo", "SetLamp", "SetRinger", "SelectSoftKeys", "DynamicPromptStatus"),
    ]
    assert phones.last(B, t.SetLamp) == t.SetLamp(Button.LINE, 1, Lamp.BLINK)
    assert phones.last(B, t.DynamicPromptStatus).text == f"{Phrase.FROM}Name 1001 (1001)"
    info = phones.last(B, CallInfo)
    assert (info.calling, info.called, info.kind, info.security) == ("1001", "1002", CallKind.IN, 0)

    phones.say(B, f.OffHook(1, phones.leg(B).call))
    assert (phones.state(A), phones.state(B)) == (State.CONNECTED, State.CONNECTED)
    assert (phones.lock(A), phones.lock(B)) == (1, 1)
    assert phones.last(B, t.SetRinger).mode == Ring.OFF
    assert not any(isinstance(each, m.StartMediaTransmission) for each in phones.told[A] + phones.told[B])
    phones.listen(A)
    assert phones.last(B, m.StartMediaTransmission).address == "10.0.0.1"
    assert not any(isinstance(each, m.StartMediaTransmission) for each in phones.told[A])
    phones.listen(B)
    started = phones.last(A, m.StartMediaTransmission)
    assert (started.address, started.port, started.keys.encrypts) == ("10.0.0.1", 4001, False)
    assert started.party == phones.last(A, m.OpenReceiveChannel).party != phones.last(B, m.OpenReceiveChannel).party

    phones.now += 30
    phones.say(A, f.OnHook(1, phones.leg(A).call))
    assert kinds(phones.told[B][-10:]) == [
        *("CloseReceiveChannel", "StopMediaTransmission", "ConnectionStatisticsReq", "StopTone", "CallState"),
        *("SetLamp", "ClearPromptStatus", "SetRinger", "SelectSoftKeys", "SetSpeakerMode"),
    ]
    assert phones.exchange.legs == ()
    [record] = phones.records
    assert (record.outcome, record.seconds) == (Outcome.ANSWERED, 30)
    assert record.document()["media"] == "RTP"
    before = len(phones.told[B])
    phones.say(B, f.OnHook(1, 2))
    assert len(phones.told[B]) == before, "the handset is put down, and nothing is to be done"


@pytest.mark.parametrize("protocol", [3, 7, 8, 11, 16, 17, 18, 20, 22])
def test_texts_take_the_form_of_the_version(protocol: int) -> None:
    phones = room(protocol=protocol)
    talking(phones)
    dynamic = protocol >= 8
    assert isinstance(phones.last(B, t.DisplayPromptStatus), t.DynamicPromptStatus) == dynamic
    assert isinstance(phones.last(B, CallInfo), DynamicCallInfo) == dynamic


@pytest.mark.parametrize(
    ("a", "b", "encrypted", "lock"),
    [(3, 3, True, 3), (3, 2, False, 2), (2, 3, False, 2), (2, 2, False, 2), (3, 1, False, 1), (1, 3, False, 1)],
)
def test_keys_are_made_only_if_both_ends_are_encrypted(a: int, b: int, encrypted: bool, lock: int) -> None:
    phones = room(a, b)
    talking(phones)
    assert (phones.lock(A), phones.lock(B)) == (lock, lock)
    hears = [phones.last(each, m.OpenReceiveChannel).keys for each in (A, B)]
    speaks = [phones.last(each, m.StartMediaTransmission).keys for each in (A, B)]
    assert [each.encrypts for each in hears + speaks] == [encrypted] * 4
    assert hears == [speaks[1], speaks[0]]
    if encrypted:
        assert hears[0] != hears[1]
        assert [(len(each.key), len(each.salt), each.algorithm) for each in hears] == [(16, 14, 1)] * 2
    phones.say(A, f.OnHook())
    assert phones.records[0].encrypted == encrypted
    assert phones.records[0].protection == lock


def test_a_phone_whose_version_has_no_room_for_keys_is_not_shown_as_encrypted() -> None:
    phones = Room(station(A, "1001", mode=3, protocol=3), station(B, "1002", mode=3))
    talking(phones)
    assert not phones.last(B, m.OpenReceiveChannel).keys.encrypts
    assert phones.lock(A) == phones.lock(B) == 2


def test_an_encrypted_phone_behind_a_cipher_that_does_not_encrypt_gets_no_keys() -> None:
    phones = Room(station(A, "1001", mode=3, encrypts=False), station(B, "1002", mode=3))
    talking(phones)
    assert not phones.last(B, m.OpenReceiveChannel).keys.encrypts
    assert phones.lock(B) == 2


def test_a_tone_tells_who_wants_to_hear_it() -> None:
    for mode, tone in ((3, Tone.SECURE), (1, Tone.NOT_SECURE)):
        phones = Room(replace(station(A, "1001", mode=3), tells_security=True), station(B, "1002", mode=mode))
        talking(phones)
        assert phones.last(A, t.StartTone).tone == tone
        assert B not in phones.told or not any(isinstance(each, t.StartTone) for each in phones.told[B])


def test_a_busy_line_is_told_as_busy() -> None:
    phones = room()
    talking(phones)
    before = len(phones.told[B])
    phones.dial(C, "1002")
    assert phones.state(C) == State.BUSY
    assert phones.last(C, t.StartTone).tone == Tone.BUSY
    assert phones.last(C, t.DisplayPromptStatus).text == Phrase.BUSY
    assert len(phones.told[B]) == before
    phones.say(C, f.OnHook())
    assert phones.state(C) == State.ON_HOOK
    assert phones.records[-1].outcome is Outcome.BUSY
    phones.dial(C, "1003")
    assert phones.state(C) == State.BUSY, "who calls himself is busy"


@pytest.mark.parametrize(("number", "state"), [("2", State.INVALID_NUMBER), ("1009", State.INVALID_NUMBER)])
def test_what_no_number_begins_with_fails_at_once(number: str, state: State) -> None:
    phones = room()
    phones.dial(A, number)
    assert phones.state(A) == state
    assert phones.last(A, t.StartTone).tone == Tone.REORDER
    assert phones.last(A, t.DisplayPromptStatus).text == Phrase.UNKNOWN_NUMBER


def test_a_number_that_could_go_on_waits_for_the_inter_digit_time() -> None:
    phones = Room(station(A, "1001"), station(B, "20"), station(C, "200"))
    phones.dial(A, "20")
    assert phones.state(A) == State.OFF_HOOK
    phones.pass_time(14)
    assert B not in phones.told
    phones.pass_time(1.1)
    assert phones.state(B) == State.RING_IN
    phones.say(A, f.OnHook())
    phones.dial(A, "20#")
    assert phones.state(B) == State.RING_IN
    phones.say(A, f.OnHook())
    phones.dial(A, "200")
    assert phones.state(C) == State.RING_IN
    phones.say(A, f.OnHook())
    phones.say(A, f.OffHook())
    phones.pass_time(16)
    assert phones.state(A) == State.INVALID_NUMBER, "nothing was dialled"


def test_the_last_digit_can_be_taken_back() -> None:
    phones = Room(station(A, "1001"), station(B, "20"), station(C, "210"))
    phones.dial(A, "21")
    key(phones, A, Key.BACKSPACE)
    phones.digits(A, "0")
    assert phones.state(B) == State.RING_IN


def test_a_number_is_called_all_at_once_and_again() -> None:
    phones = room()
    phones.say(A, f.EnblocCall("1002", 1))
    assert phones.state(B) == State.RING_IN
    phones.say(A, f.OnHook())
    key(phones, A, Key.REDIAL)
    assert phones.state(B) == State.RING_IN
    assert phones.records[0].outcome is Outcome.ABANDONED


def test_a_phone_that_is_not_there_is_congestion() -> None:
    phones = Room(station(A, "1001"), more=(Line("1007"), Line("1008", forward_all="1001")))
    phones.dial(A, "1007")
    assert phones.state(A) == State.CONGESTION
    assert phones.records[-1].outcome is Outcome.NOT_REGISTERED


def test_nobody_answers() -> None:
    phones = room()
    phones.dial(A, "1002")
    phones.pass_time(179)
    assert phones.state(A) == State.RING_OUT
    phones.pass_time(2)
    assert (phones.state(A), phones.state(B)) == (State.CONGESTION, State.ON_HOOK)
    assert phones.records[-1].outcome is Outcome.NO_ANSWER


def test_a_call_is_rejected() -> None:
    phones = room()
    phones.dial(A, "1002")
    key(phones, B, Key.END_CALL, phones.leg(B).call)
    assert (phones.state(A), phones.state(B)) == (State.BUSY, State.ON_HOOK)
    assert phones.records[-1].outcome is Outcome.REJECTED


@pytest.mark.parametrize(
    "answer",
    [
        m.OpenReceiveChannelAck(2, "10.0.0.1", 4000),
        m.OpenReceiveChannelAck(0, "0.0.0.0", 4000),
        m.OpenReceiveChannelAck(0, "10.0.0.1", 0),
        m.OpenReceiveChannelAck(0, "10.0.0.1", 65536),
        None,
    ],
)
def test_a_phone_that_opens_no_channel_ends_the_call(answer: m.OpenReceiveChannelAck | None) -> None:
    phones = room()
    phones.dial(A, "1002")
    phones.say(B, f.OffHook())
    if answer is None:
        phones.pass_time(5.1)
    else:
        phones.say(A, replace(answer, party=phones.last(A, m.OpenReceiveChannel).party))
    assert (phones.state(A), phones.state(B)) == (State.CONGESTION, State.CONGESTION)
    assert phones.last(A, t.DisplayPromptStatus).text == Phrase.TEMPORARY_FAILURE
    assert phones.records[-1].outcome is Outcome.MEDIA_FAILED


def test_media_go_to_where_a_phone_is_connected_from_whatever_it_names() -> None:
    """Else whoever has a phone could have others send to a third host, or to all of a network."""
    phones = room()
    phones.attach(replace(phones.stations[B], address="10.0.0.2"))
    phones.dial(A, "1002")
    phones.say(B, f.OffHook())
    asked = phones.last(B, m.OpenReceiveChannel)
    for named in ("192.0.2.9", "224.0.0.1", "127.0.0.1", "fd00::9", "10.0.0.2"):
        phones.say(B, m.OpenReceiveChannelAck(0, named, 4002, asked.party, asked.call))
        sends = phones.last(A, m.StartMediaTransmission)
        assert (sends.address, sends.port) == ("10.0.0.2", 4002)
    assert [each.named for each in phones.elsewhere] == ["192.0.2.9", "224.0.0.1", "127.0.0.1", "fd00::9"]


def test_an_address_that_the_other_version_cannot_say_ends_the_call() -> None:
    phones = Room(station(A, "1001", protocol=22), station(B, "1002", protocol=11))
    phones.dial(A, "1002")
    phones.say(B, f.OffHook())
    party = phones.last(A, m.OpenReceiveChannel).party
    phones.say(A, m.OpenReceiveChannelAck(0, "fd00::11", 4000, party))
    assert phones.state(B) == State.CONGESTION


def test_media_that_fail_later_end_the_call() -> None:
    for failure in (m.MediaTransmissionFailure(), m.StartMediaTransmissionAck(status=1)):
        phones = room()
        talking(phones)
        call, party = phones.leg(A).call, phones.last(A, m.OpenReceiveChannel).party
        phones.say(A, replace(failure, call=call))  # as a phone that leaves the party empty
        assert phones.state(B) == State.CONGESTION
        phones.say(A, replace(failure, party=party))
        assert len(phones.records) == 1


def test_a_phone_that_is_gone_ends_its_calls() -> None:
    phones = room()
    talking(phones)
    phones.detach(A)
    assert phones.state(B) == State.ON_HOOK
    phones.dial(C, "1002")
    phones.detach(B)
    assert phones.state(C) == State.CONGESTION
    assert [each.outcome for each in phones.records] == [Outcome.LOST, Outcome.NOT_REGISTERED]


def test_calls_of_others_are_out_of_reach() -> None:
    phones = room()
    talking(phones)
    call, party = phones.leg(A).call, phones.last(A, m.OpenReceiveChannel).party
    told = len(phones.told[A])
    for message in (f.OnHook(1, call), f.SoftKeyEvent(Key.END_CALL, 1, call), f.SoftKeyEvent(Key.HOLD, 1, call)):
        phones.say(C, message)
    phones.say(C, m.OpenReceiveChannelAck(0, "10.9.9.9", 9, party, call), m.MediaTransmissionFailure(0, party))
    assert len(phones.told[A]) == told
    assert len(phones.exchange.legs) == 2


def test_a_phone_has_no_more_calls_than_it_may() -> None:
    phones = Room(station(A, "1001"), station(B, Line("1002", calls=99)), settings=CallSettings(legs=2))
    talking(phones)
    key(phones, A, Key.HOLD)
    phones.dial(A, "1002")
    phones.say(A, f.SoftKeyEvent(Key.NEW_CALL, 1, 0))
    assert sum(leg.device == A for leg in phones.exchange.legs) <= 2


def test_the_plan_looks_ahead_among_many_numbers() -> None:
    plan = DialPlan(
        [Entry("SEP1", Line(str(number))) for number in (*range(1000, 5000), 10001)] + [Entry("", Line(""))]
    )
    assert len(plan) == 4001
    assert plan.look("") == Look(number=False, longer=True)
    assert plan.look("1000") == Look(number=True, longer=True)
    assert plan.look("4999") == Look(number=True, longer=False)
    assert plan.look("5") == Look(number=False, longer=False)


def test_who_floods_the_switch_with_calls_hears_congestion_and_pushes_out_no_records() -> None:
    phones = Room(station(A, "1001"), station(B, "1002"), station(C, "1003"), settings=CallSettings(at_once=5))
    for _ in range(50):
        phones.say(A, f.EnblocCall("9"))
    assert (len(phones.records), phones.too_many, phones.state(A)) == (5, [A], State.CONGESTION)
    talking(phones, C, "1002", B)
    assert phones.state(C) == State.CONNECTED
    phones.pass_time(0.125)
    phones.attach(phones.stations[A])
    for _ in range(50):
        phones.say(A, f.EnblocCall("9"))
    assert (len(phones.records), phones.too_many) == (7, [A, A])
