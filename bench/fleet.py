"""Phones from ``bench/tstorm.c``: each with an address of its own, all in one process that is no limit for a server."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

FIRST = "SEP000000000000"
DEVICE = "@"
"""Stands for a device's name in that of a file."""


@dataclass(frozen=True, slots=True)
class Boots:
    """What the phones saw.

    Attributes:
        done: Phones that have all their files.
        failed: Phones that gave up, were sent an ERROR, or got other bytes than they must.
        errors: Of these, by an ERROR.
        wrong: Of these, by other bytes.
        repeated: Datagrams that phones sent again, since none came in time.
        late: Datagrams that came when they had come before.
        lost_here: Datagrams that found no room on the phones' side.
        sent: Datagrams to the server.
        received: Datagrams from the server.
        seconds: From the first request to the last block.
        processor_seconds: Of the phones' own process.
        boot_p50: Seconds of a boot; so ``boot_p99`` and ``boot_max``.
        wait_p50: Seconds since the power came; so ``wait_p99``.
    """

    done: int
    failed: int
    errors: int
    wrong: int
    repeated: int
    late: int
    lost_here: int
    sent: int
    received: int
    seconds: float
    processor_seconds: float
    boot_p50: float
    boot_p99: float
    boot_max: float
    wait_p50: float
    wait_p99: float

    @property
    def datagrams(self) -> int:
        """Both ways."""
        return self.sent + self.received

    @property
    def busy(self) -> float:
        """The share of a core that the phones took: near 1, they are the limit."""
        return self.processor_seconds / self.seconds


def boot_all(
    program: Path, port: int, files: Sequence[str], *, phones: int, at_once: int, kept: Path | None = None
) -> Boots:
    """Start phones against a server of 127.0.0.1, on the second core where there is one.

    Args:
        program: Compiled ``tstorm``.
        port: Of the server.
        files: What each fetches, in order: a name, with ``@`` for the phone's, then ``=`` and the path of what must
            come.
        phones: How many there are.
        at_once: How many boots are under way at the same time.
        kept: Where to write what came of a file whose content is not known before.
    """
    pinned = ["taskset", "-c", "1"] if (os.cpu_count() or 1) > 1 else []
    words = [str(program), "127.0.0.1", str(port), FIRST, str(phones), str(at_once), str(kept or os.devnull), *files]
    printed = subprocess.run([*pinned, *words], capture_output=True, text=True, check=True).stdout
    document = json.loads(printed)
    return Boots(**{each.name: document[each.name] for each in fields(Boots)})


def kept_files(path: Path) -> list[bytes]:
    """Return what ``tstorm`` kept for each phone."""
    data, found, at = path.read_bytes(), list[bytes](), 0
    while at < len(data):
        end = at + 4 + int.from_bytes(data[at : at + 4], "little")
        found.append(data[at + 4 : end])
        at = end
    return found
