"""Editing a line: what a terminal shows after any keys is the line, and nothing takes long."""

from __future__ import annotations

import re
from unicodedata import east_asian_width

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixedmode.faces.ssh.line_editor import Event, LineEditor
from tests.support import effort

KEYS = {
    "left": "\x1b[D",
    "right": "\x1bOC",
    "home": "\x1b[1~",
    "end": "\x1b[F",
    "delete": "\x1b[3~",
    "backspace": "\x7f",
    "kill": "\x15",
    "kill-to-end": "\x0b",
    "kill-word": "\x17",
    "yank": "\x19",
    "redraw": "\x0c",
    "delete-or-end": "\x04",
    "paste-begins": "\x1b[200~",
    "unknown": "\x1b[99;5x",
    "alt": "\x1bq",
    "control": "\x07",
}


class Screen:
    """A terminal: rows of cells, and a cursor that waits behind the last cell before it wraps."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.rows: list[list[str]] = [[]]
        self.row = self.column = 0

    def feed(self, text: str) -> None:
        for token in re.findall(r"\x1b\[\d*[A-Za-z]|.", text, re.DOTALL):
            if token.startswith("\x1b"):
                self._control(token[-1], int(token[2:-1] or 1))
            elif token == "\r":
                self.column = 0
            elif token == "\n":
                self._down()
            elif token == "\b":
                self.column = min(self.column, self.width - 1) - (self.column > 0)
            elif token != "\a":
                self._print(token)

    @property
    def text(self) -> list[str]:
        return ["".join(row).rstrip() for row in self.rows]

    def _print(self, character: str) -> None:
        cells = 2 if east_asian_width(character) in "WF" else 1
        if self.column + cells > self.width:
            self.column = 0
            self._down()
        row = self.rows[self.row]
        row += [" "] * (self.column + cells - len(row))
        row[self.column] = character
        if cells == 2:
            row[self.column + 1] = ""
        self.column += cells

    def _down(self) -> None:
        self.row += 1
        if self.row == len(self.rows):
            self.rows.append([])

    def _control(self, name: str, count: int) -> None:
        if name == "A":
            assert self.row >= count
            self.row -= count
        elif name == "C":
            self.column = min(self.column + count, self.width - 1)
        elif name == "J":
            del self.rows[self.row + 1 :]
            del self.rows[self.row][self.column :]
        else:
            raise AssertionError(name)


def expected(prompt: str, line: str, position: int, width: int) -> tuple[list[str], tuple[int, int]]:
    """Return the rows of a terminal that shows a line, and where its cursor is."""
    screen = Screen(width)
    cursor = (0, 0)
    for at, character in enumerate(prompt + line):
        if at == len(prompt) + position:
            cursor = (screen.row, screen.column)
        screen.feed(character)
    if position == len(line):
        cursor = (screen.row, screen.column)
    row, column = cursor
    if column == width:
        row, column = row + 1, 0
    elif position < len(line) and east_asian_width(line[position]) in "WF" and column == width - 1:
        pass  # the wide character itself goes to the next row; the cursor stays before it
    return screen.text, (row, column)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.one_of(st.sampled_from(sorted(KEYS.values())), st.text("abc dé日本", max_size=12)), max_size=25),
    st.integers(8, 40),
    st.integers(1, 6),
)
def test_the_screen_shows_the_line(typed: list[str], width: int, chunk: int) -> None:
    editor = LineEditor("admin:", limit=60, width=width)
    screen = Screen(width)
    screen.feed("admin:")
    text = "".join(typed)
    for start in range(0, len(text), chunk):
        at = 0
        part = text[start : start + chunk]
        while at < len(part):
            at, event = editor.step(part, at)
            assert event in {None, Event.END}
        screen.feed(editor.render())
        rows, cursor = expected("admin:", editor.line, editor.position, width)
        assert [row for row in screen.text if row] == [row for row in rows if row]
        assert (screen.row, screen.column) == cursor
    assert editor.line.isprintable()
    assert len(editor.line) <= 60
    screen.feed(editor.finish())
    assert screen.column == 0


@pytest.mark.parametrize(
    ("typed", "line", "position"),
    [
        ("abc", "abc", 3),
        ("abc\x1b[D\x1b[DX", "aXbc", 2),
        ("ab\x7fc", "ac", 2),
        ("abc\x01\x04", "bc", 0),
        ("one two\x17three", "one three", 9),
        ("one\x15two", "two", 3),
        ("one\x15\x19\x19", "oneone", 6),
        ("a\x1b[200~pasted\x1b[201~", "apasted", 7),
        ("a\x1b", "a", 1),
        ("a\x00\x07\x1f\x7f\x7f\x7fb", "b", 1),
        ("a\x1b[999999999999999999999999999mb", "a99999999999mb", 14),
        ("\u2028\u200b\x85x", "x", 1),
    ],
)
def test_keys(typed: str, line: str, position: int) -> None:
    editor = LineEditor("", limit=100)
    for character in typed:  # as it comes from a slow line
        editor.step(character)
    assert (editor.line, editor.position) == (line, position)


def test_events() -> None:
    for typed, event in {
        "\r": Event.ENTER,
        "\n": Event.ENTER,
        "\x1bOM": Event.ENTER,
        "\x04": Event.END,
        "\t": Event.COMPLETE,
        "?": Event.QUERY,
        "\x1b[A": Event.OLDER,
        "\x0e": Event.NEWER,
    }.items():
        assert LineEditor("", limit=10).step(f"{typed}rest") == (len(typed), event)
    assert LineEditor("", limit=10).step("ab\x04c") == (4, None)


def test_a_password_is_not_shown() -> None:
    editor = LineEditor("Password:", limit=100, hidden=True)
    editor.step("secret\x7f\x01x")
    assert editor.render() == ""
    assert editor.finish() == "\r\n"
    assert editor.line == "xsecre"


def test_a_terminal_without_escape_sequences_gets_none() -> None:
    editor = LineEditor("admin:", limit=100, terminal="dumb")
    shown = ""
    for typed in ("show", "\x7f\x7f", "\x01x"):
        editor.step(typed)
        shown += editor.render()
    assert "\x1b" not in shown
    assert shown.endswith("admin:xsh")


def test_a_flood_of_keys_costs_little() -> None:
    editor = LineEditor("admin:", limit=8192)
    drawn: list[int] = []

    def type_all() -> None:
        for _ in range(128):
            editor.step("a\x01" * 256)
            drawn.append(len(editor.render()))

    assert effort(type_all) < 150
    assert sum(drawn) < 128 * 9000
