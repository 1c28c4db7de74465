"""What a simulated phone sends and hears: a tone by RTP or SRTP, over UDP.

Rules:

1. A channel that was opened with keys takes SRTP alone: what is not authentic is counted and not heard.
2. A packet is judged before it is decrypted and after: one of another source than the stream's is dropped, and so is
   what the phone sent itself.
3. A stream that goes on with the same keys goes on with its numbers: no number is used twice with a key.
4. A phone has a bounded number of channels, and remembers the sound of a bounded number of calls.
5. A loop that was late sends what is due now and leaves out what is past.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from typing import Final

from mixedmode.phone.body.calling.media import NoChannelError
from mixedmode.phone.body.calling.ports import Address, MediaPort
from mixedmode.phone.body.calling.srtp import Open, Protect, opening, protecting
from mixedmode.phone.mind.calls.client import MOST_CALLS
from mixedmode.phone.mind.calls.events import Count, Listen, Send
from mixedmode.phone.mind.calls.sound import LAWS, Sound, milliseconds
from mixedmode.protocols.rtp.g711 import RATE, Law
from mixedmode.protocols.rtp.packets import MalformedRtpError, RtpPacket, source_of
from mixedmode.protocols.rtp.stream import Dropped, Hearer, Packetizer
from mixedmode.protocols.rtp.tones import play, recognise
from mixedmode.protocols.sccp.calls.codes import MediaStatus
from mixedmode.protocols.sccp.calls.media_keys import MediaKeys
from mixedmode.protocols.sccp.calls.statistics import ConnectionStatisticsRes

MOST_CHANNELS: Final = 2 * MOST_CALLS
MOST_SOUNDS: Final = 2 * MOST_CALLS
_LENGTHS: Final = range(10, 101)
_USUAL_LENGTH: Final = 20
_PORTS: Final = range(1, 65536)
_LATE: Final = 5
"""Packets that are sent at once by a loop that was late (rule 5)."""
_EXAMINED: Final = 5
"""Of so many packets one is looked at for its tone."""

Seen = Callable[[Address, Address, bytes], None]
"""Told each packet on the wire: from where, where to, and its bytes."""


class RtpMedia:
    """A phone's media.

    Args:
        tone: What it plays, Hz.
        seen: Told each packet as it is on the wire.

    Attributes:
        problem: Why the last channel was refused that was, empty if none was.
    """

    def __init__(self, tone: int, seen: Seen | None = None) -> None:
        self.tone = tone
        self.problem = ""
        self._seen = seen
        self._channels: dict[int, _Channel] = {}
        self._sounds: dict[int, Sound] = {}

    def listen(self, asked: Listen, address: str) -> tuple[str, int]:
        """Open a port for a channel and return where it is; see :class:`~mixedmode.phone.body.calling.media.Media`."""
        try:
            channel = self._channel(asked.party, asked.call, address)
            channel.listen(_law(asked.payload), asked.keys)
        except NoChannelError as error:
            self.problem = str(error)
            raise
        return address, channel.port.address[1]

    def send(self, told: Send) -> None:
        """Send from the channel's port, or to another target than before.

        Raises:
            NoChannelError: It cannot be sent as it is asked for.
        """
        try:
            known = self._channels.get(told.party)
            own = known.port.address[0] if known is not None else "::" if ":" in told.address else "0.0.0.0"  # noqa: S104
            self._channel(told.party, told.call, own).send(told)
        except NoChannelError as error:
            self.problem = str(error)
            raise

    def stop(self, party: int) -> None:
        """Send no more."""
        channel = self._channels.get(party)
        if channel is not None:
            channel.stop()

    def close(self, party: int) -> None:
        """Close the port."""
        channel = self._channels.pop(party, None)
        if channel is not None:
            channel.close()

    def counted(self, asked: Count) -> ConnectionStatisticsRes | None:
        """Return what was counted in a call, None if nothing was; mode 0 begins to count anew."""
        found = self._sounds.get(asked.call)
        return None if found is None else found.statistics(asked.number, asked.call, clear=asked.mode == 0)

    def sound(self, call: int) -> Sound | None:
        """Return what came of a call's media so far, None if it had none."""
        return self._sounds.get(call)

    def end(self) -> None:
        """Close every port."""
        for party in list(self._channels):
            self.close(party)

    def _channel(self, party: int, call: int, address: str) -> _Channel:
        known = self._channels.get(party)
        if known is not None:
            return known
        if len(self._channels) >= MOST_CHANNELS:
            raise NoChannelError(f"a phone has {MOST_CHANNELS} channels at most")
        sound = self._sounds.get(call)
        if sound is None:
            while len(self._sounds) >= MOST_SOUNDS:
                del self._sounds[next(iter(self._sounds))]
            sound = self._sounds[call] = Sound(self.tone)
        channel = self._channels[party] = _Channel(sound, address, self._seen)
        return channel


class _Channel:
    """One port: what comes there, and what goes from it."""

    def __init__(self, sound: Sound, address: str, seen: Seen | None) -> None:
        self.port = MediaPort(address, self._came)
        self._sound, self._seen = sound, seen
        self._hearing: _Hearing | None = None
        self._speaking: _Speaking | None = None

    def listen(self, law: Law, keys: MediaKeys) -> None:
        self._hearing = _Hearing(self._sound, law, keys)

    def send(self, told: Send) -> None:
        target = (told.address, told.port)
        law, length = _law(told.payload), told.milliseconds or _USUAL_LENGTH
        if length not in _LENGTHS:
            raise NoChannelError(f"packets of {length} ms are too short or too long", MediaStatus.BAD_PACKET_SIZE)
        if told.port not in _PORTS:
            raise NoChannelError(f"{told.port} is no port", MediaStatus.UNKNOWN)
        speaking = self._speaking
        if speaking is None or not speaking.goes_on(law, told.keys):
            fresh = _Speaking(self._sound, law, told.keys, self._put)
            self.stop()
            speaking = self._speaking = fresh
        self.port.mark(told.dscp)
        speaking.start(target, length)

    def stop(self) -> None:
        if self._speaking is not None:
            self._speaking.stop()

    def close(self) -> None:
        self.stop()
        self.port.close()

    def _put(self, packet: bytes, target: Address) -> bool:
        if self._seen is not None:
            self._seen(self.port.address, target, packet)
        return self.port.send(packet, target)

    def _came(self, packet: bytes, where: Address) -> None:
        if self._seen is not None:
            self._seen(where, self.port.address, packet)
        if self._hearing is not None:
            own = None if self._speaking is None else self._speaking.source
            self._hearing.came(packet, own, asyncio.get_running_loop().time())


class _Hearing:
    """What comes to a channel (rules 1 and 2)."""

    def __init__(self, sound: Sound, law: Law, keys: MediaKeys) -> None:
        self._sound, self._law = sound, law
        self._open: Open = opening(keys)
        self._which = sound.protected if keys.encrypts else sound.open
        self._hearer = Hearer()
        self._lost = 0

    def came(self, data: bytes, own: int | None, now: float) -> None:
        dropped = self._judge(data, own, now)
        if dropped is not None:
            self._sound.dropped[dropped] += 1

    def _judge(self, data: bytes, own: int | None, now: float) -> Dropped | None:
        try:
            source = source_of(data)
            if source == own or not self._hearer.waits_for(source, now):
                return Dropped.OTHER_SOURCE
            opened = self._open(data)
            if isinstance(opened, Dropped):
                return opened
            packet = RtpPacket.parse(opened)
        except MalformedRtpError:
            return Dropped.MALFORMED
        if packet.payload_type != self._law.payload_type:
            return Dropped.OTHER_CODEC
        dropped = self._hearer.take(packet, now)
        if dropped is None:
            self._heard(packet)
        return dropped

    def _heard(self, packet: RtpPacket) -> None:
        sound, hearer = self._sound, self._hearer
        if sound.packets_received % _EXAMINED == 0:
            sound.heard[recognise(packet.payload, self._law)] += 1
        sound.heard_packet(packet.payload)
        self._which.add("received")
        sound.packets_lost += hearer.lost - self._lost
        self._lost = hearer.lost
        sound.jitter = milliseconds(hearer.jitter)


class _Speaking:
    """What goes from a channel (rules 3 and 5)."""

    def __init__(self, sound: Sound, law: Law, keys: MediaKeys, put: Callable[[bytes, Address], bool]) -> None:
        self.source = secrets.randbits(32)
        self._sound, self._law, self._keys, self._put = sound, law, keys, put
        self._protect: Protect = protecting(keys)
        # In the lower half, so that a hearer that misses the first packets guesses the same roll-over counter.
        self._stream = Packetizer(law.payload_type, self.source, secrets.randbits(15), secrets.randbits(32))
        self._which = sound.protected if keys.encrypts else sound.open
        self._played = 0
        self._target: Address = ("", 0)
        self._samples = 0
        self._next = self._stopped = 0.0
        self._timer: asyncio.Handle | None = None

    def goes_on(self, law: Law, keys: MediaKeys) -> bool:
        return (law, keys) == (self._law, self._keys)

    def start(self, target: Address, length: int) -> None:
        loop = asyncio.get_running_loop()
        self._target, self._samples = target, length * RATE // 1000
        if self._timer is None:
            now = loop.time()
            if self._played:
                self._stream.skip(max(round((now - self._stopped) * RATE), 0))
            self._next = now
            self._timer = loop.call_soon(self._due)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._stopped = asyncio.get_running_loop().time()

    def _due(self) -> None:
        loop = asyncio.get_running_loop()
        now, length = loop.time(), self._samples / RATE
        behind = int((now - self._next) / length) - _LATE
        if behind > 0:
            self._stream.skip(behind * self._samples)
            self._played += behind * self._samples
            self._next += behind * length
        while self._next <= now:
            self._speak()
            self._next += length
        self._timer = loop.call_at(self._next, self._due)

    def _speak(self) -> None:
        sound = play(self._sound.plays, self._law, self._played, self._samples)
        packet = self._stream.packet(sound, self._samples)
        self._played += self._samples
        if self._put(self._protect(packet.encode()), self._target):
            self._sound.sent_packet(sound)
            self._which.add("sent")
        else:
            self._sound.unsent += 1


def _law(payload: int) -> Law:
    found = LAWS.get(payload)
    if found is None:
        raise NoChannelError(f"this phone does not really have codec {payload}", MediaStatus.BAD_CODEC)
    return found
