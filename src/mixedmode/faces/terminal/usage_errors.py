"""What Typer says of a command line that it cannot take; it repeats words of it, and a file's name may be one."""

from __future__ import annotations

from typing import Any

import typer

from mixedmode.errors import UsageError
from mixedmode.faces.terminal.console import print_json
from mixedmode.printable import printable, shortened

USAGE_ERROR: type[Exception] = typer.BadParameter.__mro__[2]
"""ClickException: Typer has a copy of click and names only some of its errors."""


def show_usage_error(error: Any, *, as_json: bool = False) -> int:
    """Print an error of the command line as Typer does, made printable, and return its exit code.

    Args:
        error: What Typer raised.
        as_json: Print it as a document on stdout too, as any other error.
    """
    from typer.rich_utils import rich_format_error

    text = printable(shortened(error.format_message()))
    error.format_message = lambda: text
    rich_format_error(error)
    if as_json:
        step = f"{error.ctx.command_path} --help" if error.ctx is not None else None
        print_json({"error": UsageError(text, next_step=step).as_document()})
    return int(error.exit_code)
