"""A session with a node's ``admin:`` command line: what is typed goes there, what it says comes here.

Rules:

1. On a terminal every key goes to the node, Ctrl-C too; the terminal is put back whatever happens.
2. Elsewhere what the node says is text, and made printable: whoever answers there may be a stranger.
3. Standard input, output and error stay this program's: they are neither closed nor made non-blocking, because a
   terminal or a pipe is shared with others.
"""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import asyncssh

from mixedmode.errors import RemoteError
from mixedmode.printable import PrintableStream

_READ_BYTES = 65536
_INPUT_BYTES = 4096


async def converse(connection: asyncssh.SSHClientConnection, command: str | None, where: str) -> int:
    """Run a command, or the prompt; return its exit code.

    Args:
        connection: Logged in.
        command: What to run; None asks for the prompt.
        where: The node, for errors.

    Raises:
        RemoteError: The session ended without an exit code.
    """
    watched = sys.stdin.isatty() and sys.stdout.isatty()
    size = shutil.get_terminal_size()
    terminal: dict[str, Any] = (
        {"term_type": os.environ.get("TERM", "xterm"), "term_size": (size.columns, size.lines)} if watched else {}
    )
    with _raw_terminal(watched=watched), _ended_by_signals():
        async with connection.create_process(command, encoding=None, **terminal) as process:
            if watched:
                asyncio.get_running_loop().add_signal_handler(signal.SIGWINCH, _follow_size, process)
            beside = [
                asyncio.create_task(_send(process)),
                asyncio.create_task(_copy(process.stderr, sys.stderr, raw=watched)),
            ]
            try:
                await _copy(process.stdout, sys.stdout, raw=watched)
                await process.wait_closed()
            finally:
                for task in beside:
                    task.cancel()
                await asyncio.gather(*beside, return_exceptions=True)
    if process.exit_status is None:
        raise RemoteError("the session was cut off", where=where, next_step="log in again; what it started goes on")
    return process.exit_status


async def _copy(source: asyncssh.SSHReader[bytes], stream: Any, *, raw: bool) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
    text = PrintableStream()
    while data := await source.read(_READ_BYTES):
        if raw:
            stream.buffer.write(data)
            stream.buffer.flush()
        else:
            stream.write(text.feed(decoder.decode(data)))
            stream.flush()
    stream.write(text.feed(decoder.decode(b"", final=True)) + text.end())
    stream.flush()


async def _send(process: asyncssh.SSHClientProcess[bytes]) -> None:
    terminal = sys.stdin.fileno()
    with contextlib.suppress(
        asyncssh.Error, BrokenPipeError, ConnectionError, ValueError
    ):  # the node needs no more of it
        while data := await _read(terminal):
            process.stdin.write(data)
            await process.stdin.drain()
        process.stdin.write_eof()


async def _read(file: int) -> bytes:
    """Return what can be read, empty at the end, without making the file non-blocking (rule 3)."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    try:
        loop.add_reader(file, ready.set)
    except PermissionError:
        await asyncio.sleep(0)  # a file or /dev/null is always ready, and no loop can wait for it
    else:
        try:
            await ready.wait()
        finally:
            loop.remove_reader(file)
    try:
        return os.read(file, _INPUT_BYTES)
    except OSError:
        return b""  # the terminal is gone


def _follow_size(process: asyncssh.SSHClientProcess[bytes]) -> None:
    size = shutil.get_terminal_size()
    process.change_terminal_size(size.columns, size.lines)


@contextmanager
def _raw_terminal(*, watched: bool) -> Iterator[None]:
    if not watched:
        yield
        return
    import termios
    import tty

    terminal = sys.stdin.fileno()
    settings = termios.tcgetattr(terminal)
    tty.setraw(terminal)
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, settings)


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Have SIGTERM and SIGHUP unwind this program, so that the terminal is put back."""

    def end(number: int) -> None:
        raise SystemExit(128 + number)

    loop = asyncio.get_running_loop()
    numbers = (signal.SIGTERM, signal.SIGHUP)
    for number in numbers:
        loop.add_signal_handler(number, end, number)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
