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
import contextlib
import logging
import socket
import ssl
from collections import Counter
from functools import partial
from typing import Final

from mixedmode.cluster.engine.steps import Actor, OperationResult
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.operations.ctl_upload import InstallCtl
from mixedmode.errors import MixedModeError, UsageError
from mixedmode.pki.certificates.profiles import Purpose
from mixedmode.services.ctlprovider.connection import ProviderConnection
from mixedmode.services.ctlprovider.ports import HasPrivilege, Logins, ProviderLimits
from mixedmode.services.ctlprovider.tls import provider_context
from mixedmode.services.net.doors import Door, accept, listen
from mixedmode.services.net.gate import Gate, Place

_BACKLOG: Final = 64
_SHUTDOWN_SECONDS: Final = 2.0
_STOP_SECONDS: Final = 10.0
_log = logging.getLogger(__name__)


class CtlProviderService:
    """A CTL Provider.

    Args:
        cluster: The cluster.
        node: The node's name.
        logins: Checks user names and passwords; share the one of the node's SSH server, so that locks hold for both.
        host: Address to listen on.
        port: TCP port; 0 chooses a free one.
        limits: What clients may use.

    Attributes:
        metrics: Counters by name; ``open`` is a level.
        installer: Whose list is being installed now.
        draining: Whether no more requests are taken.
    """

    def __init__(
        self,
        cluster: Cluster,
        node: str,
        logins: Logins,
        *,
        host: str = "127.0.0.1",
        port: int = 2444,
        limits: ProviderLimits | None = None,
    ) -> None:
        self.cluster = cluster
        self.node = cluster.node(node).name
        self.logins = logins
        self.limits = limits or ProviderLimits()
        self.metrics: Counter[str] = Counter()
        self.installer: Actor | None = None
        self.draining = False
        self._where = (host, port)
        self._door: Door[socket.socket] | None = None
        self._gate = Gate(self.limits.connections, self.limits.per_address, startups=self.limits.startups)
        self._clients: dict[asyncio.Task[None], ProviderConnection | None] = {}
        self._installations: set[asyncio.Task[OperationResult]] = set()

    def authorize(self, actor: Actor) -> None:
        """Refuse who may not install a CTL file, and have it audited.

        Raises:
            PrivilegeError: He may not.
        """
        self.cluster.operations.authorize(actor, InstallCtl.title, InstallCtl.privilege)

    @property
    def address(self) -> tuple[str, int]:
        """Where the service listens.

        Raises:
            UsageError: It has not been started.
        """
        if self._door is None:
            raise UsageError("the CTL Provider is not running", next_step="call start() first")
        return self._door.address

    @property
    def port(self) -> int:
        """The port that the service listens on."""
        return self.address[1]

    @property
    def healthy(self) -> bool:
        """Whether connections are taken."""
        return self._door is not None and not self.draining

    async def start(self) -> None:
        """Load the key once, to see that it is good, and listen.

        Raises:
            RemoteError: The address cannot be had.
            UsageError: The key is of no use, or the service runs already.
            NotFoundError: The node has no CallManager certificate, or its key is not here.
        """
        if self._door is not None:
            raise UsageError("the CTL Provider is running already")
        await asyncio.to_thread(self._context)
        self._door = Door(listen("the CTL Provider", *self._where, backlog=_BACKLOG), self._take, self._no_room, accept)
        self.draining = False
        self._door.open()

    async def drain(self, timeout: float = 5.0) -> int:
        """Take nothing new, close those that ask for nothing, let the others have their answer.

        Returns:
            Connections left after ``timeout`` seconds.
        """
        self.draining = True
        if self._door is not None:
            self._door.rest()
        for task, connection in self._clients.items():
            if connection is None or connection.is_idle:
                task.cancel()
        if self._clients:
            await asyncio.wait(self._clients, timeout=timeout)
        return len(self._clients)

    async def stop(self) -> None:
        """Close everything (rule 4). Stopping twice does no harm."""
        self.draining = True
        if self._door is not None:
            self._door.close()
            self._door = None
        tasks = list(self._clients)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._installations:
            await asyncio.wait(self._installations, timeout=_STOP_SECONDS)

    def install(self, work: asyncio.Task[OperationResult]) -> None:
        """Keep an installation until it has ended."""

        def ended(done: asyncio.Task[OperationResult]) -> None:
            self._installations.discard(done)
            self.installer = None
            failed = done.cancelled() or done.exception() is not None
            self.metrics["installations_failed" if failed else "installations"] += 1

        self._installations.add(work)
        work.add_done_callback(ended)

    def _take(self, client: socket.socket, source: str) -> None:
        self.metrics["connections"] += 1
        place = self._gate.admit(source)
        if place is None:
            self.metrics["refused"] += 1
            client.close()
            return
        task = asyncio.get_running_loop().create_task(self._serve(client, place))
        place.drop = task.cancel
        self._clients[task] = None
        self.metrics["open"] = len(self._clients)
        self.metrics["dropped"] = self._gate.dropped
        task.add_done_callback(partial(self._left, client, place))

    def _no_room(self) -> None:
        self.metrics["accept_failures"] += 1

    def _left(self, client: socket.socket, place: Place, task: asyncio.Task[None]) -> None:
        del self._clients[task]
        self.metrics["open"] = len(self._clients)
        place.leave()
        if task.cancelled():
            client.close()
        elif (error := task.exception()) is not None:
            _log.error("a connection to the CTL Provider failed", exc_info=error)

    async def _serve(self, client: socket.socket, place: Place) -> None:
        streams = await self._shake_hands(client)
        if streams is None:
            return
        reader, stream = streams
        connection = ProviderConnection(self, reader, stream, place)
        task = asyncio.current_task()
        if task is not None:
            self._clients[task] = connection
        try:
            await connection.serve()
        finally:
            stream.close()
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(_SHUTDOWN_SECONDS):
                    await stream.wait_closed()

    async def _shake_hands(self, client: socket.socket) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        try:
            context = await asyncio.to_thread(self._context)
            transport, _ = await loop.connect_accepted_socket(
                lambda: protocol,
                client,
                ssl=context,
                ssl_handshake_timeout=self.limits.handshake_seconds,
                ssl_shutdown_timeout=_SHUTDOWN_SECONDS,
            )
        except OSError:
            # Everything that a client can do wrong in a handshake.
            self.metrics["handshake_failures"] += 1
            client.close()
            return None
        except MixedModeError as error:
            _log.warning("the CTL Provider of %s has no key: %s", self.node, error)
            client.close()
            return None
        return reader, asyncio.StreamWriter(transport, protocol, reader, loop)

    def _context(self) -> ssl.SSLContext:
        return provider_context(self.cluster.signer(self.node, Purpose.CALLMANAGER.value))


__all__ = ["CtlProviderService", "HasPrivilege", "Logins", "ProviderLimits"]
