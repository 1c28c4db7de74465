"""Changes of a plan, as values that can be put together, and the plan that they make.

Rules (forecast.md 2):

1. What may be changed: the order of the steps, restarts between them, TVS answering, uploads into trust stores, a list
   signed by another of those who may (``utils ctl reset localkey``, ``utils itl reset localkey``) a step before it is
   published as it is, and the cluster's own safe operations. A list that a later step replaces may be left out. Places
   are those of the plan's steps, from 0.
2. A step that is put in before another has the same phones off.
3. Operations in another order, or more of them, are foreseen again.
4. Costs: what asks for one restart more is 1, an order or an upload 2, a step more 3.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from mixedmode.forecast.plan import NOBODY, Off, Plan, Published, Served, Step, Tvs
from mixedmode.forecast.planning.signing import signed_again
from mixedmode.forecast.vouching import Upload
from mixedmode.phone.mind.trust.decisions import ListKind
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.trustlist.model import TrustList

UPDATE_CTL: Final = "utils ctl update CTLFile"
RESETS: Final = {kind: f"utils {kind.value.lower()} reset localkey" for kind in ListKind}
ONCE_MORE: Final = "restart every phone once more"
Signing = tuple[int, ListKind, Certificate]
"""Before which step, which list, and who signs."""


@dataclass(frozen=True, slots=True)
class Draft:
    """Changes of a plan.

    Attributes:
        order: The places of its steps, as they are to be taken; what is not there is left out.
        restarts: Wait until every phone is on and restart it in each step.
        answering: Have TVS answer wherever it is silent.
        again: Restart every phone once more at the end.
        length: How many steps the plan has.
        apart: Steps whose ITL is published first, and their CTL a restart later.
        uploads: What is uploaded before which step.
        signings: Lists that are published before, signed by another.
        operations: Operations that are done before a step; that of the place after the last: at the end.
    """

    order: tuple[int, ...]
    length: int
    restarts: bool = False
    answering: bool = False
    again: bool = False
    apart: frozenset[int] = frozenset()
    uploads: frozenset[tuple[int, Upload]] = frozenset()
    signings: frozenset[Signing] = frozenset()
    operations: frozenset[tuple[int, str]] = frozenset()
    _hash: int = field(default=0, init=False, repr=False, compare=False)

    def __hash__(self) -> int:
        # A search asks of each draft several times whether it was there before.
        if not self._hash:
            changes = self.apart, self.uploads, self.signings, self.operations
            object.__setattr__(self, "_hash", hash((self.order, self.restarts, self.answering, self.again, changes)))
        return self._hash

    @classmethod
    def of(cls, plan: Plan) -> Draft:
        """Return the draft that changes nothing."""
        return cls(tuple(range(len(plan.steps))), len(plan.steps))

    @property
    def cost(self) -> int:
        """How much it asks for (rule 4)."""
        moved = sum(a > b for number, a in enumerate(self.order) for b in self.order[number + 1 :])
        small = self.restarts + self.answering + self.again + len(self.apart)
        moved += self.length - len(self.order)
        return small + 2 * (moved + len(self.uploads)) + 3 * (len(self.signings) + len(self.operations))

    def joined(self, other: Draft) -> Draft:
        """Return both; the order is that of the other."""
        return Draft(
            other.order,
            self.length,
            self.restarts or other.restarts,
            self.answering or other.answering,
            self.again or other.again,
            self.apart | other.apart,
            self.uploads | other.uploads,
            self.signings | other.signings,
            self.operations | other.operations,
        )

    def smaller(self) -> Iterator[Draft]:
        """Yield it without one of its changes, what costs most first."""
        for signing in sorted(self.signings, key=signing_key, reverse=True):
            yield replace(self, signings=self.signings - {signing})
        for operation in sorted(self.operations, reverse=True):
            yield replace(self, operations=self.operations - {operation})
        for upload in sorted(self.uploads, key=upload_key, reverse=True):
            yield replace(self, uploads=self.uploads - {upload})
        if self.order != tuple(range(self.length)):
            yield replace(self, order=tuple(range(self.length)))
        for place in sorted(self.apart, reverse=True):
            yield replace(self, apart=self.apart - {place})
        if self.again:
            yield replace(self, again=False)
        if self.answering:
            yield replace(self, answering=False)
        if self.restarts:
            yield replace(self, restarts=False)


@dataclass(frozen=True)
class Drafted:
    """A changed plan.

    Attributes:
        plan: The plan.
        places: From which step of the plan before each of its steps is, or before which it was put.
        restarts: Whether nobody is off any more.
    """

    plan: Plan
    places: tuple[int, ...]
    restarts: bool = False

    def absences(self, before: tuple[bool, ...]) -> tuple[bool, ...]:
        """Return in which steps of the changed plan a phone is off, by those of the plan before."""
        if self.restarts or not before:
            return ()
        return tuple(place < len(before) and before[place] for place in self.places)


def drafted(plan: Plan, draft: Draft) -> Drafted:
    """Return the plan that a draft makes.

    Raises:
        MixedModeError: An operation would be refused.
    """
    steps: list[Step] = []
    places: list[int] = []
    for place in draft.order:
        for step in _steps_at(plan, draft, place):
            steps.append(step)
            places.append(place)
    end = len(plan.steps)
    last = [Step(text, operation=text) for place, text in sorted(draft.operations) if place == end]
    last += [Step(ONCE_MORE)] if draft.again else []
    steps += last
    places += [end] * len(last)
    tvs = Tvs.UP if draft.answering and plan.tvs is Tvs.DOWN else plan.tvs
    made = replace(plan, steps=tuple(_foreseen(plan, steps)), tvs=tvs)
    return Drafted(made, tuple(places), draft.restarts)


def _steps_at(plan: Plan, draft: Draft, place: int) -> Iterator[Step]:
    step = plan.steps[place]
    tvs = None if draft.answering and step.tvs is Tvs.DOWN else step.tvs
    off, reset = (NOBODY, True) if draft.restarts else (step.off, step.reset)
    found = [Step(text, off=off, tvs=tvs, operation=text) for at, text in sorted(draft.operations) if at == place]
    signings = sorted((each for each in draft.signings if each[0] == place), key=signing_key)
    for by in dict.fromkeys(certificate for _, _, certificate in signings):
        kinds = {kind for _, kind, certificate in signings if certificate == by}
        lists = tuple(
            replace(each, file=signed_again(each.file, by))
            for each in step.lists
            if each.kind in kinds and isinstance(each.file, TrustList)
        )
        found.append(_signed_step(lists, by, off, tvs))
    if place in draft.apart and can_be_apart(step):
        for kind in (ListKind.ITL, ListKind.CTL):
            lists = tuple(each for each in step.lists if each.kind is kind)
            label = f"publish {', '.join(each.source for each in lists)}"
            nodes = tuple(_of_kind(each, kind) for each in step.nodes)
            part = replace(step, label=label, lists=lists, nodes=nodes, off=off, tvs=tvs, reset=True)
            found.append(part if kind is ListKind.ITL else replace(part, uploads=()))
    elif (off, tvs, reset) == (step.off, step.tvs, step.reset):
        found.append(step)
    else:
        found.append(replace(step, off=off, tvs=tvs, reset=reset))
    uploads = tuple(each for at, each in sorted(draft.uploads, key=upload_key) if at == place)
    if uploads:
        found[0] = replace(found[0], uploads=(*found[0].uploads, *uploads))
    yield from found


def _of_kind(served: Served, kind: ListKind) -> Served:
    return replace(served, lists=tuple(each for each in served.lists if each.kind is kind))


def _signed_step(lists: tuple[Published, ...], by: Certificate, off: Off, tvs: Tvs | None) -> Step:
    commands = " and ".join(RESETS[each.kind] for each in lists)
    label = f"{commands}: publish {', '.join(each.source for each in lists)} signed by {by.subject}"
    data = frozenset(each.file.data for each in lists if isinstance(each.file, TrustList))
    return Step(label, lists, off=off, tvs=tvs, signed_by=by, signed_by_stand_in=data)


def can_be_apart(step: Step) -> bool:
    """Return whether a step publishes both lists, as they were read."""
    return not step.operation and {each.kind for each in step.lists} == set(ListKind) and step.signed_by is None


def _foreseen(plan: Plan, steps: list[Step]) -> list[Step]:
    """Return the steps with what their operations come to in this order (rule 3)."""
    operations = tuple(step.operation for step in steps if step.operation)
    before = tuple(step.operation for step in plan.steps if step.operation)
    if plan.foresee is None or operations == before:
        return steps
    fresh = iter(plan.foresee(operations))
    return [_merged(step, next(fresh)) if step.operation else step for step in steps]


def _merged(step: Step, fresh: Step) -> Step:
    return replace(
        fresh,
        label=step.label,
        lists=(*fresh.lists, *(each for each in step.lists if each.source)),
        off=step.off,
        tvs=step.tvs,
        reset=step.reset,
        uploads=step.uploads,
    )


def signing_key(signing: Signing) -> tuple[int, str, bytes]:
    """Return what signings are sorted by."""
    place, kind, certificate = signing
    return place, kind.value, certificate.der


def upload_key(upload: tuple[int, Upload]) -> tuple[int, str, bytes]:
    """Return what uploads are sorted by."""
    place, each = upload
    return place, each.store.value, each.certificate.der
