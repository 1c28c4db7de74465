"""Calls with sound: phones that a CallManager connects hear each other, protected exactly where both ends can be."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from mixedmode.phone.body.calling.media import NoChannelError
from mixedmode.phone.body.calling.rtp import RtpMedia
from mixedmode.phone.body.calling.telephone import Telephone
from mixedmode.phone.mind.calls.sound import Sound
from mixedmode.protocols.rtp.g711 import ULAW
from mixedmode.protocols.rtp.packets import RtpPacket
from mixedmode.protocols.rtp.tones import play, tone_of
from mixedmode.protocols.sccp.calls.codes import Key, Protection, State
from mixedmode.protocols.sccp.calls.layout import Laid
from mixedmode.protocols.sccp.calls.media import OpenReceiveChannel, StartMediaTransmission
from mixedmode.protocols.sccp.calls.media_keys import MediaKeys
from mixedmode.protocols.sccp.calls.statistics import ConnectionStatisticsReq, ConnectionStatisticsRes
from mixedmode.protocols.sccp.registration.admission import SecurityMode
from mixedmode.services.callmanager.service import CallManagerService
from tests.phone.media.by_hand import Decryptor
from tests.services.callmanager.callmanager_site import DEVICE, OTHER, callmanager
from tests.services.callmanager.calls.calling_site import LINES, THIRD, Lines, connected, telephones, the_call
from tests.support import eventually, run_mixedmode

PLAIN, AUTHENTICATED, ENCRYPTED = SecurityMode.NON_SECURE, SecurityMode.AUTHENTICATED, SecurityMode.ENCRYPTED
TONES = {DEVICE: 700, OTHER: 1300, THIRD: 1700}


class Room:
    """Phones that call each other, what they were told and what went over the wire.

    Attributes:
        told: Messages of calls by device.
        wire: Packets by device: from where, where to, and what.
    """

    def __init__(self, service: CallManagerService, phones: list[Telephone], log: list[str]) -> None:
        self.service, self.phones, self.log = service, phones, log
        self.told: dict[str, list[Laid]] = {}
        for phone in phones:
            self._listen(phone)

    def _listen(self, phone: Telephone) -> None:
        registration, before = phone.registration, phone.registration.on_call
        heard = self.told.setdefault(registration.phone.name, [])

        def told(message: Laid) -> None:
            heard.append(message)
            before(message)

        registration.on_call = told

    def keys(self, device: str, kind: type[OpenReceiveChannel | StartMediaTransmission]) -> list[MediaKeys]:
        return [message.keys for message in self.told[device] if isinstance(message, kind)]

    async def call(self) -> None:
        self.phones[0].dial("2001")
        assert await self.phones[0].wait(connected, 60)

    async def hear(self, *expected: tuple[int, int, int]) -> None:
        """Wait until phones hear tones: a phone, its call, and the tone."""
        for number, call, tone in expected:
            await eventually(lambda n=number, c=call, t=tone: self.sound(n, c).tone == t)  # type: ignore[misc]

    def sound(self, number: int, call: int) -> Sound:
        return self.phones[number].media.sound(call) or Sound(0)

    def calls(self) -> list[int]:
        return [max(phone.calls, default=0) for phone in self.phones]


@asynccontextmanager
async def room(*modes: SecurityMode) -> AsyncIterator[tuple[Room, dict[str, list[tuple[object, object, bytes]]]]]:
    wire: dict[str, list[tuple[object, object, bytes]]] = {}

    def media(device: str) -> RtpMedia:
        seen = wire.setdefault(device, [])
        return RtpMedia(TONES[device], lambda *packet: seen.append(packet))

    async with telephones(dict(zip(LINES, modes, strict=False)), media) as site:
        yield Room(*site), wire


@pytest.mark.parametrize(
    ("modes", "status"),
    [
        ((ENCRYPTED, ENCRYPTED), Protection.ENCRYPTED),
        ((ENCRYPTED, AUTHENTICATED), Protection.AUTHENTICATED),
        ((ENCRYPTED, PLAIN), Protection.NOT_AUTHENTICATED),
        ((PLAIN, ENCRYPTED), Protection.NOT_AUTHENTICATED),
        ((PLAIN, PLAIN), Protection.NOT_AUTHENTICATED),
    ],
)
def test_both_ends_hear_each_other_as_protected_as_the_weaker_one(
    modes: tuple[SecurityMode, SecurityMode], status: Protection
) -> None:
    async def talk() -> None:
        async with room(*modes) as (here, wire):
            await here.call()
            one, other = here.calls()
            await here.hear((0, one, 1300), (1, other, 700))
            secret = status is Protection.ENCRYPTED
            for number, call in enumerate((one, other)):
                phone, sound = here.phones[number], here.sound(number, call)
                assert (the_call(phone.calls).security, the_call(phone.calls).icon) == (status, status.icon)
                assert {sound.kind("sent"), sound.kind("received")} == {"SRTP" if secret else "RTP"}
                assert not sound.dropped
            keys = [each for device in (DEVICE, OTHER) for kind in KINDS for each in here.keys(device, kind)]
            assert [each.encrypts for each in keys] == [secret] * 4
            assert len({each.key for each in keys}) == (2 if secret else 1)
            assert {len(packet) for _, _, packet in wire[DEVICE]} == {176 if secret else 172}
            for line in here.log:
                assert not any(each.key and each.key.hex() in line for each in keys)
            assert any("no media keys" in line for line in here.log) == (ENCRYPTED in modes and not secret)
            if secret:
                decrypted(here, wire)

    asyncio.run(talk())


KINDS: tuple[type[OpenReceiveChannel | StartMediaTransmission], ...] = (OpenReceiveChannel, StartMediaTransmission)


def decrypted(here: Room, wire: dict[str, list[tuple[object, object, bytes]]]) -> None:
    """What one phone saw is decrypted with the keys that the messages to the other one held."""
    [speaks] = here.keys(OTHER, OpenReceiveChannel)
    [hears] = here.keys(OTHER, StartMediaTransmission)
    [channel] = media_of(here.phones[1])._channels.values()
    own = channel.port.address
    ways = [(speaks, 700, False), (hears, 1300, True)]
    for keys, tone, sent in ways:
        by_hand = Decryptor(keys.key, keys.salt)
        packets = [packet for where, _, packet in wire[OTHER] if (where == own) == sent]
        assert len(packets) > 5
        sounds = {RtpPacket.parse(by_hand.decrypt(packet)).payload for packet in packets}
        assert sounds == {play(tone, ULAW, 0, 160)}


def test_a_held_call_is_silent_and_goes_on_with_new_keys() -> None:
    async def talk() -> None:
        async with room(ENCRYPTED, ENCRYPTED) as (here, _):
            await here.call()
            one, other = here.calls()
            await here.hear((0, one, 1300), (1, other, 700))
            here.phones[0].press(Key.HOLD, the_call(here.phones[0].calls))
            assert await here.phones[0].wait(lambda calls: the_call(calls).state == State.HOLD, 60)
            await eventually(lambda: not any(media_of(phone)._channels for phone in here.phones))
            sent = here.sound(0, one).packets_sent
            here.phones[0].press(Key.RESUME, the_call(here.phones[0].calls))
            await eventually(lambda: here.sound(0, one).packets_sent > sent + 10)
            await eventually(lambda: here.sound(1, other).packets_received > sent + 10)
            keys = here.keys(DEVICE, OpenReceiveChannel) + here.keys(DEVICE, StartMediaTransmission)
            assert len({each.key for each in keys}) == 4
            assert (here.sound(0, one).tone, here.sound(1, other).tone) == (1300, 700)
            assert the_call(here.phones[0].calls).icon == "lock"

    asyncio.run(talk())


def media_of(phone: Telephone) -> RtpMedia:
    assert isinstance(phone.media, RtpMedia)
    return phone.media


@pytest.mark.parametrize("third", [ENCRYPTED, PLAIN])
def test_a_transferred_call_is_as_protected_as_the_two_that_are_left(third: SecurityMode) -> None:
    async def talk() -> None:
        async with room(ENCRYPTED, ENCRYPTED, third) as (here, _):
            await here.call()
            other = here.calls()[1]
            await here.hear((1, other, 700))
            here.phones[0].press(Key.TRANSFER, the_call(here.phones[0].calls))
            assert await here.phones[0].wait(lambda calls: len(calls) == 2, 60)
            consult = here.phones[0].calls[here.calls()[0]]
            here.phones[0].digits("3001", consult)
            await eventually(lambda: here.sound(2, here.calls()[2]).tone == 700)
            here.phones[0].press(Key.TRANSFER, here.phones[0].calls[consult.call])
            assert await here.phones[0].wait(lambda calls: not calls, 60)
            last = here.calls()[2]
            before = here.sound(2, last).packets_received, here.sound(1, other).packets_received
            await eventually(lambda: here.sound(2, last).packets_received > before[0] + 10)
            await eventually(lambda: here.sound(1, other).packets_received > before[1] + 10)
            assert {here.sound(1, other).heard[1700] > 0, here.sound(2, last).heard[1300] > 0} == {True}
            secret = third is ENCRYPTED
            assert the_call(here.phones[1].calls).icon == the_call(here.phones[2].calls).icon == ("lock" * secret)
            assert here.sound(1, other).kind("received") == ("SRTP" if secret else "RTP and SRTP")
            assert here.keys(THIRD, OpenReceiveChannel)[-1].encrypts is secret

    asyncio.run(talk())


def test_a_phone_tells_its_server_what_it_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    async def talk() -> None:
        async with room(ENCRYPTED, ENCRYPTED) as (here, _):
            await here.call()
            one, other = here.calls()
            await here.hear((0, one, 1300), (1, other, 700))
            said: list[Laid] = []
            monkeypatch.setattr(here.service.calls, "said", lambda _device, message: said.append(message))
            connection = here.service._connection_of(DEVICE)
            assert connection is not None
            connection.tell([ConnectionStatisticsReq("2001", one, 1), ConnectionStatisticsReq("2001", 99, 1)])
            await eventually(lambda: len(said) == 2)
            counted, unknown = said
            sound = here.sound(0, one)
            assert isinstance(counted, ConnectionStatisticsRes)
            assert (counted.number, counted.call, counted.mode) == ("2001", one, 1)
            assert 10 < counted.packets_sent <= sound.packets_sent
            assert 10 < counted.packets_received <= sound.packets_received
            assert counted.octets_received == 160 * counted.packets_received
            assert unknown == ConnectionStatisticsRes("2001", 99, 1)

    asyncio.run(talk())


def test_who_cannot_open_a_channel_ends_the_call() -> None:
    class Deaf(RtpMedia):
        def listen(self, asked: object, address: str) -> tuple[str, int]:
            raise NoChannelError("no")

    async def talk() -> None:
        async with telephones({DEVICE: PLAIN, OTHER: PLAIN}, lambda device: Deaf(TONES[device])) as (
            service,
            phones,
            _,
        ):
            phones[0].dial("2001")
            await eventually(lambda: bool(service.calls.records))
            assert service.calls.documents()[0]["outcome"] == "media failed"

    asyncio.run(talk())


def test_a_plain_phone_that_asks_for_keys_gets_none_and_it_is_logged() -> None:
    async def talk() -> None:
        async with room(PLAIN, ENCRYPTED) as (here, _):
            await here.call()
            one = here.calls()[0]
            await here.hear((0, one, 1300))
            keys = MediaKeys(1, bytes(16), bytes(14))
            refused: list[str] = []
            here.service.refused = refused.append
            here.told[DEVICE].clear()
            here.phones[0].registration.say(
                [OpenReceiveChannel(one, 1, call=one, keys=keys), StartMediaTransmission(one, 1, "127.0.0.1", 4000)]
            )
            await eventually(lambda: here.service.counts["keys_asked"] == 2)
            assert sum(f"{DEVICE} asks for media keys" in line for line in here.log) == 2
            assert [line for line in refused if "asks for media keys" in line] == refused
            assert here.told[DEVICE] == []
            assert connected(here.phones[0].calls)

    asyncio.run(talk())


CHECKED = "tcp.check_checksum:TRUE"


async def command(*words: str | Path) -> tuple[int, str, str]:
    done = await asyncio.to_thread(run_mixedmode, "phone", *words)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def called(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, dict[str, object]]:
    """A call of two commands in the clear: the capture of who called, what the other said, and the record as JSON."""
    file = tmp_path_factory.mktemp("capture") / "call.pcap"

    async def talk() -> tuple[tuple[int, str, str], tuple[int, str, str]]:
        async with callmanager(Lines({DEVICE: PLAIN, OTHER: PLAIN})) as service:
            manager = ("--call-manager", f"127.0.0.1:{service.port}")
            taking = asyncio.create_task(command(*manager, "--name", OTHER, "--answer"))
            await eventually(lambda: service.phone(OTHER) is not None, seconds=90)
            words = ("--name", DEVICE, "--dial", "2001", "--talk", "0.5", "--json", "--capture", file)
            return await command(*manager, *words), await taking

    placed, taken = asyncio.run(talk())
    assert (placed[0], taken[0]) == (0, 0), (placed, taken)
    return file, taken[1], json.loads(placed[1])


def test_the_command_says_what_was_heard(called: tuple[Path, str, dict[str, dict[str, object]]]) -> None:
    file, taken, report = called
    media = report["media"]
    assert (media["sent"], media["received"], media["tone_recognised"]) == ("RTP", "RTP", tone_of(OTHER))
    assert media["packets_received"] == media["packets_sent"] or int(str(media["packets_received"])) > 10
    assert f"received (RTP); the other end's tone of {tone_of(DEVICE)} Hz is recognised" in taken
    assert "security: not authenticated, no icon" in taken
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.interop("tshark")
@pytest.mark.skipif(shutil.which("tshark") is None, reason="Wireshark's tshark is not installed")
def test_tshark_reads_the_capture(called: tuple[Path, str, dict[str, dict[str, object]]]) -> None:
    file, _, report = called
    port = str(report["registration"]["server"]).rpartition(":")[2]
    decode = [
        "-d",
        f"tcp.port=={port},skinny",
        "--enable-heuristic",
        "rtp_udp",
        "-o",
        "udp.check_checksum:TRUE",
        "-o",
        CHECKED,
    ]
    words = ["-T", "fields", "-e", "frame.protocols", "-e", "rtp.p_type", "-e", "skinny.messageId"]
    rows = tshark(file, *decode, *words)
    protocols, types, messages = (set(each) for each in zip(*(row.split("\t") for row in rows), strict=True))
    assert {"raw:ip:udp:rtp", "raw:ip:tcp:skinny"} <= protocols
    assert types == {"", "0"}
    assert {str(0x105), str(0x8A)} <= {each for row in messages for each in row.split(",")}
    assert tshark(file, *decode, "-Y", "_ws.malformed or _ws.expert.severity >= 0x400000") == []
    streams = [row for row in tshark(file, *decode, "-q", "-z", "rtp,streams") if "g711U" in row]
    assert len(streams) == 2
    assert all(" 0 (0.0%)" in row for row in streams)


def tshark(file: Path, *words: str) -> list[str]:
    done = subprocess.run(["tshark", "-r", str(file), *words], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--server", "127.0.0.1", "--capture", "x.pcap"), "--capture is of a call"),
        (("--call-manager", "127.0.0.1", "--capture", "/nowhere/x.pcap"), "there is no such folder"),
        (("--call-manager", "127.0.0.1", "--capture", "/tmp"), "it is a folder, not a file"),
    ],
)
def test_a_capture_that_makes_no_sense_is_refused(words: tuple[str, ...], said: str) -> None:
    code, _, err = asyncio.run(command(*words))
    assert (code, said in err) == (2, True), err
