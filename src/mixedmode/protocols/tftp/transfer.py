"""The server's side of one transfer: which packets follow from which event.

States and events form the table :data:`TRANSITIONS`. ``acked`` and ``sent`` count blocks without
rollover; block 0 is the OACK, so a transfer with options starts with -1 acknowledged and 0 sent, one
without with 0 acknowledged and 1 sent.

Rules: an acknowledgement of what is already acknowledged changes nothing (the sorcerer's apprentice rule,
RFC 1123 4.2.3.1); one for the middle of a window starts the next window there (RFC 7440); one for what
was never sent is ignored; a lost packet is repeated by the clock alone, after pauses that double
(RFC 1123 4.2.3.2). Before the first acknowledgement nothing is repeated: the transfer only waits. A transfer
that began afresh because its request came once more also takes acknowledgements of what was sent before
(:meth:`follow`).
"""

from __future__ import annotations

from collections.abc import Hashable
from enum import Enum, auto
from typing import Final

from mixedmode.protocols.tftp.blocks import BlockPackets
from mixedmode.protocols.tftp.limits import LONGEST_PAUSE, SECONDS_A_BLOCK, ServerLimits
from mixedmode.protocols.tftp.options import Negotiated
from mixedmode.protocols.tftp.packets import OptionAck, encode_packet


class Phase(Enum):
    """Where a transfer stands."""

    OPENING = 1  # the first packet is out; whether the client's address is its own is not known yet
    SENDING = 2
    DONE = 3
    ABORTED = 4  # the client sent ERROR
    GIVEN_UP = 5

    def __init__(self, number: int) -> None:
        self.ended = number > 2
        """True once nothing more will be sent."""


class Event(Enum):
    """What can happen to a transfer."""

    ADVANCE = auto()  # an acknowledgement of something sent and not acknowledged before
    FINISH = auto()  # the same, of the last block
    REPEAT = auto()  # an acknowledgement that says nothing new
    ERROR = auto()
    TIMEOUT = auto()
    TIMEOUT_UNPROVEN = auto()  # the same where no copy may be sent
    EXHAUSTED = auto()  # a timeout with no retransmission left


class Action(Enum):
    """What a transition sends."""

    SEND_NEXT = auto()
    SEND_AGAIN = auto()
    WAIT = auto()
    STOP = auto()


Packets = tuple[bytes, ...]
_UNIQUE_BLOCKS: Final = 0xFFFF
LINGER: Final = 1.0
"""Seconds that an ended transfer is remembered, so that a late acknowledgement is known for what it is."""


class ServerTransfer:
    """One transfer under way.

    Attributes:
        address: The client, as the caller names it.
        sent_at: When something was last sent or the transfer ended.
        request: The datagram that asked for it.
        name: Of the file, as it was asked for.
        content: The file, for who is told of deliveries.
        lent: The last block that somebody else may send (:class:`.engine.Loan`).
    """

    __slots__ = (
        "_acked",
        "_expires",
        "_limits",
        "_oack",
        "_reached",
        "_retries",
        "_sent",
        "_timeout",
        "_window",
        "address",
        "awaited",
        "content",
        "last",
        "lent",
        "name",
        "packets",
        "phase",
        "request",
        "sent_at",
        "size",
    )

    def __init__(
        self,
        address: Hashable,
        request: bytes,
        packets: BlockPackets,
        size: int,
        options: Negotiated,
        limits: ServerLimits,
        now: float,
    ) -> None:
        self.address = address
        self.request = request
        self.name = ""
        self.content: object = None
        self.packets = packets
        self.size = size
        self.last = len(packets) - 1
        self.lent = 0
        self.phase = Phase.OPENING
        self._timeout = float(options.timeout or limits.timeout)
        self.sent_at = now
        self._limits = limits
        self._expires = now + limits.lifetime + SECONDS_A_BLOCK * len(packets)
        self._retries = 0
        self._window = options.windowsize
        self._oack = encode_packet(OptionAck(options.answer)) if options.answer else None
        self._sent = 0 if self._oack else 1
        self._acked = self._sent - 1
        self._reached = 0
        self.awaited = _lockstep_ack(self._sent) if self._window == 1 else -1
        """The ACK that lets a transfer in lockstep go on, as a number; -1 when windows are in use."""

    def first_packet(self) -> bytes:
        """Return what answers the request: the OACK, or block 1."""
        return self._oack or self.packets[1]

    @property
    def all_sent(self) -> bool:
        """True if only acknowledgements are missing."""
        return self._sent == self.last

    def due(self) -> float:
        """Return when to call :meth:`expire`, or to forget a transfer that has ended.

        A forged request must not hold its place for the 255 seconds that an option can ask for, so the
        time asked for counts only after the first acknowledgement.
        """
        if self.phase is Phase.SENDING:
            return min(self.sent_at + self._pause(self._timeout), self._expires)
        if self.phase is Phase.OPENING:
            return self.sent_at + self._pause(min(self._timeout, self._limits.timeout))
        return self.sent_at + LINGER

    def _pause(self, first: float) -> float:
        if not self._retries:
            return first
        # The exponent is held, because a float ends where a patient client's retries need not.
        return min(first * 2.0 ** min(self._retries, 16), max(first, LONGEST_PAUSE))

    def step_lockstep(self, now: float) -> bytes | None:
        """Take the awaited acknowledgement; the (SENDING, ADVANCE) row of the table for a window of one.

        Returns:
            The next DATA packet, or ``None`` if the last block has just been acknowledged.
        """
        self.sent_at = now
        sent = self._sent
        if sent == self.last:
            self.phase = Phase.DONE
            self.awaited = -1
            return None
        self._acked = sent
        self._sent = sent = sent + 1
        self._retries = 0
        self.phase = Phase.SENDING
        self.awaited = 0x40000 | (sent & 0xFFFF)
        return self.packets[sent]

    @property
    def in_lockstep(self) -> int:
        """The block that is out and awaits its ACK, if nothing but that ACK is needed to go on; else 0."""
        return self._sent if self._window == 1 and not self.phase.ended else 0

    def catch_up(self, sent: int, at: float) -> None:
        """Take over what was done elsewhere by :meth:`step_lockstep`'s rule: block ``sent`` is out since ``at``."""
        self.sent_at = max(self.sent_at, at)
        if sent != self._sent:
            self._acked = sent - 1
            self._sent = sent
            self._retries = 0
            self.phase = Phase.SENDING
            self.awaited = _lockstep_ack(sent)

    def follow(self, earlier: ServerTransfer) -> None:
        """Take the place of a transfer that the same request asked for.

        The second request is a new one of a client that forgot the first, or a copy that was long under way. Only
        the client knows: one that acknowledges what the earlier transfer sent goes on from there. The last block
        is left out, because its acknowledgement may be what a new request overtook; so are files whose block
        numbers roll over, where one number means several blocks.
        """
        reached = min(max(earlier._sent, earlier._reached), self.last - 1)
        if reached <= _UNIQUE_BLOCKS and earlier.packets == self.packets:
            self._reached = reached

    def acknowledge(self, block: int, now: float) -> Packets:
        """Take an ACK of the wire number ``block``; return the packets to send."""
        ahead = (block - self._acked) & 0xFFFF
        if not 0 < ahead <= max(self._sent, self._reached) - self._acked:
            return self._apply(Event.REPEAT, now)
        self._acked += ahead
        return self._apply(Event.FINISH if self._acked == self.last else Event.ADVANCE, now)

    def fail(self, now: float) -> Packets:
        """Take the client's ERROR."""
        return self._apply(Event.ERROR, now)

    def expire(self, now: float, *, crowded: bool = False) -> Packets:
        """Take a timeout; return the packets to send again, none if nothing is or the transfer is given up.

        Args:
            now: The time.
            crowded: Whether others need the place of a transfer whose client may not exist.
        """
        limits, opening = self._limits, self.phase is Phase.OPENING
        allowed = min(limits.retries, limits.retries_crowded) if opening and crowded else limits.retries
        if self._retries >= allowed or now >= self._expires:
            return self._apply(Event.EXHAUSTED, now)
        silent = opening and self._retries >= limits.retries_unproven
        return self._apply(Event.TIMEOUT_UNPROVEN if silent else Event.TIMEOUT, now)

    def _apply(self, event: Event, now: float) -> Packets:
        row = TRANSITIONS.get((self.phase, event))
        if row is None:
            return ()
        self.phase, action = row
        self.sent_at = now
        if action is Action.STOP:
            self.awaited = -1
            return ()
        if action is Action.SEND_NEXT:
            self._retries = 0
        else:
            self._retries += 1
            if action is Action.WAIT:
                return ()
            if self._acked < 0:
                return (self.first_packet(),)
        self._sent = min(self._acked + self._window, self.last)
        self.awaited = _lockstep_ack(self._sent) if self._window == 1 else -1
        return tuple(self.packets[block] for block in range(self._acked + 1, self._sent + 1))


def _lockstep_ack(block: int) -> int:
    return 0x40000 | (block & 0xFFFF)


TRANSITIONS: Final[dict[tuple[Phase, Event], tuple[Phase, Action]]] = {
    (Phase.OPENING, Event.ADVANCE): (Phase.SENDING, Action.SEND_NEXT),
    (Phase.OPENING, Event.FINISH): (Phase.DONE, Action.STOP),
    (Phase.OPENING, Event.ERROR): (Phase.ABORTED, Action.STOP),
    (Phase.OPENING, Event.TIMEOUT): (Phase.OPENING, Action.SEND_AGAIN),
    (Phase.OPENING, Event.TIMEOUT_UNPROVEN): (Phase.OPENING, Action.WAIT),
    (Phase.OPENING, Event.EXHAUSTED): (Phase.GIVEN_UP, Action.STOP),
    (Phase.SENDING, Event.ADVANCE): (Phase.SENDING, Action.SEND_NEXT),
    (Phase.SENDING, Event.FINISH): (Phase.DONE, Action.STOP),
    (Phase.SENDING, Event.ERROR): (Phase.ABORTED, Action.STOP),
    (Phase.SENDING, Event.TIMEOUT): (Phase.SENDING, Action.SEND_AGAIN),
    (Phase.SENDING, Event.EXHAUSTED): (Phase.GIVEN_UP, Action.STOP),
}
"""What follows from what. A pair that is not here (a repeated acknowledgement, anything after the end)
changes nothing and sends nothing."""
