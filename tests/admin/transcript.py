"""Comparing what we print with a transcript: what depends on keys and dates is masked in both."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tests.support import DATA

MASKS = (
    (re.compile(r"^[0-9a-f]{32}\(MD5\)$"), "<md5>"),
    (re.compile(r"^[0-9a-f]{40}\(SHA1\)$"), "<sha1>"),
    (re.compile(r"(last modified on ).*"), r"\1<date>"),
    (re.compile(r"^([0-9a-f]{1,2} +){7}[0-9a-f]{1,2}$"), "<signature row>"),
    (re.compile(r"([0-9A-F]{2}:){5,}[0-9A-F]{2}"), "<serial>"),
    (re.compile(r"([0-9A-F]{2} ){3,}[0-9A-F]{2}"), "<hash>"),
    (re.compile(r"^(\d+ +[A-Z]+ +)\d+"), r"\1<length>"),
    (re.compile(r"(VALUE|SIGNERID +<length>|RECORDLENGTH +<length>) +\d+$"), r"\1 <length>"),
    (re.compile(r"(Length of [CI]TL file:|HeaderLength:) +[1-9]\d*"), r"\1 <length>"),
)


def transcript(name: str, command: str) -> list[str]:
    """Return what a transcript shows after a command, without the PDF's stray blank lines and trailing blanks."""
    lines = (DATA / "transcripts" / name).read_text().splitlines()
    start = next(
        i for i, line in enumerate(lines) if line.replace(" ", "").startswith(f"admin:{command.replace(' ', '')}")
    )
    found = []
    for line in lines[start + 1 :]:
        if line.startswith("admin:"):
            break
        found.append(line)
    return normal(found)


def normal(lines: Iterable[str]) -> list[str]:
    """Return lines without blank ones and with single blanks, ready to be compared."""
    return [" ".join(line.split()) for line in lines if line.strip()]


def masked(lines: Iterable[str]) -> list[str]:
    """Return normal lines with their values masked."""
    found = []
    for line in normal(lines):
        for pattern, replacement in MASKS:
            line = pattern.sub(replacement, line)
        found.append(line)
    return found
