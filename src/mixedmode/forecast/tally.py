"""Numbers and groups of a fleet: phones are counted one by one, and kept only as examples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mixedmode.forecast.evaluation import Forecast
from mixedmode.inventory.kinds import held_text
from mixedmode.phone.mind.fate.prospect import Fate

EXAMPLES = 10
ORDER = (Fate.LOCKED_OUT, Fate.FROZEN, Fate.UNKNOWN, Fate.BEHIND, Fate.FOLLOWS_BY_TVS, Fate.FOLLOWS)
"""The worst first."""


@dataclass
class Cell:
    """Phones of one kind that are on and off together.

    Attributes:
        forecast: What becomes of them.
        remedy: What would help.
        absences: In which steps they are off.
        count: How many they are.
        examples: The names of the first ones.
    """

    forecast: Forecast
    remedy: str
    absences: tuple[bool, ...] = ()
    count: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, name: str) -> None:
        """Count a phone."""
        self.count += 1
        if self.count <= EXAMPLES:
            self.examples.append(name)


def add_all(cells: Mapping[int, Cell], unfilled: dict[int, Cell], names: Sequence[str], places: Sequence[int]) -> None:
    """Count many phones at once.

    Args:
        cells: By a number.
        unfilled: Those that may lack examples; who has enough is taken out.
        names: Of the phones.
        places: The number of each one's cell.
    """
    numbers = Counter(places)
    if not unfilled.keys().isdisjoint(numbers):
        for name, place in zip(names, places, strict=True):
            cell = unfilled.get(place)
            if cell is not None and len(cell.examples) < EXAMPLES:
                cell.examples.append(name)
            elif cell is not None:
                del unfilled[place]
    for place, number in numbers.items():
        cells[place].count += number


@dataclass
class Group:
    """Phones with the same outcome for the same reasons, that hold the same lists.

    Attributes:
        cells: By what is known of them.
    """

    cells: list[Cell]

    @property
    def first(self) -> Forecast:
        """The forecast of the first cell; all have the same outcome and chain."""
        return self.cells[0].forecast

    @property
    def outcome(self) -> Fate:
        """Of all of them."""
        return self.first.outcome

    @property
    def remedy(self) -> str:
        """What would help."""
        return self.cells[0].remedy

    @property
    def count(self) -> int:
        """How many phones."""
        return sum(cell.count for cell in self.cells)

    @property
    def models(self) -> list[str]:
        """Their models."""
        kinds = (cell.forecast.kind for cell in self.cells)
        return sorted({kind.model.name if kind.model is not None else kind.model_name for kind in kinds})

    @property
    def examples(self) -> list[str]:
        """The names of the first ones."""
        return [name for cell in self.cells for name in cell.examples][:EXAMPLES]


def outcomes(cells: list[Cell]) -> dict[Fate, int]:
    """Return how many phones have each outcome, all six of them."""
    found = Counter[Fate]()
    for cell in cells:
        found[cell.forecast.outcome] += cell.count
    return {fate: found[fate] for fate in Fate}


def outcomes_after(cells: list[Cell], step: int) -> dict[Fate, int]:
    """Return the same after a step, from 0."""
    found = Counter[Fate]()
    for cell in cells:
        found[cell.forecast.steps[step]] += cell.count
    return {fate: found[fate] for fate in Fate}


def moves(cells: list[Cell], step: int) -> dict[tuple[Fate, Fate], int]:
    """Return how many phones pass from one outcome to another in a step, from 1: by what they were after the last."""
    found = Counter[tuple[Fate, Fate]]()
    for cell in cells:
        found[cell.forecast.steps[step - 1], cell.forecast.steps[step]] += cell.count
    return dict(found)


def groups(cells: list[Cell]) -> list[Group]:
    """Return the groups, the worst outcome and the largest first."""
    found: dict[tuple[object, ...], list[Cell]] = {}
    for cell in cells:
        forecast = cell.forecast
        chain = tuple((each.step, each.file, each.decision.reason, each.decision.row) for each in forecast.chain)
        kind = forecast.kind
        unknown_model = kind.model_name if kind.model is None else ""
        key = (forecast.outcome, held_text(kind.ctl), held_text(kind.itl), chain, cell.remedy, forecast.reason,
               forecast.by_tvs, unknown_model, kind.mode > 1)  # fmt: skip
        found.setdefault(key, []).append(cell)
    made = [Group(each) for each in found.values()]
    return sorted(made, key=lambda group: (ORDER.index(group.outcome), -group.count, group.examples))


def switches(cells: list[Cell]) -> dict[str, int]:
    """Return how many phones depend on each setting."""
    found = Counter[str]()
    for cell in cells:
        for setting in cell.forecast.depends_on:
            found[setting] += cell.count
    return dict(found)


def summary(numbers: dict[Fate, int]) -> str:
    """Return one line such as ``38,912 follow, 1,076 by TVS, 9 behind, 3 frozen, 0 locked out``."""
    words = {
        Fate.FOLLOWS: "follow",
        Fate.FOLLOWS_BY_TVS: "by TVS",
        Fate.BEHIND: "behind",
        Fate.FROZEN: "frozen",
        Fate.LOCKED_OUT: "locked out",
    }
    parts = [f"{numbers[fate]:,} {word}" for fate, word in words.items()]
    if numbers[Fate.UNKNOWN]:
        parts.append(f"{numbers[Fate.UNKNOWN]:,} unknown")
    return ", ".join(parts)
