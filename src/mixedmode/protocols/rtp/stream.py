"""A stream as its sender makes it, and as its hearer takes it (RFC 3550, 6.4.1 and A).

Rules of the hearer:

1. The first packet that is taken says whose stream it is. Packets of another source are dropped while that one is
   heard, so that nobody talks into a call; when it has been silent for a second, another may begin.
2. A packet that came already is dropped, and so is one that is older than the window.
3. A sequence number far ahead is believed when the next one follows it (RFC 3550, A.1): a stream may begin anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from mixedmode.protocols.rtp.g711 import RATE
from mixedmode.protocols.rtp.packets import RtpPacket

SILENCE: Final = 1.0
"""Seconds after which another source may begin (rule 1)."""
WINDOW: Final = 64
"""Packets (rule 2)."""
MOST_AHEAD: Final = 3000
"""Packets (rule 3)."""
_U16: Final = 1 << 16
_U32: Final = 1 << 32


class Dropped(StrEnum):
    """Why a packet was not taken."""

    MALFORMED = "malformed"
    OTHER_SOURCE = "other source"
    NOT_AUTHENTIC = "not authentic"
    REPLAYED = "replayed"
    OTHER_CODEC = "other codec"
    NOT_IN_ORDER = "not in order"


class Packetizer:
    """Makes a stream.

    Args:
        payload_type: RTP's number of the codec.
        source: The stream's (SSRC).
        sequence: The first packet's.
        timestamp: The same.
    """

    def __init__(self, payload_type: int, source: int, sequence: int, timestamp: int) -> None:
        self.source = source
        self._payload_type, self._sequence, self._timestamp = payload_type, sequence, timestamp
        self._begins = True

    def packet(self, payload: bytes, samples: int) -> RtpPacket:
        """Return the next packet."""
        found = RtpPacket(self._payload_type, self._sequence, self._timestamp, self.source, payload, self._begins)
        self._begins = False
        self._sequence = (self._sequence + 1) % _U16
        self._timestamp = (self._timestamp + samples) % _U32
        return found

    def skip(self, samples: int) -> None:
        """Say nothing for a while: what comes then is a new piece of speech."""
        self._begins = True
        self._timestamp = (self._timestamp + samples) % _U32


@dataclass(slots=True)
class Hearer:
    """Takes a stream.

    Attributes:
        source: Whose it is, None before the first packet.
        taken: Packets that were taken.
        jitter: Of their times of arrival, in samples.
    """

    source: int | None = None
    taken: int = 0
    jitter: float = 0.0
    _heard: float = 0.0
    _first: int = 0
    _highest: int = 0
    _seen: int = 0
    _before: int = 0
    _lost_before: int = 0
    _bad: int | None = None
    _transit: float | None = None

    @property
    def lost(self) -> int:
        """Packets that never came."""
        if self.source is None:
            return 0
        return self._lost_before + max(self._highest - self._first + 1 - (self.taken - self._before), 0)

    def waits_for(self, source: int, now: float) -> bool:
        """Return whether a packet of a source may be taken (rule 1)."""
        return self.source in {None, source} or now - self._heard >= SILENCE

    def take(self, packet: RtpPacket, now: float) -> Dropped | None:
        """Take a packet.

        Args:
            packet: It has been decrypted.
            now: Seconds.

        Returns:
            Why it was dropped, None if it was taken.
        """
        if not self.waits_for(packet.source, now):
            return Dropped.OTHER_SOURCE
        if self.source != packet.source:
            self._begin(packet)
        dropped = self._in_order(packet.sequence)
        if dropped is not None:
            return dropped
        self.taken += 1
        self._heard = now
        self._time(packet.timestamp, now)
        return None

    def _begin(self, packet: RtpPacket) -> None:
        self._lost_before, self._before = self.lost, self.taken
        self.source, self._bad, self._transit = packet.source, None, None
        self._first = self._highest = packet.sequence
        self._seen = 0

    def _in_order(self, sequence: int) -> Dropped | None:
        ahead = (sequence - self._highest) % _U16
        if ahead == 0 and not self._seen:
            self._seen = 1
        elif 0 < ahead < MOST_AHEAD:
            self._highest += ahead
            self._seen = (self._seen << ahead | 1) & ((1 << WINDOW) - 1)
        elif _U16 - ahead < WINDOW or ahead == 0:
            bit = 1 << (-ahead % _U16)
            if self._seen & bit:
                return Dropped.REPLAYED
            self._seen |= bit
            self._first = min(self._first, self._highest - (-ahead % _U16))
        elif sequence == self._bad:
            self._lost_before, self._before = self.lost, self.taken
            self._first = self._highest = sequence
            self._seen, self._transit = 1, None
        else:
            self._bad = (sequence + 1) % _U16
            return Dropped.NOT_IN_ORDER
        self._bad = None
        return None

    def _time(self, timestamp: int, now: float) -> None:
        transit = now * RATE - timestamp
        if self._transit is not None:
            change = abs((transit - self._transit + _U32 / 2) % _U32 - _U32 / 2)
            self.jitter += (change - self.jitter) / 16
        self._transit = transit
