"""SCCP: both machines against each other, and Wireshark's reading of what they say."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from mixedmode.errors import LocalProtocolError, RemoteProtocolError
from mixedmode.protocols.sccp import (
    ResetKind,
    Unknown,
    encode_message,
    header_version,
)
from mixedmode.protocols.sccp.messages import registering as r
from mixedmode.protocols.sccp.messages.register import Register
from mixedmode.protocols.sccp.messages.report import TrustReport, read_report, write_report
from mixedmode.protocols.sccp.registration.admission import (
    SECURITY_ERROR,
    DeviceFacts,
    Security,
    SecurityMode,
)
from mixedmode.protocols.sccp.registration.phone import PhonePhase
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
from tests.protocols.sccp_talk import CLOCK, DEVICE, LINES, frames_of, pcap, said, sample, start


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


def test_unknown_messages_are_ignored_and_a_device_stays_the_one_it_is() -> None:
    _, server, _, _ = start(PhoneFacts(DEVICE, 437), LINES)
    server.receive(encode_message(Unknown(0x7006)) + encode_message(r.RegisterAck()), 2)
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
    capture.write_bytes(pcap(talk))
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
