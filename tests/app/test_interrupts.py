"""Ctrl-C at any moment ends a command without a traceback: while modules are loaded, loops made, a process ends."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support import MIXEDMODE

ENDED = {130, -signal.SIGINT}
AT_IMPORT = """
import os, signal, sys
from mixedmode.app.main import main

class Finder:
    def find_spec(self, name, path, target=None):
        if name == moment:
            os.kill(os.getpid(), signal.SIGINT)

moment = sys.argv.pop(1)
sys.meta_path.insert(0, Finder())
main()
print("went on")
"""
"""A command; Ctrl-C is pressed when it imports a module."""
IN_A_CALLBACK = """
import asyncio, os, signal, time, weakref
from mixedmode.faces.terminal.interrupts import die_by_interrupt, raise_interrupts

class Thing: pass

die_by_interrupt()
raise_interrupts()
thing = Thing()
watched = weakref.ref(thing, lambda _: os.kill(os.getpid(), signal.SIGINT))
try:
    del thing
    time.sleep(5)
    print("went on")
except KeyboardInterrupt:
    print("interrupted")
"""
WHILE_A_LOOP_IS_MADE = """
import asyncio, os, signal
from mixedmode.faces.terminal.interrupts import die_by_interrupt, raise_interrupts, run

def interrupted_loop():
    os.kill(os.getpid(), signal.SIGINT)
    return asyncio.new_event_loop()

async def wait():
    try:
        await asyncio.sleep(5)
    finally:
        print("put back")

die_by_interrupt()
raise_interrupts()
try:
    run(wait(), loop_factory=interrupted_loop)
except KeyboardInterrupt:
    print("interrupted")
"""


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([sys.executable, "-c", *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    assert "Warning" not in done.stderr, done.stderr
    return done


@pytest.mark.parametrize(
    ("moment", "command"),
    [
        ("typer", ["show"]),
        ("mixedmode.app.commands.phones.tvs", ["node", "status"]),
        ("mixedmode.rehearsal.lab.lab", ["lab", "--directory", "/nonexistent/lab"]),
        ("mixedmode.app.targets.admin_target", ["admin", "127.0.0.1"]),
        ("uvloop", ["node", "run"]),
    ],
)
def test_while_modules_are_loaded(moment: str, command: list[str]) -> None:
    done = python(AT_IMPORT, moment, *command)
    assert done.returncode in ENDED
    assert "went on" not in done.stdout


def test_where_python_would_only_print_it(tmp_path: Path) -> None:
    assert python(IN_A_CALLBACK).stdout == "interrupted\n"


def test_while_a_loop_is_made_what_it_runs_is_put_back() -> None:
    assert python(WHILE_A_LOOP_IS_MADE).stdout.splitlines() in (["put back", "interrupted"], ["interrupted"])


def test_while_a_lab_is_made_the_next_one_can_use_the_folder(tmp_path: Path) -> None:
    lab = [str(MIXEDMODE), "lab", "--nodes", "1", "--phones", "0", "--once", "--directory", str(tmp_path / "lab")]
    first = subprocess.Popen(lab, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    assert first.stderr is not None
    assert "making a cluster" in first.stderr.readline()
    time.sleep(0.1)
    first.send_signal(signal.SIGINT)
    said = first.communicate(timeout=30)[1]
    assert first.returncode in ENDED
    assert "Traceback" not in said, said
    again = subprocess.run(lab, capture_output=True, text=True, timeout=60, check=False)
    assert again.returncode == 0, again.stderr
