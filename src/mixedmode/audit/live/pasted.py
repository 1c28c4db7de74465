"""Lists that somebody gives by hand: files, or what ``show ctl`` and ``show itl`` printed, in the place of nodes.

Rules:

1. Each file is a node by itself, under its name. Of several listings of one kind in it the last counts.
2. A listing has to show the whole list: half of one would be judged as if the rest were not there.
3. A listing shows no dates and no alternative names of certificates, and not what their signatures are over: the rules
   that need them say so (docs/specification/live-cluster.md 9: "no evidence" is never a finding).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from mixedmode.errors import MalformedError, UsageError
from mixedmode.live.observed import FileSeen, NodeSeen, NotSeen, Observation, Sighting, Source
from mixedmode.trustlist.kinds import CTL_FILE, ITL_FILE, looks_described
from mixedmode.trustlist.model import TrustList
from mixedmode.trustlist.pasted.described import all_described, from_json
from mixedmode.trustlist.pasted.standin import DescribedList, without_half

_FILES: Final = {"CTL": CTL_FILE, "ITL": ITL_FILE}


def is_listing(file: FileSeen) -> bool:
    """Return whether a file stands for what somebody pasted; what a node serves is never read as that."""
    return file.seen.source is Source.FILE and file.data is not None and looks_described(file.data)


def described_list(data: bytes, lists: Sequence[TrustList]) -> DescribedList:
    """Return the list of a description.

    Args:
        data: Its JSON.
        lists: Others, whose certificates are known.

    Raises:
        MalformedError: It is none, or not of a whole list (rule 2).
    """
    description = from_json(data)
    certificates = (record.certificate for each in lists for record in each.records if not record.certificate_hash)
    return without_half(description, {each.sha1.hex(): each for each in certificates if each is not None})


def observation_of(files: Sequence[tuple[str, bytes]], now: datetime) -> Observation:
    """Return what files say, as if each came from a node of its own (rule 1).

    Args:
        files: Their names and bytes.
        now: The time, UTC.

    Raises:
        MixedModeError: One is no list and no listing, or half a one.
    """
    found: list[FileSeen] = []
    missing: list[NotSeen] = []
    for name, data in files:
        seen = Sighting(Source.FILE, now, name)
        try:
            lists = dict(_lists_in(name, data))
        except (MalformedError, UsageError) as error:
            raise error.located(name) from None
        found += [FileSeen(name, _FILES[kind], content, seen) for kind, content in lists.items()]
        missing += [
            NotSeen(file, name, "not among what was given") for kind, file in _FILES.items() if kind not in lists
        ]
    nodes = tuple(
        NodeSeen(name, name, seen=Sighting(Source.FILE, now, name)) for name in dict.fromkeys(n for n, _ in files)
    )
    return Observation(", ".join(node.name for node in nodes), now, now, nodes, tuple(found), not_seen=tuple(missing))


def _lists_in(name: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield each list of a file with its kind; of a kind the last counts."""
    if not looks_described(data):
        yield _kind(name, data), data
        return
    descriptions = all_described(data)
    if not descriptions:
        raise UsageError(
            "there is no list and no listing of one in it",
            code="no-listing",
            next_step="paste what show ctl or show itl printed, from the checksum to the last line",
        )
    for each in {each["kind"]: each for each in descriptions}.values():
        without_half(each, {})
        yield each["kind"], json.dumps(each).encode()


def _kind(name: str, data: bytes) -> str:
    try:
        parsed = TrustList.parse(data)
    except MalformedError:
        # A list that is broken is a finding, if this is one at all.
        last = name.replace("\\", "/").rpartition("/")[2].upper()
        if last.startswith(("CTL", "ITL")):
            return last[:3]
        raise
    return parsed.kind
