"""How the tests of this folder read logs."""

from __future__ import annotations

from pathlib import Path

from mixedmode.explain.reader import explain
from mixedmode.explain.values import Event, Explained

DATA = Path(__file__).parents[1] / "data"
LOGS = DATA / "explain"
TRANSCRIPTS = DATA / "transcripts"


def read(text: str | bytes) -> Explained:
    return explain([text.encode() if isinstance(text, str) else text])


def only(text: str) -> Event:
    found = read(text)
    assert len(found.events) == 1, [event.text for event in found.events]
    assert found.unknown == 0
    return found.events[0]


def kinds(found: Explained, *grades: str) -> list[str]:
    return [event.kind for event in found.events if not grades or event.grade in grades]
