"""A TFTP service whose time stands still until a test moves it: no pause depends on how fast the machine is."""

from __future__ import annotations

import asyncio

import pytest

from mixedmode.services.tftp import lanes, service


class Still:
    """The service's clock, which a test turns."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        for room in (lanes, service):
            monkeypatch.setattr(room, "monotonic", lambda: self.now)
        monkeypatch.setattr(service, "_TICK_SECONDS", 0.0)  # a look at what is due in each turn of the loop

    async def pass_by(self, seconds: float, step: float = 0.1) -> None:
        """Let time pass, with a look at what is due after each step."""
        for _ in range(round(seconds / step)):
            self.now += step
            for _ in range(3):
                await asyncio.sleep(0)
