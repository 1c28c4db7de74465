"""What Ctrl-C does to this program: it ends it, and never with a traceback.

Python's own way is an exception wherever the program is just then. While modules are loaded nothing is to be put
back, so the signal may simply kill; while a command runs the exception unwinds it.
"""

from __future__ import annotations

import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable, Coroutine
    from sys import UnraisableHookArgs
    from typing import Any, TypeVar

    _T = TypeVar("_T")

_SOON = 0.01
"""Seconds."""


def die_by_interrupt() -> None:
    """Have Ctrl-C kill the process, as before and after a command. An ignored one stays ignored (``nohup``)."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def raise_interrupts() -> None:
    """Have Ctrl-C raise KeyboardInterrupt in the main thread, also where Python itself would only print one.

    A callback of a weak reference or a ``__del__`` cannot raise: the interpreter prints the traceback and goes on, so
    Ctrl-C would be lost. It is sent again.
    """
    import sys

    sys.unraisablehook = _unraisable
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def run(main: Coroutine[Any, Any, _T], *, loop_factory: Callable[[], AbstractEventLoop] | None = None) -> _T:
    """Run a coroutine as :func:`asyncio.run` does, but let Ctrl-C wait until the loop can take it.

    A loop that is torn apart while it is made says so in a traceback.

    Args:
        main: What to run.
        loop_factory: Makes the loop; asyncio's own by default.
    """
    import asyncio

    async def listening() -> _T:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return await main

    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            return runner.run(listening())
    finally:
        main.close()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _unraisable(problem: UnraisableHookArgs) -> None:
    import _thread
    import sys
    import threading

    if issubclass(problem.exc_type, KeyboardInterrupt):
        threading.Timer(_SOON, _thread.interrupt_main).start()
    else:
        sys.__unraisablehook__(problem)
