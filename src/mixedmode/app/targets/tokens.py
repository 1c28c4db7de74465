"""The security tokens that a command names, and their passwords."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mixedmode.errors import UsageError
from mixedmode.faces.terminal.secret_files import ask_secret, read_secret

if TYPE_CHECKING:
    from mixedmode.faces.ctlclient.wizard import Token


def tokens_named(tokens: Sequence[Token], names: Sequence[str]) -> list[Token]:
    """Return tokens by label, in the order of the names.

    Raises:
        UsageError: There is no token of a name.
    """
    by_label: dict[str, Token] = {}
    for each in tokens:
        # The first of a label counts: a token behind a library is never overruled by a file of the same name.
        by_label.setdefault(each.label.lower(), each)
    found = []
    for name in names:
        token = by_label.get(name.lower()) or by_label.get(f"sast-{name.lower()}")
        if token is None:
            known = ", ".join(dict.fromkeys(each.label for each in tokens)) or "none is inserted"
            raise UsageError(f"there is no token {name!r}", next_step=f"there are: {known}")
        found.append(token)
    return found


def read_pin(label: str, pin_file: Path | None, *, default: str | None = None, variable: str = "MIXEDMODE_PIN") -> str:
    """Return a token's password: from a file, the environment, or a prompt; never from the command line.

    Args:
        label: Of the token.
        pin_file: Its first line is the password.
        default: In place of the prompt.
        variable: Of the environment.

    Raises:
        UsageError: Nobody can be asked.
    """
    if pin_file is not None:
        return read_secret(pin_file)
    if (pin := os.environ.get(variable)) is not None:
        return pin
    if default is not None:
        return default
    return ask_secret(
        f"Password of the Security Token {label}: ",
        missing="the token's password is not given",
        next_step=f"use --pin-file or {variable}",
    )
