"""The six outcomes of a phone as pages show them: a word, a silhouette and a colour, worst first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from mixedmode.faces.pictures import looks
from mixedmode.phone.mind.fate.prospect import Fate


@dataclass(frozen=True, slots=True)
class Look:
    """How an outcome looks; word, icon and class never vary.

    Attributes:
        fate: The outcome.
        css: Its class, and the name of its icon.
        word: As people read it.
    """

    fate: Fate
    css: str
    word: str

    @property
    def path(self) -> str:
        """Where the phones of this outcome are listed."""
        return f"/ccmadmin/phones?outcome={self.fate.value}"


LOOKS: Final = tuple(Look(fate, each.css, each.word) for fate, each in looks.LOOKS.items())
"""Worst first."""
LOOK_OF: Final = {look.fate: look for look in LOOKS}


@dataclass(frozen=True, slots=True)
class Counts:
    """How many phones have which outcome.

    Attributes:
        of: By outcome; one that is left out has none.
        moment: When this was so.
    """

    of: Mapping[Fate, int] = field(default_factory=dict)
    moment: datetime | None = None

    @property
    def total(self) -> int:
        """All phones."""
        return sum(self.of.values())

    def __getitem__(self, fate: Fate) -> int:
        return self.of.get(fate, 0)

    def document(self) -> dict[str, int]:
        """Return it as events and the API tell it, by class."""
        return {**{look.css: self[look.fate] for look in LOOKS}, "all": self.total}
