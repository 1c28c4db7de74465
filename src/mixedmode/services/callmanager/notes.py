"""What phones report, on its way into the directory: in batches, so that a storm of registrations costs few writes."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime
from typing import Final

from mixedmode.errors import MixedModeError
from mixedmode.services.callmanager.directory import Directory

NOTE_SECONDS: Final = 0.5
"""Between two batches."""


class Notes:
    """Notes that wait to be written: one for each device, the newest.

    Args:
        directory: Takes them.
    """

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._waiting: dict[str, tuple[datetime, str | None, str | None]] = {}

    def add(self, device: str, *, ctl: str | None = None, itl: str | None = None) -> None:
        """Note that a device is there, and which lists it holds if it said so."""
        self._waiting[device] = (datetime.now(UTC), ctl, itl)

    async def run(self) -> None:
        """Write what waits, now and then, until cancelled."""
        while True:
            await asyncio.sleep(NOTE_SECONDS)
            await self.flush()

    async def flush(self) -> None:
        """Write what waits."""
        if self._waiting:
            notes, self._waiting = self._waiting, {}
            await asyncio.to_thread(self._write, notes)

    def _write(self, notes: dict[str, tuple[datetime, str | None, str | None]]) -> None:
        for device, (now, ctl, itl) in notes.items():
            # What a phone holds is good to know; that it is not known keeps no phone from being registered.
            with contextlib.suppress(MixedModeError):
                self._directory.note(device, now, ctl=ctl, itl=itl)
