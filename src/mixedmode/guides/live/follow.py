"""Follows phones after their reset, by an inventory that is read again, or by whatever can ask them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from mixedmode.errors import MixedModeError
from mixedmode.faces.shell.talk import AdminIO
from mixedmode.guides.live.following import Standing, standing
from mixedmode.guides.live.planning.foresight import phones_in
from mixedmode.guides.live.seeing.situation import Situation
from mixedmode.inventory.kinds import PhoneKind
from mixedmode.procedures.phones import Rules
from mixedmode.trustlist.model import TrustList

Phones = Sequence[tuple[str, PhoneKind]]
Look = Callable[[Situation], Awaitable[Phones]]
"""Returns what phones hold now."""


class Follow(Protocol):
    """Follows phones."""

    async def until_they_hold(
        self, published: TrustList, seen: Situation, rules: Rules, io: AdminIO
    ) -> Standing | None:
        """Follow them, telling how many hold the list and who stays behind; None if nothing is known of them."""


@dataclass(frozen=True, slots=True)
class ByInventory:
    """Follows phones by an inventory that somebody collects anew.

    Attributes:
        path: The file.
    """

    path: Path

    async def until_they_hold(
        self, published: TrustList, seen: Situation, rules: Rules, io: AdminIO
    ) -> Standing | None:
        """Read it as often as the person likes; see :class:`Follow`."""
        found: Standing | None = None
        while True:
            await io.write(f"  Collect {self.path} anew once the phones have restarted (mixedmode inventory collect).")
            answer = (await io.ask("Enter reads it, c goes on without: ")).strip().lower()
            if answer == "c":
                return found
            try:
                found = standing(phones_in(self.path, seen), published, rules)
            except MixedModeError as error:
                await io.write(f"  {error}")
                continue
            await tell(found, io)
            if not found.behind and not found.unknown:
                return found


_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class ByLooking:
    """Follows phones by asking again and again, until all hold the list or the time is over.

    Attributes:
        look: Asks.
        seconds: Between two looks.
        most: Looks.
    """

    look: Look
    seconds: float = _SECONDS
    most: int = 60

    async def until_they_hold(
        self, published: TrustList, seen: Situation, rules: Rules, io: AdminIO
    ) -> Standing | None:
        """Look until they hold it; see :class:`Follow`."""
        found: Standing | None = None
        told = -1
        for number in range(self.most):
            if number:
                await asyncio.sleep(self.seconds)
            found = standing(await self.look(seen), published, rules)
            if found.holding != told:
                told = found.holding
                await io.write(f"  {found.holding:,} of {found.total:,} phones hold the published CTL file")
            if not found.behind and not found.unknown:
                break
        if found is not None:
            await tell(found, io, counted=False)
        return found


async def tell(found: Standing, io: AdminIO, *, counted: bool = True) -> None:
    """Say how phones stand."""
    if counted:
        await io.write(f"  {found.holding:,} of {found.total:,} phones hold the published CTL file")
    for line in found.lines():
        await io.write(line)
