"""A lab for as long as a procedure takes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from mixedmode.rehearsal.lab.lab import Lab
from mixedmode.rehearsal.lab.spec import LabSpec


def play(directory: Path, spec: LabSpec, procedure: Callable[[Lab], Awaitable[None]]) -> None:
    """Start a lab, play the procedure on it, stop it."""

    async def run() -> None:
        lab = Lab(directory, spec)
        await lab.start()
        try:
            await procedure(lab)
        finally:
            await lab.stop()

    asyncio.run(run())
