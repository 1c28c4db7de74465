"""Facts out of what commands and traces print: the same for a lab, a node and a CUCM behind SSH."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from mixedmode.numbers import whole_number
from mixedmode.procedures.facts import ShownList, TvsFacts

MODE_QUERY: Final = "run sql select paramname,paramvalue from processconfig where paramname='ClusterSecurityMode'"
"""The seed's easy way to see whether a cluster is in mixed mode."""

_CACHED: Final = re.compile(r"Unique Key used for Caching :: ([0-9A-F]+?)(?=CN=|cn=)")
_ASKED: Final = re.compile(r"Serial Number is: ([0-9A-F]+)")
_FOUND: Final = re.compile(
    r"Certificate(DB|CTL)Cache::getCertificateInformation - Found entry \{rolecount : ([0-9]{1,9})\}"
)


def shown_mode(said: Iterable[str]) -> int | None:
    """Return the mode that the answer to :data:`MODE_QUERY` shows, None if these lines are no such answer."""
    words = next((line.split() for line in said if line.startswith("ClusterSecurityMode")), [])
    return whole_number(words[1]) if len(words) == 2 else None


def shown_list(said: Sequence[str]) -> ShownList:
    """Return what a ``show ctl`` or ``show itl`` shows."""
    md5 = next((line.removesuffix("(MD5)") for line in said if line.endswith("(MD5)")), None)
    sha1 = next((line.removesuffix("(SHA1)") for line in said if line.endswith("(SHA1)")), None)
    return ShownList(md5, sha1, any("verified successfully" in line for line in said))


def traced(trace: Iterable[str]) -> TvsFacts:
    """Return what the trace of a TVS tells."""
    cached: set[str] = set()
    answers: set[tuple[str, str, int]] = set()
    serial = ""
    for line in trace:
        if found := _CACHED.search(line):
            cached.add(found[1])
        elif found := _ASKED.search(line):
            serial = found[1]
        elif found := _FOUND.search(line):
            answers.add((serial, found[1], int(found[2])))
    return TvsFacts(frozenset(cached), frozenset(answers))
