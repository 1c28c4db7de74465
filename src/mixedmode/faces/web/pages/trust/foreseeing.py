"""What every phone would do under a staged change: the cluster's own phones, kind by kind.

Rules:

1. Nothing is written: operations are foreseen one after another, and every TFTP is restarted after each.
2. Who is lost already is not counted as lost by the change.
3. What was evaluated is kept for as long as nothing that decides has changed; the next reader has it at once.
"""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from sqlalchemy import func, select

from mixedmode.errors import UsageError
from mixedmode.faces.web.pages.trust.staging import Staged, read_text
from mixedmode.faces.web.standing.rows import PHONES
from mixedmode.forecast.cluster.outlooks import foreseen_step, in_force
from mixedmode.forecast.evaluation import Forecaster
from mixedmode.forecast.plan import Off, Plan, Step, Tvs
from mixedmode.forecast.proposal import Proposal, proposed
from mixedmode.forecast.remedies import remedy
from mixedmode.forecast.tally import EXAMPLES, Cell
from mixedmode.phone.mind.fate.prospect import LOST, Fate

if TYPE_CHECKING:
    from mixedmode.cluster.publishing.outlook import Outlook
    from mixedmode.faces.web.kit.asking import Ask
    from mixedmode.faces.web.kit.desk import Desk
    from mixedmode.inventory.kinds import PhoneKind

_KEPT: Final = 8


@dataclass(slots=True)
class Foreseen:
    """A forecast.

    Attributes:
        plan: The change.
        forecaster: Who evaluated it.
        cells: The phones.
        before: How they stand now, by outcome.
        lost: Cells of phones that the change loses, and that are not lost without it.
        passing: How many phones pass from how they stand now to how they stand after the first step.
        proposal: A better plan, once one was asked for.
    """

    plan: Plan
    forecaster: Forecaster
    cells: list[Cell]
    before: Mapping[Fate, int]
    lost: list[Cell]
    passing: Mapping[tuple[Fate, Fate], int]
    proposal: Proposal | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def losses(self) -> int:
        """How many phones the change loses."""
        return sum(cell.count for cell in self.lost)

    def lost_names(self, most: int = 10) -> list[str]:
        """Return the first of them."""
        return [name for cell in self.lost for name in cell.examples][:most]

    def proposed(self) -> Proposal:
        """Return the best plan; it is searched for once."""
        with self.lock:
            if self.proposal is None:
                self.proposal = proposed(self.forecaster, self.cells)
            return self.proposal


_KEEP: WeakKeyDictionary[Desk, OrderedDict[tuple[object, ...], Foreseen]] = WeakKeyDictionary()
_LOCK = threading.Lock()


def foreseen(ask: Ask, staged: Staged) -> Foreseen:
    """Return the forecast of a staged change with at least one step.

    Raises:
        MixedModeError: An operation would be refused, by the cluster or to this person.
    """
    standing = ask.desk.standing
    standing.fresh()
    key = (staged.text(), standing.mark, ask.principal.level)
    with _LOCK:
        kept = _KEEP.setdefault(ask.desk, OrderedDict())
        if key in kept:
            kept.move_to_end(key)
            return kept[key]
    made = _foreseen(ask, staged)
    with _LOCK:
        kept[key] = made
        while len(kept) > _KEPT:
            kept.popitem(last=False)
    return made


def _foreseen(ask: Ask, staged: Staged) -> Foreseen:
    standing = ask.desk.standing
    world = standing.world
    if world is None:
        raise UsageError("the phones are still being read", why=standing.problem or None, next_step="ask again")
    foresight = _Foresight(ask, world.outlook)
    texts = tuple(each.text for each in staged.steps)
    made = foresight.steps(texts, tuple((each.title, each.fields) for each in staged.steps))
    steps = tuple(
        replace(
            step,
            label=each.label,
            off=Off.parse(each.off) if each.off else step.off,
            tvs=Tvs(each.tvs) if each.tvs else step.tvs,
            reset=each.reset,
        )
        for step, each in zip(made, staged.steps, strict=True)
    )
    present = foreseen_step("as it is", world.outlook, None)
    plan = Plan(steps, Tvs(staged.tvs), present=present, foresee=foresight.foresee)
    forecaster = Forecaster(plan, now=world.outlook.now)
    without = Forecaster(Plan((foreseen_step("phones restart", world.outlook, world.outlook),), present=present))
    counting = _Counting(ask, plan, forecaster)
    cells = counting.cells()
    lost = [cell for cell in cells if cell.forecast.outcome in LOST and without.outcome(cell.forecast.kind) not in LOST]
    return Foreseen(plan, forecaster, cells, counting.before, lost, counting.passing)


class _Foresight:
    """Foresees operations, one after another (rule 1)."""

    def __init__(self, ask: Ask, now: Outlook) -> None:
        self._ask = ask
        self._after: dict[tuple[str, ...], Outlook] = {(): now}
        self._fields: dict[str, tuple[str, Mapping[str, Any]]] = {}

    def steps(self, texts: tuple[str, ...], operations: tuple[tuple[str, Mapping[str, Any]], ...]) -> tuple[Step, ...]:
        """Return the steps of operations whose fields are known."""
        self._fields.update(zip(texts, operations, strict=True))
        return self.foresee(texts)

    def foresee(self, texts: tuple[str, ...]) -> tuple[Step, ...]:
        """Return the steps that operations are, by their texts."""
        found = []
        for number, text in enumerate(texts):
            before, after = self._outlook(texts[:number]), self._outlook(texts[: number + 1])
            found.append(replace(foreseen_step(text, after, before), operation=text))
        return tuple(found)

    def _outlook(self, texts: tuple[str, ...]) -> Outlook:
        found = self._after.get(texts)
        if found is None:
            title, fields = self._fields.get(texts[-1]) or read_text(texts[-1])
            operation = self._ask.control.operation(title, fields)
            if len(texts) == 1:
                after = self._ask.control.preview(self._ask.principal, operation).after
            else:
                after = operation.foresee(self._outlook(texts[:-1]))
            found = self._after[texts] = in_force(operation, after)
        return found


class _Counting:
    """Counts the cluster's phones under a plan: each kind of them is evaluated once."""

    def __init__(self, ask: Ask, plan: Plan, forecaster: Forecaster) -> None:
        self._standing, self._plan, self._forecaster = ask.desk.standing, plan, forecaster
        self.before: Counter[Fate] = Counter()
        self.passing: Counter[tuple[Fate, Fate]] = Counter()
        self._cells: dict[tuple[PhoneKind, tuple[bool, ...]], Cell] = {}

    def cells(self) -> list[Cell]:
        """Return the phones."""
        for number, absences, count, names in self._found():
            state = self._standing.state(number)
            kind = replace(state.kind, pool="")
            cell = self._cells.get((kind, absences))
            if cell is None:
                forecast = self._forecaster.of(kind, absences)
                cell = Cell(forecast, remedy(self._forecaster, forecast, absences), absences)
                self._cells[kind, absences] = cell
            cell.count += count
            cell.examples += names[: max(0, EXAMPLES - len(cell.examples))]
            self.before[state.outcome] += count
            self.passing[state.outcome, cell.forecast.steps[0]] += count
        if not self._cells:
            raise UsageError("the cluster has no phones", next_step="add some: mixedmode device add")
        return list(self._cells.values())

    def _found(self) -> Iterator[tuple[int, tuple[bool, ...], int, list[str]]]:
        """Yield state, absences, how many phones, and the names of the first ones."""
        column = PHONES.c
        with self._standing.read() as session:
            if self._plan.someone_is_off:
                counts: Counter[tuple[int, tuple[bool, ...]]] = Counter()
                names: dict[tuple[int, tuple[bool, ...]], list[str]] = {}
                for name, number in session.execute(select(column.name, column.state).order_by(column.name)):
                    key = (number, self._plan.absences(name))
                    counts[key] += 1
                    kept = names.setdefault(key, [])
                    if len(kept) < EXAMPLES:
                        kept.append(name)
                for key, count in counts.items():
                    yield *key, count, names[key]
                return
            query = select(column.state, func.count(), func.min(column.name)).group_by(column.state)
            for number, count, _ in session.execute(query).all():
                some = select(column.name).where(column.state == number).limit(EXAMPLES)
                yield number, (), count, list(session.scalars(some))


def phone_rows(ask: Ask, made: Foreseen) -> Iterator[list[object]]:
    """Yield each phone with what becomes of it, as the CSV has it."""
    standing, column = ask.desk.standing, PHONES.c
    with standing.read() as session:
        query = select(column.name, column.model, column.pool, column.state).order_by(column.name)
        for row in session.execute(query.execution_options(yield_per=500)):
            state = standing.state(row.state)
            forecast = made.forecaster.of(replace(state.kind, pool=""), made.plan.absences(row.name))
            after = forecast.outcome.value
            yield [row.name, row.model, row.pool, state.outcome.value, after, forecast.reason]
