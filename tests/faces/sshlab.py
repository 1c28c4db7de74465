"""A node's SSH server on a thread of its own, and OpenSSH's client against it."""

from __future__ import annotations

import asyncio
import os
import pty
import re
import select
import subprocess
import threading
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mixedmode.cluster.facade import Cluster
from mixedmode.control.accounts import AccountStore
from mixedmode.control.logins import LoginPolicy
from mixedmode.faces.ssh.server import AdminSshService, SshLimits

PASSWORD = "Marmalade-1"
QUICK = SshLimits(idle_seconds=600.0, logins=LoginPolicy(attempts=3, delay_seconds=0.2, longest_delay=0.4))


@dataclass
class SshLab:
    service: AdminSshService
    folder: Path

    @property
    def port(self) -> int:
        return self.service.port

    @property
    def known_hosts(self) -> Path:
        path = self.folder / "known_hosts"
        path.write_text(f"[127.0.0.1]:{self.port} {self.service.host_public_key}\n")
        return path

    def command(self, user: str, *arguments: str) -> list[str]:
        options = ("StrictHostKeyChecking=yes", "NumberOfPasswordPrompts=1", f"UserKnownHostsFile={self.known_hosts}")
        flags = [flag for option in options for flag in ("-o", option)]
        return ["ssh", "-F", "none", "-p", str(self.port), *flags, *arguments[:-1], f"{user}@127.0.0.1", arguments[-1]]

    def environment(self, password: str) -> dict[str, str]:
        script = self.folder / f"askpass-{abs(hash(password))}"
        script.write_text(f"#!/bin/sh\necho '{password}'\n")
        script.chmod(0o700)
        return {**os.environ, "SSH_ASKPASS": str(script), "SSH_ASKPASS_REQUIRE": "force", "TERM": "xterm"}

    def ssh(
        self, *arguments: str, user: str = "administrator", password: str = PASSWORD, stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run OpenSSH's client; the last argument is the command, an empty one asks for the prompt."""
        command = self.command(user, *arguments)
        if not command[-1]:
            command.pop()
        env = self.environment(password)
        return subprocess.run(command, input=stdin, capture_output=True, text=True, env=env, timeout=110, check=False)


@contextmanager
def ssh_lab(cluster: Cluster, node: str, folder: Path, limits: SshLimits = QUICK) -> Iterator[SshLab]:
    """Serve a node while the test runs."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    service = AdminSshService(cluster, node, port=0, limits=limits)
    service.accounts.path.write_bytes(_accounts(folder))
    service.accounts.path.chmod(0o600)

    def wait(coroutine: Coroutine[object, object, object]) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, loop).result(60)

    wait(service.start())
    try:
        yield SshLab(service, folder)
    finally:
        wait(service.drain(1.0))
        wait(service.stop())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


_made: list[bytes] = []


def _accounts(folder: Path) -> bytes:
    """Return a file of accounts, made once: hashing passwords takes its time on purpose."""
    if not _made:
        store = AccountStore(folder / "template.json")
        for name, level in (("administrator", 4), ("operator", 1), ("guest", 0)):
            store.put(name, PASSWORD, level)
        _made.append(store.path.read_bytes())
    return _made[0]


class Screen:
    """OpenSSH's client on a terminal, as a person uses it."""

    def __init__(self, command: list[str], env: dict[str, str]) -> None:
        self.text = ""
        self._pid, self._terminal = pty.fork()
        if self._pid == 0:  # pragma: no cover - the child is ssh
            os.execvpe(command[0], command, env)
        self._status: int | None = None

    def type(self, text: str) -> None:
        os.write(self._terminal, text.encode())

    def wait_for(self, pattern: str, seconds: float = 60) -> str:
        """Return what came up to a pattern, and forget it."""
        deadline = time.monotonic() + seconds
        while not (found := re.search(pattern, self.text)):
            assert time.monotonic() < deadline, f"{pattern!r} never came; the screen shows: {self.text!r}"
            assert self._more(), f"ssh ended before {pattern!r}; the screen shows: {self.text!r}"
        seen, self.text = self.text[: found.end()], self.text[found.end() :]
        return seen

    def close(self) -> int:
        """Wait until the client ends; return its exit code."""
        while self._more():
            pass
        os.close(self._terminal)
        return os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])

    def _more(self) -> bool:
        if not select.select([self._terminal], [], [], 60)[0]:
            return False
        try:
            data = os.read(self._terminal, 65536)
        except OSError:
            return False
        self.text += re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", data.decode())
        return bool(data)
