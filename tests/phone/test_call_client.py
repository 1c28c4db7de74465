"""A phone's calls as a machine: any messages of a server, and what the phone makes of them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mixedmode.phone.mind.calls.client import MOST_CALLS, CallClient
from mixedmode.phone.mind.calls.events import Changed, Count, Listen, Send, StopListening, StopSending
from mixedmode.protocols.sccp import Frame, MalformedSccpError, parse_message
from mixedmode.protocols.sccp.calls import from_phone as f
from mixedmode.protocols.sccp.calls import media as m
from mixedmode.protocols.sccp.calls import to_phone as t
from mixedmode.protocols.sccp.calls.codes import State
from mixedmode.protocols.sccp.calls.kinds import TO_PHONE
from mixedmode.protocols.sccp.calls.layout import Laid
from mixedmode.protocols.sccp.calls.media_keys import MediaKeys
from mixedmode.protocols.sccp.calls.statistics import ConnectionStatisticsReq, ConnectionStatisticsRes
from mixedmode.protocols.sccp.framing import encode_agreed

KEYS = MediaKeys(1, bytes(16), bytes(14))
FRAMES = st.tuples(
    st.sampled_from([kind.ID for kind in TO_PHONE]),
    st.binary(max_size=60).map(lambda data: (data * 9)[:400]) | st.binary(max_size=400),
)


@given(st.sampled_from([3, 8, 11, 16, 17, 20, 22]), st.lists(FRAMES, max_size=12))
def test_no_message_of_a_server_breaks_a_phone(protocol: int, frames: list[tuple[int, bytes]]) -> None:
    phone = CallClient(protocol)
    for number, body in frames:
        try:
            message = parse_message(Frame(number, body), protocol)
        except MalformedSccpError:
            continue
        assert isinstance(message, Laid)
        for event in phone.receive(message):
            if isinstance(event, Listen):
                phone.listens(event, "10.0.0.1", 4000)
            elif isinstance(event, Count):
                phone.counted(event)
        for said in phone.says():
            assert encode_agreed(said, protocol)
    assert len(phone.calls) <= MOST_CALLS


def test_a_channel_is_known_by_its_party_alone() -> None:
    phone = CallClient(17)
    phone.receive(t.CallState(State.CONNECTED, 1, 7))
    [listen] = phone.receive(m.OpenReceiveChannel(7, 99, call=7, keys=KEYS))
    assert isinstance(listen, Listen)
    phone.listens_not(listen)
    [ack] = phone.says()
    assert isinstance(ack, m.OpenReceiveChannelAck)
    assert (ack.status, ack.party) == (2, 99)
    send, changed = phone.receive(m.StartMediaTransmission(7, 99, "10.0.0.2", 4002, call=7, keys=KEYS))
    assert isinstance(send, Send)
    assert isinstance(changed, Changed)
    assert changed.call.encrypted
    [confirmed] = phone.says()
    assert isinstance(confirmed, m.StartMediaTransmissionAck)
    assert phone.receive(m.StopMediaTransmission(0, 99)) == [StopSending(99)]
    assert phone.receive(m.CloseReceiveChannel(0, 99)) == [StopListening(99)]


def test_keys_for_one_direction_are_no_encrypted_call() -> None:
    phone = CallClient(17)
    phone.receive(t.CallState(State.CONNECTED, 1, 7))
    phone.receive(m.OpenReceiveChannel(7, 99, call=7))
    phone.receive(m.StartMediaTransmission(7, 99, "10.0.0.2", 4002, call=7, keys=KEYS))
    assert not phone.calls[7].encrypted


def test_an_old_phone_does_not_confirm_that_it_sends() -> None:
    phone = CallClient(11)
    phone.receive(m.StartMediaTransmission(7, 99, "10.0.0.2", 4002, call=7))
    assert phone.says() == []


def test_a_number_is_dialled_once_the_server_says_off_hook() -> None:
    phone = CallClient(17)
    phone.dial("20-0#")
    assert phone.says() == [f.OffHook(0, 0)]
    phone.receive(t.CallState(State.OFF_HOOK, 1, 7))
    assert phone.says() == [f.KeypadButton(key, 1, 7) for key in (2, 0, 0, 0xF)]
    phone.receive(t.CallState(State.OFF_HOOK, 1, 8))
    assert phone.says() == []


def test_what_was_counted_is_told_with_the_number_that_was_asked_for() -> None:
    phone = CallClient(17)
    [count] = phone.receive(ConnectionStatisticsReq("1002", 7, 1))
    assert isinstance(count, Count)
    phone.counted(count, ConnectionStatisticsRes("", 0, packets_sent=150))
    assert phone.says() == [ConnectionStatisticsRes("1002", 7, 1, 150)]


def test_a_call_that_ended_while_the_handset_was_lifted_leaves_no_dial_tone_behind() -> None:
    phone = CallClient(17)
    phone.receive(t.CallState(State.RING_IN, 1, 7))
    phone.answer(phone.calls[7])
    phone.receive(t.CallState(State.ON_HOOK, 1, 7))
    phone.says()
    assert phone.receive(t.CallState(State.OFF_HOOK, 1, 8)) == []
    assert phone.says() == [f.OnHook(1, 8)]
    assert not phone.calls
    phone.receive(t.CallState(State.OFF_HOOK, 1, 9))
    assert (phone.says(), list(phone.calls)) == ([], [9]), "a handset that is lifted for nothing has its dial tone"
