"""The SSH server of a node: plain ``ssh -p PORT administrator@HOST`` gets the ``admin:`` prompt.

Rules:

1. Nothing but the command line: no shell, no port forwarding, no agent, no X11, no file transfer.
2. Connections, the time to log in and idle time are bounded; each client's address has its share, and who has not
   logged in makes room for others (:mod:`mixedmode.services.net.gate`).
3. Logins and refused logins are in the cluster's audit log; passwords are in no log.
4. The host key is made once for the node and kept 0600 in its folder of keys.
5. Stopping lets commands that run come to their end, up to a deadline.
6. All of it runs on a loop and on threads of its own: what administrators do, or strangers at this port, never keeps
   phones waiting.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import asyncssh

from mixedmode.cluster.engine.steps import Actor
from mixedmode.cluster.facade import Cluster
from mixedmode.control.accounts import Account, AccountStore, account_store
from mixedmode.control.logins import LoginGuard, LoginPolicy
from mixedmode.control.services import ServiceControl
from mixedmode.errors import MixedModeError, UsageError
from mixedmode.faces.shell.session import AdminSession
from mixedmode.faces.ssh.home_services import HomeServices
from mixedmode.faces.ssh.login import Login
from mixedmode.faces.ssh.sessions import SshSessions, Subsystem
from mixedmode.services.net.gate import Startups
from mixedmode.services.net.side_loop import SideLoop
from mixedmode.services.ssh.ssh_keys import load_key, public_text
from mixedmode.services.ssh.ssh_server import SshConnections, listen_ssh

__all__ = ["AdminSshService", "SshLimits", "Subsystem", "account_store"]

_STARTUPS = Startups(16, 0.3, 32)
WINDOW = 1 << 16
"""Bytes of a session that are on their way to this node and not read yet."""
HOST_KEY = "ssh_host_ed25519_key"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SshLimits:
    """What clients may use.

    Attributes:
        connections: At once.
        per_address: Of these, from one address.
        startups: Of these, before the login.
        login_seconds: To log in.
        idle_seconds: Without a line.
        logins: How strict logins are.
    """

    connections: int = 64
    per_address: int = 20
    startups: Startups = _STARTUPS
    login_seconds: float = 30.0
    idle_seconds: float = 1800.0
    logins: LoginPolicy = field(default_factory=LoginPolicy)


class AdminSshService:
    """The SSH server of one node.

    Args:
        cluster: The cluster.
        node: The node's name.
        host: Address to listen on.
        port: TCP port; 0 chooses a free one.
        services: The port to the services, see :class:`AdminSession`.
        limits: What clients may use.
        accounts: Who may log in; by default the node's file.
        guard: Checks logins; shared with other services of the node, so that locks hold for all of them.
        subsystems: What answers one JSON request of a program, by the subsystem's name.
    """

    def __init__(
        self,
        cluster: Cluster,
        node: str,
        *,
        host: str = "127.0.0.1",
        port: int = 22,
        services: ServiceControl | None = None,
        limits: SshLimits | None = None,
        accounts: AccountStore | None = None,
        guard: LoginGuard | None = None,
        subsystems: Mapping[str, Subsystem] | None = None,
    ) -> None:
        self.cluster = cluster
        self.node = cluster.node(node).name
        self.limits = limits or SshLimits()
        self.accounts = accounts or account_store(cluster.folder(self.node))
        self.guard = guard or LoginGuard(self.accounts, self.limits.logins)
        self.metrics: Counter[str] = Counter()
        self._where = (host, port)
        self._services = services
        self._side = SideLoop(f"ssh-{self.node}")
        self._sessions = SshSessions(
            self.accounts,
            self._session,
            {name: self._at_home(each) for name, each in (subsystems or {}).items()},
            idle_seconds=self.limits.idle_seconds,
            request_seconds=self.limits.login_seconds,
        )
        self._acceptor: asyncssh.SSHAcceptor | None = None
        self._connections = SshConnections(self.limits.connections, self.limits.per_address, self.limits.startups)

    async def start(self) -> None:
        """Listen.

        Raises:
            RemoteError: The address cannot be used, or the host key not be read or made.
        """
        key = await asyncio.to_thread(load_key, self.cluster.folder(self.node).keys / HOST_KEY)
        self.host_public_key = public_text(key)
        await self._side.start()
        try:
            await self._side.run(self._listen(key))
        except BaseException:
            await self._side.stop()
            raise

    async def _listen(self, key: asyncssh.SSHKey) -> None:
        host, port = self._where
        self._sessions.begin()
        self._acceptor = await listen_ssh(
            "SSH",
            host,
            port,
            lambda: Login(self),
            key,
            process_factory=self._sessions.serve,
            line_editor=False,
            window=WINDOW,
            login_timeout=self.limits.login_seconds,
            keepalive_interval=60,
            errors="replace",
        )

    @property
    def address(self) -> tuple[str, int]:
        """The address and port that it listens on."""
        return self._where[0], self.port

    @property
    def port(self) -> int:
        """The TCP port that it listens on."""
        return self._acceptor.get_port() if self._acceptor else self._where[1]

    @property
    def sessions(self) -> int:
        """How many sessions there are."""
        return len(self._sessions)

    async def drain(self, seconds: float = 5.0) -> int:
        """Take no more connections and let sessions end; return how many are left after ``seconds``."""
        return await self._side.run(self._drain(seconds))

    async def _drain(self, seconds: float) -> int:
        if self._acceptor is not None:
            self._acceptor.close()
        return await self._sessions.drain(seconds)

    async def stop(self) -> None:
        """Close every connection (rule 5: operations that run end by themselves, in their threads)."""
        await self._side.run(self._close())
        await self._side.stop()

    async def _close(self) -> None:
        if self._acceptor is not None:
            self._acceptor.close()
            await self._acceptor.wait_closed()
            self._acceptor = None
        self._connections.begin_close()
        await self._sessions.end()
        await self._connections.closed(5)

    def admitted(self, connection: asyncssh.SSHServerConnection, source: str) -> bool:
        """Count a connection; return False if there are too many (rule 2)."""
        if not self._connections.admit(connection, source):
            self.metrics["refused"] += 1
            return False
        self.metrics["connections"] += 1
        self.metrics["dropped"] = self._connections.dropped
        return True

    def logged_in(self, connection: asyncssh.SSHServerConnection) -> None:
        """Keep a connection, whoever else comes."""
        self._connections.logged_in(connection)

    def left(self, connection: asyncssh.SSHServerConnection) -> None:
        """Forget a connection."""
        self._connections.left(connection)

    async def note(self, user: str, source: str, action: str, outcome: str, **details: object) -> None:
        """Write into the audit log; a database that is down must not keep administrators out."""
        journal = self.cluster.operations.journal
        record = {"node": self.node, **details}
        try:
            await asyncio.to_thread(journal.note, Actor(user[:128], source, 0, self.node), action, outcome, record)
        except MixedModeError as error:
            _log.warning("audit record of %s lost: %s", action, error)

    async def check_password(self, name: str, password: str, source: str) -> Account | None:
        """Return the account, None if it may not log in; the guard is shared with services of the other loop."""
        return await self._side.at_home(self.guard.check_password(name, password, source))

    def _session(self, user: str, source: str) -> AdminSession:
        account = self.accounts.find(user)
        if account is None:
            raise UsageError("the account was removed", where=user)
        return AdminSession(
            self.cluster,
            self.node,
            account.name,
            privilege=account.privilege,
            source=source,
            services=HomeServices(self._services, self._side) if self._services is not None else None,
        )

    def _at_home(self, subsystem: Subsystem) -> Subsystem:
        async def answered(actor: Actor, request: dict[str, Any]) -> dict[str, Any]:
            return await subsystem(actor, request)

        async def relayed(actor: Actor, request: dict[str, Any]) -> dict[str, Any]:
            return await self._side.at_home(answered(actor, request))

        return relayed
