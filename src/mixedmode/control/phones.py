"""Phones under the hands of administrators: told to reset, lists deleted on a lab's. Allowed, done and audited.

Where the phones are, a node's CallManager or a lab, is what the work knows; who asks and whether he may is known here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from mixedmode.cluster.engine.principal import Principal
from mixedmode.cluster.model.errors import DatabaseError
from mixedmode.control.acts import RESET_PHONES, Act
from mixedmode.control.door import Control
from mixedmode.errors import MixedModeError

Work = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]
"""Does what a request asks for; returns the answer."""
_NAMES: Final = 100
"""Of phones, that an entry names; of more it has the number."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WasTold:
    """What became of a request to reset phones.

    Attributes:
        told: The phones that were registered, and told.
        restarted: Those that were not, and were switched off and on: a lab's.
    """

    told: tuple[str, ...] = ()
    restarted: tuple[str, ...] = ()


class PhoneHands(Protocol):
    """Handles the phones that a node or a lab can reach."""

    async def reset(self, principal: Principal, names: Sequence[str]) -> WasTold:
        """Have phones reset, allowed and audited; who cannot be reached is in no part of the answer.

        Raises:
            PrivilegeError: The principal has not the level for it.
            MixedModeError: It cannot be done.
        """


class DoorHands:
    """Hands that pass the door to the phones.

    Args:
        control: The door.
        work: Resets phones, as the socket of a node or lab is asked to.
    """

    def __init__(self, control: PhoneControl, work: Work) -> None:
        self._control, self._work = control, work

    async def reset(self, principal: Principal, names: Sequence[str]) -> WasTold:
        """Have phones reset."""
        request = {"ask": "reset", "devices": list(names), "kind": "reset"}
        answer = await self._control.do_as(principal, RESET_PHONES, self._work, request)
        return WasTold(tuple(answer.get("told", ())), tuple(answer.get("restarted", ())))


class PhoneControl:
    """The door to the phones of a node or a lab.

    Args:
        control: The door to its cluster.
        who: Makes a principal of the number of this machine's user who asks.
    """

    def __init__(self, control: Control, who: Callable[[int], Principal]) -> None:
        self._control = control
        self._who = who

    async def do(self, uid: int, act: Act, work: Work, request: dict[str, Any]) -> dict[str, Any]:
        """Have something done to phones.

        Args:
            uid: Who asks.
            act: What for.
            work: Does it.
            request: What is asked for.

        Raises:
            PrivilegeError: He may not.
            MixedModeError: It cannot be done.
        """
        return await self.do_as(await asyncio.to_thread(self._who, uid), act, work, request)

    async def do_as(self, principal: Principal, act: Act, work: Work, request: dict[str, Any]) -> dict[str, Any]:
        """Have something done to phones by somebody who is known; arguments and errors as of :meth:`do`."""
        asked = {name: short(value) for name, value in request.items() if name != "ask"}
        await asyncio.to_thread(lambda: self._control.allow(principal, act, **asked))
        try:
            answer = await work(request)
        except MixedModeError as error:
            await self._note(principal, act, "failed", {**asked, "error": str(error)})
            raise
        # Phones are needed most when the database is away: then the node's log has it, and nobody is kept waiting.
        told = {name: short(value) for name, value in answer.items()}
        await self._note(principal, act, "done", {**asked, **told})
        return answer

    async def _note(self, principal: Principal, act: Act, outcome: str, details: Mapping[str, Any]) -> None:
        try:
            await asyncio.to_thread(lambda: self._control.note(principal, act, outcome, **details))
        except DatabaseError as error:
            _log.warning("audit record of %s by %s lost: %s", act.name, principal.user, error)


def short(value: object) -> object:
    """Return names, or how many there are; an answer's documents of phones by their names."""
    if not isinstance(value, list):
        return "all" if value is None else value
    names = [str(each.get("name", "")) if isinstance(each, Mapping) else str(each) for each in value]
    return names if len(names) <= _NAMES else f"{len(names)} phones"
