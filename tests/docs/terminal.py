"""A terminal in a folder of its own: types commands, keeps what they export, ends what they started."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from tests.forked import shared_forking

BARE_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Without the command: a page has to say how it gets there."""


class Terminal:
    """Bash in ``folder``, where ``.venv`` has the command."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        self.folder = folder
        self._exported = folder / ".exported"
        self._exported.write_text("")
        self._make_environment()
        askpass = folder / ".askpass"
        askpass.write_text(f"#!/bin/sh\ncat {shlex.quote(str(folder))}/lab/administrator.password\n")
        askpass.chmod(0o700)
        kept = {name: value for name, value in os.environ.items() if name in {"HOME", "PYTHONPATH", "LANG", "TMPDIR"}}
        self._env = {
            **kept, "PATH": BARE_PATH, "NO_COLOR": "1", "COLUMNS": "200", "PYTHONUNBUFFERED": "1",
            "SSH_ASKPASS": str(askpass), "SSH_ASKPASS_REQUIRE": "force", **settings,
        }  # fmt: skip
        self._servers: dict[str, subprocess.Popen[bytes]] = {}

    def _make_environment(self) -> None:
        """Make .venv: ``activate`` as it is, and the command, forked from one that is loaded already."""
        programs = self.folder / ".venv" / "bin"
        programs.mkdir(parents=True)
        activate = (Path(sys.prefix) / "bin" / "activate").read_text()
        own = re.sub(
            r"^( *(?:export )?VIRTUAL_ENV=)['\"]?/.*$", rf"\1{self.folder}/.venv", activate, flags=re.MULTILINE
        )
        (programs / "activate").write_text(own)
        shared_forking().put(programs / "mixedmode")

    def new(self) -> None:
        """Forget what was exported, as another terminal does."""
        self._exported.write_text("")

    def run(self, command: str, answers: str = "", *, timeout: float = 120) -> tuple[int, str]:
        """Type a command; return its exit code and all that it printed."""
        script = f". ./.exported\n{command}\ncode=$?\nexport -p >.exported\nexit $code\n"
        try:
            done = subprocess.run(
                ["bash", "-c", script], cwd=self.folder, env=self._env, input=answers.encode(),
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            return -1, f"no end after {timeout} s: {(error.stdout or b'').decode(errors='replace')}"
        return done.returncode, done.stdout.decode(errors="replace")

    def start(self, command: str, ready: str, *, timeout: float = 120) -> tuple[int, str]:
        """Start a server, once, and wait until it prints ``ready``."""
        name = command.removeprefix(".venv/bin/")
        if name in self._servers and self._servers[name].poll() is None:
            return 0, "it runs"
        log = self.folder / f"server-{len(self._servers)}.log"
        with log.open("wb") as sink:
            self._servers[name] = process = subprocess.Popen(
                ["bash", "-c", f". ./.exported\nexec .venv/bin/{name}"], cwd=self.folder, env=self._env,
                stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT,
            )  # fmt: skip
        end = time.monotonic() + timeout
        while process.poll() is None and time.monotonic() < end:
            if ready in log.read_text():
                return 0, log.read_text()
            time.sleep(0.05)
        return process.poll() or -1, log.read_text()

    def close(self) -> None:
        """End the servers; each has to end by itself when it is asked to."""
        running = [process for process in self._servers.values() if process.poll() is None]
        for process in reversed(running):
            process.send_signal(signal.SIGINT)
        try:
            codes = [process.wait(100) for process in running]
        finally:
            for process in running:
                process.kill()
                process.wait()
        assert set(codes) <= {0}, codes
