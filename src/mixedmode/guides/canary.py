"""Tries a change on one phone of each kind of our own cluster, before all others are reset.

Rules:

1. Phones are reset through the door, like all others; what they report after that is the evidence.
2. If one fails, nobody else is reset: the CTL file of before is put back and the services restart with it, in the name
   of the person. The canaries are reset once more; who took the new list may keep it, and the report says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from mixedmode.canary.choice import Candidate, Choice, choose
from mixedmode.canary.trial import LOOK_LIMIT, WITHIN, Sign, State, Trial, Verdict
from mixedmode.cluster.engine.principal import Principal
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.operations.ctl_back import PutBackCtl
from mixedmode.cluster.publishing import archive
from mixedmode.control.door import Control
from mixedmode.errors import CheckFailedError, MixedModeError
from mixedmode.guides.hands import Hands
from mixedmode.guides.observer import published
from mixedmode.inventory.cluster import ClusterInventory
from mixedmode.inventory.library import Library
from mixedmode.procedures.facts import ListFacts
from mixedmode.procedures.steps import RestartServices

_LATELY: Final = timedelta(hours=1)
Tell = Callable[[str], Awaitable[None]]


async def try_out(
    trial: Trial,
    look: Callable[[], Awaitable[Sequence[Sign]]],
    now: Callable[[], float],
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    *,
    limit: float = LOOK_LIMIT,
    saw: Callable[[Trial], Awaitable[None]] | None = None,
) -> Trial:
    """Look at canaries until all passed or one failed.

    Args:
        trial: That has begun.
        look: Returns what canaries show; one that fails or takes too long tells nothing.
        now: The time, as the trial has it.
        sleep: Waits.
        limit: Seconds for one look.
        saw: Told after each look.
    """
    while True:
        signs: Sequence[Sign] = ()
        try:
            async with asyncio.timeout(limit):
                signs = await look()
        except (MixedModeError, OSError, TimeoutError):
            signs = ()
        trial = trial.saw(signs, now())
        if saw is not None:
            await saw(trial)
        if trial.state is not State.RUNNING:
            return trial
        await sleep(trial.pause(now()))


class OwnCanary:
    """Canaries of our own cluster.

    Args:
        cluster: As administrators change it.
        principal: Who asks.
        hands: His.
        within: Seconds that each canary has.
        sleep: Waits between two looks.
    """

    def __init__(
        self, cluster: Cluster, principal: Principal, hands: Hands, *, within: float = WITHIN,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:  # fmt: skip
        self._cluster, self._principal, self._hands = cluster, principal, hands
        self._within, self._sleep = within, sleep

    def choice(self) -> Choice:
        """Return who goes first: phones that registered lately and report what they hold."""
        since = self._cluster.now() - _LATELY
        found = []
        for each in ClusterInventory(self._cluster, Library()).entries():
            there = each.seen.registered is not None and _at_least(each.seen.registered.moment, since)
            shows = there and "CTL" in each.seen.reported
            found.append(Candidate(each.device.name, each.device.model, "", each.ctl.held, each.itl.held, shows))
        return choose(found)

    async def run(
        self, before: ListFacts | None, tell: Tell, saw: Callable[[Trial], Awaitable[None]] | None = None
    ) -> None:
        """Try the published list.

        Args:
            before: The CTL that was published when the run was planned.
            tell: Told every line of the report.
            saw: Told after each look what is concluded until then.

        Raises:
            CheckFailedError: A canary failed; what was done about it has been told.
        """
        choice = await asyncio.to_thread(self.choice)
        new = await asyncio.to_thread(published, self._cluster)
        for line in choice.lines():
            await tell(line)
        if not choice.canaries or new is None:
            raise CheckFailedError(
                "there is no canary: no phone is registered and reports what it holds"
                if new is not None
                else "there is no CTL file to try",
                next_step="go on without canaries, or wait until phones are registered",
            )
        loop = asyncio.get_running_loop()
        began = self._cluster.now()
        for line in await self._hands.reset(choice.names):
            await tell(f"  | {line}")
        trial = Trial.of(choice.names, (new.md5, new.sha1, new.sha256), loop.time(), self._within)
        ended = await try_out(
            trial, lambda: asyncio.to_thread(self._signs, choice.names, began), loop.time, self._sleep, saw=saw
        )
        for line in ended.lines():
            await tell(line)
        if ended.state is State.PASSED:
            return
        name, judged = ended.failed[0]
        told = await self._put_back(before, ended, tell)
        raise CheckFailedError(
            f"the canary {name} {judged.verdict}", why=judged.why or None, next_step=told, code="canary"
        )

    def _signs(self, names: Sequence[str], since: datetime) -> list[Sign]:
        wanted, found = set(names), []
        for each in ClusterInventory(self._cluster, Library()).entries():
            report = each.seen.reported.get("CTL")
            if each.device.name in wanted and report is not None:
                moment, digest = report
                found.append(Sign(each.device.name, digest, _at_least(moment, since)))
        return found

    async def _put_back(self, before: ListFacts | None, ended: Trial, tell: Tell) -> str:
        """Put the old list back (rule 2); return what is left to do."""
        if before is None:
            return "there was no CTL file before: take the step back by its procedure; no other phone was reset"
        try:
            old = await asyncio.to_thread(archive.find, self._cluster.database, before.sha1)
            operation = PutBackCtl.of(old.data)
            result = await asyncio.to_thread(Control(self._cluster).run, self._principal, operation)
            for line in (*result.changes, *result.warnings):
                await tell(f"  | {line}")
        except MixedModeError as error:
            return f"the old list could not be put back ({error}): do it by the way back of the procedure"
        try:
            for line in await self._hands.do(RestartServices(), {}):
                await tell(f"  | {line}")
            for line in await self._hands.reset(tuple(ended.judged)):
                await tell(f"  | {line}")
        except MixedModeError as error:
            return (
                f"the CTL file of before is put back, but not served yet ({error}): restart TFTP and CallManager on "
                f"every node, and reset {', '.join(ended.judged)}"
            )
        took = [name for name, each in ended.judged.items() if each.verdict is Verdict.HOLDS]
        keep = f"; {', '.join(took)} took the new list, and may keep it" if took else ""
        return f"the CTL file of before is put back, and no other phone was reset{keep}"


class CanaryRefusedError(MixedModeError):
    """Canaries do not show the new list, or there are none; nobody else was reset.

    Attributes:
        said: The report.
        stops: Whether one refused: the list of before is put back, so that the run has nothing more to do.
    """

    default_code = "canary"

    def __init__(self, error: CheckFailedError, said: Sequence[str]) -> None:
        super().__init__(error.what, why=error.why, next_step=error.next_step)
        self.said = tuple(said)
        self.stops = error.code == "canary"


async def shown_while(
    canary: OwnCanary, before: ListFacts | None, show: Callable[[tuple[str, ...]], Awaitable[None]]
) -> tuple[str, ...]:
    """Try the published list; have it shown how far that is.

    Args:
        canary: Who tries it.
        before: The CTL that was published when the run was planned.
        show: Told everything that is known until then, again and again.

    Returns:
        The report.

    Raises:
        CanaryRefusedError: One failed, or there is none.
    """
    said: list[str] = []

    async def tell(line: str) -> None:
        said.append(line)
        await show(tuple(said))

    async def saw(trial: Trial) -> None:
        if trial.state is State.RUNNING:
            await show((*said, *trial.lines()))

    try:
        await canary.run(before, tell, saw)
    except CheckFailedError as error:
        raise CanaryRefusedError(error, said) from error
    return tuple(said)


def _at_least(moment: float, since: datetime) -> bool:
    return moment >= since.timestamp()
