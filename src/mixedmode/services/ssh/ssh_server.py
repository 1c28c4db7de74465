"""What SSH servers have in common: how they listen, and a connection as a guest that has to log in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import asyncssh

from mixedmode.services.net.doors import listen
from mixedmode.services.net.guests import Guests
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
    return await asyncssh.create_server(
        login,
        sock=listen(what, host, port),
        server_host_keys=[key],
        kbdint_auth=False,
        gss_host=None,
        agent_forwarding=False,
        x11_forwarding=False,
        allow_scp=False,
        server_version="mixedmode",
        **algorithms(),
        **settings,
    )


class SshGuest(asyncssh.SSHServer):
    """One connection: admitted or dropped when it is made, kept once it has logged in.

    Args:
        guests: Where it is counted.

    Attributes:
        connection: The connection, once it is made.
        source: The client's address.
    """

    connection: asyncssh.SSHServerConnection

    def __init__(self, guests: Guests[SshGuest]) -> None:
        self.source = "unknown"
        self._guests = guests

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        """Count the connection, or drop it when there are too many."""
        self.connection = conn
        peer = conn.get_extra_info("peername")
        self.source = str(peer[0]) if peer else "unknown"
        conn.set_extra_info(source=self.source)
        place = self._guests.admit(self.source)
        if place is None:
            conn.abort()
            return
        place.drop = conn.abort
        self._guests.entered(self, place)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._guests.left(self)

    def logged_in(self) -> None:
        """Keep the connection, whoever else comes."""
        self._guests.settle(self)

    def drain(self) -> None:
        """Tell the client that it ends."""
        self.connection.close()

    def abort(self) -> None:
        """End at once."""
        self.connection.abort()


async def say_goodbye(guests: Guests[SshGuest], seconds: float) -> None:
    """End all connections; those that have not ended after some seconds are cut off."""
    guests.drain()
    await guests.gone(seconds)
    guests.abort()
