"""``--workers`` of the commands that serve, from outside: several processes, one port, and none left behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
from pathlib import Path

import pytest

from mixedmode.pki.certificates.load import private_key_pem
from mixedmode.pki.files import write_atomic
from tests.services.tvs.tvsclient import tvs_signer
from tests.support import run_mixedmode, start_mixedmode


class Serving:
    """A command that serves, until it is ended."""

    def __init__(self, *words: str) -> None:
        self.process = start_mixedmode(*words, stderr=subprocess.PIPE)
        self.said: list[str] = []
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said.append(line)
            if match := re.search(r"on 127\.0\.0\.1:(\d+)", line):
                self.port = int(match[1])
                break
        else:
            raise AssertionError("".join(self.said))
        threading.Thread(target=lambda: self.said.extend(self.process.stderr or ()), daemon=True).start()

    @property
    def workers(self) -> list[int]:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(child) for child in children.split()]

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(100)


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_tvs_answers_from_several_processes(tmp_path: Path) -> None:
    signer = tvs_signer()
    pem, certificate = tmp_path / "tvs.pem", tmp_path / "tvs.crt"
    write_atomic(pem, private_key_pem(signer.key) + signer.certificate.pem(), mode=0o600)
    certificate.write_bytes(signer.certificate.pem())
    words = ("tvs", "serve", "--key", str(pem), "--certificate", f"TVS={certificate}", "--port", "0")
    serving = Serving(*words, "--workers", "2")
    try:
        workers = serving.workers
        assert len(workers) == 2
        for _ in range(6):
            done = run_mixedmode("tvs", "query", str(certificate), "--server", f"127.0.0.1:{serving.port}")
            assert done.returncode == 0, done.stderr
    finally:
        code = serving.end()
    assert code == 0
    assert all(map(gone, workers))
    assert "6 known" in "".join(serving.said)


def test_tftp_serves_from_several_processes_and_reads_the_folder_anew(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"one")
    serving = Serving("tftp", "serve", "--directory", str(tmp_path), "--port", "0", "--workers", "2")
    url = f"tftp://127.0.0.1:{serving.port}/a.txt"
    try:
        assert len(serving.workers) == 2
        assert run_mixedmode("tftp", "get", url, "--output", "-").stdout == "one"
        (tmp_path / "a.txt").write_bytes(b"two")
        serving.process.send_signal(signal.SIGHUP)
        for _ in range(50):
            found = [run_mixedmode("tftp", "get", url, "--output", "-").stdout for _ in range(4)]
            if found == ["two"] * 4:
                break
        else:
            raise AssertionError(found)
        taken = run_mixedmode("tftp", "serve", "--directory", str(tmp_path), "--port", str(serving.port), "--workers=2")
        assert taken.returncode == 3
        assert "cannot listen" in taken.stderr
    finally:
        assert serving.end() == 0


@pytest.mark.parametrize("number", ["0", "-1", "many", "1000"])
def test_a_slip_in_the_number_is_named(tmp_path: Path, number: str) -> None:
    done = run_mixedmode("tftp", "serve", "--directory", str(tmp_path), f"--workers={number}")
    assert done.returncode == 2
    assert "no number of workers" in done.stderr
