"""What a phone and a server say to each other over SCCP, and the frames in it."""

from __future__ import annotations

import struct
from datetime import UTC, datetime

from mixedmode.protocols.sccp import (
    Frame,
    FrameBuffer,
    parse_message,
)
from mixedmode.protocols.sccp.registration.admission import (
    DeviceFacts,
    Line,
    Refusal,
    Security,
)
from mixedmode.protocols.sccp.registration.phone import PhoneRegistration
from mixedmode.protocols.sccp.registration.phone_events import (
    PhoneFacts,
)
from mixedmode.protocols.sccp.registration.server import ServerRegistration, ServerSettings
from mixedmode.protocols.sccp.registration.server_events import (
    AskDevice,
)
from tests.support import DATA

SAMPLES = sorted((DATA / "wire" / "sccp").glob("*.bin"))
DEVICE = "SEP001122334455"
CLOCK = datetime(2015, 3, 6, 19, 45, 13, tzinfo=UTC)
Talk = list[tuple[str, bytes]]


def sample(name: str) -> bytes:
    [path] = [each for each in SAMPLES if each.stem[3:] == name]
    return path.read_bytes()


def frames_of(data: bytes) -> list[Frame]:
    buffer = FrameBuffer()
    buffer.add(data)
    found = []
    while (frame := buffer.take()) is not None:
        found.append(frame)
    assert not len(buffer)
    return found


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


def pcap(*talks: Talk) -> bytes:
    """Wrap what was said on connections, one after another, into TCP segments and a capture of raw IP."""
    capture = bytearray(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101))
    number = 0
    for port, talk in enumerate(talks, 50000):
        sent = {"phone": 1, "server": 1}
        ports = {"phone": (port, 2000), "server": (2000, port)}
        for who, data in talk:
            other = "server" if who == "phone" else "phone"
            tcp = struct.pack(">HHIIBBHHH", *ports[who], sent[who], sent[other], 0x50, 0x18, 65535, 0, 0)
            sent[who] += len(data)
            home = bytes((127, 0, 0, 1))
            head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 40 + len(data), number & 0xFFFF, 0, 64, 6, 0, home, home)
            packet = head + tcp + data
            capture += struct.pack("<IIII", number, 0, len(packet), len(packet)) + packet
            number += 1
    return bytes(capture)
