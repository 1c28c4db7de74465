"""What a page says before a change: what becomes of every phone, who would be lost, and the word that it asks for.

Rules:

1. Phones are those that the pages count (:mod:`.standing`), and the number is that of the ``admin:`` prompt: those that
   are lost without the operation too are not counted, nor those of which not enough is known.
2. When the form comes back, all of it is looked at again: if more phones would be lost than the form said, nothing is
   done and the panel comes back with both numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from sqlalchemy import func, select

from mixedmode.cluster.publishing.looking import outlook
from mixedmode.errors import MixedModeError, UsageError
from mixedmode.faces.web.kit.asking import whole_number
from mixedmode.faces.web.kit.outcomes import Counts
from mixedmode.faces.web.standing.rows import PHONES
from mixedmode.forecast.cluster.losses import without_and_with
from mixedmode.forecast.cluster.outlooks import in_force
from mixedmode.guides.words import WORD
from mixedmode.phone.mind.fate.prospect import LOST, Fate

if TYPE_CHECKING:
    from mixedmode.cluster.engine.operation import Operation
    from mixedmode.cluster.publishing.outlook import Outlook
    from mixedmode.faces.web.kit.asking import Ask
    from mixedmode.inventory.kinds import PhoneKind

NAMED: Final = 10
_PATIENCE: Final = 2.0


@dataclass(frozen=True, slots=True)
class Phones:
    """Phones of which the same is known.

    Attributes:
        state: Their number in the table of phones.
        count: How many they are.
    """

    state: int
    count: int


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What becomes of the phones.

    Attributes:
        without: By outcome, as they would restart now.
        after: By outcome, after the change.
        lost: By outcome, those that are lost by the change, the worst first; none that is 0.
        names: Of the first who would be lost.
        why: Why it cannot be foreseen; empty if it can.
        states: What decides about those who would be lost, by its numbers in the table of phones.
    """

    without: Counts = field(default_factory=Counts)
    after: Counts = field(default_factory=Counts)
    lost: Mapping[Fate, int] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    why: str = ""
    states: tuple[int, ...] = ()

    @property
    def loses(self) -> int:
        """How many phones are lost by the change."""
        return sum(self.lost.values())

    @property
    def more(self) -> int:
        """How many of them are not named."""
        return self.loses - len(self.names)

    @property
    def changes(self) -> dict[Fate, str]:
        """By outcome, how many more or fewer phones have it."""
        found = {fate: self.after[fate] - self.without[fate] for fate in Fate}
        return {fate: f"{number:+,}" for fate, number in found.items() if number}

    @property
    def doing(self) -> str:
        """What it does to those who are lost, for a button: ``freeze 3 and lock out 412 phones``."""
        words = {Fate.FROZEN: "freeze", Fate.LOCKED_OUT: "lock out"}
        parts = [f"{words[fate]} {self.lost[fate]:,}" for fate in words if fate in self.lost]
        return f"{' and '.join(parts)} phone{'' if self.loses == 1 else 's'}"

    @property
    def verdict(self) -> tuple[str, str]:
        """The answer with its number, and one sentence more."""
        if self.why:
            return "What phones would do cannot be foreseen.", self.why
        total, unknown = self.after.total, self.after[Fate.UNKNOWN]
        more = f"Of {unknown:,} of {total:,} phones it is not known what they hold." if unknown else ""
        if not total:
            return "There are no phones.", "Nobody is lost."
        if not self.loses:
            return "Nobody is known to be lost.", more or f"All {total:,} phones go on."
        words = {Fate.FROZEN: "frozen", Fate.LOCKED_OUT: "locked out"}
        said = [f"{number:,} would be {words[fate]}" for fate, number in self.lost.items()]
        return f"{' and '.join(said)}, of {total:,} phones.", more


def phones_by_kind(ask: Ask, *, exactly: bool = False) -> dict[PhoneKind, Phones]:
    """Return the phones of the cluster by what is known of them.

    Args:
        ask: Who asks.
        exactly: Whether they are read again now, whatever that costs: where it is decided by.

    Raises:
        MixedModeError: They cannot be read, as in a subscriber's copy of the database.
    """
    standing = ask.desk.standing
    if exactly:
        standing.now()
    else:
        standing.fresh(_PATIENCE)
    if standing.problem or not standing.is_ready:
        raise UsageError(standing.problem or "the phones are being read for the first time", next_step="ask again soon")
    with standing.read() as session:
        rows = session.execute(select(PHONES.c.state, func.count()).group_by(PHONES.c.state)).all()
    return {standing.state(number).kind: Phones(number, count) for number, count in rows}


def foresee(ask: Ask, operations: Sequence[Operation]) -> Foreseen:
    """Return what becomes of the phones if operations are done, one after the other.

    Nothing is changed, and nothing is refused here: what an operation says of that is for its plan.
    """
    try:
        before = after = outlook(ask.cluster)
        for operation in operations:
            after = in_force(operation, operation.foresee(after))
    except MixedModeError as error:
        return cannot_be(error)
    return foresee_between(ask, operations[-1].title, before, after)


def cannot_be(error: MixedModeError) -> Foreseen:
    """Return that it cannot be foreseen, and why."""
    return Foreseen(why=" ".join(part for part in (f"{error}.", error.next_step or "") if part))


def foresee_between(ask: Ask, title: str, before: Outlook, after: Outlook) -> Foreseen:
    """Return what becomes of the phones between two outlooks.

    Args:
        ask: Who asks.
        title: Of what leads from the one to the other.
        before: The cluster as it is.
        after: The cluster after it.
    """
    try:
        phones = phones_by_kind(ask, exactly=ask.is_post)
        fates = without_and_with(title, before, after, phones)
    except MixedModeError as error:
        return cannot_be(error)
    without, with_it, lost = Counter[Fate](), Counter[Fate](), Counter[Fate]()
    states: list[int] = []
    for kind, (fate, then) in fates.items():
        each = phones[kind]
        without[fate] += each.count
        with_it[then] += each.count
        if then in LOST and fate not in LOST:
            lost[then] += each.count
            states.append(each.state)
    worst_first = {fate: lost[fate] for fate in LOST if lost[fate]}
    return Foreseen(Counts(without), Counts(with_it), worst_first, _names(ask, states), states=tuple(states))


def _names(ask: Ask, states: Sequence[int]) -> tuple[str, ...]:
    """Return the first names of phones of some rows of what decided about them."""
    if not states:
        return ()
    query = select(PHONES.c.name).where(PHONES.c.state.in_(states)).order_by(PHONES.c.name).limit(NAMED)
    with ask.desk.standing.read() as session:
        return tuple(session.scalars(query))


def not_agreed(foreseen: Foreseen, form: Mapping[str, str]) -> str:
    """Return why a panel that came back is not enough to go on; empty if it is (rule 2)."""
    if not foreseen.loses:
        return ""
    number = whole_number(form.get("lost", ""))
    if foreseen.loses > number:
        return (
            f"It would lose {foreseen.loses:,} phones now; the form that you sent said {number:,}. Nothing was changed."
        )
    if form.get("word", "") != WORD:
        return f"Type {WORD}, in capitals, to go on. Nothing was changed."
    return ""
