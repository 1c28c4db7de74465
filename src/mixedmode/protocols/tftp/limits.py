"""The server's bounds and its counters.

Every bound exists because the source address of a datagram proves nothing: until a client has
acknowledged something, a request costs its supposed sender one packet and ``retries_unproven`` copies.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

from mixedmode.protocols.tftp.options import OptionLimits


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """Bounds of a server.

    Attributes:
        transfers: Transfers under way at once; a request beyond is dropped, so that the phone asks again.
        transfers_per_client: The same for one client address. Generous, since a site may sit behind one
            address.
        timeout: Seconds until an unacknowledged packet is sent again, unless the client asks otherwise.
        retries: Retransmissions of one packet before the transfer is given up.
        retries_unproven: The same before the client's first acknowledgement. Fewer, because a client that
            lost the first packet asks again itself, and a forged source address never answers.
        lifetime: Seconds that a transfer may last in all.
        options: The most that is granted of each option.
    """

    transfers: int = 65536
    transfers_per_client: int = 16384
    timeout: float = 1.0
    retries: int = 5
    retries_unproven: int = 2
    lifetime: float = 3600.0
    options: OptionLimits = field(default_factory=OptionLimits)


@dataclass(slots=True)
class ServerCounters:
    """What the server did since it started; ``active`` is a level, all others only grow."""

    active: int = 0
    requests: int = 0
    repeated_requests: int = 0
    completed: int = 0
    bytes_completed: int = 0
    not_found: int = 0
    refused: int = 0
    malformed: int = 0
    dropped_full: int = 0
    dropped_client: int = 0
    dropped_draining: int = 0
    waited: int = 0
    build_failures: int = 0
    retransmissions: int = 0
    gave_up: int = 0
    client_errors: int = 0
    unknown_transfers: int = 0
    send_failures: int = 0

    def snapshot(self) -> dict[str, int]:
        """Return the counters by name."""
        return asdict(self)
