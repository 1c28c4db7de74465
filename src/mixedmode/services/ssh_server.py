"""What SSH servers have in common: listening, how many connections there may be, and closing them all."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import asyncssh

from mixedmode.errors import RemoteError
from mixedmode.services.doors import Gate
from mixedmode.services.ssh_algorithms import algorithms


async def listen_ssh(
    what: str, host: str, port: int, login: Callable[[], asyncssh.SSHServer], key: asyncssh.SSHKey, **settings: Any
) -> asyncssh.SSHAcceptor:
    """Listen, with our algorithms, without forwarding of any kind and without Kerberos.

    Args:
        what: The service, as it stands at the beginning of an error: ``SFTP``.
        host: Address.
        port: TCP port; 0 chooses a free one.
        login: Makes what lets a connection in.
        key: The host key.
        settings: What else :func:`asyncssh.create_server` shall know.

    Raises:
        RemoteError: The address cannot be had.
    """
    try:
        return await asyncssh.create_server(
            login,
            host,
            port,
            server_host_keys=[key],
            kbdint_auth=False,
            gss_host=None,
            agent_forwarding=False,
            x11_forwarding=False,
            allow_scp=False,
            server_version="mixedmode",
            reuse_address=True,
            **algorithms(),
            **settings,
        )
    except OSError as error:
        raise RemoteError(
            f"{what} cannot listen: {error.strerror or error}",
            where=f"{host}:{port}",
            next_step="choose another port, or stop what uses it",
        ) from error


class SshConnections:
    """The connections of an SSH server.

    Args:
        connections: Most of them at once.
        per_address: Most of them from one address.
    """

    def __init__(self, connections: int, per_address: int) -> None:
        self._gate = Gate(connections, per_address)
        self._there: dict[asyncssh.SSHServerConnection, str] = {}

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._there)

    def admit(self, connection: asyncssh.SSHServerConnection, source: str) -> bool:
        """Count a connection, or return False where it is one too many."""
        if not self._gate.admit(source):
            return False
        self._there[connection] = source
        return True

    def left(self, connection: asyncssh.SSHServerConnection) -> None:
        """Count a connection no longer; one that was never admitted does no harm."""
        source = self._there.pop(connection, None)
        if source is not None:
            self._gate.release(source)

    def begin_close(self) -> None:
        """Tell every client that it ends."""
        for connection in list(self._there):
            connection.close()

    async def closed(self, seconds: float) -> None:
        """Wait until all have ended; those that have not after some seconds are cut off."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                for connection in list(self._there):
                    await connection.wait_closed()
        for connection in list(self._there):
            connection.abort()
