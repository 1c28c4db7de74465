"""Runs operations on a cluster for ever, in a fork of its own for each round, until somebody kills that fork.

Usage: python -m tests.cluster.engine.crash_child DIRECTORY [DATABASE_URL]. A line on stdin starts a round; the fork's
number is printed when its cluster is open; ``gone`` when the fork has ended.
"""

from __future__ import annotations

import itertools
import os
import sys
from pathlib import Path

from mixedmode.cluster.engine.documents import document_of, operation_of
from mixedmode.cluster.engine.principal import Principal
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.operations.identity.certificates import RegenerateCertificate
from tests.cluster.building import MIXED, NON_SECURE, PUB, UPDATE
from tests.quick_keys import use_quick_keys

ROUND = (MIXED, UPDATE, RegenerateCertificate(PUB, "CallManager"), NON_SECURE)


def work(directory: Path, url: str | None) -> None:
    cluster = Cluster.open(directory, database_url=url)
    say(str(os.getpid()))
    for number in itertools.count():
        principal = Principal("anna", 4, f"192.0.2.{number % 250}")
        for operation in ROUND:
            cluster.run(operation, principal)


def say(text: str) -> None:
    os.write(1, text.encode() + b"\n")


def main() -> None:
    directory, url = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None
    for operation in ROUND:
        operation_of(type(operation), document_of(operation))  # what a fork need not learn before its first step
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            try:
                use_quick_keys(os.getpid())
                work(directory, url)
            finally:
                os._exit(1)
        os.waitpid(child, 0)
        say("gone")


if __name__ == "__main__":
    main()
