"""Services that a step restarts on every node: done where the node is up, and ordered where it is not.

Rules:

1. A node that is up counts once it has told that it did it; one that could not, or is silent, makes the step fail.
2. A node that is down starts with the change when it comes back: the step says so, and is done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from mixedmode.cluster.model.topology import Service
from mixedmode.control.following import Following
from mixedmode.control.services import ServiceControl
from mixedmode.errors import MixedModeError


class NotDoneError(MixedModeError):
    """A step's act was refused or failed; ``said`` is what it printed.

    Attributes:
        said: The lines.
    """

    default_code = "guide-step"

    def __init__(self, what: str, said: Sequence[str] = (), *, next_step: str | None = None) -> None:
        super().__init__(what, next_step=next_step)
        self.said = tuple(said)


@dataclass(frozen=True, slots=True)
class Restart:
    """A service of a node whose restart was asked for.

    Attributes:
        state: The last that was told of it.
    """

    node: str
    service: Service
    state: str


async def restarted(
    restarts: Sequence[Restart], following: Following, services: ServiceControl, patience: float
) -> tuple[str, ...]:
    """Wait until nodes have done it; return a line for each.

    Args:
        restarts: What was asked for.
        following: Knows what nodes told before.
        services: The hands that asked.
        patience: Seconds that nodes may take.

    Raises:
        NotDoneError: A node that is up has not done it (rule 1).
    """
    nodes = list(dict.fromkeys(each.node for each in restarts))
    followers = dict(zip(nodes, await asyncio.gather(*map(services.follower, nodes)), strict=True))
    for each in restarts:
        if not followers[each.node].at_once and not followers[each.node].down:
            await asyncio.to_thread(following.ordered, each.node, each.service)
    told = await following.told(patience)
    lines, problems = [], []
    for each in restarts:
        follower, name = followers[each.node], f"{each.node}: {each.service.value}"
        if follower.at_once:
            lines.append(f"{name} [{each.state}]")
            continue
        became = told.get((each.node, each.service))
        # One that went down meanwhile is down.
        down = follower.down or ("" if became else (await services.follower(each.node)).down)
        if became is not None and became.done:
            lines.append(f"{name} [{each.state}]")
        elif became is not None:
            lines.append(f"{name} [failed: {became.problem}]")
            problems.append(f"{each.node} could not restart {each.service.value}: {became.problem}")
        elif down:
            lines.append(f"{name} ordered, node {each.node} is down ({down}): it starts with the change")
        else:
            lines.append(f"{name} [not told]")
            problems.append(f"{each.node} has not told within {patience:g} s that it restarted {each.service.value}")
    if problems:
        raise NotDoneError(
            "; ".join(problems), lines, next_step="mixedmode node status on that node says what it does; do it again"
        )
    return tuple(lines)
