"""What goes wrong on purpose, between the phones and their servers.

Rules:

1. The fate of a phone's n-th datagram follows from the seed and the phone's name alone, whatever other phones do.
2. Loss, duplication and delay are rolled for each datagram in each direction.
3. A damaged file has one bit changed, twelve bytes before its end: in a signed file its content, in a list its last
   record. The phone receives it whole.
4. While the node is down nothing reaches it or comes from it; its TVS is another server and has a fault of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from random import Random
from typing import Final

from mixedmode.errors import UsageError

_AT_ONCE: Final = (0.0,)
_DAMAGED_FROM_END: Final = 12


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """The faults of one run; none by default.

    Attributes:
        loss: Share of datagrams that are lost, 0 to 1.
        duplication: Share of datagrams that come twice.
        delay: Most seconds that a datagram is held back; evenly spread from zero.
        corrupt: Patterns of file names (``CTL*``) that arrive damaged (rule 3).
        silent_tvs: Patterns of addresses (``*``) whose TVS never answers.
        down: Seconds from the start of the run between which the file server is gone, None for never.
        seed: Of all randomness.

    Raises:
        UsageError: A share is not between 0 and 1, or a time is negative.
    """

    loss: float = 0.0
    duplication: float = 0.0
    delay: float = 0.0
    corrupt: tuple[str, ...] = ()
    silent_tvs: tuple[str, ...] = ()
    down: tuple[float, float] | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for name, share in (("loss", self.loss), ("duplication", self.duplication)):
            if not 0.0 <= share <= 1.0:
                raise UsageError(f"a {name} of {share:g} is no share", next_step="give 0 to 1, or 0% to 100%")
        if self.delay < 0.0 or (self.down is not None and not 0.0 <= self.down[0] <= self.down[1]):
            raise UsageError("a time of a fault is negative", next_step="give seconds from 0 upwards")

    @property
    def rolls(self) -> bool:
        """Whether datagrams have a fate at all."""
        return bool(self.loss or self.duplication or self.delay)

    def is_down(self, since_start: float) -> bool:
        """Return whether the file server is gone, ``since_start`` seconds into the run."""
        return self.down is not None and self.down[0] <= since_start < self.down[1]

    def is_silent(self, address: str) -> bool:
        """Return whether the TVS at an address never answers."""
        return any(fnmatchcase(address, pattern) for pattern in self.silent_tvs)

    def received(self, name: str, data: bytes) -> bytes:
        """Return what the phone receives when the server sends ``data`` as ``name``."""
        if not data or not any(fnmatchcase(name, pattern) for pattern in self.corrupt):
            return data
        damaged = bytearray(data)
        damaged[-min(_DAMAGED_FROM_END, len(data))] ^= 1
        return bytes(damaged)


class Fates:
    """The fates of one phone's datagrams, in order (rule 1)."""

    __slots__ = ("_plan", "_random")

    def __init__(self, plan: FaultPlan, device: str) -> None:
        self._plan = plan
        self._random = Random(f"{plan.seed}/{device}")  # noqa: S311 - repeatable faults, no secrets

    def roll(self) -> tuple[float, ...]:
        """Return after how many seconds each copy of the next datagram arrives; none at all if it is lost."""
        plan, random = self._plan, self._random.random
        # Always three rolls, so that a change of one share leaves the others' fates alone.
        lost, doubled, late = random() < plan.loss, random() < plan.duplication, random() * plan.delay
        if lost:
            return ()
        if doubled:
            return (late, late)
        return (late,) if plan.delay else _AT_ONCE
