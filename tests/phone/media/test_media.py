"""Phones send and hear RTP and SRTP over UDP: by what they were told, and nothing else."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from mixedmode.phone.body.calling.media import NoChannelError
from mixedmode.phone.body.calling.rtp import MOST_CHANNELS, RtpMedia
from mixedmode.phone.body.calling.srtp import opening, protecting
from mixedmode.phone.mind.calls.events import Count, Listen, Send
from mixedmode.phone.mind.calls.sound import Sound
from mixedmode.protocols.rtp.packets import RtpPacket
from mixedmode.protocols.rtp.stream import Dropped
from mixedmode.protocols.sccp.calls.codes import Algorithm, MediaStatus, Payload
from mixedmode.protocols.sccp.calls.media_keys import CLEAR, MediaKeys
from tests.phone.media.by_hand import Decryptor, session_key
from tests.support import DATA, eventually

HOST = "127.0.0.1"
THERE = MediaKeys(Algorithm.AES_128_HMAC_SHA1_32, bytes(range(16)), bytes(range(16, 30)))
BACK = MediaKeys(Algorithm.AES_128_HMAC_SHA1_80, bytes(range(30, 46)), bytes(range(46, 60)))
VECTORS = json.loads((DATA / "wire" / "srtp" / "vectors.json").read_text())


@dataclass
class End:
    """A phone's media, and every packet that it saw."""

    tone: int
    wire: list[tuple[tuple[str, int], tuple[str, int], bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.media = RtpMedia(self.tone, lambda *packet: self.wire.append(packet))

    def listen(self, keys: MediaKeys = CLEAR, payload: int = Payload.ULAW, call: int = 1) -> tuple[str, int]:
        return self.media.listen(Listen(9, call, payload, 20, keys), HOST)

    def send(self, to: tuple[str, int], keys: MediaKeys = CLEAR, payload: int = Payload.ULAW, length: int = 20) -> None:
        self.media.send(Send(9, 1, *to, payload, length, keys))

    @property
    def sound(self) -> Sound:
        found = self.media.sound(1)
        assert found is not None
        return found

    def sent(self) -> list[bytes]:
        return [packet for where, _, packet in self.wire if where[1] == self.port]

    @property
    def port(self) -> int:
        return self.media._channels[9].port.address[1]


@contextmanager
def ends() -> Iterator[tuple[End, End]]:
    one, other = End(700), End(1300)
    try:
        yield one, other
    finally:
        one.media.end()
        other.media.end()


async def heard(*ends: End) -> None:
    await eventually(lambda: all(end.sound.tone for end in ends))


@pytest.mark.parametrize(
    ("there", "back", "payload"),
    [(CLEAR, CLEAR, Payload.ULAW), (CLEAR, CLEAR, Payload.ALAW), (THERE, BACK, Payload.ULAW)],
)
def test_two_phones_hear_each_others_tone(there: MediaKeys, back: MediaKeys, payload: int) -> None:
    async def play() -> None:
        with ends() as (one, other):
            one.send(other.listen(there, payload), there, payload)
            other.send(one.listen(back, payload), back, payload)
            await heard(one, other)
            assert (one.sound.tone, other.sound.tone) == (1300, 700)
            assert one.sound.dropped == other.sound.dropped == {}
            names = {"SRTP" if there.encrypts else "RTP"}
            assert {end.sound.kind(way) for end in (one, other) for way in ("sent", "received")} == names
            extra = 4 if there.encrypts else 0
            assert {len(packet) for packet in one.sent()} == {172 + extra}
            assert {packet[1] & 0x7F for packet in one.sent()} == {8 if payload == Payload.ALAW else 0}
            assert sum(packet[1] >> 7 for packet in one.sent()) == 1

    asyncio.run(play())


@pytest.mark.parametrize("keys", [THERE, BACK])
def test_what_is_sent_is_srtp_as_rfc_3711_has_it(keys: MediaKeys) -> None:
    async def play() -> None:
        with ends() as (one, other):
            one.send(other.listen(keys), keys)
            await heard(other)
            tag = 4 if keys.algorithm == Algorithm.AES_128_HMAC_SHA1_32 else 10
            by_hand = Decryptor(keys.key, keys.salt, tag)
            packets = [RtpPacket.parse(by_hand.decrypt(packet)) for packet in one.sent()]
            assert len(packets) > 10
            assert len(set(Counter(packet.payload for packet in packets))) == 1
            with pytest.raises(ValueError, match="tag"):
                Decryptor(BACK.salt.ljust(16), keys.salt, tag).decrypt(one.sent()[0])

    asyncio.run(play())


@pytest.mark.parametrize("vector", VECTORS["vectors"], ids=lambda vector: f"{vector['sccp_algorithm']}")
def test_the_vectors_are_met_by_both(vector: dict[str, str]) -> None:
    key, salt = (bytes.fromhex(VECTORS[name]) for name in ("master_key", "master_salt"))
    rtp, srtp = bytes.fromhex(vector["rtp"]), bytes.fromhex(vector["srtp"])
    keys = MediaKeys(int(vector["sccp_algorithm"]), key, salt)
    assert protecting(keys)(rtp) == srtp
    assert opening(keys)(srtp) == rtp
    assert Decryptor(key, salt, int(vector["tag_bytes"])).decrypt(srtp) == rtp
    derived = [session_key(key, salt, label, length).hex() for label, length in ((0, 16), (1, 20), (2, 14))]
    assert derived == [VECTORS["session_key"], VECTORS["session_auth"], VECTORS["session_salt"]]


def test_what_does_not_belong_into_a_call_is_dropped_and_counted() -> None:
    async def play() -> None:
        with ends() as (one, other), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            where = other.listen(THERE)
            one.send(where, THERE)
            await heard(other)
            one.media.stop(9)
            packet = one.sent()[-1]
            sequence, source = (int.from_bytes(packet[begin:end], "big") for begin, end in ((2, 4), (8, 12)))
            fresh = packet[:2] + (sequence + 1).to_bytes(2, "big") + packet[4:]
            plain = RtpPacket(0, sequence + 1, 1, source, bytes(160)).encode()
            foreign = RtpPacket(0, 1, 1, 12345, bytes(160)).encode()
            for each in (packet, packet, fresh, plain, foreign, b"", b"\x80", bytes(3000), b"\x8f" + fresh[1:60]):
                stranger.sendto(each, where)
            await eventually(lambda: other.sound.dropped.total() == 9)
            assert other.sound.dropped == {
                Dropped.REPLAYED: 2,
                Dropped.NOT_AUTHENTIC: 3,
                Dropped.OTHER_SOURCE: 1,
                Dropped.MALFORMED: 3,
            }
            assert other.sound.packets_received == len(one.sent())

    asyncio.run(play())


def test_a_phone_does_not_hear_itself_nor_another_codec() -> None:
    async def play() -> None:
        with ends() as (one, other):
            one.send(one.listen())
            other.send(one.media.listen(Listen(9, 1, Payload.ULAW, 20), HOST), payload=Payload.ALAW)
            await eventually(lambda: len(one.sound.dropped) == 2)
            assert set(one.sound.dropped) == {Dropped.OTHER_SOURCE, Dropped.OTHER_CODEC}
            assert one.sound.packets_received == 0

    asyncio.run(play())


def test_noise_of_a_wrong_key_is_no_tone() -> None:
    async def play() -> None:
        with ends() as (one, other):
            one.send(other.listen(), THERE)
            await eventually(lambda: other.sound.packets_received > 12)
            assert (other.sound.tone, other.sound.kind("received"), one.sound.kind("sent")) == (None, "RTP", "SRTP")

    asyncio.run(play())


def test_a_stream_goes_on_with_its_numbers_while_its_keys_are_the_same() -> None:
    async def play() -> None:
        with ends() as (one, other):
            where = other.listen(THERE)
            one.send(where, THERE)
            await heard(other)
            one.media.stop(9)
            before = len(one.sent())
            one.send(where, THERE)
            await eventually(lambda: len(one.sent()) > before + 2)
            one.send(where, BACK)
            await eventually(lambda: len({packet[8:12] for packet in one.sent()}) == 2)
            first = [packet[2:4] for packet in one.sent() if packet[8:12] == one.sent()[0][8:12]]
            assert len(set(first)) == len(first)
            assert other.sound.dropped[Dropped.REPLAYED] == 0

    asyncio.run(play())


def test_statistics_are_what_was_counted_and_begin_anew_when_they_are_cleared() -> None:
    async def play() -> None:
        with ends() as (one, other):
            one.send(other.listen())
            await heard(other)
            one.media.stop(9)
            one.media.close(9)
            kept, cleared, after = (one.media.counted(Count("1002", 1, mode)) for mode in (1, 0, 0))
            assert kept is not None
            assert kept == cleared
            assert (kept.packets_sent, kept.octets_sent) == (len(one.wire), 160 * len(one.wire))
            assert after is not None
            assert after.packets_sent == 0
            assert one.sound.packets_sent == len(one.wire)
            got = other.media.counted(Count("1001", 1, 1))
            assert got is not None
            assert (got.packets_received, got.packets_lost) == (other.sound.packets_received, 0)
            assert got.octets_received == 160 * got.packets_received
            assert one.media.counted(Count("1002", 77, 0)) is None

    asyncio.run(play())


@pytest.mark.parametrize(
    ("keys", "payload", "status"),
    [
        (CLEAR, Payload.G729, MediaStatus.BAD_CODEC),
        (MediaKeys(Algorithm.AEAD_AES_128_GCM, bytes(16), bytes(12)), Payload.ULAW, MediaStatus.UNKNOWN),
        (MediaKeys(99, bytes(16), bytes(14)), Payload.ULAW, MediaStatus.UNKNOWN),
        (MediaKeys(1, bytes(16), bytes(12)), Payload.ULAW, MediaStatus.UNKNOWN),
        (MediaKeys(1, bytes(15), bytes(14)), Payload.ULAW, MediaStatus.UNKNOWN),
        (MediaKeys(1, bytes(16), bytes(14), mki=1), Payload.ULAW, MediaStatus.UNKNOWN),
    ],
)
def test_what_a_phone_cannot_do_it_says(keys: MediaKeys, payload: int, status: MediaStatus) -> None:
    async def play() -> None:
        with ends() as (one, other):
            with pytest.raises(NoChannelError) as refused:
                one.listen(keys, payload)
            assert refused.value.status == status
            assert keys.key.hex() not in str(refused.value) or not keys.key
            with pytest.raises(NoChannelError):
                one.send(other.listen(), keys, payload)
            await asyncio.sleep(0.03)
            assert one.sent() == []

    asyncio.run(play())


def test_without_libsrtp_a_phone_refuses_keys_rather_than_to_talk_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pylibsrtp", None)

    async def play() -> None:
        with ends() as (one, _):
            with pytest.raises(NoChannelError) as refused:
                one.listen(THERE)
            assert "mixedmode[node]" in str(refused.value.next_step)
            assert one.media.problem == "libsrtp is not installed, so there is no SRTP"
            assert one.listen()[0] == HOST

    asyncio.run(play())


def test_a_hostile_server_cannot_make_a_phone_fall_over() -> None:
    async def play() -> None:
        with ends() as (one, _):
            for port, length in ((0, 20), (70000, 20), (0xFFFFFFFF, 20), (5000, 1), (5000, 0xFFFFFFFF)):
                with pytest.raises(NoChannelError):
                    one.send((HOST, port), length=length)
            for where in ("0.0.0.0", "255.255.255.255", "::1", "224.0.0.1"):
                one.send((where, 9))
            for party in range(100, 100 + 2 * MOST_CHANNELS):
                try:
                    one.media.listen(Listen(party, party, Payload.ULAW, 20), HOST)
                except NoChannelError as error:
                    assert "channels at most" in str(error)
            assert len(one.media._channels) == MOST_CHANNELS
            one.media.stop(5)
            one.media.close(5)
            await asyncio.sleep(0.05)

    asyncio.run(play())
