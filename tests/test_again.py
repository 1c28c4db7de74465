"""``scripts/tests`` with a stand-in for pytest: what is run again alone, what the end is, what is said."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PYTEST = """#!/bin/bash
echo "$*" >>ran
if [ "$1" = -n0 ]; then exit "$ALONE"; fi
mkdir -p .pytest_cache/v/cache
[ -z "$FAILED" ] || echo "$FAILED" >.pytest_cache/v/cache/lastfailed
exit "$TOGETHER"
"""
ONE = ["tests/test_a.py::test_b[c d]"]


@pytest.mark.parametrize(
    ("failed", "together", "alone", "code", "again", "said"),
    [
        ([], 0, 0, 0, False, ""),
        (ONE, 1, 0, 0, True, "PASSED ALONE ONLY"),
        (ONE, 1, 1, 1, True, "running alone"),
        ([f"tests/test_a.py::test_{at}" for at in range(4)], 1, 0, 1, False, "4 failed; not run again"),
        (ONE, 2, 0, 2, False, ""),
        ([], 1, 0, 1, False, ""),
    ],
)
def test_a_few_failures_are_run_again_alone(
    tmp_path: Path, failed: list[str], together: int, alone: int, code: int, again: bool, said: str
) -> None:
    for name in ("scripts", ".venv/bin", ".pytest_cache/v/cache"):
        (tmp_path / name).mkdir(parents=True)
    shutil.copy(ROOT / "scripts/tests", tmp_path / "scripts/tests")
    (tmp_path / ".venv/bin/pytest").write_text(PYTEST)
    (tmp_path / ".venv/bin/pytest").chmod(0o755)
    (tmp_path / ".venv/bin/python").symlink_to(sys.executable)
    (tmp_path / ".pytest_cache/v/cache/lastfailed").write_text('{"tests/test_old.py::test_of_a_run_before": true}')
    named = json.dumps(dict.fromkeys(failed, True)) if failed else ""
    done = subprocess.run(
        [tmp_path / "scripts/tests", "-n", "3"], capture_output=True, text=True, timeout=60, check=False,
        env={"PATH": "/usr/bin:/bin", "FAILED": named, "TOGETHER": str(together), "ALONE": str(alone)},
    )  # fmt: skip
    assert done.returncode == code
    assert (tmp_path / "ran").read_text().splitlines() == ["-n 3", *([f"-n0 {failed[0]}"] if again else [])]
    assert said in done.stderr
    assert bool(done.stderr) == bool(said)
