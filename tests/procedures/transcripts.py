"""The transcripts that the pages of the how-to carry."""

from __future__ import annotations

from collections.abc import Iterable

from mixedmode.procedures.transcript import normalised
from tests.docs.pages import ROOT

HOW_TO = ROOT / "docs" / "how-to"


def kept(name: str) -> list[str]:
    """Return the transcript that a page carries."""
    written = (HOW_TO / f"{name}.md").read_text()
    return written.rpartition("```text\n")[2].removesuffix("```\n").splitlines()


def check_transcript(name: str, transcript: Iterable[str]) -> None:
    """State that a page carries what a rehearsal of these phones prints; ``make docs`` writes it anew."""
    assert normalised(transcript) == kept(name)
