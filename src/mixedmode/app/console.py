"""How commands speak: documents and text on stdout, errors and progress on stderr."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from typing import Any

from mixedmode.errors import MixedModeError

_documents = 0
"""How many JSON documents stdout has; it may have one."""


def print_json(document: Any) -> None:
    """Print one JSON document on stdout, and nothing else."""
    global _documents  # noqa: PLW0603 - of the process, as its stdout is
    _documents += 1
    json.dump(document, sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")


def print_lines(lines: Iterable[str]) -> None:
    """Print text for people on stdout, at once: the command may go on for hours."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def say(line: str) -> None:
    """Print a line of progress on stderr."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def use_colour() -> bool:
    """Whether stderr is a terminal that wants colour (https://no-color.org)."""
    return sys.stderr.isatty() and not os.environ.get("NO_COLOR")


def report_error(error: MixedModeError, *, as_json: bool) -> int:
    """Print an error for people on stderr, for scripts as a document on stdout too, unless there is one already.

    Returns:
        The exit code.
    """
    label = "\x1b[31merror:\x1b[0m" if use_colour() else "error:"
    sys.stderr.write(f"{label} {error.diagnostics()}\n")
    if as_json and not _documents:
        print_json({"error": error.as_document()})
    return error.exit_code
