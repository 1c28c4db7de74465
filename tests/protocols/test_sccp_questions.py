"""SCCP with what others made: recorded registrations against both machines, phones' questions, Wireshark's reading."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixedmode.errors import LocalProtocolError
from mixedmode.protocols.sccp import Frame, Message, encode_message, header_version, parse_message
from mixedmode.protocols.sccp.messages import answers as a
from mixedmode.protocols.sccp.messages import questions as q
from mixedmode.protocols.sccp.messages import registering as r
from mixedmode.protocols.sccp.messages import setup as s
from mixedmode.protocols.sccp.messages import templates as t
from mixedmode.protocols.sccp.messages.register import Register
from mixedmode.protocols.sccp.messages.server_list import ServerEntry, ServerRes
from mixedmode.protocols.sccp.registration.admission import DeviceFacts, Line, Security
from mixedmode.protocols.sccp.registration.phone import PhonePhase, PhoneRegistration
from mixedmode.protocols.sccp.registration.phone_events import Acknowledged, PhoneFacts, Ready
from mixedmode.protocols.sccp.registration.server import ServerPhase, ServerRegistration, ServerSettings
from mixedmode.protocols.sccp.registration.server_events import AskDevice, AskServers, Servers
from tests.protocols.sccp_talk import CLOCK, frames_of
from tests.support import DATA

PEERS = sorted((DATA / "wire" / "sccp-peer").glob("*.json"))
QUESTIONS = sorted((DATA / "wire" / "sccp-questions").glob("*.bin"))
LINES = (Line("1001", "Line 1"), Line("1002"))
ZERO = (r.RegisterAck, r.KeepAliveAck, r.UnregisterAck, Register, r.Alarm, r.IpPort)


def sample(name: str) -> bytes:
    return (DATA / "wire" / "sccp-questions" / f"{name}.bin").read_bytes()


def conversation(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def sent_by(path: Path, way: str) -> bytes:
    return b"".join(bytes.fromhex(m["hex"]) for m in conversation(path)["messages"] if m["way"] == way)


@pytest.mark.parametrize("path", PEERS, ids=lambda path: path.stem)
def test_our_phone_registers_with_servers_of_others(path: Path) -> None:
    """Whatever header those write: one sends 0 with layouts of 17, and answers "48" as its version."""
    offered = conversation(path)["protocol_offered"]
    phone = PhoneRegistration(PhoneFacts("SEP001122334401", 437, protocol=offered), 0)
    sent, events = phone.bytes_to_send(), []
    for frame in frames_of(sent_by(path, "S>C")):
        events += phone.receive(frame.encode(), 1)
        sent += phone.bytes_to_send()
    assert phone.phase is PhonePhase.READY
    assert [each.protocol for each in events if isinstance(each, Acknowledged)] == [offered]
    assert any(isinstance(each, Ready) for each in events)
    for frame in frames_of(sent):
        early = isinstance(parse_message(frame), ZERO)
        assert frame.version == (0 if early or offered < 17 else offered)


@pytest.mark.parametrize("path", PEERS, ids=lambda path: path.stem)
def test_our_server_answers_a_recorded_phone(path: Path) -> None:
    offered = conversation(path)["protocol_offered"]
    server = registered(offered, sent_by(path, "C>S"))
    kinds = [type(parse_message(frame)) for frame in frames_of(server.bytes_to_send())]
    assert kinds == [
        *(r.RegisterAck, s.CapabilitiesReq, t.ButtonTemplateRes, t.SoftKeyTemplateRes, t.SoftKeySetRes),
        *(s.DynamicLineStat if offered >= 17 else s.LineStat, s.DefineTimeDate),
    ]
    assert server.ignored == 0


def registered(protocol: int, data: bytes | None = None, *, load: str = "", lines: int = 2) -> ServerRegistration:
    """A server with a phone that has registered; data: what that phone has sent."""
    server = ServerRegistration(Security(), ServerSettings(name="cucm-pub"), 0, lambda: CLOCK)
    if data is None:
        facts = PhoneFacts("SEP001122334401", 437, protocol=protocol, load=load)
        data = PhoneRegistration(facts, 0).bytes_to_send()
    [event] = [each for each in server.receive(data, 1) if isinstance(each, AskDevice)]
    server.send(DeviceFacts(lines=LINES[:lines]), 1)
    server.receive(b"", 1)
    assert server.phase is ServerPhase.REGISTERED
    assert event.register.device == "SEP001122334401"
    return server


def ask(server: ServerRegistration, data: bytes) -> list[Frame]:
    server.bytes_to_send()
    server.receive(data, 2)
    return frames_of(server.bytes_to_send())


@pytest.mark.parametrize("protocol", [3, 5, 8, 11, 15, 16, 17, 18, 19, 20, 21, 22, 23])
def test_every_header_follows_the_agreed_version(protocol: int) -> None:
    server = registered(protocol)
    agreed = {21: 20, 23: 22}.get(protocol, protocol)
    questions = (t.ButtonTemplateReq(), q.ForwardStatReq(1), q.ConfigStatReq(), r.KeepAlive(), r.Unregister())
    first = frames_of(server.bytes_to_send())
    ack = parse_message(first[0])
    assert isinstance(ack, r.RegisterAck)
    assert (ack.protocol, first[0].version) == (agreed, 0)
    # The header of the question is another one: it chooses nothing.
    answers = ask(server, b"".join(encode_message(each, 5) for each in questions))
    wanted = agreed if agreed >= 17 else 0
    assert first[1].version == wanted == header_version(agreed)
    assert [frame.version for frame in answers] == [wanted, wanted, wanted, 0, 0]
    assert answers[1].message_id == 0x90
    assert len(answers[1].body) == (96 if agreed >= 18 else 92)
    assert answers[2].message_id == (0x142 if agreed >= 17 else 0x93)


@pytest.mark.parametrize(("protocol", "features"), [(3, "000000"), (11, "006085"), (15, "207085"), (22, "007285")])
def test_register_carries_the_features_of_a_phone_not_of_a_server(protocol: int, features: str) -> None:
    sent = PhoneRegistration(PhoneFacts("SEP001122334401", 437, protocol=protocol), 0).bytes_to_send()
    [register] = [each for each in map(parse_message, frames_of(sent)) if isinstance(each, Register)]
    assert register.features.hex() == features


@pytest.mark.parametrize(
    ("question", "name"),
    [("forwardstatreq", "forwardstat-v17-none"), ("configstatreq", "configstat-v17"), ("versionreq", "versionres-v17")],
)
def test_questions_of_phones_are_answered_byte_for_byte(question: str, name: str) -> None:
    server = registered(17, load="SCCP75.9-3-1SR4", lines=1)
    [frame] = ask(server, sample(f"{question}-v17"))
    assert frame.encode() == sample(name)


def test_soft_keys_are_all_those_of_a_call() -> None:
    server = registered(17)
    template, sets = ask(server, encode_message(t.SoftKeyTemplateReq()) + encode_message(t.SoftKeySetReq()))
    assert template.encode() == sample("softkeytemplate-v17")
    assert sets.encode() == sample("softkeyset-v17")
    assert len(sets.body) == 780


@pytest.mark.parametrize("protocol", [3, 17, 22])
def test_what_is_not_there_is_said_in_the_form_of_the_version(protocol: int) -> None:
    server = registered(protocol)
    subscription = q.SubscriptionStatReq(7, 21, 60)
    asked = (q.SpeedDialStatReq(2), q.FeatureStatReq(3), q.ServiceUrlStatReq(4), subscription)
    found = [parse_message(frame) for frame in ask(server, b"".join(map(encode_message, asked)))]
    fixed = [a.SpeedDialStat(2), a.FeatureStat(3), a.ServiceUrlStat(4)]
    dynamic = [a.DynamicSpeedDialStat(2), a.DynamicFeatureStat(3), a.DynamicServiceUrlStat(4)]
    assert found == [*(dynamic if protocol >= 17 else fixed), a.SubscriptionStat(7, 21, 60, 1)]
    assert server.ignored == 0


@pytest.mark.parametrize(("load", "told"), [("P00308010200", "P00308010200"), ("SCCP75.9-3-1SR4-1S", "")])
def test_a_firmware_name_that_does_not_fit_is_not_cut(load: str, told: str) -> None:
    [frame] = ask(registered(11, load=load), sample("versionreq-v17"))
    assert parse_message(frame) == a.VersionRes(told)


@pytest.mark.parametrize(("protocol", "name"), [(3, "serverres-v3"), (17, "serverres-v17")])
def test_servers_are_named_once_they_are_known(protocol: int, name: str) -> None:
    server = registered(protocol)
    events = server.receive(sample("serverreq-v17") * 3, 2)
    server.bytes_to_send()
    assert [type(event) for event in events if isinstance(event, AskServers)] == [AskServers]
    entries = (ServerEntry("cucm-pub", 2000, "10.0.0.1"), ServerEntry("cucm-sub", 2000, "10.0.0.2"))
    server.send(Servers(entries), 2)
    assert server.bytes_to_send() == sample(name)
    with pytest.raises(LocalProtocolError):
        server.send(Servers(entries), 2)
    assert server.bytes_to_send() == b""


@pytest.mark.parametrize("path", QUESTIONS, ids=lambda path: path.stem)
def test_composed_frames_survive_byte_for_byte(path: Path) -> None:
    [frame] = frames_of(path.read_bytes())
    message = parse_message(frame)
    assert type(message).__name__ != "Unknown"
    again = encode_message(message, frame.version)
    # What a feature question appends is not kept: nothing here needs it.
    assert again == path.read_bytes() or isinstance(message, q.FeatureStatReq)


WIDE = st.binary(min_size=280, max_size=400)


@given(WIDE)
def test_any_list_of_servers_is_read(body: bytes) -> None:
    message = parse_message(Frame(0x9E, body))
    assert isinstance(message, ServerRes)
    assert len(message.servers) <= 5


@pytest.mark.parametrize(
    ("message_id", "body", "wanted"),
    [
        (0x9D, b"no", r.RegisterReject("no")),
        (0x118, b"", r.UnregisterAck(0)),
        (0x81, bytes.fromhex("1e000000442e4d2e590000003c000000"), r.RegisterAck(30, 60, "D.M.Y", 3)),
        (0x94, bytes(28), s.DefineTimeDate(0, 0, 0, 0, 0, 0, 0, 0, 0)),
        (
            0x81,
            bytes.fromhex("1e000000442e4d2e590030001e00000030000000") + bytes(8),
            r.RegisterAck(30, 30, protocol=48),
        ),
    ],
)
def test_bodies_of_others_may_end_early_or_go_on(message_id: int, body: bytes, wanted: Message) -> None:
    assert parse_message(Frame(message_id, body)) == wanted


@pytest.mark.interop("tshark")
@pytest.mark.skipif(shutil.which("tshark") is None, reason="Wireshark's tshark is not installed")
def test_wireshark_reads_the_answers_of_every_version(tmp_path: Path) -> None:
    asked = (q.ForwardStatReq(1), q.SpeedDialStatReq(2), q.FeatureStatReq(3), q.ServiceUrlStatReq(4), q.ConfigStatReq())
    asked += (q.VersionReq(), q.ServerReq(), q.SubscriptionStatReq(7, 21, 60), t.SoftKeySetReq(), s.LineStatReq(1))  # type: ignore[assignment]
    packets = []
    for protocol in (3, 11, 17, 18, 19, 20, 22):
        server = registered(protocol, load="P00308010200")
        data = server.bytes_to_send()
        server.receive(b"".join(map(encode_message, asked)), 2)
        server.send(Servers((ServerEntry("cucm-pub", 2000, "10.0.0.1"),)), 2)
        packets.append(data + server.bytes_to_send())
    capture = tmp_path / "answers.pcap"
    capture.write_bytes(pcap(packets))
    words = ["tshark", "-r", str(capture), "-d", "tcp.port==2000,skinny", "-O", "skinny", "-V"]
    read = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60).stdout
    assert "Malformed" not in read
    assert read.count("Message ID: ForwardStatRes") == read.count("Message ID: SubscriptionStatRes") == 7
    assert read.count("Message ID: ServerRes") == read.count("Message ID: VersionRes") == 7
    assert read.count("Message ID: ConfigStatV2Res") == 5
    assert read.count("versionStr: P00308010200") == 7
    assert read.count("ServerName: cucm-pub") >= 7


def pcap(segments: list[bytes]) -> bytes:
    """Wrap what a server sent on connections of their own into a capture of raw IP."""
    capture = bytearray(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101))
    home = bytes((127, 0, 0, 1))
    for number, data in enumerate(segments):
        tcp = struct.pack(">HHIIBBHHH", 2000, 50000 + number, 1, 1, 0x50, 0x18, 65535, 0, 0)
        head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 40 + len(data), number, 0, 64, 6, 0, home, home)
        packet = head + tcp + data
        capture += struct.pack("<IIII", number, 0, len(packet), len(packet)) + packet
    return bytes(capture)
