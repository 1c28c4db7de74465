"""Ctrl-C at any moment ends a command without a traceback: while modules are loaded, loops made, a process ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from mixedmode.cluster.engine.principal import Principal
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.operations.ctl import SetMixedMode
from mixedmode.control.door import Control
from mixedmode.guides.guide import Guide
from mixedmode.live.cluster_file import CUCM_PORTS
from mixedmode.pki.tokens.token_files import make_file_token
from mixedmode.procedures.guided.run import StepState
from tests.support import MIXEDMODE, until

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
PATIENT = """
from mixedmode.live.wire import https

https._CONNECT_SECONDS = https.Web.__init__.__kwdefaults__["seconds"] = 3600.0

from mixedmode.app.main import main

main()
"""
"""The command, but it waits for an answer much longer than a test may take."""
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

AT_PROMPTS = """
import json, os, pty, sys
from mixedmode.app.main import main
import mixedmode.app.commands.cluster.guide, mixedmode.app.targets.hands, mixedmode.app.targets.tokens
import mixedmode.faces.ctlclient.wizard, mixedmode.guides.guide, mixedmode.guides.walk

def until(terminal, words):
    said = b""
    while words is None or words not in said:
        try:
            got = os.read(terminal, 4096)
        except OSError:
            got = b""
        if not got:
            return said
        said += got
    return said

command, visits = sys.argv[1:-1], json.loads(sys.argv[-1])
for answers in visits:
    process, terminal = pty.fork()
    if process == 0:
        sys.argv = ["mixedmode", *command]
        main()
    said = b""
    for prompt, answer in answers:
        said += until(terminal, prompt.encode())
        os.write(terminal, answer.encode())
    said += until(terminal, None)
    print(json.dumps([os.waitpid(process, 0)[1], said.decode()]))
    os.close(terminal)
"""
"""A command at terminals, one after the other: it is given an answer at each prompt, Ctrl-C among them."""


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([sys.executable, "-c", *arguments], capture_output=True, text=True, timeout=300, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    assert "Warning" not in done.stderr, done.stderr
    return done


@pytest.mark.parametrize(
    ("moment", "command"),
    [
        ("typer", ["show"]),
        ("mixedmode.app.commands.cluster.node", ["node", "status"]),
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


def test_at_each_prompt_of_a_guide(cluster: Cluster, tmp_path: Path) -> None:
    folder = tmp_path / "tokens"
    labels = [make_file_token(folder, number, now=cluster.now()).label for number in ("ADN0054f509", "ADN008580ef")]
    control, who = Control(cluster), Principal("administrator", 4)
    control.run(who, SetMixedMode())
    guide = Guide(cluster)
    number = guide.plan(who, "tokenless-to-etokens").number
    begin, step, kept = ("(y/n): ", "y\n"), ("q leaves: ", "\n"), ("q leaves: ", "s\n")
    certificate, first, second = "or its number: ", "Number of the first", "Number of the second"
    visits = [
        [("(y/n): ", "\x03")],
        [begin, ("q leaves: ", "\x03")],
        [kept, kept, step, (certificate, "\x03")],
        [kept, kept, step, (first, "\x03")],
        [step, (first, "1\n"), (second, "\x03")],
        [step, (first, "1\n"), (second, "2\n"), ("signs: ", "\x03")],
    ]
    words = ["guide", "--directory", str(cluster.directory), "--tokens", str(folder), "--run", str(number)]
    done = [json.loads(line) for line in python(AT_PROMPTS, *words, json.dumps(visits)).stdout.splitlines()]
    assert len(done) == len(visits)
    for (status, said), visit in zip(done, visits, strict=True):
        assert os.waitstatus_to_exitcode(status) in ENDED, said
        assert "Traceback" not in said, said
        assert visit[-1][0] in said, said
        assert f"left: the run stays as it is; go on with mixedmode guide --run {number}" in said
    assert all(label in done[-1][1] for label in labels)
    run = guide.open(number).run
    assert run.current == 4
    assert [each.state for each in run.steps[:5]] == [StepState.LEFT_OUT] * 4 + [StepState.OPEN]
    assert cluster.show_ctl(cluster.publisher.name).data is not None, "nothing was changed"


def test_while_a_lab_is_made_the_next_one_can_use_the_folder(tmp_path: Path) -> None:
    lab = [str(MIXEDMODE), "lab", "--nodes", "1", "--phones", "0", "--once", "--directory", str(tmp_path / "lab")]
    first = subprocess.Popen(lab, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    assert first.stderr is not None
    assert "making a cluster" in first.stderr.readline()
    assert until((tmp_path / "lab").exists)
    first.send_signal(signal.SIGINT)
    said = first.communicate(timeout=110)[1]
    assert first.returncode in ENDED
    assert "Traceback" not in said, said
    again = subprocess.run(lab, capture_output=True, text=True, timeout=300, check=False)
    assert again.returncode == 0, again.stderr


@pytest.mark.parametrize("command", ["calendar", "audit", "inventory collect --output seen.json"])
def test_a_look_at_a_node_that_says_nothing_ends_at_once(command: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(60)
        ports = ", ".join(f"{name} = {silent.getsockname()[1]}" for name in CUCM_PORTS)
        file = tmp_path / "CLUSTER.toml"
        file.write_text(f'[[node]]\naddress = "127.0.0.1"\nports = {{ {ports} }}\n')
        words = [sys.executable, "-c", PATIENT, *command.split(), "--cluster", str(file)]
        looking = subprocess.Popen(words, cwd=tmp_path, stderr=subprocess.PIPE)
        with silent.accept()[0]:
            looking.send_signal(signal.SIGINT)
            said = looking.communicate(timeout=110)[1]
    assert looking.returncode in ENDED, said
    assert b"Traceback" not in said
