"""What a rule says of an observation: findings, gaps, or nothing, which means that it was looked at and is in order.

Rules:

1. A finding's ``id`` is made of its rule and of what it is about, and stays the same as long as it holds.
2. What was not seen is a :class:`Gap`, never a finding (docs/specification/live-cluster.md 9).
3. One cause is one finding: what many phones share is told once, with their names.
4. Texts may hold a stranger's bytes; whoever prints them makes them printable.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Severity(StrEnum):
    """How bad it is (live-cluster.md 8.3), worst first."""

    CRITICAL = "critical"
    """Phones are lost, or will be with the next thing that happens to them."""
    SERIOUS = "serious"
    """Some phones are refused something, or the next change loses them."""
    MODERATE = "moderate"
    """It has to be known before a change."""
    INFORMATION = "information"
    """Worth knowing."""

    @property
    def rank(self) -> int:
        """0 for the worst."""
        return _RANKS[self.value]

    def reaches(self, threshold: Severity | None) -> bool:
        """Return whether it is as bad as a threshold, or worse; nothing reaches None."""
        return threshold is not None and self.rank <= threshold.rank


_RANKS: Final = {"critical": 0, "serious": 1, "moderate": 2, "information": 3}


class Standing(StrEnum):
    """What became of a rule."""

    HOLDS = "holds"
    """It found something."""
    CLEAR = "clear"
    """It was looked at, and is in order."""
    NO_EVIDENCE = "no evidence"
    """Nothing was found, but something that it needs was not seen."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a remedy.

    Attributes:
        text: What to do, and what that does to phones.
        command: What is typed, letter for letter; empty if nothing is.
        node: At whose ``admin:`` prompt; empty for this program's own commands.
    """

    text: str
    command: str = ""
    node: str = ""

    def __str__(self) -> str:
        if not self.command:
            return self.text
        prompt = f"{self.node} admin: " if self.node else "$ "
        return f"{prompt}{self.command}  ({self.text})" if self.text else f"{prompt}{self.command}"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong.

    Attributes:
        id: Its stable name (rule 1), such as ``C5/cucm-sub1``.
        rule: The rule's name, such as ``C5``.
        severity: How bad it is.
        title: One sentence.
        evidence: What was seen, where and when; a line each.
        remedy: What to do, in order.
        where: The node, list or store; empty for the whole cluster.
        phones: The phones that it concerns, by name.
        count: How many phones it concerns where their names are not known; None if that is not known either.
        effect: What it does to phones, in one sentence.
    """

    id: str
    rule: str
    severity: Severity
    title: str
    evidence: tuple[str, ...]
    remedy: tuple[Step, ...]
    where: str = ""
    phones: tuple[str, ...] = ()
    count: int | None = None
    effect: str = ""

    @property
    def phone_count(self) -> int | None:
        """How many phones it concerns; None if that is not known."""
        return len(self.phones) if self.phones else self.count


@dataclass(frozen=True, slots=True)
class Gap:
    """What a rule would have had to see.

    Attributes:
        what: In a few words.
        where: The node; empty for the cluster.
        why: Why it was not to be had, or what it would have told.
    """

    what: str
    where: str
    why: str


def finding_id(rule: str, *parts: str) -> str:
    """Return the stable name of a finding: its rule and what it is about, without blanks."""
    return "/".join([rule, *("-".join(part.split()) for part in parts if part)])
