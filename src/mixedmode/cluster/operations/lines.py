"""Lines are added to phones, changed, and removed."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Annotated, ClassVar, TypeAlias

from annotated_types import MinLen
from sqlalchemy import select

from mixedmode.cluster.engine.operation import About, Operation
from mixedmode.cluster.engine.steps import Step, StepContext
from mixedmode.cluster.model.lines import LineSpec
from mixedmode.cluster.store.lines import LineStore, add_lines, change_line, placed, remove_line
from mixedmode.cluster.store.schema_lines import NumPlan
from mixedmode.cluster.store.state import ClusterState
from mixedmode.errors import UsageError

LineNumber: TypeAlias = Annotated[str, MinLen(1), About("The line's directory number, such as 1001.", "line")]
_RESET = "Reset the phone: it shows its lines anew after that."


@dataclass(frozen=True, slots=True)
class AddLines(Operation):
    """Lines are added, all or none."""

    title: ClassVar[str] = "line add"

    lines: Annotated[tuple[LineSpec, ...], MinLen(1), About("The lines.")]

    def plan(self, _state: ClusterState) -> list[Step]:
        """Return its steps."""

        def commit(context: StepContext) -> None:
            with context.transaction() as session:
                there = set(session.scalars(select(NumPlan.dnorpattern)))
                # Repeated after a crash: what the first try wrote is there, whole.
                add_lines(session, [line for line in self.lines if line.number not in there])
                context.changed(f"{len(self.lines)} {'line' if len(self.lines) == 1 else 'lines'} added")

        return [Step(f"Add {len(self.lines)} lines", commit, commits=True)]

    def check(self, state: ClusterState) -> list[str]:
        """Refuse an unknown device, and a number or a button that is taken."""
        numbers = [line.number for line in self.lines]
        if len(set(numbers)) != len(numbers):
            raise UsageError("two lines have the same number", next_step="name each number once")
        with state.database.read() as session:
            placed(session, self.lines)
        return [_RESET]


@dataclass(frozen=True, slots=True)
class LineValues:
    """The fields of a line that change; None leaves one as it is, an empty text takes it away."""

    name: str | None = None
    label: str | None = None
    forward_all: str | None = None
    forward_busy: str | None = None
    forward_no_answer: str | None = None
    calls: int | None = None

    def over(self, line: LineSpec) -> LineSpec:
        """Return a line as it shall be.

        Raises:
            UsageError: A value is out of its range.
        """
        return replace(line, **{name: value for name, value in asdict(self).items() if value is not None})


@dataclass(frozen=True, slots=True)
class ChangeLine(Operation):
    """A line is changed."""

    title: ClassVar[str] = "line change"

    number: LineNumber
    values: Annotated[LineValues, About("What changes; what is not given stays.")]

    def plan(self, state: ClusterState) -> list[Step]:
        """Return its steps."""
        line = self._changed(state)

        def commit(context: StepContext) -> None:
            with context.transaction() as session:
                change_line(session, line)
                context.changed(f"line {line.number} changed")

        return [Step(f"Change line {line.number}", commit, commits=True)]

    def check(self, state: ClusterState) -> list[str]:
        """Refuse an unknown line, and a value out of its range."""
        self._changed(state)
        return [_RESET] if self.values.name is not None or self.values.label is not None else []

    def _changed(self, state: ClusterState) -> LineSpec:
        if self.values == LineValues():
            raise UsageError("nothing is to be changed", where=self.number, next_step="give at least one option")
        return self.values.over(LineStore(state.database).get(self.number))


@dataclass(frozen=True, slots=True)
class RemoveLine(Operation):
    """A line is removed."""

    title: ClassVar[str] = "line remove"

    number: LineNumber

    def plan(self, _state: ClusterState) -> list[Step]:
        """Return its steps."""

        def commit(context: StepContext) -> None:
            with context.transaction() as session:
                remove_line(session, self.number)
                context.changed(f"line {self.number} removed")

        return [Step(f"Remove line {self.number}", commit, commits=True)]

    def check(self, state: ClusterState) -> list[str]:
        """Refuse an unknown line."""
        LineStore(state.database).get(self.number)
        return [_RESET]
