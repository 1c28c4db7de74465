"""The web server of a node, in the role of Tomcat: ``https://NODE:8443/``.

Rules:

1. All of it runs on a loop and threads of its own, as the SSH server does: what administrators do, or strangers at this
   port, never keeps phones waiting.
2. It shows the node's tomcat certificate as it is at the start of the service; after a new one, ``utils service restart
   Cisco Tomcat``, as in CUCM.
3. Connections come through the door that every service has (:mod:`mixedmode.services.net.doors`): counted from the
   first moment, in all and for each source, with a time for the handshake.
4. What moves bytes is imported when the service starts, not when a command looks at a node; the pages are when somebody
   asks for the first one, so that no start waits for them (:mod:`.late`).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, Final

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.store.database import Database
from mixedmode.control.accounts import account_store
from mixedmode.control.away import AwayControl
from mixedmode.control.logins import LoginGuard
from mixedmode.control.phones import PhoneHands
from mixedmode.control.services import ServiceControl
from mixedmode.control.signed_in.kept_sessions import KeptSessions
from mixedmode.control.signed_in.web_sessions import SessionPolicy, WebSessions
from mixedmode.errors import MixedModeError, UsageError
from mixedmode.faces.ssh.home_services import HomeServices
from mixedmode.faces.ssh.side_loop import SideLoop
from mixedmode.faces.web.late import LateApplication
from mixedmode.pki.certificates.purposes import Purpose
from mixedmode.services.net.doors import TcpDoor
from mixedmode.services.net.gate import Gate
from mixedmode.services.net.guests import Guests
from mixedmode.services.net.server_tls import TlsFloor, server_context
from mixedmode.services.net.service import Address, Service

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from mixedmode.faces.web.away import DatabaseWatch
    from mixedmode.faces.web.connections import Browser
    from mixedmode.faces.web.kit.desk import Desk
    from mixedmode.faces.web.vitals import Vitals

_HANDSHAKE_SECONDS: Final = 10.0
_WORKERS: Final = 8
"""Threads for what pages ask of the database, and for checks of passwords."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WebLimits:
    """What browsers may use.

    Attributes:
        connections: At once.
        per_address: Of these, from one source.
        sessions: How long somebody stays signed in.
    """

    connections: int = 512
    per_address: int = 64
    sessions: SessionPolicy = field(default_factory=SessionPolicy)


class WebService(Service):
    """The web server of one node.

    Args:
        cluster: The cluster, as administrators change it.
        node: The node's name.
        host: Address to listen on.
        port: TCP port; 0 chooses a free one.
        services: The hands on the services of nodes.
        limits: What browsers may use.
        guard: Checks passwords; shared with the other services of the node, so that locks hold for all of them.
        phones: The hands on phones.
        vitals: What the node tells of itself, for probes.
        floor: The oldest TLS that it speaks; a tomcat key of 1024 bits, as old clusters have it, needs TLS 1.0.

    Attributes:
        fingerprint: SHA-256 of the certificate that it shows, as browsers print it; empty before it ran.
    """

    def __init__(
        self,
        cluster: Cluster,
        node: str,
        *,
        host: str = "127.0.0.1",
        port: int = 8443,
        services: ServiceControl | None = None,
        limits: WebLimits | None = None,
        guard: LoginGuard | None = None,
        phones: PhoneHands | None = None,
        vitals: Vitals | None = None,
        floor: TlsFloor = TlsFloor.TLS_1_2,
    ) -> None:
        super().__init__("the web server")
        self.limits = limits or WebLimits()
        self.guests: Guests[Browser] = Guests(Gate(self.limits.connections, self.limits.per_address))
        own = None if vitals is None else vitals.own
        # Of its own copy the node starts while the publisher's database is away.
        self._cluster, self._own = cluster, own or cluster
        self._node = self._own.node(node).name
        self._side = SideLoop(f"web-{self._node}", _WORKERS)
        self._where = (host, port)
        accounts = account_store(self._own.folder(self._node))
        self._guard = guard or LoginGuard(accounts)
        self._services = services
        self._phones = phones
        self._vitals = vitals
        self._floor = floor
        self._kept = KeptSessions()
        kept = None if own is None else self._kept
        self._sessions = WebSessions(cluster, self._node, accounts, self.limits.sessions, kept)
        self._watch: DatabaseWatch | None = None
        self._reading: Desk | None = None
        self._door: TcpDoor | None = None
        self._desk: Desk | None = None
        self._making = threading.Lock()
        self._pages: LateApplication | None = None
        self._clock: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None] | None = None
        self.fingerprint = ""

    def link(self, user: str) -> str:
        """Return an address that signs a user of this machine in, once, soon.

        Args:
            user: As the kernel names him.

        Raises:
            UsageError: The service does not run.
        """
        host, port = self.address
        shown = f"[{host}]" if ":" in host else host
        token = self.desk.doorman.links.make(user)
        return f"https://{shown}:{port}/signin/once?ticket={token}"

    @property
    def desk(self) -> Desk:
        """What its pages have in common, while it runs.

        Raises:
            UsageError: It does not.
        """
        if self._pages is None:
            raise UsageError("the web server does not run", where=self._node)
        with self._making:
            if self._desk is None:
                self._desk = self._made_desk()
            return self._desk

    def _made_desk(self) -> Desk:
        from mixedmode.faces.web.kit.desk import Absence, Desk

        return Desk(
            self._cluster,
            self._node,
            guard=self._guard,
            sessions=self._sessions,
            side=self._side,
            services=None if self._services is None else HomeServices(self._services, self._side),
            phones=self._phones,
            counts=self.counts,
            vitals=self._vitals,
            absence=Absence(self._away_since),
        )

    def _away_since(self) -> datetime | None:
        return None if self._watch is None else self._watch.since

    def _levels(self) -> Mapping[str, int]:
        return self.guests.counted()

    def _works(self) -> bool:
        return self._pages is None or not self._pages.failed

    async def _open(self) -> Address:
        """Listen.

        Raises:
            RemoteError: The address cannot be had.
            UsageError: The tomcat certificate is of no use.
        """
        signer = await asyncio.to_thread(self._own.signer, self._node, Purpose.TOMCAT.value)
        self.fingerprint = signer.certificate.sha256.hex(":").upper()
        context = server_context([signer], self._floor, what="tomcat certificate")
        # Old phones fetch nothing here: what browsers cannot do for ten years need not be offered.
        context.set_alpn_protocols(["http/1.1"])
        await self._side.start()
        return await self._side.run(self._listen(context))

    async def _listen(self, context: Any) -> Address:
        from uvicorn.config import Config
        from uvicorn.server import ServerState

        from mixedmode.faces.web.connections import HEADER_BYTES, KEEP_ALIVE_SECONDS, browsers

        self._desk, self._pages = None, LateApplication(self._application)
        if not self._cluster.database.is_sqlite:
            from mixedmode.faces.web.away import DatabaseWatch

            own = Database(self._cluster.database.url.render_as_string(hide_password=False))
            self._watch = DatabaseWatch(own, self._cluster.now, self._database_changed)
            self._watching = asyncio.create_task(self._watch.run())
        config = Config(
            self._pages,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            h11_max_incomplete_event_size=HEADER_BYTES,
        )
        config.load()
        state = ServerState()
        self._clock = asyncio.create_task(_tell_time(state))
        self._door = TcpDoor(
            "web server",
            self._where,
            self.guests,
            browsers(config, state, self.guests),
            handshake_seconds=_HANDSHAKE_SECONDS,
        )
        self._door.tls = context
        return await self._door.open()

    def _application(self) -> ASGIApp:
        from mixedmode.faces.web.app import application

        main = application(self.desk)
        if self._watch is None:
            return main
        from mixedmode.faces.web.away import Away

        pages = None if self._own is self._cluster else LateApplication(self._read_only)
        return Away(main, self._watch, pages, self._node)

    def _read_only(self) -> ASGIApp:
        """Return the pages of the node's own copy of the database."""
        from mixedmode.control.signed_in.away_sessions import AwaySessions
        from mixedmode.faces.web.app import application
        from mixedmode.faces.web.kit.desk import Absence, Desk

        seen, copy = self.desk, self._own.for_reading()
        self._reading = Desk(
            copy,
            self._node,
            guard=self._guard,
            sessions=AwaySessions(self._kept, self._node, self._guard.accounts, copy.now, self.limits.sessions),
            side=self._side,
            counts=self.counts,
            vitals=self._vitals,
            absence=Absence(self._away_since, AwayControl(copy), seen.standing if seen.standing.is_ready else None),
        )
        return application(self._reading)

    async def _database_changed(self, away: bool) -> None:
        """Have new threads when the database goes away; enter what was noted when it is back."""
        if away:
            self._side.fresh_threads()
        elif self._reading is not None and isinstance(control := self._reading.control, AwayControl):
            with contextlib.suppress(MixedModeError):
                await asyncio.to_thread(control.hand_over, self.desk.control)

    async def _finish(self, timeout: float) -> int:
        """Let answers end; return how many connections are left."""
        return await self._side.run(self._drain(timeout))

    async def _drain(self, seconds: float) -> int:
        if self._door is not None:
            self._door.close()
        if self._desk is not None:
            self._desk.hub.close()
        self.guests.drain()
        return await self.guests.gone(seconds)

    async def _close(self) -> None:
        await self._side.run(self._hang_up())
        await self._side.stop()

    async def _hang_up(self) -> None:
        if self._door is not None:
            self._door.close()
        if self._desk is not None:
            self._desk.hub.close()
            await asyncio.to_thread(self._desk.standing.close)
            await asyncio.to_thread(self._desk.lscs.close)
        for task in filter(None, (self._clock, self._watching)):
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        if self._watch is not None:
            self._watch.close()
        if self._reading is not None:
            await asyncio.to_thread(self._reading.standing.close)
            await asyncio.to_thread(self._reading.lscs.close)
            self._reading.hub.close()
            self._reading.cluster.close()
        self._door, self._desk, self._pages, self._clock = None, None, None, None
        self._watch, self._watching, self._reading = None, None, None
        self.guests.abort()


async def _tell_time(state: Any) -> None:
    """Have each answer bear the time of its second."""
    while True:
        state.default_headers = [(b"date", formatdate(time.time(), usegmt=True).encode())]
        await asyncio.sleep(1.0)
