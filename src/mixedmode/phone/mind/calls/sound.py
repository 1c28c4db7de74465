"""What came of a call's media: how much was sent and heard, how it was protected, and which tone came."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

from mixedmode.protocols.rtp.g711 import ALAW, RATE, ULAW, Law
from mixedmode.protocols.rtp.stream import Dropped
from mixedmode.protocols.sccp.calls.codes import Payload
from mixedmode.protocols.sccp.calls.statistics import ConnectionStatisticsRes

LAWS: Final[dict[int, Law]] = {Payload.ULAW: ULAW, Payload.ALAW: ALAW}
"""The codecs that a simulated phone really has."""
_PIECES: Final = 3
"""Pieces of a tone until it is recognised."""
_U32: Final = 0xFFFFFFFF


@dataclass(slots=True)
class Sound:
    """The media of one call, over all its channels.

    Attributes:
        plays: The tone that this phone plays, Hz.
        packets_sent: Packets.
        octets_sent: Bytes of sound.
        packets_received: Packets that were taken.
        octets_received: Bytes of sound in them.
        packets_lost: Packets that never came.
        jitter: Milliseconds.
        dropped: Packets that were not taken, by reason.
        unsent: Packets that the network did not take.
        protected: Directions that were SRTP: ``sent``, ``received``.
        open: Directions that were RTP.
        heard: Pieces of sound by the tone that was recognised in them, None for none.
    """

    plays: int
    packets_sent: int = 0
    octets_sent: int = 0
    packets_received: int = 0
    octets_received: int = 0
    packets_lost: int = 0
    jitter: float = 0.0
    dropped: Counter[Dropped] = field(default_factory=Counter)
    unsent: int = 0
    protected: set[str] = field(default_factory=set)
    open: set[str] = field(default_factory=set)
    heard: Counter[int | None] = field(default_factory=Counter)
    _told: tuple[int, ...] = (0,) * 5

    @property
    def tone(self) -> int | None:
        """The tone that the other end plays, None if none is recognised."""
        tones = [(count, tone) for tone, count in self.heard.items() if tone is not None]
        count, tone = max(tones, default=(0, None))
        return tone if count >= _PIECES and 2 * count >= self.heard.total() else None

    def kind(self, direction: str) -> str:
        """Return ``SRTP``, ``RTP``, ``RTP and SRTP`` or ``none`` of a direction, ``sent`` or ``received``."""
        names = [name for name, which in (("RTP", self.open), ("SRTP", self.protected)) if direction in which]
        return " and ".join(names) or "none"

    def heard_packet(self, sound: bytes) -> None:
        """Count a packet that was taken."""
        self.packets_received += 1
        self.octets_received += len(sound)

    def sent_packet(self, sound: bytes) -> None:
        """Count a packet that was sent."""
        self.packets_sent += 1
        self.octets_sent += len(sound)

    def statistics(self, number: str, call: int, *, clear: bool) -> ConnectionStatisticsRes:
        """Return what a server is told since it last cleared that; nobody measured the latency."""
        counted = (self.packets_sent, self.octets_sent, self.packets_received, self.octets_received, self.packets_lost)
        since = [min(max(each - told, 0), _U32) for each, told in zip(counted, self._told, strict=True)]
        if clear:
            self._told = counted
        sent, octets_sent, received, octets_received, lost = since
        return ConnectionStatisticsRes(
            number,
            call,
            packets_sent=sent,
            octets_sent=octets_sent,
            packets_received=received,
            octets_received=octets_received,
            packets_lost=lost,
            jitter=round(self.jitter),
        )

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "sent": self.kind("sent"),
            "received": self.kind("received"),
            "packets_sent": self.packets_sent,
            "octets_sent": self.octets_sent,
            "packets_received": self.packets_received,
            "octets_received": self.octets_received,
            "packets_lost": self.packets_lost,
            "jitter_ms": round(self.jitter, 1),
            "dropped": {reason.value: self.dropped[reason] for reason in Dropped},
            "tone_played": self.plays,
            "tone_recognised": self.tone,
        }

    def line(self) -> str:
        """Return it for people."""
        tone = f"the other end's tone of {self.tone} Hz is recognised" if self.tone else "no tone is recognised"
        lost = f", {self.packets_lost} lost" if self.packets_lost else ""
        not_taken = ", ".join(f"{count} {reason.value}" for reason, count in sorted(self.dropped.items()) if count)
        return (
            f"media: {self.packets_sent} packets sent ({self.kind('sent')}), {self.packets_received} received "
            f"({self.kind('received')}){lost}{f', dropped: {not_taken}' if not_taken else ''}; {tone}"
        )


def milliseconds(samples: float) -> float:
    """Return how long samples last."""
    return samples * 1000 / RATE
