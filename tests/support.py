"""What tests of several rooms share."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from tests.forked import Started, shared_forking

DATA = Path(__file__).parent / "data"
"""Vectors made by others; tests/data/README.md names their origins."""

MIXEDMODE = Path(sys.executable).with_name("mixedmode")
"""The installed command."""


def run_mixedmode(
    *arguments: str | Path,
    stdin: bytes = b"",
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout: float = 300,
) -> subprocess.CompletedProcess[str]:
    """Run the command as a user would, but without its start-up time, and return what it printed."""
    told = {**os.environ, "NO_COLOR": "1", "COLUMNS": "200", **(env or {})}
    done = shared_forking().run(*arguments, stdin=stdin, timeout=timeout, cwd=cwd, env=told)
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def start_mixedmode(
    *arguments: str | Path, cwd: Path | None = None, env: Mapping[str, str] | None = None,
    stdout: int | IO[Any] | None = None, stderr: int | IO[Any] | None = None,
) -> Started:  # fmt: skip
    """Start a command that serves, without its start-up time; files are as ``subprocess.Popen`` takes them."""
    return shared_forking().start(*arguments, cwd=cwd, env=env, stdout=stdout, stderr=stderr)


def until(holds: Callable[[], object], seconds: float = 60, pause: float = 0.1) -> bool:
    """Look again and again, for something that nobody tells; return whether it came in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(pause)
    return False


async def eventually(holds: Callable[[], object], seconds: float = 60) -> None:
    """Wait on the loop for something that nobody tells.

    Raises:
        TimeoutError: It did not come in time.
    """
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - there is nobody to tell
            await asyncio.sleep(0.01)


def effort(work: Callable[[], object]) -> float:
    """Return how many times the processor time of counting to half a million a piece of work takes.

    For what must not become another order of work: compare it with a number so large that no busy machine matters.
    """
    begun = time.thread_time()
    sum(number & 7 for number in range(500_000))
    counted = time.thread_time()
    work()
    return (time.thread_time() - counted) / (counted - begun)


def what_make_does(target: str) -> list[str]:
    """Return the lines that make would run for a target, asked as from outside of the make that runs the tests."""
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    root = Path(__file__).resolve().parents[1]
    command = ["make", "-n", target]
    done = subprocess.run(command, cwd=root, env=outside, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()
