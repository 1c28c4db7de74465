"""Secrets blotted out of what is shown, kept or raised; pure.

Rules:

1. A secret of fewer than four characters is left: it would blot out everything.
2. One of several lines, such as a certificate's key, is blotted out line by line: that is how a terminal shows it.
3. The longest goes first, so that one which holds another leaves no rest of itself.
"""

from __future__ import annotations

from typing import Final

from mixedmode.printable import printable

HIDDEN: Final = "********"
_SHORTEST: Final = 4


class Blots:
    """The secrets of one session or run."""

    def __init__(self) -> None:
        self._secrets: tuple[str, ...] = ()

    def hide(self, secret: str) -> None:
        """Blot a secret out from now on."""
        parts = {secret, *map(str.strip, secret.splitlines())}
        shown = {each for part in parts for each in (part, printable(part)) if len(part) >= _SHORTEST}
        self._secrets = tuple(sorted({*self._secrets, *shown}, key=len, reverse=True))

    def of(self, line: str) -> str:
        """Return a line, printable, without secrets."""
        shown = printable(line)
        for secret in self._secrets:
            shown = shown.replace(secret, HIDDEN)
        return shown
