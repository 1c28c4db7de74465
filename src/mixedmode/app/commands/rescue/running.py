"""A run at the terminal: the ports of the runner, progress, Ctrl-C, the audit log of our own clusters."""

from __future__ import annotations

import asyncio
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mixedmode.errors import MixedModeError
from mixedmode.faces.terminal.console import say

if TYPE_CHECKING:
    from mixedmode.rescue.around import Hands, Log
    from mixedmode.rescue.catalogue import Catalogue
    from mixedmode.rescue.outcomes import Result
    from mixedmode.rescue.planning import Plan, Planned, Served
    from mixedmode.rescue.resuming import History
    from mixedmode.rescue.runner import Runner


class OurSite:
    """The cluster of a plan: its TFTP nodes, and, if it is ours, who can reset its phones.

    Args:
        nodes: Of each its name and the URL of its lists.
        directory: The lab's folder; None if the plan is not of a lab.
        config: A node's settings file; None if the plan is not of a node of ours.
    """

    def __init__(self, nodes: dict[str, str], directory: Path | None, config: Path | None) -> None:
        self._nodes, self._directory, self._config = nodes, directory, config

    @property
    def is_ours(self) -> bool:
        """Whether the cluster is one of ours."""
        return self._directory is not None or self._config is not None

    async def served(self) -> Served:
        """Fetch the lists of every TFTP node."""
        from mixedmode.rescue.hands import fetch_served

        return await fetch_served(self._nodes)

    async def served_to(self, name: str) -> Served:
        """Fetch what every TFTP node has for one phone."""
        from mixedmode.rescue.hands import fetch_served

        return await fetch_served(self._nodes, name)

    async def restart(self, name: str) -> bool:
        """Have a phone reset; only our own clusters can be asked."""
        if not self.is_ours:
            return False
        request = {"ask": "reset", "devices": [name], "kind": "reset"}
        try:
            answer = await asyncio.to_thread(self._ask, request)
        except MixedModeError:
            return False
        return name in {*answer.get("told", ()), *answer.get("restarted", ())}

    async def registered(self) -> int | None:
        """Return how many phones are registered; None if the cluster is not ours."""
        if not self.is_ours:
            return None
        try:
            return len((await asyncio.to_thread(self._ask, {"ask": "phones"}))["phones"])
        except MixedModeError:
            return None

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        from mixedmode.app.targets.running import ask_running

        return ask_running(self._directory, self._config, request)


@contextmanager
def audited(directory: Path | None, config: Path | None, said: dict[str, str]) -> Iterator[dict[str, Any]]:
    """Pass the door of a cluster of ours: allowed before, and noted behind what came of it.

    Yields:
        What came of it; filled by the caller.

    Raises:
        PrivilegeError: Who runs this has not the level for it.
    """
    came: dict[str, Any] = {}
    if directory is None and config is None:
        yield came
        return
    from mixedmode.app.targets.hands import administered
    from mixedmode.control.acts import RESCUE

    with administered(directory, config, what="phones are rescued") as hands:
        hands.control.allow(hands.principal, RESCUE, **said)
        hands.control.note(hands.principal, RESCUE, "started", **said)
        outcome = "failed"
        try:
            yield came
            outcome = "stopped" if came.get("stopped") else "done"
        finally:
            hands.control.note(hands.principal, RESCUE, outcome, **said, **came)


def windows_named(plan: Plan, catalogue: Catalogue, phone: Planned) -> dict[str, bool]:
    """Return of each sequence of a phone whether its windows were named when it was walked."""
    entries = [entry for name in phone.entries if (entry := catalogue.find(name)) is not None]
    found = {entry.name: plan.confirmation(catalogue, phone, entry) for entry in entries}
    return {name: each is not None and each.named for name, each in found.items()}


def play(runner: Runner, histories: dict[str, History], about: dict[str, Any]) -> str:
    """Run it; the first Ctrl-C stops it, and phones are sent home."""

    async def main() -> str:
        loop = asyncio.get_running_loop()
        count = 0

        def interrupted() -> None:
            nonlocal count
            count += 1
            say("stopping: phones are sent home, those that were erased are looked at; Ctrl-C again ends at once")
            runner.stop("the operator stopped it")
            if count > 1:
                task.cancel()

        task = asyncio.ensure_future(runner.run(histories, about))
        try:
            loop.add_signal_handler(signal.SIGINT, interrupted)
        except NotImplementedError:  # not on Unix: Ctrl-C ends it at once
            return await task
        try:
            return await task
        except asyncio.CancelledError:
            raise KeyboardInterrupt from None
        finally:
            loop.remove_signal_handler(signal.SIGINT)

    return asyncio.run(main())


def runner_for(plan: Plan, catalogue: Catalogue, hands: Hands, site: OurSite, log: Log, read: dict[str, str]) -> Runner:
    """Return the runner of a plan, which says each outcome on stderr."""
    from mixedmode.rescue.around import Time
    from mixedmode.rescue.runner import Runner

    counts: Counter[str] = Counter()

    def told(phone: Planned, result: Result) -> None:
        counts[result.outcome.value] += 1
        say(f"{sum(counts.values())}/{len(plan.phones)} {phone.name} {phone.model}: {result.outcome}, {result.reason}")

    entries = plan.checked(catalogue)
    return Runner(
        plan,
        entries,
        lambda phone: windows_named(plan, catalogue, phone),
        hands,
        site,
        log,
        Time(time.monotonic),
        told,
        read,
    )
