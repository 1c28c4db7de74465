"""SCCP: recorded frames byte for byte, and the codec with anything."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixedmode.errors import RemoteProtocolError
from mixedmode.protocols.sccp import (
    Frame,
    FrameBuffer,
    MalformedSccpError,
    Message,
    Unknown,
    encode_message,
    parse_message,
)
from mixedmode.protocols.sccp.calls.kinds import CALL_KINDS
from mixedmode.protocols.sccp.messages import registering as r
from mixedmode.protocols.sccp.messages import setup as s
from mixedmode.protocols.sccp.messages import templates as t
from mixedmode.protocols.sccp.messages.codec import KINDS
from mixedmode.protocols.sccp.messages.register import Register, RegisterLoad, RegisterTail
from mixedmode.protocols.sccp.registration.admission import (
    Security,
)
from mixedmode.protocols.sccp.registration.phone import PhoneRegistration
from mixedmode.protocols.sccp.registration.phone_events import (
    PhoneFacts,
)
from mixedmode.protocols.sccp.registration.server import ServerPhase, ServerRegistration, ServerSettings
from tests.protocols.sccp_talk import CLOCK, DEVICE, SAMPLES, frames_of, sample

NAMES = {
    "keepalive": r.KeepAlive,
    "keepalive-ack": r.KeepAliveAck,
    "register-v3-36": Register,
    "register-v17-124": Register,
    "register-v22-172": Register,
    "register-ack": r.RegisterAck,
    "register-reject": r.RegisterReject,
    "unregister": r.Unregister,
    "unregister-reason": r.Unregister,
    "unregister-ack": r.UnregisterAck,
    "reset-reset": r.Reset,
    "reset-restart": r.Reset,
    "reset-applyconfig": r.Reset,
    "capabilities-req": s.CapabilitiesReq,
    "capabilities-res-3": s.CapabilitiesRes,
    "capabilities-res-18": s.CapabilitiesRes,
    "button-template-req": t.ButtonTemplateReq,
    "button-template-res-42": t.ButtonTemplateRes,
    "softkey-template-req": t.SoftKeyTemplateReq,
    "softkey-template-res": t.SoftKeyTemplateRes,
    "line-stat-req": s.LineStatReq,
    "line-stat": s.LineStat,
    "register-available-lines": s.RegisterAvailableLines,
    "time-date-req": s.TimeDateReq,
    "define-time-date": s.DefineTimeDate,
    "alarm": r.Alarm,
    "ipport": r.IpPort,
    "token-req": r.RegisterTokenReq,
    "token-ack": r.RegisterTokenAck,
    "token-reject": r.RegisterTokenReject,
}


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_recorded_frames_survive_byte_for_byte(path: Path) -> None:
    [frame] = frames_of(path.read_bytes())
    message = parse_message(frame)
    assert type(message) is NAMES[path.stem[3:]]
    assert encode_message(message, frame.version) == path.read_bytes()


def test_what_recorded_frames_say() -> None:
    old, middle, new = (
        parse_message(frames_of(sample(name))[0]) for name in ("register-v3-36", "register-v17-124", "register-v22-172")
    )
    assert isinstance(old, Register)
    assert isinstance(middle, Register)
    assert isinstance(new, Register)
    assert (old.device, old.address, old.device_type, old.protocol, old.tail) == (DEVICE, "192.168.9.36", 437, 3, None)
    assert middle.tail is not None
    assert (middle.tail.mac[:6].hex(), middle.load, middle.stamp) == ("001122334455", "SCCP75.9-3-1SR4-1S", None)
    assert (new.protocol, new.features.hex(), new.stamp) == (22, "20f1ff", "1425667513-stamp")
    moment = parse_message(frames_of(sample("define-time-date"))[0])
    assert moment == s.DefineTimeDate(2015, 3, 5, 6, 19, 45, 13, 0, 1425667513)
    made = s.DefineTimeDate.of(datetime(2015, 3, 6, 18, 45, 13, tzinfo=UTC))
    assert (made.unix, made.weekday, made.day) == (1425667513, 5, 6)


u32 = st.integers(0, 0xFFFFFFFF)
words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=7)
address = st.ip_addresses(v=4).map(str)
tails = st.builds(RegisterTail, u32, u32, st.binary(min_size=12, max_size=12), u32, u32)
loads = st.builds(RegisterLoad, st.binary(min_size=16, max_size=16), u32, words)


def _register(head: Register, tail: RegisterTail | None, load: RegisterLoad | None, stamp: str | None) -> Register:
    load = load if tail else None
    return replace(head, tail=tail, firmware=load, stamp=stamp if load else None)


heads = st.builds(Register, words.map(lambda t: t[:4]), address, u32, u32, u32, protocol=st.integers(0, 255))
messages: st.SearchStrategy[Message] = st.one_of(
    st.builds(_register, heads, st.none() | tails, st.none() | loads, st.none() | words),
    st.builds(r.RegisterAck, u32, u32, st.sampled_from(["D.M.Y", "M/D/YA"]), st.integers(0, 255)),
    st.builds(r.RegisterReject, words),
    st.builds(r.Unregister, st.none() | u32),
    st.builds(r.Alarm, u32, words, u32, u32),
    st.builds(r.XmlAlarm, words),
    st.builds(r.RegisterTokenReq, words.map(lambda t: t[:4]), address, u32, extra=st.binary(max_size=4)),
    st.builds(s.CapabilitiesRes, u32, st.lists(st.builds(s.Capability, u32, u32), max_size=18).map(tuple)),
    st.builds(s.LineStat, u32, words.map(lambda t: t[:6]), words, words, u32),
    st.builds(s.DynamicLineStat, u32, words, words, words, u32),
    st.builds(Unknown, u32.filter(lambda number: number not in {*KINDS, *CALL_KINDS}), st.binary(max_size=4092)),
    *(st.builds(kind, u32) for kind in (r.UnregisterAck, r.Reset, r.IpPort, r.RegisterTokenReject, s.LineStatReq)),
)


@given(st.lists(messages, max_size=5), st.integers(1, 40), st.sampled_from([0, 17, 22]))
def test_what_is_written_is_read_however_it_is_cut(sent: list[Message], size: int, version: int) -> None:
    data = b"".join(encode_message(message, version) for message in sent)
    buffer, found = FrameBuffer(), []
    for start in range(0, len(data), size):
        buffer.add(data[start : start + size])
        while (frame := buffer.take()) is not None:
            assert frame.version == version
            found.append(parse_message(frame))
    assert found == sent


@given(st.sampled_from(sorted(KINDS)), st.binary(max_size=200))
def test_any_body_is_read_or_refused_with_its_offset(message_id: int, body: bytes) -> None:
    try:
        message = parse_message(Frame(message_id, body))
    except MalformedSccpError as error:
        assert error.offset is not None
        assert 12 <= error.offset <= 12 + len(body)
        return
    [again] = frames_of(encode_message(message))
    assert parse_message(again) == message


@given(st.binary(max_size=300))
def test_any_bytes_keep_both_machines_standing(data: bytes) -> None:
    server = ServerRegistration(Security(), ServerSettings(), 0, lambda: CLOCK)
    with contextlib.suppress(RemoteProtocolError):
        server.receive(data, 0)
        while server.next_timer() == 0:
            server.receive(b"", 0)
        server.receive(b"", 0)
    assert server.phase in {ServerPhase.CONNECTED, ServerPhase.ENDED, ServerPhase.LEFT, ServerPhase.ASKING}
    phone = PhoneRegistration(PhoneFacts(DEVICE, 437), 0)
    with contextlib.suppress(RemoteProtocolError):
        phone.receive(data, 0)


@pytest.mark.parametrize("length", [0, 3, 4097, 0xFFFFFFFF])
def test_a_length_that_cannot_be_is_refused_before_anything_is_kept(length: int) -> None:
    buffer = FrameBuffer()
    buffer.add(length.to_bytes(4, "little"))
    with pytest.raises(MalformedSccpError) as caught:
        buffer.take()
    assert caught.value.offset == 0


@pytest.mark.parametrize(
    "message",
    [
        r.RegisterReject("x" * 33),
        Register("SEP0011223344556677", "1.2.3.4", 7),
        Register(DEVICE, "1.2.3.256", 7),
        r.Reset(-1),
        Register(DEVICE, "1.2.3.4", 7, features=b"1"),
        Unknown(0x9999, bytes(4093)),
    ],
    ids=repr,
)
def test_values_that_do_not_fit_are_not_written(message: Message) -> None:
    with pytest.raises(MalformedSccpError):
        encode_message(message)
