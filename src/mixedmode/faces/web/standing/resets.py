"""Phones that are being reset: who was told, who came back. It goes on when the browser closes, and everybody sees it.

Rules:

1. Phones are told in batches, so that what is done and what is left can be seen.
2. A phone is back when it has registered after it was told; one that speaks SIP, and never registers here, when it was
   switched on again. Who could not be reached is named.
3. Who is not registered here is asked of the nodes on other hosts, by an order in the database.
4. What is kept here is lost with the service; the audit log has who reset whom.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar

from sqlalchemy import select

from mixedmode.control.acts import RESET_PHONES
from mixedmode.errors import MixedModeError, UsageError
from mixedmode.faces.web.standing.rows import PHONES

if TYPE_CHECKING:
    from mixedmode.cluster.engine.principal import Principal
    from mixedmode.control.door import Control
    from mixedmode.control.phones import PhoneHands
    from mixedmode.faces.ssh.side_loop import SideLoop
    from mixedmode.faces.web.standing.standing import Standing

T = TypeVar("T")
MOST: Final = 1000
"""Phones of one reset."""
_BATCH: Final = 25
_KEPT: Final = 50
_WAIT_SECONDS: Final = 300.0
_CALL_SECONDS: Final = 120.0


@dataclass(slots=True)
class Reset:
    """Phones that are being reset.

    Attributes:
        number: Of this reset, since the service started.
        user: Who asked.
        names: Of the phones.
        begun: Seconds since 1970.
        told: Who was told, or switched off and on, and when.
        switched: Who of those was switched off and on, and speaks SIP.
        ordered: Who the nodes on other hosts were asked to tell (rule 3).
        unreached: Who could not be reached.
        error: Why it ended early; empty if it did not.
        ended: Whether all were told.
    """

    number: int
    user: str
    names: tuple[str, ...]
    begun: float
    told: dict[str, float] = field(default_factory=dict)
    switched: dict[str, float] = field(default_factory=dict)
    ordered: frozenset[str] = frozenset()
    unreached: list[str] = field(default_factory=list)
    error: str = ""
    ended: bool = False

    @property
    def is_old(self) -> bool:
        """Whether nobody is waited for any more."""
        return time.time() - self.begun > _WAIT_SECONDS


class Resets:
    """The resets of a node's pages.

    Args:
        control: The door.
        hands: On phones; None where there are none.
        side: The loop of the pages.
        standing: Says who came back.
        speaks_sip: Tells whether a phone registers elsewhere, by SIP.
        order: Asks nodes on other hosts to tell phones; returns whether there are any.
    """

    def __init__(
        self,
        control: Control,
        hands: PhoneHands | None,
        side: SideLoop,
        standing: Standing,
        speaks_sip: Callable[[str], bool] = lambda _name: False,
        order: Callable[[Principal, Sequence[str]], bool] = lambda _principal, _names: False,
    ) -> None:
        self._control, self._hands, self._side, self._standing = control, hands, side, standing
        self._speaks_sip, self._order = speaks_sip, order
        self._resets: dict[int, Reset] = {}
        self._lock = threading.Lock()
        self._last = 0

    @property
    def can(self) -> bool:
        """Whether there are hands."""
        return self._hands is not None

    def find(self, number: int) -> Reset | None:
        """Return a reset by its number."""
        return self._resets.get(number)

    def running(self) -> list[Reset]:
        """Return those that go on, newest first."""
        return [each for each in reversed(list(self._resets.values())) if not each.ended]

    def start(self, principal: Principal, names: Sequence[str], loop: asyncio.AbstractEventLoop | None) -> Reset:
        """Begin to reset phones.

        Raises:
            PrivilegeError: The principal has not the level for it.
            UsageError: There are no hands, or the phones are too many.
        """
        self._control.allow(principal, RESET_PHONES, devices=list(names[:MOST]))
        if self._hands is None or loop is None:
            raise UsageError("this node cannot reset phones", next_step="mixedmode phones reset NAME, at the node")
        if len(names) > MOST:
            raise UsageError(f"{len(names):,} phones are too many at once", next_step=f"take at most {MOST:,}")
        with self._lock:
            self._last += 1
            made = self._resets[self._last] = Reset(self._last, principal.user, tuple(names), time.time())
            while len(self._resets) > _KEPT:
                del self._resets[next(iter(self._resets))]
        threading.Thread(target=self._run, args=(made, principal, loop), name="web-reset", daemon=True).start()
        return made

    def back(self, reset: Reset) -> dict[str, float]:
        """Return who registered again, and when (rule 2)."""
        self._standing.fresh()
        query = select(PHONES.c.name, PHONES.c.registered).where(
            PHONES.c.name.in_({*reset.told, *reset.ordered}), PHONES.c.registered >= int(reset.begun)
        )
        with self._standing.read() as session:
            return reset.switched | {row.name: row.registered for row in session.execute(query)}

    def document(self, number: int) -> dict[str, Any] | None:
        """Return a reset's state as events tell it."""
        reset = self.find(number)
        if reset is None:
            return None
        return {
            "told": len(reset.told),
            "unreached": len(reset.unreached),
            "back": len(self.back(reset)),
            "ended": reset.ended,
            "error": reset.error,
        }

    def _run(self, reset: Reset, principal: Principal, loop: asyncio.AbstractEventLoop) -> None:
        assert self._hands is not None  # noqa: S101 - checked before it began
        try:
            for at in range(0, len(reset.names), _BATCH):
                batch = reset.names[at : at + _BATCH]
                answer = self._wait(self._side.at_home(self._hands.reset(principal, batch)), loop)
                moment = time.time()
                reset.told |= dict.fromkeys((*answer.told, *answer.restarted), moment)
                reset.switched |= {name: moment for name in answer.restarted if self._speaks_sip(name)}
                reset.unreached += [name for name in batch if name not in reset.told]
            if reset.unreached and self._order(principal, reset.unreached):
                reset.ordered, reset.unreached = frozenset(reset.unreached), []
        except (MixedModeError, TimeoutError, RuntimeError, CancelledError) as error:
            reset.error = str(error) or "the node did not answer"
            reset.unreached += [name for name in reset.names if name not in reset.told and name not in reset.unreached]
        finally:
            reset.ended = True

    @staticmethod
    def _wait(work: Coroutine[Any, Any, T], loop: asyncio.AbstractEventLoop) -> T:
        return asyncio.run_coroutine_threadsafe(work, loop).result(_CALL_SECONDS)
