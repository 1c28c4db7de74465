"""The open sessions of a node, so that one ends whose account was removed or has a lower level now.

The file of accounts is looked at every second and before each line; it is read only when it has changed. A file that
is damaged ends nothing: somebody has to be able to put it right.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from mixedmode.control.accounts import AccountStore
from mixedmode.errors import MixedModeError

LOOK_SECONDS: Final = 1.0
REMOVED: Final = "the account {user} was removed"
LOWERED: Final = "the account {user} has level {level} now, log in again"


@dataclass(frozen=True, slots=True, eq=False)
class OpenShell:
    """A session.

    Attributes:
        user: Its account.
        level: The privilege level that it was opened with.
        end: Ends it, with a reason.
    """

    user: str
    level: int
    end: Callable[[str], None]


class OpenShells:
    """The open sessions of one node.

    Args:
        accounts: Who may have one.
    """

    def __init__(self, accounts: AccountStore) -> None:
        self._accounts = accounts
        self._shells: set[OpenShell] = set()
        self._seen = self._state()

    def opened(self, shell: OpenShell) -> None:
        """Note a session that began."""
        self._shells.add(shell)

    def closed(self, shell: OpenShell) -> None:
        """Forget a session."""
        self._shells.discard(shell)

    async def look(self) -> None:
        """End the sessions whose accounts no longer allow them."""
        state = await asyncio.to_thread(self._state)
        if state == self._seen:
            return
        try:
            levels = {account.name: account.privilege for account in await asyncio.to_thread(self._accounts.all)}
        except (MixedModeError, OSError):
            return
        self._seen = state
        for shell in list(self._shells):
            level = levels.get(shell.user)
            if level is None:
                shell.end(REMOVED.format(user=shell.user))
            elif level < shell.level:
                shell.end(LOWERED.format(user=shell.user, level=level))

    async def watch(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await self.look()

    def _state(self) -> tuple[int, int, int] | None:
        try:
            found = self._accounts.path.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size
