"""Lines to events: which machine or table a line belongs to, and which lines go on with the one before.

Rules:

1. Alarms, listings and pages take their lines first; what they leave goes to the tables.
2. An entry of a log begins with a time or a number. Lines behind it that begin with a blank go on with it, and so do
   others that say nothing by themselves, over a blank line only where the entry was plainly not at its end.
3. A line without a time stands for itself; if it says nothing, it is tried together with the one before,
     since mails and
   terminals break lines.
4. What says nothing is counted, with its number. Nothing that a log says is executed,
     followed or believed to be more than
   text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from mixedmode.explain.alarms import AlarmReader, plain_alarm
from mixedmode.explain.commands import ADMIN, COMMANDS
from mixedmode.explain.console import CONSOLE, PHONE_CONSOLE
from mixedmode.explain.listings import listing_events
from mixedmode.explain.moments import moment_of, starts_entry
from mixedmode.explain.pages import PageReader
from mixedmode.explain.rules import LONGEST_ENTRY, Entry, quoted
from mixedmode.explain.servers import SERVERS
from mixedmode.explain.status import STATUS
from mixedmode.explain.tvs import TvsReader
from mixedmode.explain.values import MOST_EXAMPLES, MOST_NUMBERS, Event, Explained, Grade
from mixedmode.trustlist.pasted.reading import ListingReader
from mixedmode.trustlist.pasted.text import Lines

_MOST_PARTS: Final = 12
_MOST_BLANK: Final = 4
_NEAR: Final = 60
"""Lines between what TVS said and the refusal that it explains."""
_MOST_LISTINGS: Final = 1000
_OPEN: Final = re.compile(r"(?:[-:;,=]|\bbeen|\bthe|\ba|\bto)\s*$")
_GOES_ON: Final = re.compile(r"\s|[.;,:)}\]]|(?:CN|cn|OU|ou|O|ST|L|C)=")
_NOISE: Final = re.compile(
    r"\s*(?:\d{1,3}\.|\u2022|[-=_*]{3,}|<#root>|\[\.{2,3}\]|//|<\?xml[^<>]{0,200}\?>"
    r"|</?(?:x-cisco-alarm|ParameterList|Alarm)>)\s*$",
    re.IGNORECASE,
)
_HEADER: Final = re.compile(
    r"(?:Via|From|To|Call-ID|CSeq|Require|Refer-To|Referred-By|Content-(?:Length|Disposition|Id)|Max-Forwards|Expires|Date"
    r"|Supported|Allow(?:-Events)?|Server)\s?:"
)
"""Of SIP, around an alarm: quiet, like what :data:`_NOISE` names."""
_PROMPT: Final = re.compile(r"\s*admin:\s*(.*)$", re.IGNORECASE)
_TYPED: Final = re.compile(r"\s*(?:show|utils|set|file|run|delete|unset)\s", re.IGNORECASE)
"""Begins what is typed, where a document put it on the line behind the prompt."""
_AFTER_SEMICOLON: Final = re.compile(r";\s+(?=[A-Za-z]{1,2}=)")
_APART: Final = re.compile(r"\s*(?://|#)")
_TABLES: Final = (CONSOLE, STATUS, SERVERS, COMMANDS)
_TVS_SAID: Final = frozenset({"tvs-unknown", "tvs-silent", "tvs-not-used", "tvs-role", "tvs-failed"})


class Reader:
    """Reads one text.

    Args:
        name: For people.
    """

    def __init__(self, name: str) -> None:
        self.found = Explained(name)
        self._alarms = AlarmReader()
        self._listings = ListingReader()
        self._pages = PageReader()
        self._tvs = TvsReader()
        self._entry: list[tuple[int, str]] = []
        self._blanks = 0
        self._unknown: tuple[int, str] | None = None
        self._last_known = -1
        self._prompted = False
        self._reason: Event | None = None

    def read(self, chunks: Iterable[bytes]) -> Explained:
        """Read a text that comes in pieces.

        Raises:
            MalformedError: It is no text.
        """
        lines = Lines()
        for number, text in lines(chunks):
            self._line(number, text)
        self._end()
        found = self.found
        found.encoding, found.size, found.cut, found.truncated = lines.encoding, lines.size, lines.cut, lines.truncated
        return found

    def _line(self, number: int, text: str) -> None:
        if not text or text.isspace():
            self._blanks += 1
            return
        self.found.lines += 1
        if len(text) > LONGEST_ENTRY:
            self._long(number, text)
        elif self._pages.sniff(text) and not self._alarms.wants(text):
            self._page(number, text)
        else:
            self._plain(number, text)
        self._blanks = 0

    def _long(self, number: int, text: str) -> None:
        """Take a very long line in pieces."""
        self._close_entry()
        if self._alarms.wants(text):
            self._add_all(self._alarms.feed(number, text, moment_of(text)))
            return
        known = False
        is_page = self._pages.sniff(text[:LONGEST_ENTRY])
        for start in range(0, len(text), LONGEST_ENTRY):
            piece = text[start : start + LONGEST_ENTRY]
            known = (self._cells(number, piece) if is_page else self._known_by_itself(number, piece)) or known
        if not known:
            self._miss(number, text)

    def _plain(self, number: int, text: str) -> None:
        taken = self._alarms.wants(text)
        if taken:
            self._add_all(self._alarms.feed(number, text, moment_of(text)))
        if taken or self._listings.feed(number, text):
            self._close_entry()
            self._last_known = number
            if self._listings.found:
                self._take_listings()
            return
        if (prompt := _PROMPT.match(text)) is not None:
            self._close_entry()
            self._command(number, prompt[1])
            self._prompted = not prompt[1].strip()
            return
        if self._copied(number, text) or self._typed(number, text):
            return
        if _NOISE.match(text) or (":" in text and _HEADER.match(text)):
            self._last_known = number
            return
        if starts_entry(text):
            self._close_entry()
            self._entry = [(number, text)]
        elif not self._entry or not self._continue(number, text):
            self._close_entry()
            self._alone(number, text)

    def _copied(self, number: int, text: str) -> bool:
        """Take a line that was copied from a phone's page or screen, if it is one."""
        cells = self._pages.plain(text)
        if not cells:
            return False
        self._close_entry()
        self._last_known = number
        for cell in cells:
            self._add_all(self._pages.feed(number, cell)[1])
        return True

    def _typed(self, number: int, text: str) -> bool:
        """Take a line behind a bare prompt as what was typed there, if it can be."""
        prompted, self._prompted = self._prompted, False
        if not (prompted and _TYPED.match(text)):
            return False
        self._command(number, text)
        return True

    def _continue(self, number: int, text: str) -> bool:
        """Take a line as what the open entry goes on with, if it is (rule 2)."""
        if len(self._entry) >= _MOST_PARTS or _APART.match(text):
            return False
        last = self._entry[-1][1]
        if self._blanks:
            if self._blanks > _MOST_BLANK or not (_OPEN.search(last) or _GOES_ON.match(text)):
                return False
        elif not text[0].isspace() and self._rules(Entry(number, text)):
            return False
        if sum(len(part) for _, part in self._entry) + len(text) > LONGEST_ENTRY:
            return False
        self._entry.append((number, text))
        return True

    def _close_entry(self) -> None:
        entry, self._entry = self._entry, []
        if not entry:
            return
        text = _joined([part for _, part in entry])
        line = entry[0][0]
        if self._explain(Entry(line, text, moment_of(text))):
            self._last_known = entry[-1][0]
            return
        for number, part in entry:
            if not (len(entry) > 1 and self._explain(Entry(number, part, moment_of(part)))):
                self._miss(number, part)

    def _alone(self, number: int, text: str) -> None:
        """Take a line that stands for itself (rule 3)."""
        if self._known_by_itself(number, text):
            self._last_known = number
            self._unknown = None
            return
        before = self._unknown
        if before is not None and before[0] == number - 1:
            joined = f"{before[1].strip()} {text.strip()}"
            if len(joined) < LONGEST_ENTRY and self._explain(Entry(before[0], joined, moment_of(joined))):
                self._forget(before[0])
                self._last_known, self._unknown = number, None
                return
        if text[0].isspace() and self._last_known == number - 1:
            self._last_known = number
            return
        self._unknown = (number, text)
        self._miss(number, text)

    def _known_by_itself(self, number: int, text: str) -> bool:
        return self._explain(Entry(number, text, moment_of(text)))

    def _command(self, number: int, words: str) -> None:
        self._last_known = number
        if words.strip():
            shown = quoted(words)
            self._add(Event(number, None, ADMIN, "command", Grade.NOTE, f"typed: {shown}", quote=shown))

    def _page(self, number: int, text: str) -> None:
        self._close_entry()
        if not self._cells(number, text):
            self._miss(number, text)

    def _cells(self, number: int, text: str) -> bool:
        known, cells = False, 0
        for cell in self._pages.cells(text):
            cells += 1
            taken, events = self._pages.feed(number, cell)
            self._add_all(events)
            known = taken or self._known_by_itself(number, cell[:LONGEST_ENTRY]) or known
        return known or not cells

    def _explain(self, entry: Entry) -> bool:
        """Give an entry to the machines and tables; return whether it says something."""
        lowered = entry.text.lower()
        taken, events = self._tvs.feed(entry, lowered)
        self._add_all(events)
        if taken:
            return True
        event = self._rules(entry, lowered)
        if event is None:
            return False
        self._add(event)
        return True

    @staticmethod
    def _rules(entry: Entry, lowered: str | None = None) -> Event | None:
        words = entry.text.lower() if lowered is None else lowered
        found = plain_alarm(entry, words)
        for table in _TABLES if found is None else ():
            found = table.explain(entry, words)
            if found is not None:
                break
        return found

    def _add(self, event: Event) -> None:
        if event.kind in _TVS_SAID:
            self._reason = event
        elif event.kind == "list-refused" and event.source == PHONE_CONSOLE and self._reason is not None:
            if event.line - self._reason.line <= _NEAR:
                why = f"{self._reason.text} (line {self._reason.line})"
                event = replace(event, why=why, remedy=self._reason.remedy or event.remedy)
            self._reason = None
        self.found.add(event)

    def _add_all(self, events: Iterable[Event]) -> None:
        for event in events:
            self._add(event)

    def _miss(self, number: int, text: str) -> None:
        found = self.found
        found.unknown += 1
        if len(found.unknown_lines) < MOST_NUMBERS:
            found.unknown_lines.append(number)
        if len(found.examples) < MOST_EXAMPLES:
            found.examples.append((number, quoted(text[:1024])))

    def _forget(self, number: int) -> None:
        """Take back that a line says nothing."""
        found = self.found
        found.unknown -= 1
        if found.unknown_lines and found.unknown_lines[-1] == number:
            found.unknown_lines.pop()
        if found.examples and found.examples[-1][0] == number:
            found.examples.pop()

    def _take_listings(self) -> None:
        """Turn listings that are whole into events."""
        shown, self._listings.found = self._listings.found, []
        for each in shown:
            same = [other for other in self.found.listings if other.kind == each.kind]
            self._add_all(listing_events(each, same[-1] if same else None))
            if len(self.found.listings) < _MOST_LISTINGS:
                self.found.listings.append(each)

    def _end(self) -> None:
        self._close_entry()
        self._listings.end()
        self._take_listings()
        self._add_all(self._alarms.end())
        self._add_all(self._tvs.end())
        self._add_all(self._pages.end())
        self.found.events.sort(key=lambda event: event.line)


def _joined(parts: list[str]) -> str:
    """Return an entry's lines as one; names that were broken are whole again."""
    text = parts[0].strip()
    for part in parts[1:]:
        bare = part.strip()
        text += bare if text.endswith("=") or bare.startswith((";", ".", ",")) else f" {bare}"
    return _AFTER_SEMICOLON.sub(";", text)


def explain(chunks: Iterable[bytes], name: str = "the log") -> Explained:
    """Explain a text that comes in pieces.

    Args:
        chunks: Its bytes.
        name: For people.

    Raises:
        MalformedError: It is no text.
    """
    return Reader(name).read(chunks)
