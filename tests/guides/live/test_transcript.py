"""The transcript of a run from outside: private, and without the password wherever somebody puts it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

from mixedmode.guides.live.transcript import Transcript, WrittenIO

PASSWORD = "Orange [1] \\ \x1b[1m"


class Person:
    page_height = None

    async def write(self, line: str) -> None:
        pass

    async def ask(self, prompt: str, *, secret: bool = False) -> str:
        return PASSWORD


def test_a_password_at_the_wrong_question_or_printed_by_a_node_is_blotted_out(tmp_path: Path) -> None:
    path = tmp_path / "run.log"
    transcript = Transcript(path, lambda: datetime(2026, 11, 26, tzinfo=UTC))
    transcript.hide(PASSWORD)
    transcript.hide("y")
    asyncio.run(WrittenIO(Person(), transcript).ask("Shall this be typed? (y/n): "))
    transcript.note(f"Your password is {PASSWORD}.", of="pub")
    text = path.read_text()
    assert text == (
        "2026-11-26T00:00:00Z Shall this be typed? (y/n): ********\n"
        "2026-11-26T00:00:00Z [pub] Your password is ********.\n"
    )
    assert path.stat().st_mode & 0o777 == 0o600
