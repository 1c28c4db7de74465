"""SCCP: recorded frames byte for byte, the codec with anything, both machines, and Wireshark's reading of them."""

from __future__ import annotations

import contextlib
import shutil
import struct
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixedmode.errors import LocalProtocolError, RemoteProtocolError
from mixedmode.protocols.sccp import (
    Frame,
    FrameBuffer,
    MalformedSccpError,
    Message,
    ResetKind,
    Unknown,
    encode_message,
    header_version,
    parse_message,
)
from mixedmode.protocols.sccp.messages import registering as r
from mixedmode.protocols.sccp.messages import setup as s
from mixedmode.protocols.sccp.messages import templates as t
from mixedmode.protocols.sccp.messages.codec import KINDS
from mixedmode.protocols.sccp.messages.register import Register, RegisterLoad, RegisterTail
from mixedmode.protocols.sccp.messages.report import TrustReport, read_report, write_report
from mixedmode.protocols.sccp.registration.admission import (
    SECURITY_ERROR,
    DeviceFacts,
    Line,
    Refusal,
    Security,
    SecurityMode,
)
from mixedmode.protocols.sccp.registration.phone import PhonePhase, PhoneRegistration
from mixedmode.protocols.sccp.registration.phone_events import (
    Acknowledged,
    PhoneEnd,
    PhoneEnded,
    PhoneFacts,
    Ready,
    ResetAsked,
)
from mixedmode.protocols.sccp.registration.server import ServerPhase, ServerRegistration, ServerSettings
from mixedmode.protocols.sccp.registration.server_events import (
    AskDevice,
    Ended,
    EndReason,
    Registered,
    Rejected,
    Reported,
)
from tests.support import DATA

SAMPLES = sorted((DATA / "wire" / "sccp").glob("*.bin"))
DEVICE = "SEP001122334455"
CLOCK = datetime(2015, 3, 6, 19, 45, 13, tzinfo=UTC)
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


def frames_of(data: bytes) -> list[Frame]:
    buffer = FrameBuffer()
    buffer.add(data)
    found = []
    while (frame := buffer.take()) is not None:
        found.append(frame)
    assert not len(buffer)
    return found


def sample(name: str) -> bytes:
    [path] = [each for each in SAMPLES if each.stem[3:] == name]
    return path.read_bytes()


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
    st.builds(Unknown, u32.filter(lambda number: number not in KINDS), st.binary(max_size=4092)),
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


Talk = list[tuple[str, bytes]]


def start(
    facts: PhoneFacts, answer: DeviceFacts | Refusal, security: Security | None = None
) -> tuple[PhoneRegistration, ServerRegistration, Talk, list[object]]:
    """Let a phone and a server talk until both have nothing more to say."""
    phone = PhoneRegistration(facts, 0)
    server = ServerRegistration(security or Security(), ServerSettings(), 0, lambda: CLOCK)
    talk: Talk = []
    events: list[object] = []
    while True:
        sent = phone.bytes_to_send()
        for event in server.receive(sent, 1):
            events.append(event)
            if isinstance(event, AskDevice):
                server.send(answer, 1)
        events += server.receive(b"", 1)
        back = server.bytes_to_send()
        events += phone.receive(back, 1)
        talk += [(who, data) for who, data in (("phone", sent), ("server", back)) if data]
        if not sent and not back:
            return phone, server, talk, events


def said(talk: Talk, who: str) -> list[str]:
    """The names of one side's messages, in order."""
    return [type(parse_message(frame)).__name__ for side, data in talk if side == who for frame in frames_of(data)]


LINES = DeviceFacts(lines=(Line("1001", "Line 1"), Line("1002")))


def test_the_order_of_a_normal_start() -> None:
    facts = PhoneFacts(DEVICE, 437, load="SCCP75.9-3-1SR4-1S", report=write_report(DEVICE, TrustReport("ab" * 20)))
    phone, server, talk, events = start(facts, LINES)
    assert said(talk, "phone") == [
        *("Alarm", "Register", "IpPort", "CapabilitiesRes", "ButtonTemplateReq", "SoftKeyTemplateReq"),
        *("SoftKeySetReq", "LineStatReq", "LineStatReq", "RegisterAvailableLines", "TimeDateReq", "XmlAlarm"),
    ]
    assert said(talk, "server") == [
        *("RegisterAck", "CapabilitiesReq", "ButtonTemplateRes", "SoftKeyTemplateRes", "SoftKeySetRes"),
        *("DynamicLineStat", "DynamicLineStat", "DefineTimeDate"),
    ]
    assert (phone.phase, server.phase) == (PhonePhase.READY, ServerPhase.REGISTERED)
    assert [type(event) for event in events] == [Reported, AskDevice, Registered, Acknowledged, Ready, Reported]
    assert events[0] == Reported(f"25: Name={DEVICE} Load=SCCP75.9-3-1SR4-1S Last=Initialized", xml=False)
    assert Ready(("1001", "1002")) in events
    report = events[-1]
    assert isinstance(report, Reported)
    assert read_report(report.text) == TrustReport("ab" * 20, "")
    assert server.ignored == 0


def test_an_old_phone_asks_for_a_token_and_gets_the_old_line_message() -> None:
    _, _, talk, _ = start(PhoneFacts(DEVICE, 8, protocol=3, token=True), LINES)
    assert said(talk, "phone")[:3] == ["RegisterTokenReq", "Alarm", "Register"]
    assert said(talk, "server")[:2] == ["RegisterTokenAck", "RegisterAck"]
    assert said(talk, "server").count("LineStat") == 2
    assert all(frame.version == 0 for _, data in talk for frame in frames_of(data))


@pytest.mark.parametrize(
    ("phone", "agreed", "version"), [(3, 3, 0), (10, 10, 0), (17, 17, 17), (22, 22, 22), (99, 22, 22)]
)
def test_the_lower_protocol_version_is_agreed_on(phone: int, agreed: int, version: int) -> None:
    _, _, talk, events = start(PhoneFacts(DEVICE, 437, protocol=phone), LINES)
    [event] = [each for each in events if isinstance(each, Acknowledged)]
    assert event.protocol == agreed
    assert frames_of(talk[-1][1])[-1].version == header_version(agreed) == version


@pytest.mark.parametrize(
    ("mode", "security", "suits"),
    [
        (SecurityMode.NON_SECURE, Security(), True),
        (SecurityMode.NON_SECURE, Security(tls=True, encrypts=True, device=DEVICE), False),
        (SecurityMode.AUTHENTICATED, Security(), False),
        (SecurityMode.AUTHENTICATED, Security(tls=True, device=DEVICE), True),
        (SecurityMode.AUTHENTICATED, Security(tls=True, encrypts=True), False),
        (SecurityMode.ENCRYPTED, Security(tls=True, device=DEVICE), False),
        (SecurityMode.ENCRYPTED, Security(tls=True, encrypts=True, device=DEVICE), True),
        (SecurityMode.ENCRYPTED, Security(tls=True, encrypts=True, device="SEP001122334466"), False),
    ],
)
def test_security_mode_and_connection_must_agree(mode: SecurityMode, security: Security, suits: bool) -> None:
    phone, server, talk, events = start(PhoneFacts(DEVICE, 437), DeviceFacts(mode), security)
    assert (server.phase is ServerPhase.REGISTERED) is suits
    if not suits:
        assert Rejected(DEVICE, SECURITY_ERROR) in events
        assert events[-1] == PhoneEnded(PhoneEnd.REJECTED, "Security Error")
        assert talk[-1][1] == sample("register-reject")
        assert phone.phase is PhonePhase.ENDED


@pytest.mark.parametrize("kind", [ResetKind.RESET, ResetKind.RESTART])
def test_a_phone_that_is_reset_unregisters(kind: ResetKind) -> None:
    phone, server, _, _ = start(PhoneFacts(DEVICE, 437, protocol=3), LINES)
    server.send(kind, 5)
    data = server.bytes_to_send()
    assert data == sample("reset-reset" if kind is ResetKind.RESET else "reset-restart")
    assert phone.receive(data, 5) == [ResetAsked(kind)]
    assert phone.phase is PhonePhase.LEAVING
    server.receive(phone.bytes_to_send(), 5)
    assert phone.receive(server.bytes_to_send(), 5) == [PhoneEnded(PhoneEnd.UNREGISTERED, "the phone left")]
    assert server.closed
    with pytest.raises(LocalProtocolError):
        server.send(kind, 5)


def test_apply_config_keeps_the_phone_registered_and_unknown_kinds_do_nothing() -> None:
    phone, server, _, _ = start(PhoneFacts(DEVICE, 437), LINES)
    server.send(ResetKind.APPLY_CONFIG, 5)
    events = phone.receive(server.bytes_to_send() + encode_message(r.Reset(9)), 5)
    assert events == [ResetAsked(ResetKind.APPLY_CONFIG)]
    assert phone.registered
    assert phone.bytes_to_send() == b""


def test_keepalives_keep_both_sides_and_silence_ends_them() -> None:
    phone, server, _, _ = start(PhoneFacts(DEVICE, 437), LINES)
    for now in (31, 61, 91):
        phone.receive(b"", now)
        sent = phone.bytes_to_send()
        assert len(frames_of(sent)) == 1
        server.receive(sent, now)
        phone.receive(server.bytes_to_send(), now)
    server.receive(b"", 126)
    assert server.phase is ServerPhase.REGISTERED
    assert [type(event) for event in server.receive(b"", 91 + 36)] == [Ended]
    ends = [event for now in (121, 151, 181) for event in phone.receive(b"", now)]
    assert [event.reason for event in ends if isinstance(event, PhoneEnded)] == [PhoneEnd.SILENT]


def test_a_keepalive_may_come_before_register() -> None:
    server = ServerRegistration(Security(), ServerSettings(), 0, lambda: CLOCK)
    server.receive(sample("keepalive"), 0)
    assert server.bytes_to_send() == sample("keepalive-ack")
    server.receive(b"", 29)
    assert not server.closed
    [event] = server.receive(b"", 30)
    assert isinstance(event, Ended)
    assert event.reason is EndReason.NO_REGISTER


def test_messages_of_calls_are_ignored_and_a_device_stays_the_one_it_is() -> None:
    _, server, _, _ = start(PhoneFacts(DEVICE, 437), LINES)
    server.receive(encode_message(Unknown(0x0006)) + encode_message(r.RegisterAck()), 2)
    assert server.bytes_to_send() == b""
    assert server.ignored == 2
    with pytest.raises(RemoteProtocolError, match="became another device"):
        server.receive(encode_message(Register("SEP001122334466", "1.2.3.4", 437)), 2)
    assert server.phase is ServerPhase.ENDED


WIRESHARK = {
    *("Alarm", "RegisterReq", "IpPort", "RegisterAck", "CapabilitiesReq", "CapabilitiesRes", "ButtonTemplateReq"),
    *("ButtonTemplateRes", "SoftKeyTemplateReq", "SoftKeyTemplateRes", "SoftKeySetReq", "SoftKeySetRes"),
    *("LineStatReq", "RegisterAvailableLines", "TimeDateReq", "TimeDateRes", "Reset", "UnregisterReq"),
    *("UnregisterAck", "RegisterTokenReq", "RegisterTokenAck", "RegisterReject", "KeepAliveReq", "KeepAliveAck"),
}


@pytest.mark.interop("tshark")
@pytest.mark.skipif(shutil.which("tshark") is None, reason="Wireshark's tshark is not installed")
@pytest.mark.parametrize(("protocol", "line"), [(3, "LineStatRes"), (17, "LineStatV2Res")])
def test_wireshark_reads_what_both_sides_write(tmp_path: Path, protocol: int, line: str) -> None:
    facts = PhoneFacts(DEVICE, 437, load="SCCP75.9-3-1SR4-1S", protocol=protocol, token=True)
    phone, server, talk, _ = start(facts, LINES)
    phone.receive(b"", 40)
    talk.append(("phone", phone.bytes_to_send()))
    talk.append(("server", encode_message(r.KeepAliveAck())))
    server.send(ResetKind.RESTART, 41)
    talk.append(("server", data := server.bytes_to_send()))
    phone.receive(data, 41)
    talk.append(("phone", phone.bytes_to_send()))
    talk.append(("server", encode_message(r.UnregisterAck()) + encode_message(r.RegisterReject("Security Error"))))
    capture = tmp_path / "sccp.pcap"
    capture.write_bytes(_pcap(talk))
    decode = ["tshark", "-r", str(capture), "-d", "tcp.port==2000,skinny", "-O", "skinny", "-V"]
    read = subprocess.run(decode, capture_output=True, text=True, check=True, timeout=60).stdout
    found = {
        row.split(": ", 1)[1].rsplit(" (", 1)[0] for row in read.splitlines() if row.strip().startswith("Message ID")
    }
    assert found == {*WIRESHARK, line}
    assert "Malformed" not in read
    assert "DeviceName: SEP001122334455" in read
    assert "firmwareLoadName: SCCP75.9-3-1SR4-1S" in read
    assert "resetType: RESTART (0x00000002)" in read
    assert "softKeyLabel: " in read
    assert "ineTextLabel: Line 1" in read
    assert "text: Security Error" in read


def _pcap(talk: Talk) -> bytes:
    """Wrap what was said into TCP segments and a capture of raw IP."""
    capture = bytearray(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101))
    sent = {"phone": 1, "server": 1}
    ports = {"phone": (50000, 2000), "server": (2000, 50000)}
    for number, (who, data) in enumerate(talk):
        other = "server" if who == "phone" else "phone"
        tcp = struct.pack(">HHIIBBHHH", *ports[who], sent[who], sent[other], 0x50, 0x18, 65535, 0, 0)
        sent[who] += len(data)
        home = bytes((127, 0, 0, 1))
        packet = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 40 + len(data), number, 0, 64, 6, 0, home, home) + tcp + data
        capture += struct.pack("<IIII", number, 0, len(packet), len(packet)) + packet
    return bytes(capture)
