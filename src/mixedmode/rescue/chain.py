"""Evidence: JSON lines, each with the hash of the one before it; pure (docs/specification/rescue.md 5.10).

Rules:

1. A line says its number, its time, what happened, and the SHA-256 of the line before it. Who changes or drops a line
   breaks the chain there; who drops lines from the end does not, so the hash of the last one belongs into the change
   record.
2. A line without its end was being written when the machine stopped: it is no line, and whoever goes on cuts it off.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from mixedmode.errors import MalformedError

BEGIN: Final = "0" * 64
Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a file of evidence holds.

    Attributes:
        records: In order.
        head: The hash of the last line.
        length: Bytes of whole lines; what stands behind them was never finished.
    """

    records: Sequence[Record] = ()
    head: str = BEGIN
    length: int = 0


def line_of(number: int, previous: str, moment: datetime, event: str, fields: Mapping[str, Any]) -> bytes:
    """Return a line.

    Args:
        number: From 1.
        previous: The hash of the line before.
        moment: UTC.
        event: What happened.
        fields: The rest.
    """
    said = {"n": number, "time": moment.isoformat(timespec="milliseconds"), "previous": previous, "event": event}
    return json.dumps({**said, **fields}, separators=(",", ":"), sort_keys=False).encode() + b"\n"


def is_begun(rest: bytes, number: int) -> bool:
    """Return whether bytes are how a line begins: what stands in a file of evidence behind its last whole line.

    Args:
        rest: The bytes.
        number: Of the line.
    """
    start = f'{{"n":{number},"time":"'.encode()
    return rest.startswith(start) or start.startswith(rest)


def hash_of(line: bytes) -> str:
    """Return the hash of a line, lower hex."""
    return hashlib.sha256(line).hexdigest()


def read_evidence(data: bytes, where: str) -> Evidence:
    """Read a file of evidence and check its chain.

    Raises:
        MalformedError: A line is none, or the chain is broken; the error names its number and offset.
    """
    records: list[Record] = []
    head, offset = BEGIN, 0
    for number, line in enumerate(data.split(b"\n")[:-1], 1):
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict) or not isinstance(found.get("event"), str):
            raise MalformedError(f"line {number} is no evidence", where=where, offset=offset)
        if found.get("n") != number or found.get("previous") != head:
            raise MalformedError(
                f"the chain is broken at line {number}",
                where=where,
                offset=offset,
                why="a line before it was changed, added or taken away",
                next_step="keep the file as it is, and find out who wrote into it",
            )
        records.append(found)
        head = hash_of(line + b"\n")
        offset += len(line) + 1
    return Evidence(records, head, offset)
