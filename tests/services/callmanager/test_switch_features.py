"""What users do with calls: forwarding, hold, transfer, a second call."""

from __future__ import annotations

from mixedmode.protocols.sccp.calls import from_phone as f
from mixedmode.protocols.sccp.calls import media as m
from mixedmode.protocols.sccp.calls import to_phone as t
from mixedmode.protocols.sccp.calls.call_info import CallInfo
from mixedmode.protocols.sccp.calls.codes import Button, CallKind, Key, KeySet, State, Tone
from mixedmode.protocols.sccp.registration.admission import Line
from mixedmode.services.callmanager.switch.model import LegState, Outcome
from tests.services.callmanager.switch_room import A, B, C, Room, key, kinds, room, station, talking


def forwarded(forward_all: str = "", forward_busy: str = "", forward_no_answer: str = "") -> Room:
    return Room(
        station(A, "1001"),
        station(B, Line("1002", "", "", forward_all, forward_busy, forward_no_answer)),
        station(C, "1003"),
    )


def test_all_calls_are_forwarded_and_the_called_one_knows_from_whom() -> None:
    phones = forwarded(forward_all="1003")
    phones.dial(A, "1002")
    assert B not in phones.told
    info = phones.last(C, CallInfo)
    assert (info.kind, info.redirecting, info.original_called, info.called) == (
        CallKind.FORWARD,
        "1002",
        "1002",
        "1003",
    )
    phones.say(C, f.OffHook())
    phones.say(A, f.OnHook())
    assert (phones.records[0].dialled, phones.records[0].called.number) == ("1002", "1003")


def test_busy_and_unanswered_calls_are_forwarded() -> None:
    phones = forwarded(forward_busy="1003")
    phones.say(B, f.OffHook())
    phones.dial(A, "1002")
    assert phones.state(C) == State.RING_IN
    phones = forwarded(forward_no_answer="1003")
    phones.dial(A, "1002")
    phones.pass_time(11)
    assert phones.state(B) == State.RING_IN
    phones.pass_time(2)
    assert (phones.state(B), phones.state(C), phones.state(A)) == (State.ON_HOOK, State.RING_IN, State.RING_OUT)
    phones.say(C, f.OffHook())
    assert (phones.state(A), phones.state(C)) == (State.CONNECTED, State.CONNECTED)


def test_forwarding_in_a_circle_ends() -> None:
    phones = Room(
        station(A, "1001"), station(B, Line("1002", forward_all="1003")), station(C, Line("1003", forward_all="1002"))
    )
    phones.dial(A, "1002")
    assert phones.state(A) == State.BUSY


def test_a_held_call_is_silent_and_goes_on_with_new_keys() -> None:
    phones = room(3, 3)
    talking(phones)
    first = phones.last(A, m.OpenReceiveChannel).keys
    key(phones, A, Key.HOLD)
    assert (phones.state(A), phones.last(A, t.SelectSoftKeys).keys) == (State.HOLD, KeySet.ON_HOLD)
    assert kinds(phones.told[B])[-2:] == ["CloseReceiveChannel", "StopMediaTransmission"]
    key(phones, A, Key.RESUME)
    assert phones.state(A) == State.CONNECTED
    phones.listen(A, B)
    assert phones.last(A, m.OpenReceiveChannel).keys != first
    assert phones.last(B, m.StartMediaTransmission).keys == phones.last(A, m.OpenReceiveChannel).keys
    key(phones, A, Key.HOLD)
    phones.say(B, f.OnHook())
    assert phones.exchange.legs == ()


def test_the_line_button_answers_resumes_and_dials() -> None:
    phones = room()
    line = f.Stimulus(Button.LINE, 1)
    phones.say(A, line)
    phones.digits(A, "1002")
    phones.say(B, line)
    assert phones.state(B) == State.CONNECTED
    phones.say(B, f.Stimulus(Button.HOLD, 1))
    assert phones.state(B) == State.HOLD
    phones.say(B, line)
    assert phones.state(B) == State.CONNECTED


def test_a_call_is_transferred_after_consulting() -> None:
    phones = room(3, 3, 1)
    talking(phones)
    assert phones.lock(B) == 3
    key(phones, A, Key.TRANSFER)
    phones.digits(A, "1003")
    assert phones.state(C) == State.RING_IN
    phones.say(C, f.OffHook())
    phones.listen(A, C)
    key(phones, A, Key.TRANSFER)
    assert phones.state(A) == State.ON_HOOK
    assert {leg.device for leg in phones.exchange.legs} == {B, C}
    phones.listen(B, C)
    info = phones.last(B, CallInfo)
    assert (info.called, info.security) == ("1003", 1), "the lock is gone: C is not encrypted"
    assert not phones.last(B, m.OpenReceiveChannel).keys.encrypts
    assert phones.last(C, m.StartMediaTransmission).address == "10.0.0.1"
    phones.say(B, f.OnHook())
    assert phones.exchange.legs == ()
    assert [each.outcome for each in phones.records] == [Outcome.TRANSFERRED, Outcome.TRANSFERRED, Outcome.ANSWERED]


def test_a_call_is_transferred_while_it_rings() -> None:
    phones = room()
    talking(phones)
    key(phones, A, Key.TRANSFER)
    phones.digits(A, "1003")
    assert phones.last(A, t.SelectSoftKeys) == t.SelectSoftKeys(1, phones.exchange.legs[-2].call, 5, 0b110)
    key(phones, A, Key.TRANSFER)
    assert (phones.state(B), phones.state(C)) == (State.RING_OUT, State.RING_IN)
    assert phones.last(C, CallInfo).calling == "1002"
    phones.say(C, f.OffHook())
    assert phones.state(B) == State.CONNECTED
    phones.listen(B, C)


def test_a_transfer_is_given_up_and_the_held_call_goes_on() -> None:
    phones = room()
    talking(phones)
    held = phones.leg(A).call
    key(phones, A, Key.TRANSFER)
    phones.digits(A, "1009")
    key(phones, A, Key.TRANSFER)
    assert phones.state(A) == State.INVALID_NUMBER
    key(phones, A, Key.END_CALL)
    key(phones, A, Key.RESUME, held)
    assert phones.state(A) == State.CONNECTED
    phones.listen(A, B)


def test_a_second_call_waits_and_answering_it_holds_the_first() -> None:
    phones = Room(station(A, "1001"), station(B, Line("1002", calls=2)), station(C, "1003"))
    talking(phones)
    phones.dial(C, "1002")
    assert phones.last(B, t.StartTone).tone == Tone.CALL_WAITING
    key(phones, B, Key.ANSWER)
    assert sorted(leg.state.value for leg in phones.exchange.legs if leg.device == B) == ["connected", "held"]
    assert phones.leg(A).state is LegState.CONNECTED
    assert phones.leg(C).state is LegState.CONNECTED
