"""What stands around every page: cluster, node, version and mode; the counts of the ribbon; the change that runs.

It is looked up at most once a second for all readers of a node.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from mixedmode.cluster.facade import Cluster
from mixedmode.control.door import Control
from mixedmode.faces.web.kit.outcomes import Counts
from mixedmode.guides.kept import RunKeeper

_FRESH_SECONDS: Final = 1.0

PhoneCounts = Callable[[], Counts]
"""Counts the phones of the cluster by outcome; may ask the database."""


@dataclass(frozen=True, slots=True)
class Running:
    """A change that runs.

    Attributes:
        title: What it is.
        where: Its step or its user, in few words.
        path: The page that shows it.
    """

    title: str
    where: str
    path: str

    def document(self) -> dict[str, str]:
        """Return it as events tell it."""
        return {"title": self.title, "where": self.where, "path": self.path}


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around a page.

    Attributes:
        cluster: What the cluster is called: its publisher's name.
        node: The node that answers.
        nodes: How many there are.
        version: Of the cluster's software.
        mode: Such as ``Mixed mode``.
        counts: Phones by outcome.
        running: The change that runs, None if none does.
    """

    cluster: str
    node: str
    nodes: int
    version: str
    mode: str
    counts: Counts
    running: Running | None


class FrameStore:
    """Looks the frame up.

    Args:
        cluster: The cluster.
        node: The node that answers.
        count: Counts the phones.
        running: Says which change runs.
    """

    def __init__(
        self,
        cluster: Cluster,
        node: str,
        *,
        count: PhoneCounts,
        running: Callable[[], Running | None],
    ) -> None:
        self._cluster, self._node = cluster, node
        self._count, self._running = count, running
        self._lock = threading.Lock()
        self._kept: Frame | None = None
        self._until = 0.0

    def get(self) -> Frame:
        """Return the frame, a second old at most.

        Raises:
            DatabaseError: The database does not answer.
        """
        with self._lock:
            if self._kept is None or time.monotonic() >= self._until:
                self._kept = self._look()
                self._until = time.monotonic() + _FRESH_SECONDS
            return self._kept

    def forget(self) -> None:
        """Look anew next time: something was changed here."""
        with self._lock:
            self._kept = None

    def _look(self) -> Frame:
        nodes = self._cluster.nodes()
        return Frame(
            cluster=nodes[0].name,
            node=self._node,
            nodes=len(nodes),
            version=self._cluster.version.text,
            mode=self._cluster.mode.label.capitalize(),
            counts=self._count(),
            running=self._running(),
        )


def running_change(cluster: Cluster, control: Control) -> Running | None:
    """Return the change that runs: a guided run with its step, else the operation that the door knows."""
    guided = RunKeeper(cluster).open_one()
    if guided is not None:
        at = guided.run.current
        step = "" if at is None else f"step {at + 1} of {len(guided.steps)},"
        return Running(step, guided.procedure.name, f"/guides/runs/{guided.number}")
    found: dict[str, Any] | None = control.running()
    if found is None:
        return None
    return Running(str(found["operation"]), f"by {found['user']}", "/ccmservice/audit")
