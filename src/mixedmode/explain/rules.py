"""How a line is recognised: a table of rules, each with a word that must be in the line, and then perhaps a pattern."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from mixedmode.explain.values import SHOWN, Event, Grade
from mixedmode.printable import one_line

DEVICE: Final = re.compile(r"(?<![A-Za-z0-9])(?:CTL|ITL)?((?:SEP|ATA|VGC)[0-9A-Fa-f]{12})(?![A-Za-z0-9])")
LONGEST_ENTRY: Final = 1 << 14
"""Characters of an entry that are looked at together."""
_LONGEST_GROUP: Final = 160
_BOUNDED: Final = ((r"\S+", r"\S{1,128}"), (r"\s*", r"\s{0,64}"), (r"\s+", r"\s{1,64}"), (r"\w+", r"\w{1,64}"))


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that a line may say.

    Attributes:
        kind: A stable word.
        grade: How bad it is.
        key: In lower case; must be in the line.
        says: What happened; ``{0}`` is the first group of the pattern.
        pattern: Must be found, with the key there; None: the key is enough.
        why: Why.
        remedy: What to do.
        source: Who writes it; empty: as the table says.
    """

    kind: str
    grade: Grade
    key: str
    says: str
    pattern: re.Pattern[str] | None = None
    why: str = ""
    remedy: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """A log's entry: a line, with those that go on with it.

    Attributes:
        line: The first.
        text: All of them, blanks between.
        time: When it was written; None where it does not say.
    """

    line: int
    text: str
    time: str | None = None


def pattern(text: str) -> re.Pattern[str]:
    """Return a pattern in which case makes no difference, and whose runs are bounded: a log may be hostile."""
    for run, bounded in _BOUNDED:
        text = text.replace(run, bounded)
    return re.compile(text, re.IGNORECASE)


def quoted(text: str) -> str:
    """Return a log's words as they may be shown."""
    shown = one_line(text.strip())
    return shown if len(shown) <= SHOWN else f"{shown[:SHOWN]}..."


def device_in(text: str) -> str:
    """Return the phone that a text names, empty if none."""
    found = DEVICE.search(text)
    return found[1].upper() if found is not None else ""


class Table:
    """Rules of one source, the first that fits counts.

    Args:
        source: Who writes such lines.
        rules: In the order in which they are tried.
    """

    def __init__(self, source: str, rules: Iterable[Rule]) -> None:
        self.source = source
        self.rules = tuple(rules)

    def explain(self, entry: Entry, lowered: str) -> Event | None:
        """Return what an entry says, None if no rule fits.

        Args:
            entry: The entry.
            lowered: Its text in lower case.
        """
        for rule in self.rules:
            if rule.key in lowered:
                groups: tuple[str, ...] = ()
                if rule.pattern is not None:
                    found = rule.pattern.search(entry.text)
                    if found is None:
                        continue
                    groups = tuple(_group(each) for each in found.groups())
                return made(entry, rule, rule.source or self.source, groups)
        return None


def made(entry: Entry, rule: Rule, source: str, groups: tuple[str, ...] = ()) -> Event:
    """Return the event of a rule that fits."""
    text = rule.says.format(*groups) if groups else rule.says
    return Event(
        entry.line, entry.time, source, rule.kind, rule.grade, text, rule.why, rule.remedy, device_in(entry.text),
        quoted(entry.text),
    )  # fmt: skip


def _group(text: str | None) -> str:
    shown = one_line((text or "").strip())
    return shown if len(shown) <= _LONGEST_GROUP else f"{shown[:_LONGEST_GROUP]}..."
