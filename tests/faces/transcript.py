"""Comparing what we print with a transcript: what depends on keys and dates is masked in both."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tests.support import DATA

_MASKS = (
    (re.compile(r"[0-9a-f]{32}\(MD5\)"), "<md5>"),
    (re.compile(r"[0-9a-f]{40}\(SHA1\)"), "<sha1>"),
    (re.compile(r"(last modified on )\w{3} \w{3} \d{2} \d{2}:\d{2}:\d{2} CET \d{4}"), r"\1<date>"),
    (re.compile(r"([0-9A-F]{2}:){5,}[0-9A-F]{2}"), "<serial>"),
    (re.compile(r"\b([0-9A-F]{2} ){19}[0-9A-F]{2} \("), "<hash> ("),
    (re.compile(r"12 SIGNATURE 128 ([0-9a-f]{1,2} ){128}"), "12 SIGNATURE 128 <signature> "),
    (re.compile(r"CAPF-[0-9a-f]{8}"), "CAPF-<number>"),
    # Lengths of DER certificates differ by a byte or two with each key and serial.
    (re.compile(r"(Length of CTL file:) \d+"), r"\1 <length>"),
    (re.compile(r"(RECORDLENGTH 2|CERTIFICATE) \d+"), r"\1 <length>"),
)


def transcript(name: str, command: str) -> list[str]:
    """Return the lines that a transcript shows after a command."""
    lines = (DATA / "transcripts" / name).read_text().splitlines()
    start = next(i for i, line in enumerate(lines) if line.replace("admin: ", "admin:").startswith(f"admin:{command}"))
    found = []
    for line in lines[start + 1 :]:
        if line.startswith(("admin:", "--(", "(source")):
            break
        found.append(line)
    return found


def normal(lines: Iterable[str]) -> list[str]:
    """Return lines without blank ones and with single blanks."""
    return [" ".join(line.split()) for line in lines if line.strip()]


def masked(lines: Iterable[str]) -> list[str]:
    """Return the words with what depends on keys and dates masked; the sources' line ends are not those of the CLI."""
    text = " ".join(normal(lines)) + " "
    for pattern, replacement in _MASKS:
        text = pattern.sub(replacement, text)
    return text.split()
