"""The connections of one service, whichever door they came through: counted, and ended together."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator
from time import monotonic
from typing import Generic, Protocol, TypeVar

from mixedmode.services.net.gate import Gate, Place


class Guest(Protocol):
    """A connection that is served."""

    def drain(self) -> None:
        """Take nothing new and end when nothing is under way."""

    def abort(self) -> None:
        """End at once."""


GuestT = TypeVar("GuestT", bound=Guest)


class Guests(Collection[GuestT], Generic[GuestT]):
    """The guests of one service.

    Args:
        gate: Says how many there may be.

    Attributes:
        connections: How many came.
        refused: Of these, one too many.
        crowded: Of these, since their source has all places that one source may have.
        handshakes: How often a TLS handshake succeeded.
        handshake_failures: How often one did not.
        accept_failures: How often the system had no room for another connection.
    """

    def __init__(self, gate: Gate) -> None:
        self.connections = self.refused = self.crowded = 0
        self.handshakes = self.handshake_failures = self.accept_failures = 0
        self._gate = gate
        self._there: dict[GuestT, Place] = {}

    def __len__(self) -> int:
        return len(self._there)

    def __iter__(self) -> Iterator[GuestT]:
        return iter(self._there)

    def __contains__(self, guest: object) -> bool:
        return guest in self._there

    def admit(self, address: str) -> Place | None:
        """Return a place for a connection from an address, None where it is one too many."""
        self.connections += 1
        place = self._gate.admit(address)
        if place is None:
            self.refused += 1
            self.crowded += self._gate.crowded(address)
        return place

    def entered(self, guest: GuestT, place: Place) -> None:
        """Count a connection among those that are served."""
        self._there[guest] = place

    def settle(self, guest: GuestT) -> None:
        """Keep a guest, whoever else comes: it has proved itself."""
        if guest in self._there:
            self._there[guest].settle()

    def left(self, guest: GuestT) -> None:
        """Give a guest's place back; one that never entered does no harm."""
        place = self._there.pop(guest, None)
        if place is not None:
            place.leave()

    def drain(self) -> None:
        """Have each end as soon as nothing is under way."""
        for guest in list(self._there):
            guest.drain()

    def abort(self) -> None:
        """End all at once."""
        for guest in list(self._there):
            guest.abort()

    async def gone(self, timeout: float) -> int:
        """Wait until all have left; return how many are there after ``timeout`` seconds."""
        end = monotonic() + timeout
        # A look now and then costs connections nothing; telling a waiter would cost every one of them.
        while self._there and monotonic() < end:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        return len(self._there)

    def counted(self) -> dict[str, int]:
        """Return the counters by name."""
        return {
            "open": self._gate.open,
            "connections": self.connections,
            "refused": self.refused,
            "dropped": self._gate.dropped,
            "handshakes": self.handshakes,
            "handshake_failures": self.handshake_failures,
            "accept_failures": self.accept_failures,
        }
