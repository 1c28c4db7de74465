"""The server's mind: all transfers of one reply socket, without the socket.

Datagrams and the clock go in, packets come out. A transfer is known by its client's address (host and
port): the server's own side of the TID pair is the one socket that all its replies leave from. State is
one small object a transfer, timers are a wheel, and a packet in lockstep costs one look-up.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from typing import Any, Final, NamedTuple, Protocol

from mixedmode.protocols.tftp.blocks import BlockPackets, LostContentError
from mixedmode.protocols.tftp.limits import ServerCounters, ServerLimits
from mixedmode.protocols.tftp.options import negotiate
from mixedmode.protocols.tftp.packets import (
    ErrorCode,
    ErrorPacket,
    MalformedPacketError,
    Mode,
    Opcode,
    Request,
    encode_packet,
    parse_packet,
)
from mixedmode.protocols.tftp.transfer import Phase, ServerTransfer
from mixedmode.protocols.tftp.wheel import TimerWheel
from mixedmode.protocols.vocabulary import Packets, Reply


class Content(Protocol):
    """A file as the engine needs it."""

    @property
    def size(self) -> int:
        """Bytes in the file."""

    def packets(self, blksize: int) -> BlockPackets:
        """Return the file's DATA packets for blocks of ``blksize`` bytes."""


class Loan(Protocol):
    """Who runs transfers in lockstep in the engine's place: on the awaited ACK the next block, nothing else."""

    def lend(self, address: Any, packets: tuple[bytes, ...], sent: int, sent_at: float, /) -> None:
        """Take a transfer whose block ``sent`` is out since ``sent_at``."""

    def lend_part(self, address: Any, packets: tuple[bytes, ...], first: int, sent: int, sent_at: float, /) -> None:
        """Take a transfer for the blocks from ``first`` on; block ``sent`` may be the one before it."""

    def where(self, address: Any, /) -> tuple[int, float] | None:
        """Return which block is out, and since when; None if the transfer is not lent."""

    def take_back(self, address: Any, /) -> tuple[int, float] | None:
        """Return the same and let the transfer go."""


Delivered = Callable[[ServerTransfer], None]
"""Told of a transfer that has ended when everything was sent; its phase says whether the end was acknowledged."""
Find = Callable[[str, Mode], "Content | ErrorCode | None"]
"""Look a name up: the file, or why it is not served, or None where it must be built first."""

_ERRORS: Final = {
    code: encode_packet(ErrorPacket(code, message))
    for code, message in (
        (ErrorCode.UNDEFINED, "Not served"),
        (ErrorCode.FILE_NOT_FOUND, "File not found"),
        (ErrorCode.ACCESS_VIOLATION, "Access violation"),
        (ErrorCode.ILLEGAL_OPERATION, "Illegal TFTP operation"),
        (ErrorCode.UNKNOWN_TID, "Unknown transfer ID"),
    )
}
_MODES: Final = {mode.value: mode for mode in Mode}
_LOST: Final = encode_packet(ErrorPacket(ErrorCode.UNDEFINED, "The file has changed"))


def tuple_host(address: Hashable) -> Hashable:
    """Return the host of a (host, port) address."""
    return address[0] if isinstance(address, tuple) else address


class Waiting(NamedTuple):
    """A request for a file that must be built first; to be given to :meth:`ServerEngine.request` again then.

    Attributes:
        name: The file.
        data: The datagram.
        address: Its client.
    """

    name: str
    data: bytes
    address: Any


class ServerEngine:
    """All transfers of one reply socket.

    Args:
        find: Looks a name up; must not block.
        limits: The server's bounds.
        counters: Shared by the engines of one service, so that its bounds hold over all of them.
        host_of: Takes a client's host out of its address; a bound on transfers holds per host.
        loan: Runs transfers in lockstep, if there is such a one; what it cannot answer comes to :meth:`receive`.
        delivered: Told of deliveries, if somebody wants to know.

    Attributes:
        draining: Whether new transfers are refused.
        waiting: Requests for files that must be built first; whoever calls :meth:`request` empties it.
    """

    def __init__(
        self,
        find: Find,
        *,
        limits: ServerLimits | None = None,
        counters: ServerCounters | None = None,
        host_of: Callable[[Hashable], Hashable] = tuple_host,
        loan: Loan | None = None,
        delivered: Delivered | None = None,
    ) -> None:
        self.limits = limits or ServerLimits()
        self.counters = counters or ServerCounters()
        self.draining = False
        self.waiting: list[Waiting] = []
        self._find = find
        self._host_of = host_of
        self._loan = loan
        self._delivered = delivered
        # What was compiled from an older source has only the whole of a file.
        self._lend_part = getattr(loan, "lend_part", None)
        self._transfers: dict[Hashable, ServerTransfer] = {}
        self._per_host: dict[Hashable, int] = {}
        self._wheel: TimerWheel[ServerTransfer] = TimerWheel()
        self._active = 0

    @property
    def active(self) -> int:
        """Transfers under way."""
        return self._active

    def next_timer(self) -> float | None:
        """Return when :meth:`expire` wants to be called, None while no transfer is under way."""
        return self._wheel.next_moment()

    def request(self, data: bytes, address: Hashable, now: float) -> bytes | None:
        """Take a datagram from the listening port; return the packet that answers it, if any."""
        self.counters.requests += 1
        try:
            packet = parse_packet(data)
        except MalformedPacketError:
            self.counters.malformed += 1
            # An ERROR is never answered, however broken it is: two servers would answer each other for ever.
            return None if data[:2] == b"\0\5" else _ERRORS[ErrorCode.ILLEGAL_OPERATION]
        if isinstance(packet, Request):
            earlier = self._transfers.get(address)
            if earlier is not None and not earlier.phase.ended:
                return self._repeated(earlier, packet, data, now)
            return self._open(packet, data, address, now)
        self.counters.malformed += 1
        return None if isinstance(packet, ErrorPacket) else _ERRORS[ErrorCode.ILLEGAL_OPERATION]

    def _repeated(self, earlier: ServerTransfer, request: Request, data: bytes, now: float) -> bytes | None:
        # A client that asks twice has one transfer. The same datagram again is either the client's own
        # retry, answered with the same first packet, or a copy that was long under way while the transfer
        # it asked for runs well, and is ignored. Anything else starts afresh; so does a request that
        # overtakes, on its way to the other port, the acknowledgement of the transfer's last block. A copy
        # that came while a block was lost looks the same: its client goes on where it was.
        self._catch_up(earlier)
        self.counters.repeated_requests += 1
        if earlier.request == data:
            if earlier.phase is Phase.OPENING:
                return self._first_packet(earlier, now)
            if not earlier.all_sent and now - earlier.sent_at < self.limits.timeout:
                return None
        self._take_back(earlier)
        earlier.fail(now)
        self._ended(earlier)
        reply = self._open(request, data, earlier.address, now)
        later = self._transfers[earlier.address]
        if later is not earlier and later.request == earlier.request:
            later.follow(earlier)
        return reply

    def _open(self, request: Request, data: bytes, address: Hashable, now: float) -> bytes | None:
        if request.opcode is Opcode.WRQ:
            self.counters.refused += 1
            return _ERRORS[ErrorCode.ACCESS_VIOLATION]
        if not self._admit(address):
            return None
        mode = _MODES.get(request.mode)
        found = ErrorCode.UNDEFINED if mode is None else self._find(request.filename, mode)
        if found is None:
            self.counters.waited += 1
            self.waiting.append(Waiting(request.filename, data, address))
            return None
        if isinstance(found, ErrorCode):
            if found is ErrorCode.FILE_NOT_FOUND:
                self.counters.not_found += 1
            else:
                self.counters.refused += 1
            return _ERRORS[found]
        options = negotiate(request.options, found.size, self.limits.options)
        packets = found.packets(options.blksize)
        transfer = ServerTransfer(address, data, packets, found.size, options, self.limits, now)
        if self._delivered is not None:
            transfer.name, transfer.content = request.filename, found
        self._transfers[address] = transfer
        self._watch(transfer, now)
        host = self._host_of(address)
        self._per_host[host] = self._per_host.get(host, 0) + 1
        self._active += 1
        self.counters.active += 1
        self._lend(transfer)
        return self._first_packet(transfer, now)

    def _first_packet(self, transfer: ServerTransfer, now: float) -> bytes:
        try:
            return transfer.first_packet()
        except LostContentError:
            return self._cut_off(transfer, now)

    def _admit(self, address: Hashable) -> bool:
        # Whoever is not admitted hears nothing: a phone asks again after a second, but gives up on ERROR.
        if self.draining:
            self.counters.dropped_draining += 1
        elif self.counters.active >= self.limits.transfers:
            self.counters.dropped_full += 1
        elif self._per_host.get(self._host_of(address), 0) >= self.limits.transfers_per_client:
            self.counters.dropped_client += 1
        else:
            return True
        return False

    def receive(self, data: bytes, address: Hashable, now: float) -> Reply:
        """Take a datagram from the reply socket; return what to send back to ``address``."""
        transfer = self._transfers.get(address)
        if transfer is None:
            return self._unknown(data)
        try:
            if self._loan is None:
                return self._receive(transfer, data, now)
            self._take_back(transfer)
            reply = self._receive(transfer, data, now)
        except LostContentError:
            return self._cut_off(transfer, now)
        self._lend(transfer)
        return reply

    def finished(self, address: Hashable, now: float) -> bytes | None:
        """Take that the last of a transfer's lent blocks was acknowledged; return the next block, if there is one."""
        transfer = self._transfers.get(address)
        if transfer is None or transfer.phase.ended:
            return None
        transfer.catch_up(transfer.lent, now)
        try:
            packet = transfer.step_lockstep(now)
        except LostContentError:
            return self._cut_off(transfer, now)
        if packet is None:
            self._ended(transfer)
        else:
            self._lend(transfer)
        return packet

    def _receive(self, transfer: ServerTransfer, data: bytes, now: float) -> Reply:
        if int.from_bytes(data, "big") == transfer.awaited and len(data) == 4:
            reply = transfer.step_lockstep(now)
            if reply is None:
                self._ended(transfer)
            return reply
        return self._receive_other(transfer, data, now)

    def _receive_other(self, transfer: ServerTransfer, data: bytes, now: float) -> Reply:
        if transfer.phase.ended:
            return None
        opcode = int.from_bytes(data[:2], "big") if len(data) >= 4 else 0
        if opcode == Opcode.ACK:
            replies = transfer.acknowledge(data[2] << 8 | data[3], now)
        elif opcode == Opcode.ERROR:
            replies = transfer.fail(now)
        else:
            self.counters.malformed += 1
            replies = (_ERRORS[ErrorCode.ILLEGAL_OPERATION], *transfer.fail(now))
        if transfer.phase.ended:
            self._ended(transfer)
        return replies

    def _lend(self, transfer: ServerTransfer) -> None:
        packets, sent = transfer.packets, transfer.in_lockstep
        if self._loan is None or not sent:
            return
        if isinstance(packets, tuple):
            transfer.lent = transfer.last
            self._loan.lend(transfer.address, packets, sent, transfer.sent_at)
        elif self._lend_part is not None and transfer.phase is Phase.SENDING and sent < transfer.last:
            # Before the first acknowledgement nothing is read ahead: there may be no client.
            try:
                part = packets.some(sent + 1)
            except LostContentError:
                return  # the next step finds out
            transfer.lent = sent + len(part)
            self._lend_part(transfer.address, part, sent + 1, sent, transfer.sent_at)

    def _take_back(self, transfer: ServerTransfer) -> None:
        state = self._loan.take_back(transfer.address) if self._loan is not None else None
        if state is not None:
            transfer.catch_up(*state)

    def _catch_up(self, transfer: ServerTransfer) -> None:
        state = self._loan.where(transfer.address) if self._loan is not None else None
        if state is not None:
            transfer.catch_up(*state)

    def _unknown(self, data: bytes) -> bytes | None:
        self.counters.unknown_transfers += 1
        is_ack = len(data) >= 4 and data[0] == 0 and data[1] == Opcode.ACK
        return _ERRORS[ErrorCode.UNKNOWN_TID] if is_ack else None

    def expire(self, now: float) -> Iterator[tuple[Packets, Any]]:
        """Yield (packets, address) for everything whose timer has run out; more than 20 times a second is in vain."""
        for transfer in self._wheel.expired(now):
            if self._transfers.get(transfer.address) is not transfer:
                continue
            self._catch_up(transfer)
            if transfer.due() > now:
                self._watch(transfer, now)
                continue
            if transfer.phase.ended:
                del self._transfers[transfer.address]
                continue
            packets = self._expired(transfer, now)
            if packets:
                yield packets, transfer.address
            self._watch(transfer, now)

    def _watch(self, transfer: ServerTransfer, now: float) -> None:
        # A pause that has grown ends with the next acknowledgement, which tells nobody: so it is looked at before.
        when = transfer.due()
        self._wheel.set(transfer, when if transfer.phase.ended else min(when, now + self.limits.timeout))

    def _expired(self, transfer: ServerTransfer, now: float) -> tuple[bytes, ...]:
        try:
            packets = transfer.expire(now, crowded=self._is_crowded(transfer.address))
        except LostContentError:
            return (self._cut_off(transfer, now),)
        if transfer.phase.ended:
            self._take_back(transfer)
            self._ended(transfer)
        else:
            self.counters.retransmissions += len(packets)
        return packets

    def _is_crowded(self, address: Hashable) -> bool:
        limits = self.limits
        here = self._per_host.get(self._host_of(address), 0)
        return 2 * self.counters.active > limits.transfers or 2 * here > limits.transfers_per_client

    def _cut_off(self, transfer: ServerTransfer, now: float) -> bytes:
        # A client must never get the beginning of one file and the end of another.
        self.counters.lost_content += 1
        self._take_back(transfer)
        transfer.fail(now)
        self._ended(transfer)
        return _LOST

    def _ended(self, transfer: ServerTransfer) -> None:
        counters = self.counters
        self._active -= 1
        counters.active -= 1
        if transfer.phase is Phase.DONE:
            counters.completed += 1
            counters.bytes_completed += transfer.size
        elif transfer.phase is Phase.GIVEN_UP:
            counters.gave_up += 1
        else:
            counters.client_errors += 1
        if self._delivered is not None and transfer.all_sent:
            self._delivered(transfer)
        host = self._host_of(transfer.address)
        left = self._per_host[host] - 1
        if left:
            self._per_host[host] = left
        else:
            del self._per_host[host]
