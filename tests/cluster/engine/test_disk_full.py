"""Given a node whose disk is really full, when the CTL is updated, then no file is torn and nothing is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.cluster.building import PUB, SUB

ROOT = Path(__file__).parents[3]


def run_with_small_disk(directory: Path, node: str) -> list[Any]:
    """Run the child in a mount namespace, where it may mount a tmpfs and nobody else sees it."""
    namespace = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--mount"]
    command = [*namespace, sys.executable, "-m", "tests.cluster.engine.disk_full_child", str(directory), node]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    result: list[Any] = json.loads(done.stdout)
    return result


def test_a_subscriber_with_a_full_disk_keeps_the_old_file_and_gets_the_new_one_later(tmp_path: Path) -> None:
    before, during, after, said, undelivered, audit = run_with_small_disk(tmp_path / "cluster", SUB)
    assert not said
    assert "No space left on device" in undelivered
    assert during[SUB] == before[SUB]
    assert during[PUB] != before[PUB]
    assert after[SUB] == after[PUB] == during[PUB]
    assert audit[-1][1] == "done"


def test_a_publisher_with_a_full_disk_undoes_the_operation_everywhere(tmp_path: Path) -> None:
    before, during, after, said, _, audit = run_with_small_disk(tmp_path / "cluster", PUB)
    assert "was undone" in said
    assert "free space on the node and try again" in said
    assert during == before
    assert after[SUB] == after[PUB] != before[PUB]
    assert [outcome for _, outcome in audit][-4:] == ["started", "undone", "started", "done"]
