"""A node whose files and TVS come from worker processes."""

from __future__ import annotations

import os
import signal
import urllib.request
from pathlib import Path

import pytest

from tests.node.test_node_commands import RunningNode, made, ports_of
from tests.support import run_mixedmode, until

__all__ = ["made"]


def workers_of(node: RunningNode) -> list[int]:
    children = Path(f"/proc/{node.process.pid}/task/{node.process.pid}/children").read_text().split()
    words = {int(each): Path(f"/proc/{each}/cmdline").read_bytes() for each in children}
    return [pid for pid, command in words.items() if b"mixedmode.services.workers" in command]


def test_workers_serve_are_replaced_and_end_with_the_node(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIXEDMODE_NODE__WORKERS", "2")
    node = RunningNode(made)
    try:
        ports = ports_of(node.wait())
        assert until(lambda: len(workers_of(node)) == 2)

        def fetch() -> None:
            verified = run_mixedmode("verify", f"tftp://127.0.0.1:{ports['tftp']}/ITLFile.tlv")
            page = f"http://127.0.0.1:{ports['http']}/XMLDefault.cnf.xml"
            with urllib.request.urlopen(page, timeout=60) as answer:
                assert b"</device>" in answer.read()
            assert verified.returncode == 0, verified.stderr

        fetch()
        settings = (made / "mixedmode.toml").read_text()
        metrics = f"http://127.0.0.1:{settings.rpartition('port = ')[2].strip()}/metrics"

        def counted(event: str, unit: str = "http") -> float:
            with urllib.request.urlopen(metrics, timeout=60) as answer:
                lines = answer.read().decode().splitlines()
            found = [line for line in lines if f'unit="{unit}"' in line and f'event="{event}"' in line]
            return float(found[0].rpartition(" ")[2])

        assert until(lambda: counted("completed") == 1)
        assert counted("workers") == 2

        first = workers_of(node)[0]
        os.kill(first, signal.SIGKILL)
        assert until(lambda: len(workers_of(node)) == 2 and first not in workers_of(node))
        assert until(lambda: counted("workers_replaced") == 1)
        fetch()
        assert until(lambda: counted("completed") == 2)
        assert all(unit["state"] == "STARTED" and unit["starts"] == 1 for unit in node.ask()["units"])
        workers = workers_of(node)
        assert node.stop() == 0
        for pid in workers:
            with pytest.raises(ProcessLookupError):
                os.kill(pid, 0)
        assert "another takes its place" in node.log.read_text()
    finally:
        node.process.kill()
        node.process.wait()
