"""The questions of the ``admin:`` prompt that may be answered, and its pagers; at any other text one stops.

The texts are those of the seed's transcripts and of docs/specification/cucm-admin.md 1. A question is recognised by all
of what was printed since something was typed, whatever blanks and ends of lines a terminal's width put into it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

PROMPT: Final = "admin:"
_GO_ON: Final = r"Do you want to continue\? \(y/n\) ?:"


@dataclass(frozen=True, slots=True)
class Question:
    """A question.

    Attributes:
        name: The same for ever.
        pattern: Of what was printed, each run of blanks and ends of lines being one blank.
        source: Where the text comes from.
    """

    name: str
    pattern: re.Pattern[str]
    source: str


def _question(name: str, text: str, source: str) -> Question:
    return Question(name, re.compile(f"{text} ?$", re.IGNORECASE), source)


SET_MIXED: Final = "set-mixed"
SET_NON_SECURE: Final = "set-non-secure"
UPDATE_CTL: Final = "update-ctl"
DELETE_FILE: Final = "delete-file"
REGENERATE: Final = "regenerate"
PASTE: Final = "paste"
AUTO_REGISTRATION: Final = "auto-registration"
PHONES_LOST: Final = "phones-lost"

QUESTIONS: Final = (
    _question(
        AUTO_REGISTRATION,
        rf"Auto-registration is enabled on at least one CM node\. {_GO_ON}",
        "cucm-admin.md 1.4: 10.0 and 11.6, a public transcript",
    ),
    _question(
        PHONES_LOST, rf"See who, why and what helps: .* {_GO_ON}", "this program's own prompt: who would be lost"
    ),
    _question(SET_MIXED, rf"This operation (?:sets|will set) the cluster to Mixed mode\. {_GO_ON}", "the seed"),
    _question(
        SET_NON_SECURE,
        rf"This operation (?:sets|will set) the cluster to non secure mode\. {_GO_ON}",
        "cucm-admin.md 1.4: technote 118892",
    ),
    _question(UPDATE_CTL, rf"This operation updates the CTLFile\. {_GO_ON}", "the seed"),
    _question(
        DELETE_FILE, r'Delete the File [^ ]+ ?\? Enter "y" followed by return to continue:', "the seed; CLI Reference"
    ),
    _question(REGENERATE, r"Proceed with regeneration \(yes\|no\) ?\?", "cucm-admin.md 1.9: CLI Reference"),
    _question(PASTE, r"Paste the Certificate and Hit Enter", "CLI Reference"),
)
"""The more special first."""


@dataclass(frozen=True, slots=True)
class Pager:
    """What stands below a page.

    Attributes:
        pattern: Of the last line.
        key: Brings the next page.
    """

    pattern: re.Pattern[str]
    key: str


PAGERS: Final = (
    Pager(re.compile(r"Press <enter> for \d+ line, <space> for one page, or <q> to quit *$", re.IGNORECASE), " "),
    Pager(re.compile(r"options: q=quit, n=next, .*\(lines (?P<first>\d+) - (?P<last>\d+) of (?P<all>\d+)\) :$"), "n\n"),
    Pager(re.compile(r"-- ?more ?--(?: ?\(\d+%\))? *$", re.IGNORECASE), " "),
)

SECONDS: Final = (
    ("utils ctl", 600.0),
    ("utils service", 600.0),
    ("set cert", 300.0),
    ("file delete", 120.0),
    ("run sql", 60.0),
    ("show", 60.0),
)
"""How long a command may take, by how it begins. `utils ctl` copies to every node, whose replication alone may take
300 s (cucm-admin.md 1.10); the others are ours."""
OTHER_SECONDS: Final = 120.0


def seconds_for(line: str) -> float:
    """Return how long a command may take."""
    return next((seconds for begin, seconds in SECONDS if line.startswith(begin)), OTHER_SECONDS)


def found_question(printed: str) -> Question | None:
    """Return the question that something printed ends with, None if it is none that is known."""
    flat = re.sub(r"\s+", " ", printed)
    return next((each for each in QUESTIONS if each.pattern.search(flat)), None)
