"""Where a password or PIN comes from: the first line of a file, or a prompt; never the command line."""

from __future__ import annotations

from pathlib import Path

from mixedmode.errors import UsageError


def read_secret(path: Path) -> str:
    """Return the first line of a file, empty if there is none.

    Raises:
        UsageError: It cannot be read or is too large.
    """
    from mixedmode.pki.files import read_key_file

    lines = read_key_file(path).decode("utf-8", "replace").splitlines()
    return lines[0] if lines else ""


def ask_secret(prompt: str, *, missing: str, next_step: str) -> str:
    """Ask for a secret on the terminal; it is not shown.

    Args:
        prompt: What is asked.
        missing: What is wrong when nobody can be asked.
        next_step: How to give the secret then.

    Raises:
        UsageError: Standard input is no terminal, or it ended.
    """
    from mixedmode.pki.ask import EndOfInputError, ask_line, is_terminal

    if not is_terminal():
        raise UsageError(missing, next_step=next_step)
    try:
        return ask_line(prompt, secret=True)
    except EndOfInputError as error:
        raise EndOfInputError(missing, next_step=next_step) from error
