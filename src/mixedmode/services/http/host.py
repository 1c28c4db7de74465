"""What a connection knows of the service that it belongs to, and what it may wait for."""

from __future__ import annotations

from concurrent.futures import Executor
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from mixedmode.services.http.files import HttpFiles
from mixedmode.services.http.limits import HttpCounters, HttpLimits
from mixedmode.services.net.guests import Guests
from mixedmode.services.sightings.collector import Sightings

if TYPE_CHECKING:
    from mixedmode.services.http.connection import HttpConnection


class Host(Protocol):
    """The service that a connection belongs to.

    Attributes:
        stamp: The header fields of every answer, from the end of the status line on.
        draining: Whether connections end after the request under way.
        seen: Told which phone got which file, if somebody wants to know.
    """

    files: HttpFiles
    limits: HttpLimits
    counters: HttpCounters
    stamp: bytes
    draining: bool
    guests: Guests[HttpConnection]
    seen: Sightings | None

    @property
    def builders(self) -> Executor:
        """The threads in which the store builds."""


class Phase(Enum):
    """What a connection waits for."""

    IDLE = "a request"
    RECEIVING = "its rest"
    BUILDING = "the store"
    SENDING = "the client to read"
    CLOSING = "the client to close"
