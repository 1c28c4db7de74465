"""A CUCM as the cluster of a run: its registered phones by PerfMon, resets by AXL if somebody may write there."""

from __future__ import annotations

import asyncio
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mixedmode.app.commands.rescue.running import OurSite
from mixedmode.errors import MixedModeError, UsageError

if TYPE_CHECKING:
    from mixedmode.live.cluster_file import ClusterFile
    from mixedmode.live.wire.https import Credentials
    from mixedmode.live.wire.tls import Trust
    from mixedmode.rescue.prepared.axl import Writer

BETWEEN: Final = 30.0
"""Seconds between two counts: PerfMon allows 80 requests a minute, of all who ask."""


def write_login(user: str | None, password_file: Path | None) -> tuple[str, str]:
    """Return who may write by AXL, and his password, from a file or a prompt.

    Raises:
        UsageError: Nobody is named, or there is no password.
    """
    from mixedmode.live.cluster_file import secret_of
    from mixedmode.pki.ask import ask_line

    if not user or ":" in user or not user.isprintable():
        raise UsageError(
            "nobody is named who may write by AXL",
            next_step="--write-user NAME, an account with Standard AXL API Access; that of [axl] only reads",
        )
    password = secret_of(password_file) if password_file is not None else ask_line(f"Password of {user}: ", secret=True)
    if not password:
        raise UsageError("the password is empty")
    return user, password


class CucmSite(OurSite):
    """A CUCM.

    Args:
        nodes: Of each TFTP node its name and the URL of its lists.
        cluster: Its ``CLUSTER.toml``.
        reader: Who reads, and whom to believe; None: registered phones are not counted.
        writer: Resets phones; None: nobody does.
    """

    def __init__(
        self,
        nodes: dict[str, str],
        cluster: ClusterFile,
        reader: tuple[Credentials, Trust] | None,
        writer: Writer | None,
    ) -> None:
        super().__init__(nodes, None, None)
        self._cluster, self._reader, self._writer = cluster, reader, writer
        self._one_request = asyncio.Lock()
        self._counted: tuple[float, int | None] = (float("-inf"), None)

    async def restart(self, name: str) -> bool:
        """Have a phone reset by AXL, one request at a time."""
        if self._writer is None:
            return False
        async with self._one_request:
            return await asyncio.to_thread(self._writer.reset, name)

    async def registered(self) -> int | None:
        """Return how many hardware phones are registered at all nodes; None if one does not say."""
        if self._reader is None:
            return None
        at, found = self._counted
        if time.monotonic() - at >= BETWEEN:
            found = await asyncio.to_thread(self._count, *self._reader)
            self._counted = (time.monotonic(), found)
        return found

    def _count(self, login: Credentials, trust: Trust) -> int | None:
        from mixedmode.live.allowed.requests import Place
        from mixedmode.live.counters import registered_phones
        from mixedmode.live.wire.https import Web

        total = 0
        for node in self._cluster.nodes:
            port = node.ports["web"]
            web = Web(Place.CLUSTER, node.address, port, trust=trust, names=(node.name,), login=login, seconds=10.0)
            with closing(web):
                try:
                    total += registered_phones(web, node.name)
                except MixedModeError:
                    return None
        return total


def cucm_of(
    path: Path,
    where: tuple[dict[str, str], Path | None, Path | None],
    user: str | None,
    password_file: Path | None,
) -> CucmSite:
    """Return the CUCM of a run.

    Args:
        path: ``CLUSTER.toml``.
        where: Its TFTP nodes as the plan has them; a lab or a node of ours, which it must not be.
        user: Who may write by AXL; None: phones are not reset.
        password_file: His password.

    Raises:
        UsageError: The file, or who is named, is no good.
    """
    from mixedmode.live.cluster_file import read_cluster_file
    from mixedmode.live.logins import ask_nobody, credentials, trust_for
    from mixedmode.live.wire.https import Credentials
    from mixedmode.rescue.prepared.axl import writer_of

    nodes, lab, config = where
    if lab is not None or config is not None:
        raise UsageError("the plan is of a cluster of ours, and --cluster names a CUCM", next_step="leave one out")
    cluster = read_cluster_file(path)
    trust, login = trust_for(cluster, "axl", "web"), credentials(cluster.axl, ask_nobody)
    reader = (login, trust) if trust is not None and isinstance(login, Credentials) else None
    writer = writer_of(cluster, write_login(user, password_file)) if user is not None else None
    return CucmSite(nodes, cluster, reader, writer)
