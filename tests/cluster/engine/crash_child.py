"""Runs operations on a cluster for ever, in a fork of its own for each round, until somebody kills that fork.

Usage: python -m tests.cluster.engine.crash_child DIRECTORY [DATABASE_URL]. A line on stdin starts a round; the fork's
number is printed when its cluster is open; ``gone`` when the fork has ended.
"""

from __future__ import annotations

import itertools
import os
import sys
from pathlib import Path

from mixedmode.cluster.engine.steps import Actor
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.operations.identity.certificates import RegenerateCertificate
from tests.cluster.building import MIXED, NON_SECURE, PUB, UPDATE


def work(directory: Path, url: str | None) -> None:
    cluster = Cluster.open(directory, database_url=url)
    say(str(os.getpid()))
    for number in itertools.count():
        actor = Actor("anna", f"192.0.2.{number % 250}")
        cluster.run(MIXED, actor)
        cluster.run(UPDATE, actor)
        cluster.run(RegenerateCertificate(PUB, "CallManager"), actor)
        cluster.run(NON_SECURE, actor)


def say(text: str) -> None:
    os.write(1, text.encode() + b"\n")


def main() -> None:
    directory, url = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            try:
                work(directory, url)
            finally:
                os._exit(1)
        os.waitpid(child, 0)
        say("gone")


if __name__ == "__main__":
    main()
