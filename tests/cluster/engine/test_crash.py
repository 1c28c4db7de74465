"""Given an operation under way, when its process is killed at a random moment, then nothing is torn or lost."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.topology import SecurityMode
from mixedmode.cluster.store.folders import NodeFolder
from mixedmode.trustlist import TrustList
from mixedmode.trustlist.kinds import CTL_FILE, ITL_FILE
from tests.cluster.building import PUB, SUB, seed_spec

KILLS = int(os.environ.get("MIXEDMODE_KILLS", "20"))
ROOT = Path(__file__).parents[3]


class Victim:
    """Starts rounds of :mod:`tests.cluster.engine.crash_child` and kills them."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def kill_after(self, seconds: float) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        child = int(self._process.stdout.readline())
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
        assert self._process.stdout.readline() == "gone\n"


@contextmanager
def victims(*arguments: str | Path) -> Iterator[Victim]:
    command = [sys.executable, "-m", "tests.cluster.engine.crash_child", *map(str, arguments)]
    with subprocess.Popen(command, cwd=ROOT, stdin=-1, stdout=-1, text=True) as process:
        yield Victim(process)
        assert process.stdin is not None
        process.stdin.close()


def assert_no_torn_file(directory: Path) -> None:
    """Every trust list on every node is whole: it parses to its last byte and its signature holds."""
    for node in (PUB, SUB):
        for name in (CTL_FILE, ITL_FILE):
            data = NodeFolder(directory / node).read(name)
            if data is not None:
                assert TrustList.parse(data).verify(), (node, name)


def assert_settled(cluster: Cluster) -> None:
    """Each operation has ended and is audited; the nodes hold what the database says."""
    history = cluster.operations.journal.history(limit=100_000)
    assert {entry.state for entry in history} <= {"done", "undone"}
    records = cluster.operations.journal.audit(limit=1_000_000)
    audit = Counter((r.operation, r.outcome) for r in records if r.operation is not None)
    for entry in history:
        assert audit[entry.number, "started"] == 1
        assert audit[entry.number, entry.state] == 1
    assert sum(audit.values()) == 2 * len(history)
    assert cluster.deliveries.pending() == []
    for node in (PUB, SUB):
        assert not cluster.show_ctl(node).differs
        assert not cluster.show_itl(node).differs
    ctl = cluster.show_ctl(PUB).data
    if cluster.mode is SecurityMode.MIXED:
        assert ctl is not None
    if ctl is not None:
        empty = [record.certificate_der is None for record in TrustList.parse(ctl).records]
        assert any(empty) is (cluster.mode is SecurityMode.NON_SECURE)
    for stored in cluster.certificates.list_own():
        assert cluster.signer(stored.node, stored.unit).certificate == stored.certificate
    for node in (PUB, SUB):
        folder = cluster.folder(node)
        assert len(folder.key_names()) == len(cluster.certificates.list_own(node))
        assert not list(folder.root.rglob(".*.new"))


def crash_again_and_again(directory: Path, kills: int, url: str | None = None) -> Counter[str]:
    dice = random.Random(118893)
    outcomes: Counter[str] = Counter()
    with victims(directory, *([url] if url else [])) as victim:
        for number in range(10 * kills):
            if number >= kills and outcomes:
                break
            # On a busy machine an operation may take longer to begin than this: more kills, each later, until one hits.
            victim.kill_after(dice.uniform(0, 0.3 * max(1, number - kills + 2)))
            assert_no_torn_file(directory)
            cluster = Cluster.open(directory, database_url=url)
            assert_settled(cluster)
            resumed = [r for r in cluster.operations.journal.audit() if "resumed_by" in r.details]
            outcomes = Counter(record.outcome for record in resumed)
            cluster.close()
    return outcomes


def test_kill_9_at_random_moments(seed_directory: Path) -> None:
    outcomes = crash_again_and_again(seed_directory, KILLS)
    assert sum(outcomes.values()) > 0, "no kill hit an operation"


def test_kill_9_at_random_moments_on_postgresql(tmp_path: Path, postgres_database: str) -> None:
    Cluster.create(tmp_path / "c", seed_spec(), database_url=postgres_database).close()
    outcomes = crash_again_and_again(tmp_path / "c", max(5, KILLS // 4), postgres_database)
    assert sum(outcomes.values()) > 0, "no kill hit an operation"
