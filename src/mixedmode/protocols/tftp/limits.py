"""The server's bounds and its counters.

Every bound exists because the source address of a datagram proves nothing: until a client has
acknowledged something, each request costs its supposed sender one packet and no copy of it.

A lost packet is sent again after ``timeout`` seconds, then after twice that time, and so on up to
:data:`LONGEST_PAUSE` (RFC 1123 4.2.3.2): with the defaults 1, 3, 7, 15, 23 and 31 seconds after it was sent
first, and the transfer ends after 39 seconds of silence.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Final

from mixedmode.protocols.tftp.options import OptionLimits

SECONDS_A_BLOCK: Final = 0.25
"""What a transfer may last for each of its blocks: firmware of 100 MB over a slow line takes hours."""
LONGEST_PAUSE: Final = 8.0
"""Seconds to which the pause between two copies grows, unless the client asked for a longer one: a client that waits
25 seconds for a block, as tftp-hpa does, still sees six copies."""


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """Bounds of a server.

    Attributes:
        transfers: Transfers under way at once; a request beyond is dropped, so that the phone asks again.
        transfers_per_client: The same for one client address. Generous, since a site may sit behind one
            address.
        timeout: Seconds until an unacknowledged packet is sent again for the first time, unless the client asks
            otherwise.
        retries: Retransmissions of one packet before the transfer is given up.
        retries_unproven: The same before the client's first acknowledgement. None, because a client that lost the
            first packet asks again itself, and a forged source address never answers; the transfer waits as long as
            any other for an acknowledgement that comes late.
        retries_crowded: How often such a transfer may wait again while more than half of ``transfers``, or of its
            host's share, are under way: with the default it ends after 3 seconds.
        lifetime: Seconds that a transfer may last in all, beside :data:`SECONDS_A_BLOCK` for each block.
        options: The most that is granted of each option.
    """

    transfers: int = 65536
    transfers_per_client: int = 16384
    timeout: float = 1.0
    retries: int = 6
    retries_unproven: int = 0
    retries_crowded: int = 1
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
    lost_content: int = 0
    unknown_transfers: int = 0
    send_failures: int = 0

    def snapshot(self) -> dict[str, int]:
        """Return the counters by name."""
        return asdict(self)
