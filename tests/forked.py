"""The ``mixedmode`` command without its start-up time: a process that has all modules forks one for each call.

Hundreds of commands would spend most of their time importing the same modules. Whoever calls hands folder, environment,
arguments and the three standard files over a socket; the fork runs the command's own ``main`` with them. The caller is
told its process and how it ended; a caller that is gone takes the fork with it. Started as ``python -m tests.forked
SOCKET``; it ends with the process that started it. A test that measures how the command starts takes the installed one.
"""

from __future__ import annotations

import atexit
import ctypes
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
import threading
import time
import traceback
from collections.abc import Iterable, Mapping
from contextlib import ExitStack, suppress
from functools import cache
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import IO, Any

from tests.quick_keys import use_quick_keys
from tests.quick_sql import use_a_cluster, use_quick_sql

LARGE_PAGE = 2 << 20
MADV_COLLAPSE = 25
"""From Linux's include/uapi/asm-generic/mman-common.h."""
ROOT = Path(__file__).resolve().parents[1]
STAND_IN = """\
#!{python} -IS
import json, os, signal, socket, sys
with socket.socket(socket.AF_UNIX) as link:
    link.connect({path!r})
    call = json.dumps([os.getcwd(), dict(os.environ), sys.argv]).encode()
    socket.send_fds(link, [len(call).to_bytes(4, "big")], [0, 1, 2])
    link.sendall(call)
    process = int.from_bytes(link.recv(4), "big")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: os.kill(process, number))
    code = int.from_bytes(link.recv(4), "big", signed=True)
if code < 0:
    signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)
sys.exit(code)
"""
"""The text of the command that is put on the reader's PATH."""


def stand_in(path: Path) -> str:
    return STAND_IN.format(python=sys.executable, path=str(path))


class Started:
    """A command that runs on, as ``subprocess.Popen`` would have it; its process is the command itself."""

    def __init__(
        self, path: Path, words: list[str], cwd: Path, env: Mapping[str, str] | None, files: tuple[int, ...]
    ) -> None:
        self.returncode: int | None = None
        self.stderr: IO[str] | None = None
        self._link = socket.socket(socket.AF_UNIX)
        self._link.connect(str(path))
        call = json.dumps([str(cwd), dict(os.environ if env is None else env), words]).encode()
        socket.send_fds(self._link, [len(call).to_bytes(4, "big")], files)
        self._link.sendall(call)
        self.pid = int.from_bytes(self._link.recv(4), "big")

    def poll(self) -> int | None:
        with suppress(subprocess.TimeoutExpired):
            return self.wait(0)
        return None

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; the code is negative after a signal.

        Raises:
            subprocess.TimeoutExpired: It runs still.
        """
        if self.returncode is None:
            ended = select.poll()
            ended.register(self._link, select.POLLIN)
            if not ended.poll(None if timeout is None else timeout * 1000):
                raise subprocess.TimeoutExpired("mixedmode", timeout or 0)
            self.returncode = int.from_bytes(self._link.recv(4), "big", signed=True)
            self._link.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)


class Talk:
    """What is typed into a command and what it prints, through pipes."""

    def __init__(self, typed: int, outputs: tuple[int, int], stdin: bytes, end: float) -> None:
        self.end = end
        self._typed, self._stdin = typed, memoryview(stdin)
        self._printed: dict[int, list[bytes]] = {output: [] for output in outputs}
        self._open = {typed, *outputs}
        os.set_blocking(typed, False)

    def whole(self) -> list[bytes]:
        """Return what comes on each of the outputs until both are closed.

        Raises:
            subprocess.TimeoutExpired: That takes too long.
        """
        poll = select.poll()
        for file in self._open:
            poll.register(file, select.POLLOUT if file == self._typed else select.POLLIN)
        while self._open & self._printed.keys():
            left = self.end - time.monotonic()
            events = poll.poll(left * 1000) if left > 0 else []
            if not events:
                raise subprocess.TimeoutExpired("mixedmode", 0, *(b"".join(each) for each in self._printed.values()))
            for file, _ in events:
                if not (self._write() if file == self._typed else self._read(file)):
                    poll.unregister(file)
                    self._open.remove(file)
                    os.close(file)
        return [b"".join(each) for each in self._printed.values()]

    def _write(self) -> bool:
        """Write what fits; return whether something is left."""
        with suppress(BlockingIOError):
            try:
                self._stdin = self._stdin[os.write(self._typed, self._stdin) :] if self._stdin else self._stdin
            except BrokenPipeError:  # it has ended, or closed its input
                self._stdin = self._stdin[:0]
        return bool(self._stdin)

    def _read(self, file: int) -> bool:
        """Read what is there; return whether more may come."""
        data = os.read(file, 1 << 16)
        self._printed[file].append(data)
        return bool(data)

    def close(self) -> None:
        """Close what is open still."""
        for file in self._open:
            os.close(file)


class Forking:
    """The process that forks commands, and the stand-in for them."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="mixedmode-forking-"))
        self.socket = self._folder / "socket"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.forked", self.socket], cwd=ROOT, stdin=subprocess.PIPE
        )
        end = time.monotonic() + 300
        while not self.socket.is_socket() and self._process.poll() is None and time.monotonic() < end:
            time.sleep(0.02)
        if not self.socket.is_socket():
            self.close()
            raise AssertionError("the process that forks commands did not begin")

    def put(self, command: Path) -> Path:
        """Write the stand-in and return its path."""
        command.write_text(stand_in(self.socket))
        command.chmod(0o755)
        return command

    def start(
        self, *arguments: str | Path, cwd: Path | None = None, env: Mapping[str, str] | None = None,
        stdout: int | IO[Any] | None = None, stderr: int | IO[Any] | None = None,
    ) -> Started:  # fmt: skip
        """Start the command, with the arguments of ``subprocess.Popen``, and without standard input."""
        reader = None
        with ExitStack() as stack:
            nothing = stack.enter_context(Path(os.devnull).open("r+")).fileno()
            files = []
            for number, file in ((1, stdout), (2, stderr)):
                if file == subprocess.PIPE:
                    reader, writer = os.pipe()
                    stack.callback(os.close, writer)
                    files.append(writer)
                elif file == subprocess.DEVNULL:
                    files.append(nothing)
                else:
                    files.append(number if file is None else file if isinstance(file, int) else file.fileno())
            started = self._call(arguments, cwd, env, (nothing, *files))
        if reader is not None:
            started.stderr = os.fdopen(reader)
        return started

    def run(
        self, *arguments: str | Path, stdin: bytes, timeout: float, cwd: Path | None, env: Mapping[str, str]
    ) -> subprocess.CompletedProcess[bytes]:
        """Run the command to its end, without the process that a stand-in is; nothing of it is left behind.

        Raises:
            subprocess.TimeoutExpired: It took too long.
        """
        with ExitStack() as stack:
            typed, printed, told = (os.pipe() for _ in range(3))
            talk = Talk(typed[1], (printed[0], told[0]), stdin, time.monotonic() + timeout)
            stack.callback(talk.close)
            try:
                started = self._call(arguments, cwd, env, (typed[0], printed[1], told[1]))
            finally:
                for file in (typed[0], printed[1], told[1]):
                    os.close(file)
            stack.callback(started.kill)
            out, err = talk.whole()
            code = started.wait(max(0.0, talk.end - time.monotonic()))
        return subprocess.CompletedProcess(["mixedmode", *arguments], code, out, err)

    def _call(
        self, arguments: Iterable[str | Path], cwd: Path | None, env: Mapping[str, str] | None,
        files: tuple[int, ...],
    ) -> Started:  # fmt: skip
        return Started(self.socket, ["mixedmode", *map(str, arguments)], cwd or Path.cwd(), env, files)

    def close(self) -> None:
        self._process.terminate()
        self._process.communicate(timeout=60)
        shutil.rmtree(self._folder, ignore_errors=True)


@cache
def shared_forking() -> Forking:
    """Return what the tests of this process share."""
    forking = Forking()
    atexit.register(forking.close)
    return forking


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
    use_quick_keys()
    use_quick_sql()
    use_a_cluster()
    # A lock that another thread held would stay locked in each fork.
    assert threading.active_count() == 1, threading.enumerate()
    gc.collect()
    gc.freeze()  # a fork neither looks through nor copies what it will never drop
    use_large_pages()


def use_large_pages() -> None:
    """Have Linux keep what is loaded in pages of 2 MiB: a fork copies the table of all pages, and drops it at its end.

    A Linux before 6.1, or one without such pages, does not, and nothing else is different.
    """
    libc = ctypes.CDLL(None)
    for line in Path("/proc/self/maps").read_text().splitlines():
        places, rights, _, _, file, *_ = line.split()
        if rights.startswith("rw") and file == "0":
            begin, end = (int(place, 16) for place in places.split("-"))
            for page in range(-(-begin // LARGE_PAGE) * LARGE_PAGE, end - LARGE_PAGE + 1, LARGE_PAGE):
                libc.madvise(ctypes.c_void_p(page), ctypes.c_size_t(LARGE_PAGE), MADV_COLLAPSE)


class Server:
    """What forks: reads calls, tells each caller its process and how it ended."""

    def __init__(self, listening: socket.socket) -> None:
        self._listening = listening
        self._poll = select.poll()
        self._links: dict[int, socket.socket] = {}
        """By the file that tells of the end of a process: its caller."""
        self._commands = count()
        self._processes: dict[int, int] = {}
        """By the file of a caller: its process."""

    def run(self) -> None:
        """Answer calls until SIGTERM, or until whoever started this is gone."""
        self._poll.register(self._listening, select.POLLIN)
        self._poll.register(sys.stdin, select.POLLIN)
        while True:
            file, _ = self._poll.poll()[0]  # what comes after it may be about a number that has been given anew
            if file == sys.stdin.fileno():
                for process in self._processes.values():
                    os.kill(process, signal.SIGKILL)
                return
            if file == self._listening.fileno():
                self._begin()
            elif file in self._links:
                self._ended(file)
            else:
                self._left(file)

    def _begin(self) -> None:
        link, _ = self._listening.accept()
        number = next(self._commands)
        process = os.fork()
        if process == 0:
            # A file that stays open in one command would keep the callers of others waiting.
            self._listening.close()
            for end, each in self._links.items():
                os.close(end)
                each.close()
            use_quick_keys(number)
            answer(link)
        with suppress(OSError):
            link.sendall(process.to_bytes(4, "big"))
        end = os.pidfd_open(process)
        self._links[end], self._processes[link.fileno()] = link, process
        self._poll.register(end, select.POLLIN)
        self._poll.register(link, 0)

    def _ended(self, end: int) -> None:
        link = self._links.pop(end)
        _, status = os.waitpid(self._processes.pop(link.fileno()), 0)
        self._poll.unregister(end)
        os.close(end)
        with suppress(KeyError):
            self._poll.unregister(link)
        with link, suppress(OSError):
            link.sendall(os.waitstatus_to_exitcode(status).to_bytes(4, "big", signed=True))

    def _left(self, file: int) -> None:
        self._poll.unregister(file)
        os.kill(self._processes[file], signal.SIGKILL)


def serve(path: str) -> None:
    """Listen on a socket."""
    load_everything()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()
        Server(listening).run()


def answer(link: socket.socket) -> None:
    """Be the command of one call; never returns."""
    from mixedmode.app.main import main

    code = 255
    random.seed()
    # Whoever looks how the program was started shall see a command, not ``python -m``.
    sys.modules["__main__"].__package__ = None
    try:
        with link:
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
        os._exit(code)


if __name__ == "__main__":
    serve(sys.argv[1])
