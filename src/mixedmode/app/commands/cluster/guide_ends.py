"""How a guided run is left and told of, on our own cluster and from outside alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mixedmode.errors import CheckFailedError
from mixedmode.faces.terminal.console import say

if TYPE_CHECKING:
    from mixedmode.procedures.guided.run import Run
    from mixedmode.procedures.steps import Step


@contextmanager
def stays_as_it_is(again: str, *, besides: str = "", left: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Say how to go on when the person leaves, by the end of the input or by Ctrl-C.

    Args:
        again: The command that goes on.
        besides: Where else one can.
        left: Called when the person interrupts.

    Raises:
        CheckFailedError: The input ended before the run did.
    """
    import asyncio

    from mixedmode.faces.shell.talk import InputEndedError

    try:
        yield
    except InputEndedError as error:
        raise CheckFailedError("the input ended before the run did: it stays as it is", next_step=again) from error
    except (KeyboardInterrupt, asyncio.CancelledError):
        left()
        say(f"\nleft: the run stays as it is; go on with {again}{besides}")
        raise


def step_lines(steps: Sequence[Step], run: Run) -> Iterator[str]:
    """Yield what became of each step, for people."""
    for at, (step, record) in enumerate(zip(steps, run.steps, strict=True), 1):
        who = f", {record.who.name}" if record.who.name else ""
        yield f"  {at:>2}. {record.state.value:<8} {step.what}{who}"
        if record.problem:
            yield f"      {record.problem}"
