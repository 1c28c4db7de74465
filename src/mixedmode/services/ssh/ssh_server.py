"""What SSH servers have in common: listening, how many connections there may be, and closing them all."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import asyncssh

from mixedmode.causes import cannot_listen
from mixedmode.services.net.gate import Gate, Place, Startups
from mixedmode.services.ssh.ssh_algorithms import algorithms


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
    except (OSError, UnicodeError) as error:
        raise cannot_listen(what, host, port, error) from error


class SshConnections:
    """The connections of an SSH server.

    Args:
        connections: Most of them at once.
        per_address: Most of them from one address.
        startups: Most of them before their login.
    """

    def __init__(self, connections: int, per_address: int, startups: Startups) -> None:
        self._gate = Gate(connections, per_address, startups=startups)
        self._there: dict[asyncssh.SSHServerConnection, Place] = {}

    @property
    def dropped(self) -> int:
        """How many had to go for others before they had logged in."""
        return self._gate.dropped

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._there)

    def admit(self, connection: asyncssh.SSHServerConnection, source: str) -> bool:
        """Count a connection, or return False where it is one too many."""
        place = self._gate.admit(source)
        if place is None:
            return False
        place.drop = connection.abort
        self._there[connection] = place
        return True

    def logged_in(self, connection: asyncssh.SSHServerConnection) -> None:
        """Keep a connection, whoever else comes."""
        place = self._there.get(connection)
        if place is not None:
            place.settle()

    def left(self, connection: asyncssh.SSHServerConnection) -> None:
        """Count a connection no longer; one that was never admitted does no harm."""
        place = self._there.pop(connection, None)
        if place is not None:
            place.leave()

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
