"""How a rescue ends for a phone: with proof, or with a named reason (docs/specification/rescue.md 3)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final


class Outcome(StrEnum):
    """What became of a phone."""

    PROVED_1 = "proved(1)"
    """It shows the hash of a list that the servers hand out now, twice."""
    PROVED_2 = "proved(2)"
    """Its status messages say, in order, that lists were erased and installed, and a person read the hash of one that
    the servers hand out in its own menu."""
    ALREADY_RIGHT = "already right"
    NOT_RESTARTED = "erased not restarted"
    WRONG_LIST = "erased wrong list taken"
    NO_CHANGE = "keys sent no change"
    NOT_PROVED = "keys sent not proved"
    """Its messages say erased and installed, and nothing says which list it installed: never counted as saved."""
    REFUSED = "refused by phone"
    UNREACHABLE = "unreachable"
    IN_USE = "in use"
    NOT_IN_CATALOGUE = "not in catalogue"
    NOT_CONFIRMED = "not confirmed"
    LATE = "late"
    STOPPED = "stopped"

    @property
    def is_proof(self) -> bool:
        """Whether it is proved that the phone was saved."""
        return self in _PROOFS

    @property
    def is_failure(self) -> bool:
        """Whether keys, or what refused them, did not do what they should: what the stop rules count."""
        return self in _FAILURES

    @property
    def is_open(self) -> bool:
        """Whether a later run may find something else: what is looked at again when a run is taken up."""
        return self in _OPEN


_PROOFS: Final = frozenset({Outcome.PROVED_1, Outcome.PROVED_2})
_FAILURES: Final = frozenset(
    {Outcome.NOT_RESTARTED, Outcome.WRONG_LIST, Outcome.NO_CHANGE, Outcome.REFUSED, Outcome.LATE}
)
_OPEN: Final = frozenset(
    {
        *(Outcome.NOT_RESTARTED, Outcome.NO_CHANGE, Outcome.NOT_PROVED, Outcome.LATE, Outcome.STOPPED),
        *(Outcome.IN_USE, Outcome.UNREACHABLE),
    }
)


@dataclass(frozen=True, slots=True)
class Result:
    """How it ended.

    Attributes:
        outcome: In a word.
        reason: In a sentence.
        ctl: The hash of the CTL that the phone shows, ``none`` or empty.
        itl: The same of its ITL.
        messages: Status messages that came after the keys.
        error: The number with which the phone refused a key, as of Error 4; 0 if it did not.
    """

    outcome: Outcome
    reason: str = ""
    ctl: str = ""
    itl: str = ""
    messages: tuple[str, ...] = ()
    error: int = 0

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "outcome": self.outcome.value,
            "reason": self.reason,
            "ctl": self.ctl,
            "itl": self.itl,
            "messages": list(self.messages),
        }
