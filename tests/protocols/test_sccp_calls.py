"""The messages of calls: composed and recorded bytes, any values in every version, what cannot be read."""

from __future__ import annotations

import json
import re
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixedmode.protocols.sccp import Frame, MalformedSccpError, Message, Unknown, parse_message
from mixedmode.protocols.sccp.calls import codes as c
from mixedmode.protocols.sccp.calls import from_phone as f
from mixedmode.protocols.sccp.calls import layout as lay
from mixedmode.protocols.sccp.calls import media as m
from mixedmode.protocols.sccp.calls import to_phone as t
from mixedmode.protocols.sccp.calls.call_info import CallInfo, DynamicCallInfo
from mixedmode.protocols.sccp.calls.kinds import CALL_KINDS
from mixedmode.protocols.sccp.calls.media_keys import Keys, MediaKeys
from mixedmode.protocols.sccp.calls.ports import PortRes
from mixedmode.protocols.sccp.calls.statistics import ConnectionStatisticsReq, ConnectionStatisticsRes
from mixedmode.protocols.sccp.framing import encode_agreed
from tests.protocols.sccp_talk import frames_of
from tests.support import DATA

SAMPLES = sorted((DATA / "wire" / "sccp-calls").glob("*.bin"))
PEERS = sorted((DATA / "wire" / "sccp-calls-peer").glob("*.json"))
K1, S1 = bytes.fromhex("e1f97a0d3e018be0d64fa32c06de4139"), bytes.fromhex("0ec675ad498afeebb6960b3aabe6")
VERSIONS = range(3, 23)


def version_of(path: Path) -> int:
    found = re.search(r"-v(\d+)", path.stem)
    assert found is not None
    return int(found[1])


def sample(name: str) -> Message:
    path = DATA / "wire" / "sccp-calls" / f"{name}.bin"
    [frame] = frames_of(path.read_bytes())
    return parse_message(frame, version_of(path))


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_every_composed_frame_is_known_and_written_back(path: Path) -> None:
    [frame] = frames_of(path.read_bytes())
    message = parse_message(frame, version_of(path))
    assert not isinstance(message, Unknown)
    assert encode_agreed(message, version_of(path)) == path.read_bytes()
    assert not getattr(message, "ragged", False), "our own layout is another one"


@pytest.mark.parametrize("path", PEERS, ids=lambda path: path.stem)
def test_every_recorded_message_of_a_call_is_known_and_written_back(path: Path) -> None:
    talk: dict[str, Any] = json.loads(path.read_text())
    protocol, kinds = talk["protocol_offered"], set()
    for each in talk["messages"]:
        [frame] = frames_of(bytes.fromhex(each["hex"]))
        message = parse_message(frame, protocol)
        assert not isinstance(message, Unknown)
        if isinstance(message, lay.Laid):
            kinds.add(type(message))
            assert message.laid_out(protocol) == frame.body
    assert {m.OpenReceiveChannel, m.OpenReceiveChannelAck, m.StartMediaTransmission, t.CallState} <= kinds


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("offhook-v3", f.OffHook()),
        ("keypad-1-v17", f.KeypadButton(1, 1, 257)),
        ("keypad-pound-v3-short", f.KeypadButton(0xF)),
        ("enbloc-v17", f.EnblocCall("1002", 1)),
        ("enbloc-v22-packed", f.EnblocCall("1002", 1)),
        ("softkey-answer-v20", f.SoftKeyEvent(c.Key.ANSWER, 1, 258)),
        ("stimulus-line-v17", f.Stimulus(c.Button.LINE, 1)),
        ("callstate-busy-v17", t.CallState(c.State.BUSY, 1, 257)),
        ("dialednumber-v20", t.DialedNumber("1002", 1, 257)),
        ("prompt-v17-from", t.DynamicPromptStatus(0, f"{c.Phrase.FROM}Alice (1001)", 1, 258)),
        ("prompt-v3-connected", t.DisplayPromptStatus(0, c.Phrase.CONNECTED, 1, 257)),
        ("openreceivechannelack-v22-ipv6", m.OpenReceiveChannelAck(0, "fd00::11", 0x4000, 0x1000001, 257)),
        ("openreceivechannelack-v3", m.OpenReceiveChannelAck(0, "10.0.0.11", 0x4000, 0x1000001, 257)),
        ("closereceivechannel-v17", m.CloseReceiveChannel(257, 0x1000001, 257)),
    ],
)
def test_composed_frames_mean_what_they_say(name: str, wanted: Message) -> None:
    assert sample(name) == wanted


@pytest.mark.parametrize("name", ["v11-srtp32", "v17-srtp32", "v22-srtp32", "v20-srtp80"])
def test_keys_stand_at_their_place_in_every_version(name: str) -> None:
    opened, started = sample(f"openreceivechannel-{name}"), sample(f"startmediatransmission-{name}")
    assert isinstance(opened, m.OpenReceiveChannel)
    assert isinstance(started, m.StartMediaTransmission)
    assert (opened.keys.key, opened.keys.salt) == (K1, S1)
    assert opened.keys.algorithm == (2 if name.endswith("80") else 1)
    assert (started.address, started.port, started.call) == ("10.0.0.12", 0x4002, 257)
    assert started.keys.key == bytes(range(16))
    assert K1.hex() not in repr(opened)
    assert repr(K1)[2:-1] not in repr(opened), "keys are not for logs"


@pytest.mark.parametrize(
    ("name", "security", "icon"),
    [
        ("callinfo-v3-encrypted", 3, "lock"),
        ("callinfo-v3-nonsecure", 1, ""),
        ("callinfo-v11-12strings", 3, "lock"),
        ("callinfo-v17-unknown", 0, ""),
        ("callinfo-v20-authenticated", 2, "shield"),
    ],
)
def test_the_parties_and_the_lock_of_both_forms(name: str, security: int, icon: str) -> None:
    info = sample(name)
    assert isinstance(info, CallInfo)
    assert (info.calling, info.calling_name, info.called, info.called_name) == ("1001", "Alice", "1002", "Bob")
    assert info.security == security
    assert c.Protection(info.security).icon == icon


COUNTED = ConnectionStatisticsRes("1002", 1, 1, 10, 20, 30, 40, 5, 6, 7, "MLQK=4.5")
SIZES = {
    f.KeypadButton(1, 1, 257): {3: 4, 5: 12, 22: 12},
    f.EnblocCall("1002", 1): {3: 24, 11: 24, 17: 28, 18: 32, 22: 32},
    m.OpenReceiveChannelAck(0, "10.0.0.1", 1, 2, 3): {3: 20, 16: 20, 17: 36, 22: 36},
    m.StartMediaTransmissionAck(1, 2, 3): {11: 24, 17: 40, 22: 40},
    m.OpenReceiveChannel(1, 2): {3: 24, 5: 92, 11: 92, 15: 108, 17: 128, 20: 128, 22: 168},
    m.StartMediaTransmission(1, 2, "10.0.0.1", 3): {3: 40, 5: 112, 11: 116, 17: 132, 20: 132, 22: 168},
    m.CloseReceiveChannel(1, 2, 3): {3: 8, 5: 16, 22: 16},
    ConnectionStatisticsReq("1002", 1): {3: 32, 17: 32, 18: 36, 22: 36},
    ConnectionStatisticsRes("1002", 1, text="CCR=0"): {3: 60, 5: 664, 17: 664, 18: 668, 22: 72},
    CallInfo(): {3: 384},
    t.DialedNumber("1002"): {3: 32, 17: 32, 18: 36, 22: 36},
    t.StopTone(): {3: 8, 10: 8, 11: 12, 22: 12},
}


@pytest.mark.parametrize(("message", "sizes"), SIZES.items(), ids=lambda each: type(each).__name__)
def test_bodies_have_the_sizes_of_the_versions(message: Message, sizes: dict[int, int]) -> None:
    assert {version: len(message.laid_out(version)) for version in sizes} == sizes


@pytest.mark.parametrize(
    ("number", "protocol", "body", "wanted"),
    [
        (0x0004, 22, b"1002".ljust(28, b"\0") + (2).to_bytes(4, "little"), f.EnblocCall("1002", 2)),
        (0x0004, 20, b"1002".ljust(24, b"\0") + (1).to_bytes(4, "little"), f.EnblocCall("1002", 1)),
        (0x0004, 3, b"1002", f.EnblocCall("1002")),
        (0x0106, 17, bytes(4) + b"\x07\0\0\0" + bytes(4), m.CloseReceiveChannel(0, 7)),
        (0x011D, 22, b"1002".ljust(24, b"\0") + b"\1\0\0\0\2\0\0\0", t.DialedNumber("1002", 1, 2)),
        (0x011D, 3, b"1002".ljust(24, b"\0") + b"\1\0\0\0\2\0\0\0" + bytes(4), t.DialedNumber("1002", 1, 2)),
        (0x0003, 3, b"\1\0\0\0\1\0\0\0\2\0\0\0", f.KeypadButton(1, 1, 2)),
        (0x0006, 3, b"", f.OffHook()),
        (0x0022, 3, bytes(4) + b"\x0a\0\0\1\2\0\0\0\3\0\0\0", m.OpenReceiveChannelAck(0, "10.0.0.1", 2, 3)),
        (0x0022, 22, bytes(4) + b"\x0a\0\0\1\2\0\0\0\3\0\0\0", m.OpenReceiveChannelAck(0, "10.0.0.1", 2, 3)),
        (
            *(0x0022, 11),
            bytes(8) + b"\x0a\0\0\1" + bytes(12) + b"\2\0\0\0\3\0\0\0\4\0\0\0",
            m.OpenReceiveChannelAck(0, "10.0.0.1", 2, 3, 4),
        ),
        (0x0107, 22, b"1002".ljust(24, b"\0") + b"\1\0\0\0\0\0\0\0", ConnectionStatisticsReq("1002", 1)),
        (0x0107, 22, b"1002".ljust(24, b"\0") + b"\1".ljust(12, b"\0"), ConnectionStatisticsReq("1002", 1)),
        (0x0004, 17, b"1002".ljust(25, b"\0") + b"\1".ljust(7, b"\0"), f.EnblocCall("1002", 1)),
        (0x0004, 11, b"1002".ljust(28, b"\0") + (2).to_bytes(4, "little"), f.EnblocCall("1002", 2)),
        (0x0004, 3, f.EnblocCall("1002", 1).laid_out(17), f.EnblocCall("1002", 1)),
        (0x011D, 11, t.DialedNumber("1002", 1, 2).laid_out(20), t.DialedNumber("1002", 1, 2)),
        (0x011D, 11, b"1002".ljust(28, b"\0") + b"\2".ljust(8, b"\0"), t.DialedNumber("1002", 0, 2)),
        (0x0107, 11, ConnectionStatisticsReq("1002", 1).laid_out(20), ConnectionStatisticsReq("1002", 1)),
        *(
            (0x0045, p, PortRes(1, 2, 3, "10.0.0.1", 4, 5).laid_out(q), PortRes(1, 2, 3, "10.0.0.1", 4, 5))
            for p, q in ((11, 17), (17, 11), (3, 22), (22, 3))
        ),
        (0x0023, 17, COUNTED.laid_out(20), COUNTED),
        (0x0023, 11, COUNTED.laid_out(18), COUNTED),
        (0x0023, 20, COUNTED.laid_out(22), COUNTED),
        (0x0023, 22, COUNTED.laid_out(20), COUNTED),
        (0x0023, 22, COUNTED.laid_out(17), COUNTED),
        (0x0023, 20, COUNTED.laid_out(17), COUNTED),
    ],
)
def test_other_forms_are_told_by_their_length(number: int, protocol: int, body: bytes, wanted: Message) -> None:
    message = parse_message(Frame(number, body), protocol)
    assert message == wanted
    assert message.laid_out(protocol) == body


@pytest.mark.parametrize(
    ("number", "protocol", "body", "words", "offset"),
    [
        (0x0105, 17, bytes(9), "OpenReceiveChannel (0105): the message ends within milliseconds: 1 of 4", 20),
        (0x008A, 17, bytes(20), "StartMediaTransmission (008A): the message ends within address: 8 of 16", 24),
        (0x0022, 22, b"", "OpenReceiveChannelAck (0022): the message ends within status: 0 of 4", 12),
        (0x0111, 3, b"\1", "CallState (0111): the message ends within state", 12),
        (0x0105, 11, bytes(32) + b"\x11\0", "the key length of keys is 17, more than 16", 44),
        (0x0105, 11, bytes(34) + b"\x11\0", "the salt length of keys is 17, more than 16", 46),
    ],
)
def test_a_malformed_message_is_named_with_the_byte(
    number: int, protocol: int, body: bytes, words: str, offset: int
) -> None:
    data = body.ljust(92, b"\0") if "length" in words else body
    with pytest.raises(MalformedSccpError, match=re.escape(words)) as caught:
        parse_message(Frame(number, data), protocol)
    assert caught.value.offset == offset


@given(st.sampled_from(sorted(CALL_KINDS)), st.sampled_from(VERSIONS), st.binary(max_size=420))
def test_any_bytes_are_written_back_or_named(number: int, protocol: int, body: bytes) -> None:
    try:
        message = parse_message(Frame(number, body), protocol)
    except MalformedSccpError as error:
        assert f"({number:04X})" in str(error)
        assert error.offset is not None
        assert 12 <= error.offset <= 12 + len(body)
    else:
        assert message.laid_out(protocol) == body


TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=5)
KEYS = st.builds(MediaKeys, st.integers(0, 6), st.binary(max_size=16), st.binary(max_size=16))


def values(kind: lay.Kind, protocol: int) -> st.SearchStrategy[Any]:
    match kind:
        case lay.Number(width=width):
            return st.integers(0, 256**width - 1)
        case lay.Raw(width=width):
            return st.binary(min_size=width, max_size=width)
        case lay.Address():
            v4 = st.ip_addresses(v=4).map(str)
            return v4 if protocol < 17 else v4 | st.ip_addresses(v=6).filter(lambda a: ":" in str(a)).map(str)
        case Keys():
            return KEYS
    return TEXTS


@given(st.data(), st.sampled_from([kind for kind in CALL_KINDS.values() if kind.SLOTS]), st.sampled_from(VERSIONS))
def test_any_values_survive_in_every_version(data: st.DataObject, kind: type[lay.Laid], protocol: int) -> None:
    laid = [slot for slot in kind.SLOTS if slot.since <= protocol]
    assert {slot.name for slot in kind.SLOTS} <= {each.name for each in fields(kind)}
    message = kind(**{slot.name: data.draw(values(slot.kind, protocol)) for slot in laid})
    again = parse_message(Frame(message.message_id, message.laid_out(protocol)), protocol)
    assert again == message
    assert not getattr(again, "ragged", False)


@given(TEXTS, st.lists(st.integers(0, 2**32 - 1), min_size=8, max_size=8), st.sampled_from(range(5, 23)))
def test_statistics_survive_in_every_version(words: str, counted: list[int], protocol: int) -> None:
    one, two, three, four, five, six, seven, call = counted
    message = ConnectionStatisticsRes("1002", call, 1, one, two, three, four, five, six, seven, words)
    assert parse_message(Frame(0x23, message.laid_out(protocol)), protocol) == message


def test_what_was_read_is_written_anew_for_a_peer_of_another_version() -> None:
    [frame] = frames_of((DATA / "wire" / "sccp-calls" / "stopmediatransmission-v17.bin").read_bytes())
    longer = parse_message(Frame(frame.message_id, frame.body + bytes(8)), 17)
    assert len(longer.laid_out(17)) == 24
    assert len(longer.laid_out(3)) == 8
    assert isinstance(longer, m.StopMediaTransmission)
    assert replace(longer, origin=None) == longer


@pytest.mark.parametrize(
    ("message", "protocol"),
    [
        (t.DisplayNotify(1, "x" * 33), 3),
        (m.OpenReceiveChannelAck(0, "fd00::1", 1, 1), 16),
        (m.OpenReceiveChannelAck(0, "fd00::1::", 1, 1), 17),
        (m.OpenReceiveChannel(1, 1, keys=MediaKeys(6, bytes(32))), 17),
        (DynamicCallInfo(calling="a\0b"), 17),
        (f.KeypadButton(2**32), 17),
    ],
)
def test_what_does_not_fit_is_not_written(message: Message, protocol: int) -> None:
    with pytest.raises(MalformedSccpError):
        message.laid_out(protocol)


@pytest.mark.parametrize("protocol", VERSIONS)
def test_what_calls_need_is_read_from_the_layout_of_every_other_version(protocol: int) -> None:
    """Servers write layouts of versions that they did not agree on; the length tells (calls-and-media.md 1)."""
    for written in VERSIONS:
        _read_what_calls_need(protocol, written)


def _read_what_calls_need(protocol: int, written: int) -> None:
    keys = MediaKeys(1, K1, S1)

    def read(message: lay.Laid) -> Any:
        return parse_message(Frame(message.message_id, message.laid_out(written)), protocol)

    opened = read(m.OpenReceiveChannel(257, 9, call=257, keys=keys))
    started = read(m.StartMediaTransmission(257, 9, "10.0.0.12", 4002, call=257, keys=keys))
    assert (opened.party, opened.payload, started.party, started.address, started.port) == (9, 4, 9, "10.0.0.12", 4002)
    if written >= 5:
        assert (opened.keys, opened.call, started.keys, started.call) == (keys, 257, keys, 257)
    listens = m.OpenReceiveChannelAck(0, "10.0.0.11", 4000, 9, 257)
    assert read(listens) == listens
    dialled = t.DialedNumber("1002", 1, 257)
    assert read(dialled) == dialled
    asked = ConnectionStatisticsReq("1002", 257, 1)
    assert read(asked) == asked
    assert read(f.EnblocCall("1002", 1)).number == "1002"
    for confirmed in (m.StartMediaTransmissionAck(257, 9, 257, "10.0.0.11", 4000, 1),
                      m.MediaTransmissionFailure(257, 9, "10.0.0.11", 4000, 257)):  # fmt: skip
        assert read(confirmed) == confirmed


@pytest.mark.parametrize("protocol", [11, 16])
def test_a_server_that_agreed_on_an_old_version_may_send_the_later_form(protocol: int) -> None:
    body = m.StartMediaTransmission(1, 2, "10.0.0.12", 4002, keys=MediaKeys(1, K1, S1)).laid_out(17)
    found = parse_message(Frame(0x8A, body), protocol)
    assert isinstance(found, m.StartMediaTransmission)
    assert (found.address, found.port, found.keys.key) == ("10.0.0.12", 4002, K1)
    assert found.laid_out(protocol) == body
