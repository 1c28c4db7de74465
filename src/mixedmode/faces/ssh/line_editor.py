"""Editing a line on a terminal: what is typed goes in, what the terminal must show comes out. No I/O.

Rules:

1. A key costs what the line's length allows, once for everything that was typed at once: :meth:`LineEditor.step` only
   changes the line, :meth:`LineEditor.render` draws it, so that a flood of keys cannot keep a loop busy.
2. A line has up to ``limit`` characters; what is typed beyond rings the bell.
3. Control characters never get into a line, and unknown keys do nothing.
4. The terminal wraps at its width; wide characters take two cells. One that knows no escape sequences gets a new copy
   of the line where others see it redrawn.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import Enum, auto
from typing import Final
from unicodedata import combining, east_asian_width

DEFAULT_WIDTH: Final = 80
_PLAIN: Final = re.compile(r"[^\x00-\x1f\x7f-\x9f?]+")
_ESCAPE: Final = "\x1b"
_LONGEST_KEY: Final = 16
"""Characters of an escape sequence; a longer one is none."""
_DUMB: Final = frozenset({"", "dumb", "unknown", "network"})
_BELL: Final = "\a"


class Event(Enum):
    """What ends a step: something that the line's owner has to do."""

    ENTER = auto()
    """The line is complete."""
    END = auto()
    """Ctrl-D on an empty line."""
    COMPLETE = auto()
    """TAB."""
    QUERY = auto()
    """A question mark: help, or a character; :meth:`LineEditor.insert` makes it one."""
    OLDER = auto()
    NEWER = auto()


class LineEditor:
    """A line that is typed.

    Args:
        prompt: What stands before it, on the same line of the terminal.
        limit: Characters that it may have.
        width: Cells of the terminal in a row.
        hidden: Show nothing, for passwords.
        terminal: The terminal's type, as ``TERM`` names it.

    Attributes:
        line: What was typed.
        position: Of the cursor in it.
    """

    def __init__(
        self,
        prompt: str,
        *,
        limit: int,
        width: int = DEFAULT_WIDTH,
        hidden: bool = False,
        terminal: str = "xterm",
    ) -> None:
        self.line = ""
        self.position = 0
        self._prompt = prompt.rpartition("\n")[2]
        self._limit = limit
        self._width = max(width, 1)
        self._hidden = hidden
        self._dumb = terminal.lower() in _DUMB
        self._shown, self._cursor = "", 0
        self._escape: str | None = None
        self._erased = ""
        self._bell = False
        self._anew = False

    def step(self, text: str, start: int = 0) -> tuple[int, Event | None]:
        """Take what was typed up to the next event.

        Args:
            text: What was typed.
            start: Where to go on in it.

        Returns:
            Where the next step goes on, and the event, None if everything was taken.
        """
        at = start
        while at < len(text):
            if self._escape is None and (plain := _PLAIN.match(text, at)):
                self.insert(plain[0])
                at = plain.end()
                continue
            character = text[at]
            at += 1
            event = self._take(character)
            if event is not None:
                return at, event
        return at, None

    def insert(self, text: str) -> None:
        """Put text in at the cursor (rules 2 and 3)."""
        text = _typeable(text)
        room = self._limit - len(self.line)
        if len(text) > room:
            self.ring()
            text = text[:room]
        self.line = self.line[: self.position] + text + self.line[self.position :]
        self.position += len(text)

    def replace(self, line: str, position: int | None = None) -> None:
        """Put another line in its place; the cursor goes to its end, or to a position."""
        self.line = _typeable(line)[: self._limit]
        self.position = len(self.line) if position is None else min(position, len(self.line))

    def ring(self) -> None:
        """Ring the bell with what is drawn next."""
        self._bell = True

    def resize(self, width: int) -> None:
        """Take the terminal's new width."""
        self._width = max(width, 1)
        self._anew = True

    def written_over(self) -> None:
        """Note that something else was written since: prompt and line are drawn again, on a new row."""
        self._shown, self._cursor = "", 0
        self._anew = True

    def render(self) -> str:
        """Return what the terminal must be sent to show the line as it is now."""
        bell, self._bell = _BELL if self._bell else "", False
        if self._hidden:
            return bell
        appended = self.line.startswith(self._shown) and self._cursor == len(self._shown)
        if appended and self.position == len(self.line) and not self._anew:
            drawn = self.line[len(self._shown) :]
            drawn += self._wrapped(len(self.line)) if drawn else ""
        elif self._dumb:
            drawn = f"\r\n{self._prompt}{self.line}"
        else:
            drawn = self._redrawn()
        self._shown, self._cursor, self._anew = self.line, self.position, False
        return drawn + bell

    def finish(self) -> str:
        """Return what the terminal must be sent when the line is complete: the cursor goes to the next row."""
        self.position = len(self.line)
        return f"{self.render()}\r\n"

    def _take(self, character: str) -> Event | None:
        if self._escape is not None and character >= " ":
            return self._key(character)
        self._escape = None
        if character == "\x04" and not self.line:
            return Event.END
        return self._act(character)

    def _key(self, character: str) -> Event | None:
        """Take a character of an escape sequence."""
        sofar = self._escape or ""
        self._escape = None
        if (sofar == "" and character in "[O") or (sofar[:1] == "[" and not "@" <= character <= "~"):
            if len(sofar) < _LONGEST_KEY:
                self._escape = sofar + character
            return None
        return self._act(sofar + character) if sofar else None

    def _act(self, key: str) -> Event | None:
        if key in _EVENTS:
            return _EVENTS[key]
        _ACTIONS.get(key, LineEditor.ring)(self)
        return None

    def begin_escape(self) -> None:
        """Take what follows as an escape sequence."""
        self._escape = ""

    def erase_left(self) -> None:
        """Take out the character before the cursor."""
        self._cut(max(self.position - 1, 0), self.position)

    def erase_right(self) -> None:
        """Take out the character at the cursor."""
        self._cut(self.position, self.position + 1)

    def erase_line(self) -> None:
        """Take out everything, and keep it for :meth:`yank`."""
        self._erased = self.line
        self._cut(0, len(self.line))

    def erase_to_end(self) -> None:
        """Take out what follows the cursor, and keep it."""
        self._erased = self.line[self.position :]
        self._cut(self.position, len(self.line))

    def erase_word(self) -> None:
        """Take out the word before the cursor, and keep it."""
        start = self.line[: self.position].rstrip().rfind(" ") + 1
        self._erased = self.line[start : self.position]
        self._cut(start, self.position)

    def yank(self) -> None:
        """Put in what was taken out last."""
        self.insert(self._erased)

    def left(self) -> None:
        """Move by a character."""
        self.position = max(self.position - 1, 0)

    def right(self) -> None:
        """Move by a character."""
        self.position = min(self.position + 1, len(self.line))

    def home(self) -> None:
        """Move to the beginning."""
        self.position = 0

    def end(self) -> None:
        """Move to the end."""
        self.position = len(self.line)

    def draw_anew(self) -> None:
        """Draw the whole line again next time."""
        self._anew = True

    def nothing(self) -> None:
        """Take a key that means nothing here."""

    def _cut(self, start: int, end: int) -> None:
        self.line = self.line[:start] + self.line[end:]
        self.position = start

    def _cells(self, text: str) -> int:
        """Return how many cells prompt and text take, with those that stay empty at the ends of rows (rule 4)."""
        cells = 0
        for each in self._prompt + text:
            wide = east_asian_width(each) in "WF"
            if wide and cells % self._width == self._width - 1:
                cells += 1
            cells += 0 if combining(each) else 1 + wide
        return cells

    def _wrapped(self, position: int) -> str:
        """Return what moves the cursor into the next row when text ends at the end of one."""
        cells = self._cells(self.line[:position])
        return " \b" if cells and cells % self._width == 0 else ""

    def _redrawn(self) -> str:
        above = self._cells(self._shown[: self._cursor]) // self._width
        up = f"\x1b[{above}A" if above else ""
        text = f"{up}\r\x1b[J{self._prompt}{self.line}{self._wrapped(len(self.line))}"
        if self.position == len(self.line):
            return text
        rows, column = divmod(self._cells(self.line[: self.position]), self._width)
        back = self._cells(self.line) // self._width - rows
        return f"{text}{f'{_ESCAPE}[{back}A' if back else ''}\r{f'{_ESCAPE}[{column}C' if column else ''}"


def _typeable(text: str) -> str:
    return text if text.isprintable() else "".join(each for each in text if each.isprintable() or combining(each))


_EVENTS: Final[Mapping[str, Event]] = {
    "\t": Event.COMPLETE,
    "?": Event.QUERY,
    **dict.fromkeys(("\x10", "[A", "OA"), Event.OLDER),
    **dict.fromkeys(("\x0e", "[B", "OB"), Event.NEWER),
    **dict.fromkeys(("\r", "\n", "OM"), Event.ENTER),
}
_ACTIONS: Final[Mapping[str, Callable[[LineEditor], None]]] = {
    _ESCAPE: LineEditor.begin_escape,
    **dict.fromkeys(("\x08", "\x7f"), LineEditor.erase_left),
    **dict.fromkeys(("\x04", "[3~"), LineEditor.erase_right),
    "\x15": LineEditor.erase_line,
    "\x0b": LineEditor.erase_to_end,
    "\x17": LineEditor.erase_word,
    "\x19": LineEditor.yank,
    **dict.fromkeys(("\x02", "[D", "OD"), LineEditor.left),
    **dict.fromkeys(("\x06", "[C", "OC"), LineEditor.right),
    **dict.fromkeys(("\x01", "[H", "OH", "[1~", "[7~"), LineEditor.home),
    **dict.fromkeys(("\x05", "[F", "OF", "[4~", "[8~"), LineEditor.end),
    **dict.fromkeys(("\x0c", "\x12"), LineEditor.draw_anew),
    # What a terminal sends around pasted text, and when its window gets the focus.
    **dict.fromkeys(("[200~", "[201~", "[I", "[O", "\x00"), LineEditor.nothing),
}
"""What each key does; keys of escape sequences are written without the escape character."""
