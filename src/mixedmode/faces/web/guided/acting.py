"""Has steps carried to their end behind the pages: whoever closes the browser ends nothing."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, Final, Protocol

from mixedmode.errors import MixedModeError, UsageError
from mixedmode.faces.web.kit.asking import Ask, whole_number
from mixedmode.faces.web.kit.desk import Desk
from mixedmode.guides.carrying import Ticket
from mixedmode.guides.guide import Guide

MOST_SECONDS: Final = 86_400
"""That the first phones may be given."""
_SOON: Final = 1.5
"""Seconds that an answer waits for work that is quickly done, so that a browser without script sees its end."""
_log = logging.getLogger(__name__)
_at_work: set[Future[Any]] = set()


class Asker(Protocol):
    """Who asks: a form of a page, or a program."""

    @property
    def desk(self) -> Desk:
        """What the faces of the node's web server have in common."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """Of the pages."""


def guide_of(desk: Desk) -> Guide:
    """Return the guided runs of a node's cluster."""
    return Guide(desk.cluster, desk.services)


def topic(number: int) -> str:
    """Return the topic of a run."""
    return f"guide/{number}"


def canary_of(ask: Ask) -> float | None:
    """Return how many seconds one phone of each kind has to show the new list first; None if all are reset at once.

    Raises:
        UsageError: That is no number of seconds.
    """
    if ask.form.get("canary") != "yes":
        return None
    seconds = whole_number(ask.form.get("canary-seconds", "").strip(), 0)
    if not 1 <= seconds <= MOST_SECONDS:
        raise UsageError(
            "how long each of the first phones has is not a number of seconds",
            where="canary-seconds",
            next_step=f"1 to {MOST_SECONDS}; nothing was done",
        )
    return float(seconds)


def carry_on(ask: Asker, guide: Guide, ticket: Ticket) -> None:
    """Have a step carried to its end on the loop of the pages; wait a moment for it."""
    _begin(ask, ticket.number, guide.carry(ticket))


def foresee_on(ask: Asker, guide: Guide, number: int) -> None:
    """Have a forecast made; wait a moment for it."""
    _begin(ask, number, asyncio.to_thread(guide.foresee, number))


def _begin(ask: Asker, number: int, work: Coroutine[Any, Any, Any]) -> None:
    if ask.loop is None:
        raise RuntimeError("this request has no loop")
    hub = ask.desk.hub
    hub.nudge(topic(number))
    future = asyncio.run_coroutine_threadsafe(work, ask.loop)
    _at_work.add(future)  # a loop keeps only weak references

    def ended(done: Future[Any]) -> None:
        _at_work.discard(done)
        if not done.cancelled() and (error := done.exception()) is not None:
            # How it ended is found out by whoever looks next.
            _log.warning("guided run %s: %s", number, error)
        ask.desk.frame.forget()
        hub.nudge(topic(number))
        hub.nudge("running")

    future.add_done_callback(ended)
    with contextlib.suppress(TimeoutError, MixedModeError):
        future.result(_SOON)
    ask.desk.frame.forget()
