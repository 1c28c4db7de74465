"""Asking a person on standard input, one line at a time.

Rules:

1. Ctrl-C ends the question at once, also where an event loop has taken the signal for itself.
2. The end of input (Ctrl-D, ``</dev/null``, a pipe that ran dry) is no answer: :class:`EndOfInputError`, which callers
   take for a "no" or for a cancelled step.
3. A line is bounded: whoever sends one without an end is refused, not kept in memory.
4. A secret is not shown, and the terminal is put back whatever happens.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TextIO

from mixedmode.errors import UsageError
from mixedmode.printable import printable

LINE_LIMIT = 4096
"""Characters of an answer."""


class EndOfInputError(UsageError):
    """There is nobody to answer: the input ended."""

    default_code = "end-of-input"


def is_terminal() -> bool:
    """Return whether a person can be asked."""
    try:
        return sys.stdin.isatty()
    except (AttributeError, ValueError):  # closed, by whoever started this program or since
        return False


def ask_line(prompt: str, *, secret: bool = False, out: TextIO | None = None) -> str:
    """Ask, and return the line that was typed, without its end.

    Args:
        prompt: Written without an end of line, and made printable: it may name what a stranger named.
        secret: Do not show what is typed, if it is typed on a terminal.
        out: Where the prompt goes; by default standard error, so that standard output stays a document.

    Raises:
        EndOfInputError: The input ended (rule 2).
        UsageError: The line is longer than :data:`LINE_LIMIT`.
        KeyboardInterrupt: Ctrl-C was typed.
    """
    shown = sys.stderr if out is None else out
    hidden = secret and is_terminal()
    with ExitStack() as stack:
        stack.enter_context(_interrupts_raise())
        if hidden:
            stack.enter_context(_without_echo())
        shown.write(printable(prompt))
        shown.flush()
        line = _read_line()
    if hidden or not line:
        shown.write("\n")
        shown.flush()
    if not line:
        raise EndOfInputError("the input ended before the question was answered")
    return line.rstrip("\r\n")


def ask_yes(prompt: str, *, out: TextIO | None = None) -> bool:
    """Ask for a yes; anything else, the end of input included, is a no.

    Raises:
        KeyboardInterrupt: Ctrl-C was typed.
    """
    try:
        return ask_line(prompt, out=out).strip().lower() in {"y", "yes"}
    except UsageError:
        return False


def _read_line() -> str:
    try:
        source = getattr(sys.stdin, "buffer", sys.stdin)
        line = source.readline(LINE_LIMIT + 1)
        if len(line) > LINE_LIMIT:
            while len(source.readline(LINE_LIMIT + 1)) > LINE_LIMIT:
                pass
            raise UsageError(f"the answer is longer than {LINE_LIMIT} characters")
    except (OSError, ValueError, AttributeError):  # a terminal that went away, or a closed stream
        return ""
    return line.decode("utf-8", "replace") if isinstance(line, bytes) else str(line)


@contextmanager
def _without_echo() -> Iterator[None]:
    import termios

    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    silent = [*before[:3], before[3] & ~termios.ECHO, *before[4:]]
    termios.tcsetattr(terminal, termios.TCSADRAIN, silent)
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


@contextmanager
def _interrupts_raise() -> Iterator[None]:
    """Have Ctrl-C raise KeyboardInterrupt here (rule 1); a signal that is ignored stays ignored."""
    taken = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(taken):
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        if _is_interrupted():
            raise KeyboardInterrupt
        yield
    finally:
        signal.signal(signal.SIGINT, taken)


def _is_interrupted() -> bool:
    """Return whether an event loop took a Ctrl-C a moment ago, and would end the task that asks only after it."""
    asyncio = sys.modules.get("asyncio")  # what is not loaded runs no loop
    try:
        task = asyncio.current_task() if asyncio is not None else None
    except RuntimeError:
        return False
    return task is not None and task.cancelling() > 0
