"""The world that phones live in: their network, and the time.

Waits are the event loop's own (``asyncio.sleep``, ``asyncio.timeout``). A simulation runs the loop on a virtual time
and hands over a clock that reads the same one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from mixedmode.phone.body.network import SOCKETS, Network
from mixedmode.pki.certificates.profiles import KeyKind, generate_key

if TYPE_CHECKING:
    from mixedmode.pki.signing.signer import PrivateKey


def _utc() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Clock:
    """What tells the time.

    Attributes:
        monotonic: Seconds that never run backwards, for waits.
        now: UTC, for what is written down and for the time that answers may be kept.
    """

    monotonic: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = _utc


@dataclass(frozen=True, slots=True)
class World:
    """Where and when a phone lives.

    Attributes:
        network: How it gets to its servers.
        clock: What tells it the time.
        make_key: Makes the keys that CAPF asks for; called in a thread.
    """

    network: Network = SOCKETS
    clock: Clock = field(default_factory=Clock)
    make_key: Callable[[KeyKind], PrivateKey] = generate_key


REAL: Final = World()
