"""The ``mixedmode`` command without its start-up time: a process that has all modules forks one for each call.

Hundreds of commands would spend most of their time importing the same modules. The stand-in hands folder, environment,
arguments and the three standard files over a socket; the fork runs the command's own ``main`` with them. Started as
``python -m tests.forked SOCKET``; it ends with the process that started it. A test that sends signals to the command
or measures how it starts takes the installed one.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import pkgutil
import random
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from functools import cache
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STAND_IN = """\
#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as link:
    link.connect({path!r})
    call = json.dumps([os.getcwd(), dict(os.environ), sys.argv]).encode()
    socket.send_fds(link, [len(call).to_bytes(4, "big")], [0, 1, 2])
    link.sendall(call)
    code = link.recv(1)
sys.exit(code[0] if code else 255)
"""
"""The text of the command that is put on the reader's PATH."""


def stand_in(path: Path) -> str:
    return STAND_IN.format(python=sys.executable, path=str(path))


class Forking:
    """The process that forks commands, and the stand-in for them."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="mixedmode-forking-"))
        self.socket = self._folder / "socket"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.forked", self.socket], cwd=ROOT, stdin=subprocess.PIPE
        )
        end = time.monotonic() + 60
        while not self.socket.is_socket() and self._process.poll() is None and time.monotonic() < end:
            time.sleep(0.02)
        assert self.socket.is_socket()

    def put(self, command: Path) -> Path:
        """Write the stand-in and return its path."""
        command.write_text(stand_in(self.socket))
        command.chmod(0o755)
        return command

    def command(self) -> Path:
        """Return a stand-in of its own folder."""
        return self.put(self._folder / "mixedmode")

    def close(self) -> None:
        self._process.terminate()
        self._process.communicate(timeout=10)
        shutil.rmtree(self._folder, ignore_errors=True)


@cache
def shared_forking() -> Forking:
    """Return what the tests of this process share."""
    forking = Forking()
    atexit.register(forking.close)
    return forking


@cache
def forked_command() -> Path:
    """Return the stand-in that the tests of this process share."""
    return shared_forking().command()


def load_everything() -> None:
    """Import what any command may import."""
    from sqlalchemy.orm import configure_mappers

    import mixedmode
    from mixedmode.control import accounts

    for found in pkgutil.walk_packages(mixedmode.__path__, "mixedmode."):
        if "migrations" not in found.name:
            import_module(found.name)
    configure_mappers()
    accounts._ARGON2.update(memory=64, iterations=1)  # as in conftest.py: hashes are cheap here
    gc.collect()
    gc.freeze()  # a fork neither looks through nor copies what it will never drop


def serve(path: str) -> None:
    """Answer calls until SIGTERM, or until whoever started this is gone."""
    load_everything()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        while True:
            ready, _, _ = select.select([server, sys.stdin], [], [])
            if sys.stdin in ready:
                return
            link, _ = server.accept()
            if os.fork() == 0:
                server.close()
                answer(link)
            link.close()


def answer(link: socket.socket) -> None:
    """Be the command of one call; never returns."""
    from mixedmode.app.main import main

    code = 255
    random.seed()
    # Whoever looks how the program was started shall see a command, not ``python -m``.
    sys.modules["__main__"].__package__ = None
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        size, files, _, _ = socket.recv_fds(link, 4, 3)
        with link.makefile("rb") as call:
            folder, environment, sys.argv = json.loads(call.read(int.from_bytes(size, "big")))
        for number, file in enumerate(files):
            os.dup2(file, number)
            os.close(file)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - the fork must not go on as the server
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        link.sendall(bytes([code]))
        os._exit(0)


if __name__ == "__main__":
    serve(sys.argv[1])
