"""The TVS service: TLS connections, each with a state machine and a deadline, in front of the look-up.

Rules:

1. A connection costs nothing but memory until its client does something: the handshake, a request and silence between
   requests have their time, and nobody waits for anybody else. There is no thread, task or timer for a
   connection.
2. Connections are bounded, in all and for each client address; what is too much is closed at once, and when there is
   no room at all, a connection of who has most of them (:mod:`.gate`): to phones a lost connection is a second. A
   connection serves a bounded number of requests, one after the other, each of bounded size.
3. An answer goes out in one write. Bytes that are no request end the connection without a word, as CUCM's peers do.
4. What must be read from the database is read in a thread; its answer comes later, others come meanwhile.
5. A changed CTL file is taken into the cache within half a second, a regenerated TVS certificate into use within two.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from time import monotonic
from typing import Final

from mixedmode.errors import MixedModeError
from mixedmode.services.net.deadlines import Sweep
from mixedmode.services.net.door_service import DoorService
from mixedmode.services.net.doors import TcpDoor
from mixedmode.services.net.gate import Gate
from mixedmode.services.net.guests import Guests
from mixedmode.services.net.server_tls import TlsFloor, server_context
from mixedmode.services.net.service import Address
from mixedmode.services.sightings.collector import Sightings
from mixedmode.services.tvs.connection import TvsConnection, TvsLimits
from mixedmode.services.tvs.credentials import Credentials
from mixedmode.services.tvs.files import WatchedList
from mixedmode.services.tvs.lookup import TrustLookup
from mixedmode.services.tvs.trace import PrintedTrace, Trace

_WATCH_SECONDS: Final = 0.4
_CERTIFICATE_SECONDS: Final = 2.0


class TvsService(DoorService):
    """A TVS server.

    Args:
        lookup: Answers requests.
        credentials: The server's keys.
        host: Address to listen on; ``0.0.0.0`` and ``::`` mean all.
        port: TCP port; 0 chooses a free one.
        floor: The oldest TLS that it speaks.
        limits: What clients may use.
        lists: Trust list files that are followed while the service runs.
        trace: Told the trace lines.
        reuse_port: Let several processes share the port.
        seen: Told which phone asked for what.
    """

    def __init__(
        self,
        lookup: TrustLookup,
        credentials: Credentials,
        *,
        host: str = "127.0.0.1",
        port: int = 2445,
        floor: TlsFloor = TlsFloor.TLS_1_2,
        limits: TvsLimits | None = None,
        lists: tuple[WatchedList, ...] = (),
        trace: Trace | None = None,
        reuse_port: bool = False,
        seen: Sightings | None = None,
    ) -> None:
        super().__init__("the TVS service")
        self.seen = seen
        self.lookup = lookup
        self.limits = limits or TvsLimits()
        self.trace = trace or PrintedTrace()
        self.guests: Guests[TvsConnection] = Guests(Gate(self.limits.connections, self.limits.per_address))
        self._credentials = credentials
        self._floor = floor
        self._lists = lists
        self._mark = b""
        self._door = TcpDoor(
            "TVS",
            (host, port),
            self.guests,
            lambda place: TvsConnection(self, place),
            handshake_seconds=self.limits.handshake_seconds,
            reuse_port=reuse_port,
        )
        self._sweep = Sweep(self.guests)
        self._watcher: asyncio.Task[None] | None = None

    def _levels(self) -> Mapping[str, int]:
        return self.guests.counted()

    async def _open(self) -> Address:
        """Read the lists, load the keys, and listen."""
        await self._load_credentials()
        for each in self._lists:
            self.trace(await asyncio.to_thread(each.refresh))
        address = await self._door.open()
        self._sweep.start()
        self._watcher = asyncio.create_task(self._watch())
        return address

    async def _close(self) -> None:
        self._door.close()
        self._sweep.stop()
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.gather(self._watcher, return_exceptions=True)
            self._watcher = None
        self.guests.abort()
        self.trace.close()

    @property
    def list_loads(self) -> int:
        """How often the lists were read."""
        return sum(each.loads for each in self._lists)

    def look_again(self) -> None:
        """Read those lists that are others by now."""
        for each in self._lists:
            self._told(each.refresh())

    def _told(self, lines: list[str]) -> None:
        if lines:
            self.counts["list_reloads"] += 1
            self.trace(lines)

    def _works(self) -> bool:
        return self._watcher is not None and not self._watcher.done()

    async def _load_credentials(self) -> None:
        self._mark = await asyncio.to_thread(self._credentials.mark)
        self._door.tls = server_context(
            await asyncio.to_thread(self._credentials.signers), self._floor, what="TVS certificate"
        )

    async def _watch(self) -> None:
        """Follow the trust lists and the server's own certificate (rule 5)."""
        next_certificate = monotonic() + _CERTIFICATE_SECONDS
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            for each in self._lists:
                self._told(await asyncio.to_thread(each.refresh))
            if monotonic() >= next_certificate:
                # A cluster that does not answer now is asked again; the certificate in use stays in use.
                with contextlib.suppress(MixedModeError):
                    if await asyncio.to_thread(self._credentials.mark) != self._mark:
                        await self._load_credentials()
                        self.counts["certificate_reloads"] += 1
                next_certificate = monotonic() + _CERTIFICATE_SECONDS


__all__ = ["TvsLimits", "TvsService"]
