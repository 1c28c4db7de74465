"""Whole flows of calls in bytes: what both sides write, what Wireshark reads, what others recorded."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mixedmode.errors import LocalProtocolError
from mixedmode.phone.mind.calls.client import CallClient
from mixedmode.phone.mind.calls.events import CallEvent, Changed, Listen, Send, StopListening, StopSending
from mixedmode.protocols.sccp import Frame, header_version, parse_message
from mixedmode.protocols.sccp.calls.codes import Key, State
from mixedmode.protocols.sccp.calls.from_phone import EnblocCall, OffHook
from mixedmode.protocols.sccp.calls.layout import Laid
from mixedmode.protocols.sccp.calls.media import OpenReceiveChannel
from mixedmode.protocols.sccp.calls.media_keys import MediaKeys
from mixedmode.protocols.sccp.registration.admission import DeviceFacts, Security
from mixedmode.protocols.sccp.registration.phone import PhonePhase, PhoneRegistration
from mixedmode.protocols.sccp.registration.phone_events import Acknowledged, CallTold, PhoneFacts
from mixedmode.protocols.sccp.registration.server import ServerRegistration, ServerSettings
from mixedmode.protocols.sccp.registration.server_events import AskDevice, CallSaid
from mixedmode.services.callmanager.switch.exchange import Exchange
from mixedmode.services.callmanager.switch.model import LegState, Outcome, Station, Tell
from mixedmode.services.callmanager.switch.plan import DialPlan, Entry
from tests.protocols.sccp_talk import CLOCK, frames_of, pcap
from tests.services.callmanager.call_talk import A, B, C, Site, line_of
from tests.support import DATA

PEERS = sorted((DATA / "wire" / "sccp-calls-peer").glob("*.json"))
VERSIONS = (3, 5, 8, 11, 15, 16, 17, 18, 20, 22)
WIRESHARK = {
    *("OffHook", "OnHook", "KeypadButton", "SoftKeyEvent", "OpenReceiveChannelAck", "StartMediaTransmissionAck"),
    *("CallState", "CallInfo", "SelectSoftKeys", "SetLamp", "SetRinger", "StartTone", "StopTone", "DialedNumber"),
    *("OpenReceiveChannel", "StartMediaTransmission", "CloseReceiveChannel", "StopMediaTransmission"),
}
FLOWS = ("talk", "busy", "unknown", "reject", "hold", "transfer", "abandon")


def play(site: Site, flow: str) -> None:
    """Play a flow from dialling until every phone is on hook."""
    alice, bob = site.phones[A], site.phones[B]
    number = {"unknown": "9"}.get(flow, "1002")
    if flow == "busy":
        bob.calls.dial("", 1)
        site.run()
    alice.calls.dial(number)
    site.run()
    if flow == "reject":
        bob.calls.press(Key.END_CALL, bob.call)
        site.run()
    if flow in {"talk", "hold", "transfer"}:
        bob.calls.answer(bob.call)
        site.run()
    if flow == "hold":
        for key in (Key.HOLD, Key.RESUME):
            alice.calls.press(key, alice.call)
            site.run()
    if flow == "transfer":
        alice.calls.press(Key.TRANSFER, alice.call)
        site.run()
        alice.calls.digits("1003", alice.call)
        site.run()
        site.phones[C].calls.answer(site.phones[C].call)
        site.run()
        alice.calls.press(Key.TRANSFER, alice.call)
        site.run()
    while any(phone.calls.calls for phone in site.phones.values()):
        for phone in site.phones.values():
            if phone.calls.calls:
                phone.calls.hang_up(phone.call)
                site.run()


@pytest.mark.parametrize("flow", FLOWS)
@pytest.mark.parametrize("protocol", [3, 11, 17, 22])
def test_a_flow_leaves_nothing_behind_at_either_end(flow: str, protocol: int) -> None:
    site = Site(1, 1, 1, protocol=protocol)
    play(site, flow)
    assert site.exchange.legs == ()
    assert site.records
    for device, talk in site.talk.items():
        for who, data in talk:
            for frame in frames_of(data):
                message = parse_message(frame, protocol)
                assert frame.version in {0, header_version(protocol)}
                if isinstance(message, Laid) and protocol >= 5:
                    assert not message.ragged, (device, who, message)


@pytest.mark.parametrize(
    ("a", "b", "encrypted", "icon"), [(3, 3, True, "lock"), (3, 2, False, "shield"), (3, 1, False, "")]
)
def test_both_phones_know_where_to_send_and_how_well_the_call_is_protected(
    a: int, b: int, encrypted: bool, icon: str
) -> None:
    site = Site(a, b)
    alice, bob = site.phones[A], site.phones[B]
    alice.calls.dial("1002")
    site.run()
    assert bob.call.state == State.RING_IN
    assert (bob.call.calling, bob.call.calling_name, bob.call.icon) == ("1001", "Alice", "")
    bob.calls.answer(bob.call)
    site.run()
    assert (alice.call.state, bob.call.state) == (State.CONNECTED, State.CONNECTED)
    assert (alice.call.icon, bob.call.icon) == (icon, icon)
    assert (alice.call.encrypted, bob.call.encrypted) == (encrypted, encrypted)
    there, back = alice.media(Send), bob.media(Send)
    assert isinstance(there, Send)
    assert isinstance(back, Send)
    assert (there.address, there.port) == ("10.0.0.12", 0x4002)
    assert (back.address, back.port) == ("10.0.0.11", 0x4001)
    assert (there.keys, back.keys) == (bob.media(Listen).keys, alice.media(Listen).keys)
    assert there.keys.encrypts == encrypted


def test_a_registration_refuses_to_send_keys_in_the_clear() -> None:
    site = Site(1, 2)
    keys = MediaKeys(1, bytes(16), bytes(14))
    for device in (A, B):
        with pytest.raises(LocalProtocolError, match="does not encrypt"):
            site.servers[device].send(OpenReceiveChannel(1, 1, keys=keys), 1)


@pytest.mark.interop("tshark")
@pytest.mark.skipif(shutil.which("tshark") is None, reason="Wireshark's tshark is not installed")
def test_wireshark_reads_every_message_of_every_flow_in_every_version(tmp_path: Path) -> None:
    talks = []
    for protocol in VERSIONS:
        for flow in FLOWS:
            # Over TLS Wireshark sees nothing; these are the bytes within.
            site = Site(3, 3, 1, protocol=protocol) if flow == "transfer" else Site(1, 1, 1, protocol=protocol)
            play(site, flow)
            talks += list(site.talk.values())
    capture = tmp_path / "calls.pcap"
    capture.write_bytes(pcap(*talks))
    decode = ["tshark", "-r", str(capture), "-d", "tcp.port==2000,skinny", "-O", "skinny", "-V"]
    read = subprocess.run(decode, capture_output=True, text=True, check=True, timeout=120).stdout
    assert "Malformed" not in read
    found = set(re.findall(r"Message ID: (\w+) \(\d+\)", read))
    assert not [name for name in found if "nknown" in name]
    assert found >= WIRESHARK


def conversation(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def sent(path: Path, way: str) -> list[Frame]:
    return frames_of(b"".join(bytes.fromhex(m["hex"]) for m in conversation(path)["messages"] if m["way"] == way))


@pytest.mark.parametrize("path", PEERS, ids=lambda path: path.stem)
def test_neither_headers_nor_longer_bodies_choose_a_layout(path: Path) -> None:
    def heard(version: int | None, more: int) -> list[Any]:
        """What our phone makes of a server that writes another header version, and fills its bodies up."""
        phone = PhoneRegistration(PhoneFacts("SEP001122334401", 437, protocol=22), 0)
        calls, found = CallClient(0), list[Any]()
        for frame in sent(path, "S>C"):
            body = frame.body + bytes(more if frame.message_id != 0x81 else 0)
            data = Frame(frame.message_id, body, frame.version if version is None else version).encode()
            for event in phone.receive(data, 1):
                if isinstance(event, Acknowledged):
                    calls = CallClient(event.protocol)
                elif isinstance(event, CallTold):
                    found += calls.receive(event.message)
        return found

    plain = heard(None, 0)
    assert any(isinstance(each, Listen) for each in plain)
    for version, more in ((0, 0), (3, 0), (17, 0), (22, 0), (99, 0), (None, 4), (None, 16), (None, 64)):
        assert heard(version, more) == plain, (version, more)


@pytest.mark.parametrize("path", PEERS, ids=lambda path: path.stem)
def test_our_phone_takes_the_calls_of_servers_of_others(path: Path) -> None:
    offered = conversation(path)["protocol_offered"]
    phone = PhoneRegistration(PhoneFacts("SEP001122334401", 437, protocol=offered), 0)
    calls = CallClient(offered)
    events: list[CallEvent] = []
    states: list[int] = []
    for frame in sent(path, "S>C"):
        for event in phone.receive(frame.encode(), 1):
            if isinstance(event, CallTold):
                events += calls.receive(event.message)
                states += [each.state for each in calls.calls.values() if each.state not in states[-1:]]
        for said in calls.says():
            phone.send(said, 1)
        phone.bytes_to_send()
    assert phone.phase in {PhonePhase.READY, PhonePhase.ENDED}
    assert State.CONNECTED in states
    assert calls.calls == {}, "the call is over"
    listened, target = [e for e in events if isinstance(e, Listen)], [e for e in events if isinstance(e, Send)]
    assert len(listened) == 1
    assert {each.address for each in target} == {"127.0.0.1"}
    assert all(1024 < each.port < 65536 and each.payload == 4 for each in target)
    assert {each.party for each in target} == {listened[0].party}
    for kind in (StopSending, StopListening):
        assert any(isinstance(each, kind) and each.party == listened[0].party for each in events)
    shown = [each.call for each in events if isinstance(each, Changed) and each.call.calling]
    assert shown[-1].calling == "1001"


@pytest.mark.parametrize("path", PEERS, ids=lambda path: path.stem)
def test_our_server_takes_a_recorded_phone(path: Path) -> None:
    """The phone's own bytes; only what our server chose, such as numbers of calls, is put in."""
    caller, offered = path.stem.endswith("-A"), conversation(path)["protocol_offered"]
    device, other = ("SEP001122334401", "SEP001122334402")[:: 1 if caller else -1]
    server = ServerRegistration(Security(), ServerSettings(name="pub"), 0, lambda: CLOCK)
    exchange = Exchange(bytes, plan=DialPlan(Entry(each, line_of(each)) for each in (device, other)))
    exchange.attach(Station(other, offered, (line_of(other),)), 0)
    told: list[Any] = []
    for frame in sent(path, "C>S"):
        message = parse_message(frame, offered)
        if not caller and message.message_id == 0x06:
            exchange.receive(other, EnblocCall("1002"), 1)
        ours = _renumbered(message, exchange, device) if isinstance(message, Laid) else message
        data = Frame(ours.message_id, ours.laid_out(offered), frame.version).encode()
        for event in [*server.receive(data, 1), *server.receive(b"", 1)]:
            if isinstance(event, AskDevice):
                server.send(DeviceFacts(lines=(line_of(device),)), 1)
                exchange.attach(Station(device, offered, (line_of(device),)), 1)
            elif isinstance(event, CallSaid):
                told += [each.message for each in exchange.receive(device, event.message, 1) if isinstance(each, Tell)]
        server.receive(b"", 1)
        ringing = [leg for leg in exchange.legs if leg.device == other and leg.state is LegState.RINGING]
        if ringing:
            told += [e.message for e in exchange.receive(other, OffHook(1, ringing[0].call), 1) if isinstance(e, Tell)]
    assert server.ignored == 0
    names = {type(each).__name__ for each in told}
    assert {"OpenReceiveChannel", "CallState", "CloseReceiveChannel"} <= names or not caller
    assert exchange.legs == () or not caller


def _renumbered(message: Laid, exchange: Exchange, device: str) -> Laid:
    """Put our numbers of call and channel in, where the recorded phone named those of its server."""
    mine = [leg for leg in exchange.legs if leg.device == device]
    values: dict[str, Any] = {}
    named: Any = message
    call, party = getattr(named, "call", 0), getattr(named, "party", 0)
    if mine and call:
        values["call"] = mine[-1].call
    if mine and party:
        channel = mine[-1].channel
        values["party"] = 0 if channel is None else channel.party
    return replace(message, **values, origin=None) if values else message


def test_what_a_flow_is_recorded_as() -> None:
    outcomes = {}
    for flow in FLOWS:
        site = Site(1, 1, 1)
        play(site, flow)
        outcomes[flow] = [record.outcome for record in site.records]
    assert outcomes == {
        "talk": [Outcome.ANSWERED],
        "busy": [Outcome.BUSY],
        "unknown": [Outcome.UNKNOWN_NUMBER],
        "reject": [Outcome.REJECTED],
        "hold": [Outcome.ANSWERED],
        "transfer": [Outcome.TRANSFERRED, Outcome.TRANSFERRED, Outcome.ANSWERED],
        "abandon": [Outcome.ABANDONED],
    }
