"""One phone of each kind goes first: of a model, with a firmware, holding a pair of lists.

Rules:

1. Of each kind the first phone by name that is registered and shows what it holds: nobody learns anything of another.
2. A kind that has no such phone has no canary. It is named, with how many phones it has: what becomes of them is not
   tried.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

Kind = tuple[str, str, str, str]
"""Model, firmware, CTL and ITL, each as far as it is known."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A phone.

    Attributes:
        name: Its device name.
        model: Its model.
        load: Its firmware; empty if that is not known.
        ctl: Hash of the CTL that it holds, ``none``, or empty if that is not known.
        itl: The same of its ITL.
        registered: Whether it is registered now, and shows what it holds.
    """

    name: str
    model: str
    load: str = ""
    ctl: str = ""
    itl: str = ""
    registered: bool = True

    @property
    def kind(self) -> Kind:
        """What it has in common with others."""
        return self.model, self.load, self.ctl, self.itl


@dataclass(frozen=True, slots=True)
class Chosen:
    """A canary, or a kind that has none.

    Attributes:
        name: Its device name; empty if the kind has none.
        kind: What it stands for.
        phones: How many phones are of that kind.
    """

    name: str
    kind: Kind
    phones: int

    def __str__(self) -> str:
        model, load, ctl, itl = self.kind
        known = ", ".join(filter(None, (load, f"CTL {ctl[:8]}" if ctl else "", f"ITL {itl[:8]}" if itl else "")))
        return f"{self.name or 'nobody'}: {model}{f' ({known})' if known else ''}, for {self.phones:,}"


@dataclass(frozen=True, slots=True)
class Choice:
    """Who goes first.

    Attributes:
        canaries: One of each kind that has such a phone, the kinds with most phones first.
        untried: The other kinds (rule 2).
    """

    canaries: tuple[Chosen, ...]
    untried: tuple[Chosen, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The canaries' names."""
        return tuple(each.name for each in self.canaries)

    def lines(self) -> list[str]:
        """Return it for people."""
        found = [f"  canary {each}" for each in self.canaries]
        return [*found, *(f"  not tried, none is registered and shows what it holds: {each}" for each in self.untried)]


def choose(phones: Iterable[Candidate]) -> Choice:
    """Choose one phone of each kind."""
    kinds: dict[Kind, list[Candidate]] = defaultdict(list)
    for each in phones:
        kinds[each.kind].append(each)
    chosen = [
        Chosen(min((each.name for each in found if each.registered), default=""), kind, len(found))
        for kind, found in kinds.items()
    ]
    chosen.sort(key=lambda each: (-each.phones, each.kind))
    return Choice(tuple(each for each in chosen if each.name), tuple(each for each in chosen if not each.name))
