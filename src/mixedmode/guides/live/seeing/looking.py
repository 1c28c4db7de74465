"""Looks at a cluster from outside: its lists over HTTP 6970 or TFTP, and what the prompts print. Changes nothing.

What is typed is of live-cluster.md 0.3 (`show`, `run sql select`); nodes are looked at a few at a time, prompts one
after another.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from mixedmode.errors import MixedModeError, RemoteError
from mixedmode.guides.live.seeing.listing import read_listing
from mixedmode.guides.live.seeing.situation import NodeView, Situation
from mixedmode.guides.live.sessions import Sessions
from mixedmode.live.cluster_file import ClusterFile, Node
from mixedmode.phone.body.download import FileNotFoundOnServer, fetch_http, fetch_tftp
from mixedmode.procedures.reading import MODE_QUERY, shown_mode
from mixedmode.trustlist.kinds import CTL_FILE, ITL_FILE

_AT_ONCE: Final = 4
_SERIAL: Final = re.compile(r"^\s*Serial Number: *([0-9A-Fa-f: ]+)$")
_SAST: Final = re.compile(r"^\s*(Phone-SAST-trust/.+?\.(?:pem|der)):")
_BY_SERIAL: Final = re.compile(r"_([0-9A-Fa-f]{8,})\.(?:pem|der)$")
_MOST: Final = 64
"""Certificates of a store that are looked at one by one."""
_VERSION: Final = re.compile(r"^\s*Active Master Version: *([0-9.]+)")


@dataclass(frozen=True, slots=True)
class Waits:
    """How long is waited for a node's file service.

    Attributes:
        http: Seconds for one file.
        tftp: Seconds until a packet is sent again.
        tries: How often it is sent again.
    """

    http: float = 10.0
    tftp: float = 1.0
    tries: int = 3


class Looker:
    """Looks at a cluster.

    Args:
        cluster: Its nodes.
        sessions: Their prompts; None where nobody logs in.
        now: The time, UTC.
        waits: How long is waited.
    """

    def __init__(
        self, cluster: ClusterFile, sessions: Sessions | None, now: Callable[[], datetime], waits: Waits | None = None
    ) -> None:
        publisher = cluster.publisher
        self._nodes = (publisher, *(each for each in cluster.nodes if each is not publisher))
        self._sessions, self._now = sessions, now
        self._waits = waits or Waits()
        self._version = ""

    async def look(self, *, trust: bool = False) -> Situation:
        """Return what is to be seen now.

        Args:
            trust: Whether to look into Phone-SAST-trust.

        Raises:
            MixedModeError: Nobody could log in to the publisher, or it asks something.
        """
        at_once = asyncio.Semaphore(_AT_ONCE)

        async def served(node: Node) -> NodeView:
            async with at_once:
                return await self._served(node)

        views = list(await asyncio.gather(*(served(node) for node in self._nodes)))
        seen = Situation(self._now(), tuple(views))
        if self._sessions is None:
            return seen
        seen = await self._asked(seen, self._sessions, trust=trust)
        views[0] = replace(views[0], listing=read_listing(await self._say(self._sessions, "show ctl")))
        for at, view in enumerate(views[1:], 1):
            try:
                said = await self._sessions.look(view.name, "show ctl")
                tftp = await self._tftp(self._sessions, view) if view.no_files else ""
                views[at] = replace(view, listing=read_listing(said), tftp=tftp)
            except MixedModeError as error:
                views[at] = replace(view, no_prompt=_why(error))
        return replace(seen, nodes=tuple(views))

    @staticmethod
    async def _tftp(sessions: Sessions, view: NodeView) -> str:
        """Return what a node says of its TFTP service."""
        rows = (line.strip() for line in await sessions.look(view.name, "utils service list"))
        return next((row for row in rows if row.startswith("Cisco Tftp[")), "")

    async def _asked(self, seen: Situation, sessions: Sessions, *, trust: bool) -> Situation:
        """Ask at the publisher's prompt for what no file says."""
        if not self._version:
            said = await self._say(sessions, "show version active")
            self._version = next((found[1] for line in said if (found := _VERSION.match(line))), "")
        mode = shown_mode(line.strip() for line in await self._say(sessions, MODE_QUERY))
        serial = _serial(await self._say(sessions, "show cert own CallManager/CallManager.pem"))
        seen = replace(seen, version=self._version, mode=mode, serial=serial)
        if seen.signs_with_recovery:
            own = await self._say(sessions, "show cert own ITLRecovery/ITLRecovery.pem")
            seen = replace(seen, recovery=_serial(own) or "")
        if trust:
            seen = replace(seen, sast=await self._sast(sessions))
        return seen

    async def _sast(self, sessions: Sessions) -> tuple[str, ...]:
        """Return the serial numbers in Phone-SAST-trust: by the names (live-cluster.md 3.7), else one by one."""
        rows = await self._say(sessions, "show cert list trust")
        names = [found[1] for line in rows if (found := _SAST.match(line))]
        serials = []
        for name in names[:_MOST]:
            by_name = _BY_SERIAL.search(name)
            if by_name is not None:
                serials.append(by_name[1])
                continue
            shown = _serial(await self._say(sessions, f"show cert trust {name}"))
            serials += [shown] if shown else []
        return tuple(serials)

    async def _say(self, sessions: Sessions, line: str) -> tuple[str, ...]:
        return await sessions.look(self._nodes[0].name, line)

    async def _served(self, node: Node) -> NodeView:
        view = NodeView(node.name, node is self._nodes[0])
        found: dict[str, bytes | None] = {}
        for name in (CTL_FILE, ITL_FILE):
            try:
                found[name] = await self._file(node, name)
            except MixedModeError as error:
                return replace(view, served=found, no_files=_why(error))
        return replace(view, served=found)

    async def _file(self, node: Node, name: str) -> bytes | None:
        """Return a file, None if the node says that it has none; HTTP first, as phones do, then TFTP."""
        host = f"[{node.address}]" if ":" in node.address else node.address
        try:
            return await fetch_http(f"http://{host}:{node.ports['http']}/{name}", deadline=self._waits.http)
        except FileNotFoundOnServer:
            return None
        except RemoteError as error:
            over_http = error
        try:
            return await fetch_tftp(
                node.address, node.ports["tftp"], name, timeout=self._waits.tftp, retries=self._waits.tries
            )
        except FileNotFoundOnServer:
            return None
        except RemoteError as error:
            raise over_http from error


def _serial(said: Sequence[str]) -> str | None:
    return next((found[1].strip() for line in said if (found := _SERIAL.match(line))), None)


def _why(error: MixedModeError) -> str:
    return f"{error.what}{f': {error.why}' if error.why else ''}"
