"""What a rule is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from mixedmode.audit.live.finding import Finding, Gap, Severity
from mixedmode.audit.live.scene import Scene

Judge = Callable[[Scene], Iterator[Finding | Gap]]


class Subject(StrEnum):
    """What a rule may be about."""

    ANYTHING = ""
    LISTS = "lists"
    PHONES = "phones"


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule.

    Attributes:
        id: Its name.
        severity: The worst that it finds.
        condition: When it holds.
        effect: What that does to phones.
        needs: What has to be seen.
        judge: The rule itself.
        of: What it is about and has nothing to say without.
    """

    id: str
    severity: Severity
    condition: str
    effect: str
    needs: str
    judge: Judge
    of: Subject = Subject.ANYTHING
