"""What Typer says of a command line that it cannot take; it repeats words of it, and a file's name may be one."""

from __future__ import annotations

from typing import Any

import typer

from mixedmode.printable import printable

USAGE_ERROR: type[Exception] = typer.BadParameter.__mro__[2]
"""ClickException: Typer has a copy of click and names only some of its errors."""


def show_usage_error(error: Any) -> int:
    """Print an error of the command line as Typer does, made printable, and return its exit code."""
    from typer.rich_utils import rich_format_error

    text = printable(error.format_message())
    error.format_message = lambda: text
    rich_format_error(error)
    return int(error.exit_code)
