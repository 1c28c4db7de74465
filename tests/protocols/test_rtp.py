"""RTP: packets, tones, and what a hearer takes of a stream."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixedmode.protocols.rtp.g711 import ALAW, ULAW, Law
from mixedmode.protocols.rtp.packets import LONGEST, MalformedRtpError, RtpPacket, source_of
from mixedmode.protocols.rtp.stream import SILENCE, Dropped, Hearer, Packetizer
from mixedmode.protocols.rtp.tones import TONES, play, recognise, tone_of

packets = st.builds(
    RtpPacket,
    st.integers(0, 127),
    st.integers(0, 0xFFFF),
    st.integers(0, 0xFFFFFFFF),
    st.integers(0, 0xFFFFFFFF),
    st.binary(max_size=400),
    st.booleans(),
)


@given(packets)
def test_packets_are_read_as_they_were_written(packet: RtpPacket) -> None:
    data = packet.encode()
    assert RtpPacket.parse(data) == packet
    assert source_of(data) == packet.source


@given(st.binary(max_size=64) | st.binary(min_size=1, max_size=60).map(lambda data: b"\x90" + data))
def test_what_is_no_packet_is_refused_and_nothing_else_happens(data: bytes) -> None:
    try:
        packet = RtpPacket.parse(data)
    except MalformedRtpError:
        return
    assert len(packet.payload) <= len(data) - 12


@pytest.mark.parametrize(
    ("data", "payload"),
    [
        (bytes.fromhex("82000001" + "00" * 8 + "11" * 8 + "aabb"), "aabb"),
        (bytes.fromhex("90000001" + "00" * 8 + "bede0001" + "22" * 4 + "aabb"), "aabb"),
        (bytes.fromhex("a0000001" + "00" * 8 + "aabb000003"), "aabb"),
        (bytes.fromhex("a0000001" + "00" * 8 + "aabb00"), None),
        (bytes.fromhex("a0000001" + "00" * 8 + "aabb09"), None),
        (bytes.fromhex("90000001" + "00" * 8 + "bede0009" + "22" * 4), None),
        (bytes.fromhex("90000001" + "00" * 8 + "be"), None),
        (bytes.fromhex("8f000001" + "00" * 8), None),
        (bytes.fromhex("40000001" + "00" * 8), None),
        (bytes.fromhex("80000001") + bytes(LONGEST), None),
        (b"", None),
    ],
)
def test_sources_mixed_in_extensions_and_padding_are_left_out(data: bytes, payload: str | None) -> None:
    if payload is None:
        with pytest.raises(MalformedRtpError):
            RtpPacket.parse(data)
    else:
        assert RtpPacket.parse(data).payload.hex() == payload


@pytest.mark.parametrize(
    ("law", "known"),
    [
        (ULAW, {0xFF: 0, 0x00: -32124, 0x80: 32124, 0x9F: 8316, 0x7E: -8}),
        (ALAW, {0xD5: 8, 0x55: -8, 0xAA: 32256, 0x2A: -32256, 0x80: 5504}),
    ],
)
def test_both_laws_are_those_of_g711(law: Law, known: dict[int, int]) -> None:
    assert {byte: law.samples[byte] for byte in known} == known
    assert len(law.samples) == 256
    for byte, sample in enumerate(law.samples):
        assert law.samples[law.encode([sample])[0]] == sample, byte
    assert law.decode(law.encode([-40000, 40000])) == [min(law.samples), max(law.samples)]


@pytest.mark.parametrize("law", [ULAW, ALAW])
@pytest.mark.parametrize("hertz", TONES)
def test_each_tone_is_recognised_and_no_other(law: Law, hertz: int) -> None:
    assert {
        recognise(play(hertz, law, begin, samples), law) for begin in (0, 33, 7999) for samples in (80, 160, 480)
    } == {hertz}


def test_what_is_no_tone_is_not_recognised() -> None:
    noise = random.Random(1)
    for _ in range(100):
        assert recognise(noise.randbytes(160), ULAW) is None
    both = ULAW.encode(
        one + other for one, other in zip(*(ULAW.decode(play(hz, ULAW, 0, 160)) for hz in (700, 1300)), strict=True)
    )
    assert recognise(both, ULAW) is None
    assert recognise(ULAW.encode([0] * 160), ULAW) is None
    assert recognise(play(700, ULAW, 0, 79), ULAW) is None
    assert recognise(b"", ULAW) is None
    assert tone_of("SEP001122334455") in TONES


def stream(first: int, count: int, source: int = 7) -> list[RtpPacket]:
    made = Packetizer(0, source, first, 1000)
    return [made.packet(b"", 160) for _ in range(count)]


def heard(hearer: Hearer, packets: list[RtpPacket], begin: float = 0.0) -> list[Dropped | None]:
    return [hearer.take(packet, begin + number * 0.02) for number, packet in enumerate(packets)]


def test_a_stream_goes_on_over_the_end_of_its_numbers() -> None:
    hearer = Hearer()
    packets = stream(65530, 20)
    assert packets[0].marker
    assert not packets[1].marker
    assert set(heard(hearer, packets)) == {None}
    assert (hearer.taken, hearer.lost) == (20, 0)
    assert hearer.jitter == pytest.approx(0, abs=1e-3)


@given(st.integers(0, 0xFFFF), st.lists(st.booleans(), min_size=1, max_size=60), st.randoms())
def test_lost_reordered_and_repeated_packets_are_counted(first: int, kept: list[bool], order: random.Random) -> None:
    hearer, packets = Hearer(), stream(first, len(kept) + 2)
    sent = packets[:1] + [packet for packet, keep in zip(packets[1:-1], kept, strict=True) if keep]
    order.shuffle(sent)
    sent.append(packets[-1])
    assert set(heard(hearer, sent)) == {None}
    assert (hearer.taken, hearer.lost) == (len(sent), len(packets) - len(sent))
    assert set(heard(hearer, sent)) == {Dropped.REPLAYED}
    assert (hearer.taken, hearer.lost) == (len(sent), len(packets) - len(sent))


def test_nobody_talks_into_a_stream_but_another_begins_after_silence() -> None:
    hearer = Hearer()
    heard(hearer, stream(1, 10))
    other = stream(900, 3, source=8)
    assert set(heard(hearer, other, 0.2)) == {Dropped.OTHER_SOURCE}
    assert set(heard(hearer, other, 0.2 + SILENCE)) == {None}
    assert (hearer.source, hearer.taken, hearer.lost) == (8, 13, 0)


def test_numbers_far_ahead_are_believed_when_they_go_on() -> None:
    hearer = Hearer()
    heard(hearer, stream(1, 10))
    assert heard(hearer, stream(30000, 3), 0.2) == [Dropped.NOT_IN_ORDER, None, None]
    assert heard(hearer, stream(11, 1), 0.3) == [Dropped.NOT_IN_ORDER]
    assert (hearer.taken, hearer.lost) == (12, 0)


def test_silence_is_said_with_a_mark() -> None:
    made = Packetizer(8, 1, 5, 0xFFFFFFFF)
    made.packet(b"", 160)
    made.skip(800)
    packet = made.packet(b"", 160)
    assert (packet.marker, packet.sequence, packet.timestamp, packet.payload_type) == (True, 6, 959, 8)
