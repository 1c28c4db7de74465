"""Whether a kept forecast still holds: it is made again, and compared with what it rested on and what came out.

Rules:

1. It holds if every phone is there as it was, everything else that it rested on is what it was, and each phone's
   outcome is the same. An inventory with other bytes that says the same of every phone holds.
2. If the cluster changed, so that an operation of the plan is refused now, it does not hold, and nothing is foreseen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mixedmode.app.commands.forecasting.evaluating import cluster_of, evaluate
from mixedmode.app.commands.forecasting.fingerprints import KINDS, Changed, differences
from mixedmode.app.commands.forecasting.saved import Saved, State, state_of
from mixedmode.errors import MixedModeError
from mixedmode.faces.terminal.console import Colour, Painted
from mixedmode.forecast.tally import outcomes, summary
from mixedmode.phone.mind.fate.prospect import Fate

if TYPE_CHECKING:
    from mixedmode.app.commands.forecasting.asked import Asked
    from mixedmode.forecast.tally import Cell

_NAMED: Final = 10


@dataclass
class Some:
    """Phones, of which the first are named."""

    count: int = 0
    names: list[str] = field(default_factory=list)

    def add(self, name: str) -> None:
        """Count one."""
        self.count += 1
        if self.count <= _NAMED:
            self.names.append(name)

    @property
    def more(self) -> str:
        """How many are not named."""
        return f" and {self.count - len(self.names):,} more" if self.count > len(self.names) else ""

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {"count": self.count, "names": self.names}


@dataclass(frozen=True, slots=True)
class Moved:
    """A phone with another outcome.

    Attributes:
        name: The phone.
        was: As it was foreseen.
        now: As it is foreseen now.
    """

    name: str
    was: Fate
    now: Fate


@dataclass
class Findings:
    """What a comparison found.

    Attributes:
        saved: The kept forecast.
        same_bytes: Whether the inventory's file is the very same.
        changed: Phones of which something else is known now.
        came: Phones that are new.
        went: Phones that are not there any more.
        moved: How many phones have another outcome.
        examples: The first of them.
        inputs: What else changed.
        numbers: How many phones have which outcome now; None if that cannot be foreseen.
        refused: Why an operation of the plan is refused now.
    """

    saved: Saved
    same_bytes: bool = True
    changed: Some = field(default_factory=Some)
    came: Some = field(default_factory=Some)
    went: Some = field(default_factory=Some)
    moved: int = 0
    examples: list[Moved] = field(default_factory=list)
    inputs: list[Changed] = field(default_factory=list)
    numbers: dict[Fate, int] | None = None
    refused: MixedModeError | None = None

    @property
    def holds(self) -> bool:
        """Rule 1."""
        phones = self.changed.count or self.came.count or self.went.count or self.moved
        return not (phones or self.inputs or self.refused)

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        was, now = self.saved.outcomes, self.numbers
        moved = [{"name": each.name, "was": each.was.value, "now": each.now.value} for each in self.examples]
        return {
            "holds": self.holds,
            "made": self.saved.made,
            "was": {fate.value: count for fate, count in was.items()},
            "now": None if now is None else {fate.value: count for fate, count in now.items()},
            "inventory": {
                "file": self.saved.asked.inventory,
                "same_bytes": self.same_bytes,
                "changed": self.changed.document(),
                "came": self.came.document(),
                "went": self.went.document(),
            },
            "moved": {"count": self.moved, "phones": moved},
            "inputs": [{"kind": each.kind, "name": each.name, "change": each.how} for each in self.inputs],
            "refused": None if self.refused is None else self.refused.as_document(),
        }


def check(saved: Saved, asked: Asked, folder: Path) -> Findings:
    """Make a kept forecast again and compare.

    Args:
        saved: What was kept.
        asked: What to ask now.
        folder: What its names are relative to.

    Raises:
        MixedModeError: Something cannot be read any more.
    """
    comparing = _Comparing(saved)
    found = comparing.found
    about = cluster_of(asked, folder)
    if about is not None:
        before = {"cluster": saved.prints.get("cluster", {})}
        found.inputs = list(differences(before, {"cluster": about.prints}))
    try:
        made = evaluate(asked, folder, take=comparing, hashed=True, about=about)
    except MixedModeError as error:
        if about is None or about.refused is not error or not found.inputs:
            raise
        found.refused = error
        return found
    for name in comparing.left:
        found.went.add(name)
    found.same_bytes = made.sha256 == saved.sha256
    found.inputs = list(differences(saved.prints, made.prints))
    found.numbers = outcomes(made.cells)
    return found


class _Comparing:
    """Compares phones, as they are read, with those that were kept.

    Attributes:
        found: What came of it so far.
        left: The kept phones that were not read yet.
    """

    def __init__(self, saved: Saved) -> None:
        self.found = Findings(saved)
        self.left = dict(saved.phones)
        self._states: dict[int, State] = {}

    def __call__(self, name: str, cell: Cell) -> None:
        """Compare one."""
        found, known = self.found, self.left.pop(name, None)
        if known is None:
            found.came.add(name)
            return
        state = self._states.get(id(cell))
        if state is None:
            state = self._states[id(cell)] = state_of(cell.forecast.kind)
        if known[0] != state:
            found.changed.add(name)
        if known[1] is not cell.forecast.outcome:
            found.moved += 1
            if found.moved <= _NAMED:
                found.examples.append(Moved(name, known[1], cell.forecast.outcome))


def lines(found: Findings) -> Iterator[str]:
    """Yield what was found, for people: the answer first."""
    saved = found.saved
    if found.holds:
        yield Painted(f"holds, as foreseen {saved.made}: {summary(saved.outcomes)}", Colour.GREEN)
        if not found.same_bytes:
            yield f"{saved.asked.inventory} is another file, and says the same of every phone"
        return
    yield Painted(f"does not hold any more, as foreseen {saved.made}", Colour.RED)
    yield f"was: {summary(saved.outcomes)}"
    if found.numbers is not None:
        yield f"now: {summary(found.numbers)}"
    yield from _phones(found)
    for each in found.inputs:
        yield f"{KINDS[each.kind]}: {each.name} {each.how}"
    if found.refused is not None:
        yield f"the cluster refuses the plan now: {found.refused}"
    yield "see what it says now: mixedmode forecast with the same options"


def _phones(found: Findings) -> Iterator[str]:
    for some, word in ((found.changed, "changed"), (found.came, "came"), (found.went, "went")):
        if some.count:
            rows = f"{some.count:,} row{'s' if some.count != 1 else ''} {word}"
            yield f"inventory: {rows}: {', '.join(some.names)}{some.more}"
    if found.moved:
        yield f"outcomes that moved: {found.moved:,}"
        yield from (f"  {each.name}: {each.was}, now {each.now}" for each in found.examples)
        if found.moved > len(found.examples):
            yield f"  and {found.moved - len(found.examples):,} more"
    elif found.refused is None:
        yield "no outcome of a phone moved"
