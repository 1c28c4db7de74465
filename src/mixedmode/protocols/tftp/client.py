"""The client's side of one transfer: ask for a file, take its blocks, acknowledge them.

The same machine serves the downloads of the command line and every simulated phone. The server's address
is known after its first answer (its port is then the server's TID); packets from elsewhere are answered
with error 5 and change nothing. A block that came before is acknowledged again and not stored again. More
bytes than ``limit`` end the transfer with error 3, a bad OACK with error 8.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from typing import Any, Final

from mixedmode.protocols.machine import does_not_fit
from mixedmode.protocols.tftp.options import DEFAULT_OPTIONS, NO_OPTIONS, Negotiated, Options, accept_answer
from mixedmode.protocols.tftp.packets import (
    Ack,
    Data,
    ErrorCode,
    ErrorPacket,
    MalformedPacketError,
    Mode,
    Opcode,
    OptionAck,
    Packet,
    Request,
    encode_packet,
    parse_packet,
)
from mixedmode.protocols.vocabulary import Packets, Reply

Outgoing = list[tuple[Packets, Any]]
"""Packets, and where each of these goes."""


class ClientPhase(Enum):
    """Where a transfer stands."""

    REQUESTING = auto()
    RECEIVING = auto()
    DONE = auto()
    FAILED = auto()


class FailureReason(StrEnum):
    """Why a transfer failed."""

    NOT_FOUND = "not-found"
    REFUSED = "refused"
    TIMEOUT = "timeout"
    TOO_LARGE = "too-large"
    BAD_OPTIONS = "bad-options"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a transfer failed, and the server's words if it said any."""

    reason: FailureReason
    message: str


class ClientTransfer:
    """One download.

    Args:
        name: The file.
        server: Where the request goes.
        now: The clock.
        options: What to ask for; nothing by default, as phones do (wire-formats.md 7).
        timeout: Seconds without news until the last packet is sent again.
        retries: How often that is done before giving up.
        limit: Most bytes to take.
        same_host: Tells whether an address may belong to the server, before its TID is known.

    Attributes:
        failure: Set when the phase is FAILED.
        total: The file's size, if the server told it.

    Raises:
        LocalProtocolError: The name does not fit into a request.
    """

    def __init__(
        self,
        name: str,
        server: Hashable,
        now: float,
        *,
        options: Options = DEFAULT_OPTIONS,
        timeout: float = 1.0,
        retries: int = 5,
        limit: int = 1 << 20,
        same_host: Callable[[Hashable, Hashable], bool] | None = None,
    ) -> None:
        self.phase = ClientPhase.REQUESTING
        self.failure: Failure | None = None
        self.total: int | None = None
        self._options = options
        self._timeout = timeout
        self._retries_left = self._retries = retries
        self._limit = limit
        self._same_host = same_host or _same_host
        self._server = server
        self._peer: Hashable = None
        self._negotiated: Negotiated = NO_OPTIONS
        self._chunks: list[bytes] = []
        self._received = 0
        self._block = 0
        self._unacknowledged = 0
        try:
            self._last_sent = encode_packet(Request(Opcode.RRQ, name, Mode.OCTET, options.pairs()))
        except MalformedPacketError as error:
            raise does_not_fit(error) from error
        self._deadline = now + timeout

    @property
    def finished(self) -> bool:
        """True once the file is complete or the transfer has failed."""
        return self.phase in (ClientPhase.DONE, ClientPhase.FAILED)

    @property
    def received(self) -> int:
        """Bytes taken so far."""
        return self._received

    @property
    def content(self) -> bytes:
        """The file, as far as it has come."""
        return b"".join(self._chunks)

    def start(self) -> Outgoing:
        """Return the request."""
        return [((self._last_sent,), self._server)]

    def next_timer(self) -> float | None:
        """Return when :meth:`expire` wants to be called, None once the transfer is over."""
        return None if self.finished else self._deadline

    def expire(self, now: float) -> Outgoing:
        """Take a timeout, if it is time; return what to send again."""
        if self.finished or now < self._deadline:
            return []
        if self._retries_left == 0:
            stage = "the request" if self._peer is None else f"block {self._block}"
            self._fail(FailureReason.TIMEOUT, f"No answer to {stage} after {self._retries + 1} attempts")
            return []
        self._retries_left -= 1
        self._unacknowledged = 0
        self._deadline = now + self._timeout
        return [((self._last_sent,), self._server if self._peer is None else self._peer)]

    def receive(self, data: bytes, address: Hashable, now: float) -> Reply:
        """Take a datagram; return what to send back to ``address``."""
        if self.finished and address != self._peer:
            return None
        if self._peer is None and not self._same_host(address, self._server):
            return None
        if self._peer is not None and address != self._peer:
            return _stray(data)
        try:
            packet = parse_packet(data)
        except MalformedPacketError:
            return None
        handler = _HANDLERS.get((self.phase, type(packet)))
        return None if handler is None else handler(self, packet, address, now)

    def take_data(self, packet: Data, address: Hashable, now: float) -> bytes | None:
        """RECEIVING or REQUESTING x DATA: store the next block, acknowledge it or what came before."""
        if self.phase is ClientPhase.REQUESTING and packet.block != 1:
            return None
        if len(packet.payload) > self._negotiated.blksize:
            return self._refuse(ErrorCode.ILLEGAL_OPERATION, FailureReason.REFUSED, "A block is too long")
        if packet.block != (self._block + 1) & 0xFFFF:
            return self._take_unexpected(packet)
        if self._received + len(packet.payload) > self._limit:
            return self._too_large()
        self._progress(address, now)
        self.phase = ClientPhase.RECEIVING
        self._block += 1
        self._received += len(packet.payload)
        self._chunks.append(packet.payload)
        self._unacknowledged += 1
        if len(packet.payload) < self._negotiated.blksize:
            self.phase = ClientPhase.DONE
        elif self._unacknowledged < self._negotiated.windowsize:
            self._last_sent = encode_packet(Ack(self._block & 0xFFFF))
            return None
        return self._acknowledge()

    def _take_unexpected(self, packet: Data) -> bytes | None:
        # A block behind us: our acknowledgement was lost, or a copy came. One ahead: a block of the window
        # was lost; RFC 7440 acknowledges the last good one, once for each gap.
        ahead = (packet.block - self._block) & 0xFFFF
        if ahead and ahead <= self._negotiated.windowsize and self._unacknowledged == 0 and self._block:
            return None
        return self._acknowledge()

    def repeat_last_ack(self, _packet: Data, _address: Hashable, _now: float) -> bytes | None:
        """DONE x DATA: the last acknowledgement was lost."""
        return self._last_sent

    def take_options(self, packet: OptionAck, address: Hashable, now: float) -> bytes | None:
        """REQUESTING x OACK: check it, and acknowledge block 0."""
        negotiated = accept_answer(self._options, packet.options)
        if negotiated is None:
            return self._refuse(
                ErrorCode.OPTION_REFUSED, FailureReason.BAD_OPTIONS, "The server answers options wrongly"
            )
        if negotiated.tsize is not None and negotiated.tsize > self._limit:
            return self._too_large()
        self.total = negotiated.tsize
        self._negotiated = negotiated
        self._progress(address, now)
        self.phase = ClientPhase.RECEIVING
        return self._acknowledge()

    def repeat_options_ack(self, _packet: OptionAck, _address: Hashable, _now: float) -> bytes | None:
        """RECEIVING x OACK: the acknowledgement of block 0 was lost, unless blocks have come since."""
        return self._last_sent if self._block == 0 else None

    def take_error(self, packet: ErrorPacket, _address: Hashable, _now: float) -> bytes | None:
        """Any x ERROR: the server ended it."""
        missing = packet.code == ErrorCode.FILE_NOT_FOUND
        words = packet.message or (
            ErrorCode(packet.code).name if packet.code in set(ErrorCode) else f"code {packet.code}"
        )
        self._fail(FailureReason.NOT_FOUND if missing else FailureReason.REFUSED, words)
        return None

    def _progress(self, address: Hashable, now: float) -> None:
        self._peer = address
        self._retries_left = self._retries
        self._deadline = now + self._timeout

    def _acknowledge(self) -> bytes | None:
        self._unacknowledged = 0
        self._last_sent = encode_packet(Ack(self._block & 0xFFFF))
        return self._last_sent

    def _too_large(self) -> bytes | None:
        return self._refuse(
            ErrorCode.DISK_FULL, FailureReason.TOO_LARGE, f"The file is larger than {self._limit} bytes"
        )

    def _refuse(self, code: ErrorCode, reason: FailureReason, message: str) -> bytes | None:
        self._fail(reason, message)
        return encode_packet(ErrorPacket(code, message))

    def _fail(self, reason: FailureReason, message: str) -> None:
        self.phase = ClientPhase.FAILED
        self.failure = Failure(reason, message)


def _same_host(address: Hashable, server: Hashable) -> bool:
    if isinstance(address, tuple) and isinstance(server, tuple):
        return bool(address[0] == server[0])
    return True


def _stray(data: bytes) -> bytes | None:
    return None if data[:2] == b"\0\5" else encode_packet(ErrorPacket(ErrorCode.UNKNOWN_TID, "Unknown transfer ID"))


_Handler = Callable[..., bytes | None]
_HANDLERS: Final[dict[tuple[ClientPhase, type[Packet]], _Handler]] = {
    (ClientPhase.REQUESTING, Data): ClientTransfer.take_data,
    (ClientPhase.REQUESTING, OptionAck): ClientTransfer.take_options,
    (ClientPhase.REQUESTING, ErrorPacket): ClientTransfer.take_error,
    (ClientPhase.RECEIVING, Data): ClientTransfer.take_data,
    (ClientPhase.RECEIVING, OptionAck): ClientTransfer.repeat_options_ack,
    (ClientPhase.RECEIVING, ErrorPacket): ClientTransfer.take_error,
    (ClientPhase.DONE, Data): ClientTransfer.repeat_last_ack,
}
"""Which step a packet causes. A pair that is not here is ignored."""
