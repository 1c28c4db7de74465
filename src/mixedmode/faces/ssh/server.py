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
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import asyncssh

from mixedmode.cluster.engine.principal import Principal
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.errors import DatabaseError
from mixedmode.control.accounts import Account, AccountStore, account_store
from mixedmode.control.acts import LOGIN
from mixedmode.control.door import Control
from mixedmode.control.logins import LoginGuard, LoginPolicy
from mixedmode.control.people import of_account, unproved
from mixedmode.control.services import ServiceControl
from mixedmode.errors import MixedModeError, UsageError
from mixedmode.faces.shell.session import AdminSession
from mixedmode.faces.ssh.home_services import HomeServices
from mixedmode.faces.ssh.login import Login
from mixedmode.faces.ssh.sessions import SshSessions, Subsystem
from mixedmode.faces.ssh.side_loop import SideLoop
from mixedmode.services.net.gate import Gate, Startups
from mixedmode.services.net.guests import Guests
from mixedmode.services.net.service import Address, Service
from mixedmode.services.ssh.ssh_keys import load_key, public_text
from mixedmode.services.ssh.ssh_server import SshGuest, listen_ssh, say_goodbye

__all__ = ["AdminSshService", "SshLimits", "Subsystem", "account_store"]

_STARTUPS = Startups(16, 0.3, 32)
_GOODBYE_SECONDS = 5.0
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


class AdminSshService(Service):
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
        own: The cluster as the node itself reads it, of which it starts when the publisher's database is away; by
            default the same.
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
        own: Cluster | None = None,
    ) -> None:
        super().__init__("the SSH server")
        self.cluster = cluster
        self._own = own or cluster
        self.node = self._own.node(node).name
        self._folder = self._own.folder(self.node)
        self.limits = limits or SshLimits()
        self.accounts = accounts or account_store(self._folder)
        self.guard = guard or LoginGuard(self.accounts, self.limits.logins)
        gate = Gate(self.limits.connections, self.limits.per_address, startups=self.limits.startups)
        self.guests: Guests[SshGuest] = Guests(gate)
        self._control = Control(cluster)
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

    def _levels(self) -> Mapping[str, int]:
        return self.guests.counted()

    async def _open(self) -> Address:
        """Listen.

        Raises:
            RemoteError: The host key cannot be read or made.
        """
        key = await asyncio.to_thread(load_key, self._folder.keys / HOST_KEY)
        self.host_public_key = public_text(key)
        await self._side.start()
        return await self._side.run(self._listen(key))

    async def _listen(self, key: asyncssh.SSHKey) -> Address:
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
        return host, self._acceptor.get_port()

    @property
    def sessions(self) -> int:
        """How many sessions there are."""
        return len(self._sessions)

    async def _finish(self, timeout: float) -> int:
        """Let sessions end; return how many are left."""
        return await self._side.run(self._end_sessions(timeout))

    async def _end_sessions(self, seconds: float) -> int:
        if self._acceptor is not None:
            self._acceptor.close()
        return await self._sessions.drain(seconds)

    async def _close(self) -> None:
        """Close every connection (rule 5: operations that run end by themselves, in their threads)."""
        await self._side.run(self._hang_up())
        await self._side.stop()

    async def _hang_up(self) -> None:
        if self._acceptor is not None:
            self._acceptor.close()
            await self._acceptor.wait_closed()
            self._acceptor = None
        # Clients are told before their sessions end.
        self.guests.drain()
        await self._sessions.end()
        await say_goodbye(self.guests, _GOODBYE_SECONDS)

    async def note(self, user: str, source: str, outcome: str, **details: object) -> None:
        """Write a login into the audit log; a database that is down must not keep administrators out."""

        def write() -> None:
            account = self.accounts.find(user) if outcome == "done" else None
            principal = unproved(user, source, self.node) if account is None else of_account(account, source, self.node)
            self._control.note(principal, LOGIN, outcome, **details)

        try:
            await asyncio.to_thread(write)
        except MixedModeError as error:
            _log.warning("audit record of a login lost: %s", error)

    async def check_password(self, name: str, password: str, source: str) -> Account | None:
        """Return the account, None if it may not log in; the guard is shared with services of the other loop."""
        return await self._side.at_home(self.guard.check_password(name, password, source))

    def _session(self, user: str, source: str) -> AdminSession:
        account = self.accounts.find(user)
        if account is None:
            raise UsageError("the account was removed", where=user)
        cluster = self._readable()
        if cluster is not self.cluster:
            Control(cluster, is_copy=True)
        return AdminSession(
            cluster,
            self.node,
            account.name,
            privilege=account.privilege,
            source=source,
            services=HomeServices(self._services, self._side) if self._services is not None else None,
        )

    def _readable(self) -> Cluster:
        """Return the cluster as it is changed, or the node's own copy if that does not answer."""
        if self._own is not self.cluster:
            try:
                return self.cluster if self.cluster.nodes() else self._own
            except DatabaseError as error:
                _log.warning("a session reads this node's own copy of the database: %s", error)
                return self._own
        return self.cluster

    def _at_home(self, subsystem: Subsystem) -> Subsystem:
        async def answered(principal: Principal, request: dict[str, Any]) -> dict[str, Any]:
            return await subsystem(principal, request)

        async def relayed(principal: Principal, request: dict[str, Any]) -> dict[str, Any]:
            return await self._side.at_home(answered(principal, request))

        return relayed
