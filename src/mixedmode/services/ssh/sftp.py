"""The SFTP service of a node: the way by which the publisher's files come into its TFTP folder.

Rules:

1. One account, public keys only; no password, no shell, no command, no forwarding, no terminal, no SCP.
2. What a session can reach is :class:`~mixedmode.services.ssh.sftp_folder.FolderServer`: the flat TFTP folder.
3. Connections (all, and from one address), sessions in each, the time to log in and idle time are bounded.
4. The host key is made once, ed25519, 0600, in the node's folder of keys; the publisher pins it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncssh

from mixedmode.cluster.store.folders import NodeFolder
from mixedmode.errors import UsageError
from mixedmode.services.net.gate import FEW_STARTUPS, Gate, Startups
from mixedmode.services.net.guests import Guests
from mixedmode.services.net.service import Address, Service
from mixedmode.services.ssh.sftp_folder import MAX_FILE, FolderServer
from mixedmode.services.ssh.ssh_algorithms import only_strong_signatures
from mixedmode.services.ssh.ssh_keys import load_key, parse_public, public_text
from mixedmode.services.ssh.ssh_server import SshGuest, listen_ssh, say_goodbye

ACCOUNT: Final = "ctlfile"
_GOODBYE_SECONDS: Final = 2.0
HOST_KEY: Final = "sftp_host_ed25519_key"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SftpLimits:
    """What clients may use.

    Attributes:
        connections: At once.
        per_address: Of these, from one address.
        startups: Of these, before the login.
        handles: Files open at once in one session.
        file_bytes: The longest file that is taken.
        login_seconds: To log in.
        seconds: Of a connection in all.
    """

    connections: int = 32
    per_address: int = 16
    startups: Startups = FEW_STARTUPS
    handles: int = 32
    file_bytes: int = MAX_FILE
    login_seconds: float = 10.0
    seconds: float = 600.0


class NodeSftpService(Service):
    """The SFTP server of one node.

    Args:
        folder: The node's folder.
        host: Address to listen on.
        port: TCP port; 0 chooses a free one.
        authorized_keys: Public keys that may log in, each ``ssh-ed25519 AAAA...``; or a file of them, read at each
            login, so that a changed key needs no restart.
        account: The only account.
        host_key_path: The private host key, made when there is none; by default in the node's folder of keys.
        limits: What clients may use.
    """

    def __init__(
        self,
        folder: NodeFolder,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        authorized_keys: Sequence[str] | Path,
        account: str = ACCOUNT,
        host_key_path: Path | None = None,
        limits: SftpLimits | None = None,
    ) -> None:
        super().__init__("the SFTP service")
        self.folder = folder
        self.account = account
        self.limits = limits or SftpLimits()
        gate = Gate(self.limits.connections, self.limits.per_address, startups=self.limits.startups)
        self.guests: Guests[SshGuest] = Guests(gate)
        self._where = (host, port)
        self._authorized = authorized_keys
        self._host_key_path = host_key_path or folder.keys / HOST_KEY
        self._acceptor: asyncssh.SSHAcceptor | None = None

    @property
    def host_public_key(self) -> str:
        """The public host key, for the publisher to pin; made when there is none.

        Raises:
            RemoteError: It cannot be read or made.
        """
        return public_text(load_key(self._host_key_path))

    def _levels(self) -> Mapping[str, int]:
        return self.guests.counted()

    async def _open(self) -> Address:
        """Listen.

        Raises:
            RemoteError: The host key cannot be read or made.
            UsageError: Nobody could ever log in.
        """
        if not isinstance(self._authorized, Path) and not any(map(parse_public, self._authorized)):
            raise UsageError("no public key may log in to SFTP", next_step="give the publisher's, ssh-ed25519 AAAA...")
        host, port = self._where
        key = await asyncio.to_thread(load_key, self._host_key_path)
        self._acceptor = await listen_ssh(
            "SFTP",
            host,
            port,
            lambda: _Login(self),
            key,
            sftp_factory=self._files,
            sftp_version=3,
            login_timeout=self.limits.login_seconds,
            keepalive_interval=30,
            public_key_auth=True,
            password_auth=False,
            host_based_auth=False,
            allow_pty=False,
        )
        return host, self._acceptor.get_port()

    async def _finish(self, timeout: float) -> int:
        """Let uploads end."""
        if self._acceptor is not None:
            self._acceptor.close()
        return await self.guests.gone(timeout)

    async def _close(self) -> None:
        """Close every connection; uploads under way are thrown away."""
        if self._acceptor is not None:
            self._acceptor.close()
            await self._acceptor.wait_closed()
            self._acceptor = None
        await say_goodbye(self.guests, _GOODBYE_SECONDS)

    def authorized(self) -> list[asyncssh.SSHKey]:
        """Return the keys that may log in now; none if their file cannot be read."""
        lines: Sequence[str] = ()
        if isinstance(self._authorized, Path):
            try:
                lines = self._authorized.read_text().splitlines()
            except (OSError, UnicodeDecodeError) as error:
                _log.error("nobody can log in to SFTP: %s: %s", self._authorized, error)
        else:
            lines = self._authorized
        found = (parse_public(line) for line in lines if line.strip() and not line.startswith("#"))
        return [key for key in found if key is not None]

    def _files(self, channel: asyncssh.SSHServerChannel[bytes]) -> FolderServer:
        self.counts["sessions"] += 1
        return FolderServer(channel, self.folder, self.limits.file_bytes, self.limits.handles)


class _Login(SshGuest):
    """One connection, which has a bounded time."""

    def __init__(self, service: NodeSftpService) -> None:
        super().__init__(service.guests)
        self._service = service
        self._end: asyncio.TimerHandle | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        """Begin to count the time."""
        super().connection_made(conn)
        self._end = asyncio.get_running_loop().call_later(self._service.limits.seconds, conn.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        super().connection_lost(exc)
        if self._end is not None:
            self._end.cancel()

    def auth_completed(self) -> None:
        """Note that somebody is logged in."""
        self.logged_in()

    def public_key_auth_supported(self) -> bool:
        """Public keys, and nothing else, may log in."""
        return True

    async def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        """Check that the key may log in to the account."""
        only_strong_signatures(key)
        known = await asyncio.to_thread(self._service.authorized)
        allowed = username == self._service.account and key in known
        self._service.counts["logins" if allowed else "refused_logins"] += 1
        return allowed
