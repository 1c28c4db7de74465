"""How commands speak: documents and text on stdout, errors and progress on stderr.

Rules:

1. All that a command prints goes through here, and all of it may be a stranger's: a server's answer, a name in a list,
   a CSV file, a file's name. So everything is made printable here (:mod:`mixedmode.printable`), and each line that is
   given is one line of the output.
2. Colour is added here and nowhere else, so nobody's text brings its own.
3. A JSON document escapes what is not printable, and is the only one on stdout.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable
from enum import StrEnum
from typing import Any, Final, Self, TextIO

from mixedmode.errors import MixedModeError
from mixedmode.printable import printable, printable_block

_documents = 0
"""How many JSON documents stdout has; it may have one."""
_JSON_STRUCTURE: Final = re.compile(r"[^\n -~]")


class Colour(StrEnum):
    """What a line says of what it tells: a number of ANSI's colours."""

    RED = "31"
    """Wrong, lost."""
    GREEN = "32"
    """As it shall be."""
    YELLOW = "33"
    """To be done by a person."""


class Painted(str):
    """A line that is printed in a colour where somebody watches; for all else it is its text.

    Args:
        text: The line.
        colour: How :func:`print_lines` prints it on a terminal.
    """

    colour: Colour

    def __new__(cls, text: str, colour: Colour) -> Self:
        """Make the line."""
        line = super().__new__(cls, text)
        line.colour = colour
        return line


def json_text(document: Any) -> str:
    """Return a JSON document, indented; what is not printable is escaped, letters of any script stay."""
    text = json.dumps(document, indent=2, ensure_ascii=False)
    return _JSON_STRUCTURE.sub(lambda found: _json_escape(found.group()), text)


def print_json(document: Any) -> None:
    """Print one JSON document on stdout, and nothing else."""
    global _documents  # noqa: PLW0603 - of the process, as its stdout is
    _documents += 1
    sys.stdout.write(f"{json_text(document)}\n")


def print_lines(lines: Iterable[str]) -> None:
    """Print text for people on stdout, at once: the command may go on for hours."""
    colour = use_colour(sys.stdout)
    sys.stdout.write("".join(f"{_painted(line) if colour else printable(line)}\n" for line in lines))
    sys.stdout.flush()


def print_bytes(content: bytes) -> None:
    """Write a file's content to stdout: as it is into a pipe or file, printable on a terminal."""
    if sys.stdout.isatty():
        sys.stdout.write(printable_block(content.decode("utf-8", "backslashreplace")))
    else:
        sys.stdout.buffer.write(content)
    sys.stdout.flush()


def say(line: str) -> None:
    """Print a line of progress on stderr."""
    sys.stderr.write(f"{printable(line)}\n")
    sys.stderr.flush()


def say_error(error: MixedModeError) -> None:
    """Print an error on stderr and go on."""
    sys.stderr.write(f"{error.diagnostics()}\n")
    sys.stderr.flush()


def use_colour(stream: TextIO) -> bool:
    """Whether a stream is a terminal that wants colour (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def report_error(error: MixedModeError, *, as_json: bool) -> int:
    """Print an error for people on stderr, for scripts as a document on stdout too, unless there is one already.

    Returns:
        The exit code.
    """
    label = _painted(Painted("error:", Colour.RED)) if use_colour(sys.stderr) else "error:"
    sys.stderr.write(f"{label} {error.diagnostics()}\n")
    if as_json and not _documents:
        print_json({"error": error.as_document()})
    return error.exit_code


def _painted(line: str) -> str:
    text = printable(line)
    return f"\x1b[{line.colour}m{text}\x1b[0m" if isinstance(line, Painted) else text


def _json_escape(character: str) -> str:
    return character if character.isprintable() else json.dumps(character)[1:-1]
