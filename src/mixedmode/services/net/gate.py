"""How many clients a door lets in, from where, and who has to go when it is full.

Rules:

1. Connections are counted in all and for each source. What is let in is counted from its first moment, not from the end
   of its handshake; who lets it in counts it out.
2. A source is a client as far as it can be told from others: an IPv4 address, a /64 of IPv6 (a host has as many
   addresses there as it likes), this machine.
3. A connection is *waiting* until its service says that it has proved itself (:meth:`Place.settle`). When there is no
   room, a waiting connection makes it, one of the source that has most of them, at random; this may be the newcomer
   itself. So one who fills the door with silence pushes out his own connections, and a few sources cannot keep others
   out.
4. Waiting connections have a smaller limit of their own where the service says so, and are thinned out at random before
   it is reached, as OpenSSH's ``MaxStartups`` does.
5. Some places are kept for this machine itself, so that its administrator always gets in; strangers never push out its
   connections.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network, ip_address
from random import Random, SystemRandom
from typing import Final

LOCAL_SOURCES: Final = frozenset({"127.0.0.1", "::1"})
"""This machine, by the addresses that it has when it asks itself. The other 127.x.y.z count as strangers: in labs they
stand for other hosts."""
KEPT_PLACES: Final = 16
_OF_ALL: Final = 8
"""At most one place in so many is kept."""
_LOOKED_AT: Final = 32
"""Waiting connections among which the one that has to go is sought; looking at thousands would help who makes them."""


@lru_cache(maxsize=4096)
def source_of(address: str) -> str:
    """Return the source (rule 2) of a client's address; what is no address is one of its own."""
    if ":" not in address:
        return address
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return address
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    if found.is_loopback or found.is_link_local:
        # All hosts of a link share one /64 there.
        return str(found)
    return str(IPv6Network((found, 64), strict=False))


def is_local(source: str) -> bool:
    """Return whether a source is this machine itself (rule 5)."""
    return source in LOCAL_SOURCES


@dataclass(frozen=True, slots=True)
class Startups:
    """How many connections may wait at once (rule 4), as OpenSSH writes ``begin:rate:full``.

    Attributes:
        begin: From so many on, another one costs a place with the probability ``rate``.
        rate: That probability, 0 to 1; it grows to 1 at ``full``.
        full: More never wait.
    """

    begin: int
    rate: float
    full: int


FEW_STARTUPS: Final = Startups(8, 0.3, 16)
"""Of a service that few use: other nodes, CTL Clients."""


class Place:
    """One connection's place; give it back with :meth:`leave`.

    Attributes:
        address: The client's address.
        source: Its source.
        drop: Ends the connection; set by the service once there is something to end.
    """

    __slots__ = ("_gate", "address", "drop", "index", "source")

    def __init__(self, gate: Gate, address: str, source: str) -> None:
        self.address = address
        self.source = source
        self.drop: Callable[[], object] = _nothing
        self.index = -1
        self._gate: Gate | None = gate

    def __str__(self) -> str:
        """Return the client's address."""
        return self.address

    def settle(self) -> None:
        """Say that the client has proved itself: it has to go for nobody from now on."""
        if self._gate is not None and self.index >= 0:
            self._gate.stop_waiting(self)

    def wait(self) -> None:
        """Say that the client is one of those again that may have to go."""
        if self._gate is not None and self.index < 0:
            self._gate.wait(self)

    def leave(self) -> None:
        """Count the connection no longer. Leaving twice does no harm."""
        gate, self._gate = self._gate, None
        # What ends the connection points to it, and it to its place: a circle that the collector would have to find.
        self.drop = _nothing
        if gate is not None:
            if self.index >= 0:
                gate.stop_waiting(self)
            gate.left(self)


def _nothing() -> None:
    """End nothing: the service has not begun with the connection yet."""


class Gate:
    """Counts the connections of one service.

    Args:
        connections: Most of them at once.
        per_source: Most of them from one source.
        startups: How many may wait; None is as many as there are places.
        kept: Places for this machine alone, at most an eighth of all.
        random: Chance; a test's own makes it repeatable.

    Attributes:
        open: Connections that are there now.
        dropped: Connections that had to go for others.
    """

    def __init__(
        self,
        connections: int,
        per_source: int,
        *,
        startups: Startups | None = None,
        kept: int = KEPT_PLACES,
        random: Random | None = None,
    ) -> None:
        self.open = 0
        self.dropped = 0
        self._most, self._per_source = connections, per_source
        self._strangers_most = connections - min(kept, connections // _OF_ALL)
        self._startups = startups or Startups(connections, 0.0, connections)
        self._random = random or SystemRandom()
        self._sources: dict[str, int] = {}
        self._local = 0
        self._waiting: list[Place] = []
        self._waiting_local: list[Place] = []
        self._waiting_of: dict[str, int] = {}

    @property
    def waiting(self) -> int:
        """Connections that have not proved themselves."""
        return len(self._waiting) + len(self._waiting_local)

    def crowded(self, address: str) -> bool:
        """Return whether a client's source has all the places that one source may have."""
        return self._sources.get(source_of(address), 0) >= self._per_source

    def admit(self, address: str) -> Place | None:
        """Return a place for a connection, which waits there; None where it is one too many."""
        source = source_of(address)
        if self._sources.get(source, 0) >= self._per_source:
            return None
        local = is_local(source)
        if not self._has_room(local):
            victim = self._victim(source, local)
            if victim is None:
                return None
            self._push_out(victim)
        place = Place(self, address, source)
        self.open += 1
        self._local += local
        self._sources[source] = self._sources.get(source, 0) + 1
        self.wait(place)
        return place

    def wait(self, place: Place) -> None:
        """Count a place among those that may have to go."""
        waiting = self._list_of(place)
        place.index = len(waiting)
        waiting.append(place)
        self._waiting_of[place.source] = self._waiting_of.get(place.source, 0) + 1

    def stop_waiting(self, place: Place) -> None:
        """Count a place no longer among those that may have to go."""
        waiting = self._list_of(place)
        # The last one takes the place in the list, so that nothing moves up.
        last = waiting.pop()
        if last is not place:
            waiting[place.index] = last
            last.index = place.index
        place.index = -1
        _count_down(self._waiting_of, place.source)

    def left(self, place: Place) -> None:
        """Count a place as free."""
        self.open -= 1
        self._local -= is_local(place.source)
        _count_down(self._sources, place.source)

    def _list_of(self, place: Place) -> list[Place]:
        return self._waiting_local if is_local(place.source) else self._waiting

    def _has_room(self, local: bool) -> bool:
        if self.open >= self._most:
            return False
        if local:
            return True
        if self.open - self._local >= self._strangers_most:
            return False
        begin, rate, full = self._startups.begin, self._startups.rate, self._startups.full
        there = len(self._waiting)
        if there < begin:
            return True
        chance = rate + (1 - rate) * (there - begin) / (full - begin) if there < full else 1.0
        return self._random.random() >= chance

    def _victim(self, source: str, local: bool) -> Place | None:
        """Return who has to go for a newcomer (rules 3 and 5); None is the newcomer itself."""
        waiting = self._waiting or (self._waiting_local if local else [])
        if len(waiting) > _LOOKED_AT:
            seen = [waiting[self._random.randrange(len(waiting))] for _ in range(_LOOKED_AT)]
        else:
            seen = waiting
        most = max((self._waiting_of[place.source] for place in seen), default=0)
        tied = [place for place in seen if self._waiting_of[place.source] == most]
        own = self._waiting_of.get(source, 0) + 1
        if not tied or (own > most and not (local and self._waiting)):
            return None
        chosen = self._random.randrange(len(tied) + (own == most and not local))
        return tied[chosen] if chosen < len(tied) else None

    def _push_out(self, place: Place) -> None:
        drop = place.drop
        place.leave()
        self.dropped += 1
        drop()


def _count_down(counts: dict[str, int], key: str) -> None:
    left = counts[key] - 1
    if left:
        counts[key] = left
    else:
        del counts[key]
