"""Ctrl-C at once, whatever other threads wait for: nodes that do not answer may keep them for many seconds."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from mixedmode.faces.terminal.interrupts import die_by_interrupt

T = TypeVar("T")
_LOOK_UP = 0.2
"""Seconds. A Ctrl-C that :mod:`mixedmode.faces.terminal.interrupts` sends again wakes no lock that waits for ever."""


@contextmanager
def at_once() -> Iterator[None]:
    """Have Ctrl-C end the process as soon as the main thread has unwound to here."""
    try:
        yield
    except KeyboardInterrupt:
        sys.stdout.flush()
        die_by_interrupt()
        signal.raise_signal(signal.SIGINT)
        raise


def aside(call: Callable[[], T]) -> T:
    """Return what a call returns, which runs in a thread of its own: it may wait where Ctrl-C cannot come through.

    Args:
        call: What to run; it must ask nobody anything.
    """
    found: list[T] = []
    failed: list[BaseException] = []
    done = threading.Event()

    def run() -> None:
        try:
            found.append(call())
        except BaseException as error:  # noqa: BLE001 - it is raised again where it was asked for
            failed.append(error)
        finally:
            done.set()

    threading.Thread(target=run, daemon=True).start()
    while not done.wait(_LOOK_UP):
        pass
    if failed:
        raise failed[0]
    return found[0]
