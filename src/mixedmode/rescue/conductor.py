"""In which order phones are pressed, how many at a time, and what stops a run; pure (docs/specification/rescue.md 5).

Rules:

1. One phone of a kind (model, load, menu, lists held, sequences) first, until it is proved; then three; then as many as
   there are slots, 25 for all kinds together. A slot is held while keys are pressed, not while a proof is waited for.
2. A phone in use is come back to, three times.
3. A phone whose messages say that it took a list, and not which, is no proof, and no failure either: the first of its
   kind stops the run, until a person has read the hash in its menu; the others end as not proved.
4. Stopped at once: the first phone of a kind is not proved though keys were sent to it; a list that no server hands
   out; Error 4 on two phones; three failures in a row; failures of 2 % of a kind; the set of lists changed or cannot be
   fetched; fewer phones registered than before; the evidence cannot be written; the operator says so.
5. Nothing is started behind that. Phones whose keys were sent are looked at until their end.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from mixedmode.rescue.outcomes import Outcome, Result
from mixedmode.rescue.phone.answers import AUTHENTICATION
from mixedmode.rescue.planning import Planned

SLOTS: Final = 25
SECOND: Final = 3
RETRY_SECONDS: Final = 60.0
RETRIES: Final = 3
IN_A_ROW: Final = 3
REFUSALS: Final = 2
SHARE: Final = 50
"""One phone in so many of a kind may fail: 2 %."""


@dataclass(slots=True)
class _Kind:
    size: int = 0
    waiting: deque[Planned] = field(default_factory=deque)
    later: list[tuple[float, Planned]] = field(default_factory=list)
    open: int = 0
    proved: int = 0
    failed: int = 0
    untold: int = 0

    def room(self) -> int:
        """Return how many more may be started (rule 1)."""
        if not self.proved:
            return 1 - self.open
        if self.proved + self.untold <= SECOND:
            return SECOND - self.open
        return SLOTS


class Conductor:
    """The order of one run.

    Args:
        phones: To be pressed, in order.
        proved: Those that a run before this one proved.
        slots: At a time.
    """

    def __init__(self, phones: Sequence[Planned], proved: Iterable[Planned] = (), *, slots: int = SLOTS) -> None:
        self.stopped = ""
        self._slots = slots
        self._pressing: set[str] = set()
        self._kinds: dict[tuple[str, ...], _Kind] = {}
        self._tries: dict[str, int] = {}
        self._row = self._refusals = 0
        for phone in (*phones, *proved):
            self._kinds.setdefault(phone.kind, _Kind()).size += 1
        for phone in phones:
            self._kinds[phone.kind].waiting.append(phone)
        for phone in proved:
            self._kinds[phone.kind].proved += 1

    def start(self, now: float) -> list[Planned]:
        """Return the phones to begin with now; each holds a slot until :meth:`sent` or :meth:`ended`."""
        begun: list[Planned] = []
        if self.stopped:
            return begun
        for kind in self._kinds.values():
            due = [phone for moment, phone in kind.later if moment <= now]
            kind.later = [each for each in kind.later if each[0] > now]
            kind.waiting.extend(due)
            while kind.waiting and len(self._pressing) < self._slots and kind.room() > 0:
                phone = kind.waiting.popleft()
                kind.open += 1
                self._pressing.add(phone.name)
                begun.append(phone)
        return begun

    def sent(self, phone: Planned) -> None:
        """Say that a phone's keys were pressed: its slot is free."""
        self._pressing.discard(phone.name)

    def is_first(self, phone: Planned) -> bool:
        """Return whether nothing of a phone's kind is proved yet."""
        return not self._kinds[phone.kind].proved

    def ended(self, phone: Planned, result: Result, now: float, *, pressed: bool) -> bool:
        """Say how it ended for a phone.

        Args:
            phone: Which.
            result: How.
            now: The time.
            pressed: Whether any key was pressed.

        Returns:
            Whether that is the end; a phone in use is come back to.
        """
        kind = self._kinds[phone.kind]
        self._pressing.discard(phone.name)
        kind.open -= 1
        outcome = result.outcome
        if outcome is Outcome.IN_USE and not self.stopped:
            tries = self._tries[phone.name] = self._tries.get(phone.name, 0) + 1
            if tries < RETRIES:
                kind.later.append((now + RETRY_SECONDS, phone))
                return False
        first = not kind.proved
        kind.proved += outcome.is_proof
        kind.untold += outcome is Outcome.NOT_PROVED
        self._count(phone, kind, result, first=first and pressed)
        return True

    def checked(self, phone: Planned, result: Result) -> None:
        """Say how it ended for a phone whose keys a run before this one sent: a proof counts for its kind."""
        kind = self._kinds.setdefault(phone.kind, _Kind())
        kind.proved += result.outcome.is_proof

    def _count(self, phone: Planned, kind: _Kind, result: Result, *, first: bool) -> None:
        outcome = result.outcome
        if outcome.is_proof:
            self._row = 0
        if result.error == AUTHENTICATION:
            self._refusals += 1
        if outcome.is_failure:
            kind.failed += 1
            self._row += 1
        if outcome is Outcome.WRONG_LIST:
            self.stop(f"{phone.name} holds a list that nobody should hand out: find out who answers TFTP")
        elif first and not outcome.is_proof and outcome is not Outcome.STOPPED:
            self.stop(f"the first phone of its kind, {phone.name}, is not proved: {outcome}, {result.reason}")
        elif self._refusals >= REFUSALS:
            self.stop("two phones refused the login: the control user may be locked soon")
        elif outcome.is_failure and self._row >= IN_A_ROW:
            self.stop(f"{IN_A_ROW} failures in a row, the last one {phone.name}: {outcome}")
        elif outcome.is_failure and kind.failed * SHARE >= kind.size:
            self.stop(f"{kind.failed} of {kind.size} phones like {phone.name} failed: {outcome}")

    def stop(self, why: str) -> None:
        """Stop the run; the first reason stays."""
        self.stopped = self.stopped or why

    def left(self) -> list[Planned]:
        """Return the phones that are not begun, or wait for a call to end, and forget them."""
        found = [phone for kind in self._kinds.values() for phone in (*kind.waiting, *(each for _, each in kind.later))]
        for kind in self._kinds.values():
            kind.waiting.clear()
            kind.later.clear()
        return found

    def in_use(self, phone: Planned) -> bool:
        """Return whether a phone was found in use before."""
        return phone.name in self._tries

    @property
    def waits(self) -> bool:
        """Whether phones are left to begin with."""
        return any(kind.waiting or kind.later for kind in self._kinds.values())
