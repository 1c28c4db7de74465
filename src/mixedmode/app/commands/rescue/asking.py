"""What a command of a rescue has a person say: the control user's password, a word typed back, yes or no."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mixedmode.errors import CheckFailedError, UsageError

if TYPE_CHECKING:
    from mixedmode.rescue.hands import PhoneHands
    from mixedmode.rescue.wire.pictures import Pictures

OPENING: Final = (7, 19)
"""Hours of a working day in which phones are not pressed, unless somebody says so."""


def control_login(user: str | None, password_file: Path | None) -> tuple[str, str]:
    """Return the control user and his password, from a file or a prompt.

    Raises:
        UsageError: No user is named, or there is no password.
    """
    from mixedmode.live.cluster_file import secret_of
    from mixedmode.pki.ask import ask_line

    if not user or ":" in user or not user.isprintable():
        raise UsageError("no control user is named", next_step="--control-user NAME, made for the run")
    if password_file is not None:
        return user, secret_of(password_file)
    password = ask_line(f"Password of {user}: ", secret=True)
    if not password:
        raise UsageError("the password is empty")
    return user, password


def optional_login(user: str | None, password_file: Path | None) -> tuple[str, str] | None:
    """Return the same, None if no user is named."""
    if user is None and password_file is None:
        return None
    return control_login(user, password_file)


def named(value: str | None, option: str) -> str:
    """Return what must be named.

    Raises:
        UsageError: It is not.
    """
    if value is None or not value.strip() or not value.isprintable():
        raise UsageError(f"{option} is missing", next_step=f"{option} goes into the evidence")
    return value.strip()


def word_typed_back(word: str, what: str) -> None:
    """Have a word typed back.

    Raises:
        CheckFailedError: Another one was typed, or none.
    """
    from mixedmode.faces.terminal.console import say
    from mixedmode.pki.ask import EndOfInputError, ask_line

    say(what)
    try:
        typed = ask_line(f"Type {word} to go on: ")
    except EndOfInputError:
        typed = ""
    if typed.strip() != word:
        raise CheckFailedError("the word was not typed back; nothing was pressed", next_step=f"the word is {word}")


def pictures_in(folder: Path | None, hands: PhoneHands) -> Pictures | None:
    """Return what keeps pictures of screens, once what is past its day is deleted; None if nobody wants any.

    Raises:
        UsageError: The folder cannot be made or read.
    """
    from mixedmode.faces.terminal.console import say
    from mixedmode.rescue.wire.pictures import Pictures

    if folder is None:
        return None
    found = Pictures(folder, hands.picture, datetime.now(UTC).date())
    if count := found.begin():
        say(f"{count} pictures in {folder} are past their day: deleted")
    return found


def read_in_menus(texts: list[str], names: Collection[str]) -> dict[str, str]:
    """Return the hashes that a person read in phones' menus, by name.

    Args:
        texts: ``NAME=HASH``.
        names: Phones that may be named.

    Raises:
        UsageError: It is none, or of another phone.
    """
    from mixedmode.inventory.library import digest_of

    found: dict[str, str] = {}
    for text in texts:
        name, _, shown = text.partition("=")
        digest = digest_of(shown)
        if name.upper() not in names or digest is None:
            raise UsageError(
                f"--read {text!r} names no phone of the plan with a hash",
                next_step="write --read SEP001122334455=HASH, as the phone's menu shows the MD5 of its list",
            )
        found[name.upper()] = digest
    return found


def refuse_opening_hours(moment: datetime, *, in_hours: bool) -> None:
    """Refuse to press phones while people work.

    Raises:
        CheckFailedError: It is a working day, in its hours, and nobody said that this is meant.
    """
    first, last = OPENING
    if not in_hours and moment.weekday() < 5 and first <= moment.hour < last:
        raise CheckFailedError(
            f"it is {moment:%H:%M} on a working day; nothing was pressed",
            next_step="come back when nobody works, or say --in-hours; never during an emergency call",
        )
