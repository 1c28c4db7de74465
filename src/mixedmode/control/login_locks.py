"""The file of locked logins, so that a restart of the node does not open what was locked.

Only locks are kept, not every failure: nobody outside can restart a node to have failures forgotten, and a file that
grows with each failed login would be one more thing to attack. Times are the machine's clock, since no other outlives
a process.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mixedmode.json_reader import read_json
from mixedmode.pki.files import PRIVATE, write_atomic
from mixedmode.services.net.guesses import Key

LOCK_FILE = "login-locks.json"
_LARGEST = 4 << 20


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock.

    Attributes:
        failures: How often a login failed.
        last: When it failed last, seconds since 1970.
    """

    failures: int
    last: float


def read_locks(path: Path) -> dict[Key, Lock]:
    """Return the locks of a file; none if it is not there or damaged, for a node must start in any case."""
    found: dict[Key, Lock] = {}
    # Whatever a damaged file holds, it is not worth more than the locks in it.
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
        if path.stat().st_size <= _LARGEST:
            for row in read_json(path.read_bytes()):
                found[str(row["account"]), str(row["address"])] = Lock(int(row["failures"]), float(row["last"]))
    return found


def write_locks(path: Path, locks: Mapping[Key, Lock]) -> None:
    """Write the file whole, 0600.

    Raises:
        OSError: The folder is full or cannot be written; the old file is untouched.
    """
    rows = [
        {"account": account, "address": address, "failures": lock.failures, "last": lock.last}
        for (account, address), lock in locks.items()
    ]
    write_atomic(path, json.dumps(rows).encode(), mode=PRIVATE)
