"""What clients of the HTTP service may use, and what it counts."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

from mixedmode.services.http.request import HeadLimits


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """What clients may use.

    Attributes:
        connections: At once.
        per_address: Of these, from one address; generous, since a site may sit behind one.
        requests: In one connection.
        head: How large a request may be.
        handshake_seconds: For the TLS handshake.
        idle_seconds: Without a request.
        head_seconds: From a request's first byte to its last.
        build_seconds: For the store to build a file.
        write_seconds: For taking a chunk of an answer.
        linger_seconds: For closing after a refusal.
    """

    connections: int = 8192
    per_address: int = 4096
    requests: int = 10_000
    head: HeadLimits = field(default_factory=HeadLimits)
    handshake_seconds: float = 10.0
    idle_seconds: float = 30.0
    head_seconds: float = 10.0
    build_seconds: float = 30.0
    write_seconds: float = 20.0
    linger_seconds: float = 2.0


@dataclass(slots=True)
class HttpCounters:
    """What the server did with requests since it was made."""

    requests: int = 0
    completed: int = 0
    not_found: int = 0
    refused: int = 0
    built: int = 0
    build_failures: int = 0
    timeouts: int = 0
    bytes_sent: int = 0

    def snapshot(self) -> dict[str, int]:
        """Return the counters by name."""
        return asdict(self)
