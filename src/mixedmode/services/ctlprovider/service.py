"""The CTL Provider of a node (TCP 2444): hands the cluster's description to CTL Clients and takes signed lists.

Rules:

1. Connections are bounded, in all and for each client address, those that have not logged in more than the others
   (:mod:`.gate`); what is too much is closed at once.
2. The certificate shown is the node's present CallManager certificate, read for each connection.
3. One installation at a time; a second client is told whose it is.
4. Stopping lets an installation come to its end, up to a deadline; its client has its answer.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Mapping
from typing import Final

from mixedmode.errors import MixedModeError
from mixedmode.pki.certificates.profiles import Purpose
from mixedmode.protocols.ctlprovider import Installed
from mixedmode.services.ctlprovider.connection import ProviderConnection
from mixedmode.services.ctlprovider.ports import Administrator, CtlDesk, HasPrivilege, Logins, ProviderLimits
from mixedmode.services.ctlprovider.tls import provider_context
from mixedmode.services.net.door_service import DoorService
from mixedmode.services.net.doors import TcpDoor
from mixedmode.services.net.gate import Gate, Place
from mixedmode.services.net.guests import Guests
from mixedmode.services.net.service import Address
from mixedmode.services.net.streams import StreamGuest

_BACKLOG: Final = 64
_STOP_SECONDS: Final = 10.0
_log = logging.getLogger(__name__)


class CtlProviderService(DoorService):
    """A CTL Provider.

    Args:
        desk: Does for administrators what they ask of the cluster.
        node: The node.
        logins: Checks user names and passwords; share the one of the node's SSH server, so that locks hold for both.
        host: Address to listen on.
        port: TCP port; 0 chooses a free one.
        limits: What clients may use.

    Attributes:
        installer: Whose list is being installed now.
    """

    def __init__(
        self,
        desk: CtlDesk,
        node: str,
        logins: Logins,
        *,
        host: str = "127.0.0.1",
        port: int = 2444,
        limits: ProviderLimits | None = None,
    ) -> None:
        super().__init__("the CTL Provider")
        self.desk = desk
        self.node = node
        self.logins = logins
        self.limits = limits or ProviderLimits()
        self.installer: Administrator | None = None
        gate = Gate(self.limits.connections, self.limits.per_address, startups=self.limits.startups)
        self.guests: Guests[StreamGuest] = Guests(gate)
        self._door = TcpDoor(
            self.name,
            (host, port),
            self.guests,
            lambda place: StreamGuest(self.guests, place, self._serve, self._end_idle),
            handshake_seconds=self.limits.handshake_seconds,
            failed=self._handshake_failed,
            backlog=_BACKLOG,
        )
        self._door.tls = self._context
        self._talks: dict[StreamGuest, ProviderConnection] = {}
        self._installations: set[asyncio.Task[Installed]] = set()

    def _levels(self) -> Mapping[str, int]:
        return self.guests.counted()

    async def _open(self) -> Address:
        """Load the key once, to see that it is good, and listen."""
        await asyncio.to_thread(self._context)
        return await self._door.open()

    async def _close(self) -> None:
        """Let an installation come to its end (rule 4)."""
        self.draining = True
        self._door.close()
        self.guests.abort()
        await self.guests.gone(_STOP_SECONDS)
        if self._installations:
            await asyncio.wait(self._installations, timeout=_STOP_SECONDS)

    def install(self, work: asyncio.Task[Installed]) -> None:
        """Keep an installation until it has ended."""

        def ended(done: asyncio.Task[Installed]) -> None:
            self._installations.discard(done)
            self.installer = None
            failed = done.cancelled() or done.exception() is not None
            self.counts["installations_failed" if failed else "installations"] += 1

        self._installations.add(work)
        work.add_done_callback(ended)

    async def _serve(self, guest: StreamGuest) -> None:
        connection = self._talks[guest] = ProviderConnection(self, guest)
        try:
            await connection.serve()
        finally:
            del self._talks[guest]

    def _end_idle(self, guest: StreamGuest) -> None:
        if guest not in self._talks or self._talks[guest].is_idle:
            guest.abort()

    def _handshake_failed(self, _place: Place, error: Exception) -> None:
        if isinstance(error, MixedModeError):
            _log.warning("the CTL Provider of %s has no key: %s", self.node, error)

    def _context(self) -> ssl.SSLContext:
        return provider_context(self.desk.signer(self.node, Purpose.CALLMANAGER.value))


__all__ = ["CtlProviderService", "HasPrivilege", "Logins", "ProviderLimits"]
