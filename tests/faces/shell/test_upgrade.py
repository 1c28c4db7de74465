"""``utils system upgrade``: into the inactive partition, told, taken back."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from typing import Any

import pytest

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.operations.versions import Upgrade
from mixedmode.cluster.store.folders import NodeFolder
from mixedmode.faces.shell.session import AdminSession
from tests.faces.conftest import CET, PUBLISHER, Terminal

INITIATE = "utils system upgrade initiate"
KILLED = """
import os, signal, sys
from pathlib import Path
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.engine.journal import Journal
from mixedmode.cluster.operations.versions import Upgrade

real = Journal.step

def step(self, number, position, state, *rest):
    if (position, state) == (int(sys.argv[2]), "done"):
        os.kill(os.getpid(), signal.SIGKILL)
    real(self, number, position, state, *rest)

Journal.step = step
Cluster.open(Path(sys.argv[1])).run(Upgrade("12.5.1.10000-22"))
"""
"""Upgrades, and dies when a step was done and is not yet marked."""


def test_an_upgrade_is_planned_started_and_told(terminal: Terminal, cluster: Cluster) -> None:
    assert terminal.type("utils system upgrade status") == ["No upgrade is in progress."]
    shown = terminal.type(INITIATE, "12.5.1.10000-22", "no", "yes")
    assert "Version 12.5.1.10000-22 is installed beside the active version 10.5.1.10000-7:" in shown
    assert "  1) Copy the served files of every node to partition b, byte for byte" in shown
    assert shown[-2] == "Version 12.5.1.10000-22 is installed on the inactive partition."
    assert terminal.type("show version active")[0] == "Active Master Version: 10.5.1.10000-7"
    assert terminal.type("show version inactive")[0] == "Inactive Master Version: 12.5.1.10000-22"
    told = terminal.type("utils system upgrade status")
    assert told[0] == "No upgrade is in progress."
    assert told[1].startswith("The last upgrade, to version 12.5.1.10000-22, was completed on ")
    assert cluster.operations.journal.audit()[-1].outcome == "done"


def test_it_may_switch_by_itself(terminal: Terminal) -> None:
    shown = terminal.type(f"{INITIATE} 10.5.2.10000-5", "yes", "yes")
    assert shown[-1] == "Version 10.5.2.10000-5 is active now. Restart the services of every node."
    assert terminal.type("show version active")[0] == "Active Master Version: 10.5.2.10000-5"


def test_it_can_be_left_at_every_question(terminal: Terminal, cluster: Cluster) -> None:
    for line, answers in ((INITIATE, ["q"]), (INITIATE, [""]), (f"{INITIATE} 11.5.1.10000-1", ["no", "no"])):
        assert terminal.type(line, *answers)[-1] == "Command cancelled"
    assert "is no version" in "\n".join(terminal.type(INITIATE, "newest"))
    assert terminal.last.exit_code == 2
    warned = terminal.type(f"{INITIATE} 9.1.2.10000-28", "no", "no")
    assert "Warning: 9.1.2.10000-28 is older than the active version 10.5.1.10000-7." in warned
    assert len(cluster.versions()) == 1


def test_on_the_publisher_only(on_subscriber: Terminal) -> None:
    assert "on the publisher only" in on_subscriber.type(f"{INITIATE} 12.5.1.10000-22")[1]
    assert "on the publisher only" in on_subscriber.type("utils system upgrade cancel")[1]
    assert on_subscriber.type("utils system upgrade status") == ["No upgrade is in progress."]


def test_one_that_runs_is_told_and_left_alone(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    go, entered, real = threading.Event(), threading.Event(), NodeFolder.write

    def slow(*arguments: Any, **options: Any) -> None:
        entered.set()
        go.wait(100)
        real(*arguments, **options)

    monkeypatch.setattr(NodeFolder, "write", slow)
    running = threading.Thread(target=cluster.run, args=(Upgrade("12.5.1"),))
    running.start()
    assert entered.wait(100)
    other = Terminal(AdminSession(cluster, PUBLISHER, zone=CET))
    told = other.type("utils system upgrade status")
    cancelled = other.type("utils system upgrade cancel")
    go.set()
    running.join()
    assert told[0] == "The upgrade to version 12.5.1 is in progress, step 1 of 2:"
    assert other.last.exit_code == 3, cancelled
    assert "was completed on" in other.type("utils system upgrade status")[1]


@pytest.mark.parametrize(("at", "outcome"), [(0, "was cancelled."), (1, "had been committed already")])
def test_cancel_after_the_process_was_killed(cluster: Cluster, terminal: Terminal, at: int, outcome: str) -> None:
    command = [sys.executable, "-c", KILLED, str(cluster.directory), str(at)]
    assert subprocess.run(command, timeout=30, check=False).returncode == -signal.SIGKILL
    assert "is in progress" in terminal.type("utils system upgrade status")[0]
    assert outcome in terminal.type("utils system upgrade cancel")[0]
    assert len(cluster.versions()) == at + 1
    assert terminal.type("utils system upgrade cancel") == ["No upgrade is in progress."]
