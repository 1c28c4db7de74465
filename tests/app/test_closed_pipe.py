"""Output into a pipe whose reader has left, as ``| head`` does: silence, and the exit code that ``cat`` has there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mixedmode.faces.terminal.closed_pipe import READER_LEFT
from tests.support import DATA, MIXEDMODE

LIST = str(DATA / "tlv" / "50-seed-tokenless-4947.tlv")
OTHER = str(DATA / "tlv" / "02-itl-1.1-sha1-rsa2048-1rec.tlv")


def without_reader(*arguments: str, both: bool = False, folder: Path | None = None) -> tuple[int, str]:
    """Run a command whose standard output nobody reads; return its exit code and what it said elsewhere."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [MIXEDMODE, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=writer,
            stderr=writer if both else subprocess.PIPE,
            timeout=60,
            check=False,
            cwd=folder,
        )
    finally:
        os.close(writer)
    return done.returncode, (done.stderr or b"").decode()


@pytest.mark.parametrize(
    "arguments",
    [
        ("show", LIST, "--json"),
        ("verify", OTHER),
        ("diff", LIST, OTHER),
        ("admin", "--help"),
        ("token", "list"),
        ("show", "/nowhere", "--json"),
    ],
    ids=" ".join,
)
def test_nobody_reads_anything(arguments: tuple[str, ...], tmp_path: Path) -> None:
    assert without_reader(*arguments, both=True, folder=tmp_path) == (READER_LEFT, "")


@pytest.mark.parametrize("arguments", [("show", LIST), ("verify", OTHER, "--json"), ("--version",)], ids=" ".join)
def test_nobody_reads_the_output(arguments: tuple[str, ...], tmp_path: Path) -> None:
    assert without_reader(*arguments, folder=tmp_path) == (READER_LEFT, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full")
@pytest.mark.parametrize("arguments", [("show", LIST), ("verify", OTHER, "--json"), ("--version",)], ids=" ".join)
def test_output_to_a_full_disk_is_an_error_and_no_traceback(arguments: tuple[str, ...], tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [MIXEDMODE, *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
            cwd=tmp_path,
        )
    assert (done.returncode, done.stderr.splitlines()[0]) == (2, "error: the disk is full")


def test_a_lab_ends_when_nobody_reads_it(tmp_path: Path) -> None:
    code, said = without_reader("lab", "--nodes", "1", "--phones", "0", folder=tmp_path)
    assert code == READER_LEFT
    assert "Traceback" not in said


def test_a_real_pipe() -> None:
    line = f"'{MIXEDMODE}' show '{LIST}' | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60, check=False)
    first, code = done.stdout.splitlines()
    assert first
    assert code in {"0", str(READER_LEFT)}
    assert done.stderr == ""


@pytest.mark.parametrize("closed", [">&-", "<&- >&- 2>&-"])
def test_closed_from_the_start(closed: str) -> None:
    line = f"'{MIXEDMODE}' show '{LIST}' --json {closed}; exit $?"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0
    assert done.stderr == ""


def test_a_socket_that_is_gone_is_no_reader_that_left() -> None:
    program = (
        "from mixedmode.faces.terminal.closed_pipe import end_with_readers; end_with_readers();"
        "import socket; a, b = socket.socketpair(); b.close()\n"
        "try: a.send(b'x')\nexcept BrokenPipeError: print('an error')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout) == (0, "an error\n")
