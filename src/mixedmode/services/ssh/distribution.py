"""The publisher pushes files to nodes on other hosts over SFTP.

Rules:

1. A node is recognised by its pinned host key, the publisher by its key; nothing else is tried.
2. A file goes to a hidden temporary name, is read back and compared, and takes its name in one rename: the node has
   the old file or the new one, whole.
3. What may pass by itself (a refused connection, a time-out) is tried again a few times; a host key that changed, a key
   that is refused and a full disk are not.
4. A node that hangs costs a bounded time, whatever it does.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

import asyncssh

from mixedmode.cluster.model.errors import NodeDownError
from mixedmode.cluster.model.topology import NodeInfo
from mixedmode.services.ssh.sftp import ACCOUNT
from mixedmode.services.ssh.sftp_folder import NO_SPACE
from mixedmode.services.ssh.ssh_keys import load_key

CONNECT_SECONDS: Final = 5.0
DELIVERY_SECONDS: Final = 20.0
_TRIES: Final = 3
_PAUSE: Final = 0.3
_NEXT: Final = "start the node; what waits for it is delivered then"


@dataclass(frozen=True, slots=True)
class SftpEndpoint:
    """Where a node takes files.

    Attributes:
        host_key: Its public host key, ``ssh-ed25519 AAAA...``.
    """

    host: str
    port: int
    host_key: str


Locate = Callable[[NodeInfo], "SftpEndpoint | None"]
"""Returns where a node takes files; None if that is not known."""


class SftpDistributor:
    """Pushes files over SFTP; may be used by several threads at once.

    Args:
        locate: Where nodes take files.
        key_path: The publisher's private key; made when there is none.
        connect_seconds: For the connection and the login.
        delivery_seconds: For everything else.
    """

    def __init__(
        self,
        locate: Locate,
        key_path: Path,
        *,
        connect_seconds: float = CONNECT_SECONDS,
        delivery_seconds: float = DELIVERY_SECONDS,
    ) -> None:
        self._locate = locate
        self._key_path = key_path
        self._connect_seconds = connect_seconds
        self._delivery_seconds = delivery_seconds

    def reachable(self, node: NodeInfo) -> str | None:
        """Return None if the node takes files now, else why not."""
        try:
            asyncio.run(self._session(node, {}))
        except NodeDownError as error:
            return error.what
        return None

    def deliver(self, node: NodeInfo, files: Mapping[str, bytes | None]) -> None:
        """Write files whole on a node; None deletes one.

        Raises:
            NodeDownError: The node did not take them; it holds the old file or the new, whole.
        """
        asyncio.run(self._session(node, files))

    async def _session(self, node: NodeInfo, files: Mapping[str, bytes | None]) -> None:
        endpoint = self._locate(node)
        if endpoint is None:
            raise self._down(node, "it is not known where it takes files", "have it join the cluster again")
        for attempt in range(1, _TRIES + 1):
            try:
                connection = await self._connect(node, endpoint)
                break
            except (OSError, TimeoutError, asyncssh.ConnectionLost) as error:
                if attempt == _TRIES:
                    why = "it does not answer" if isinstance(error, TimeoutError) else str(error) or "connection lost"
                    raise self._down(node, why, _NEXT, endpoint) from error
                await asyncio.sleep(_PAUSE * attempt)
        try:
            async with asyncio.timeout(self._delivery_seconds), connection, connection.start_sftp_client() as client:
                for name, data in files.items():
                    await _put(client, name, data)
        except TimeoutError as error:
            raise self._down(node, "it did not take the file in time", _NEXT, endpoint) from error
        except asyncssh.SFTPError as error:
            full = error.reason == NO_SPACE
            step = "free space on the node; the file is delivered then" if full else "look at the node's log"
            raise self._down(node, error.reason, step, endpoint) from error
        except (OSError, ValueError, asyncssh.Error) as error:
            raise self._down(node, str(error) or "the connection was lost", _NEXT, endpoint) from error

    async def _connect(self, node: NodeInfo, endpoint: SftpEndpoint) -> asyncssh.SSHClientConnection:
        key = load_key(self._key_path)
        pinned = asyncssh.import_public_key(endpoint.host_key)
        try:
            async with asyncio.timeout(self._connect_seconds):
                return await asyncssh.connect(
                    endpoint.host,
                    endpoint.port,
                    username=ACCOUNT,
                    client_keys=[key],
                    known_hosts=([pinned], [], []),
                    server_host_key_algs=[pinned.get_algorithm()],
                    agent_path=None,
                    config=None,
                    preferred_auth="publickey",
                )
        except asyncssh.HostKeyNotVerifiable as error:
            step = "if the node was made anew, let it join again; else somebody may sit between"
            raise self._down(node, "its host key is not the one that was pinned", step, endpoint) from error
        except asyncssh.PermissionDenied as error:
            step = "have it join again, so that it knows the publisher's key"
            raise self._down(node, "it refuses the publisher's key", step, endpoint) from error
        except asyncssh.ConnectionLost:
            raise
        except (ValueError, asyncssh.Error) as error:
            raise self._down(node, str(error), _NEXT, endpoint) from error

    def _down(self, node: NodeInfo, why: str, step: str, endpoint: SftpEndpoint | None = None) -> NodeDownError:
        place = f"{endpoint.host}:{endpoint.port}" if endpoint else node.name
        return NodeDownError(f"node {node.name} takes no files: {why}", where=place, next_step=step)


async def _put(client: asyncssh.SFTPClient, name: str, data: bytes | None) -> None:
    """Write one file (rule 2), or delete it."""
    if data is None:
        if await client.exists(name):
            await client.remove(name)
        return
    hidden = f".{name}.{secrets.token_hex(8)}.new"
    try:
        await _upload(client, hidden, data)
        await client.posix_rename(hidden, name)
    except (OSError, ValueError, asyncssh.Error):
        with contextlib.suppress(OSError, ValueError, asyncssh.Error):
            await client.remove(hidden)
        raise


async def _upload(client: asyncssh.SFTPClient, hidden: str, data: bytes) -> None:
    async with client.open(hidden, "wb") as file:
        await file.write(data)
    async with client.open(hidden, "rb") as file:
        back = await file.read()
    if hashlib.sha256(cast(bytes, back)).digest() != hashlib.sha256(data).digest():
        raise asyncssh.SFTPFailure("the file came back changed")
