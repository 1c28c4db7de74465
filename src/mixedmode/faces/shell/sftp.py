"""Files to and from an administrator's SFTP server, as ``file get`` asks for it.

Rules:

1. A server's key is shown and must be agreed to before a password goes there; what was agreed to is remembered in
   the node's ``known_hosts`` (0600). A changed key is shown beside the known one and must be agreed to again.
2. Every wait has a deadline.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mixedmode.control.acts import TRUST_HOST
from mixedmode.errors import RemoteError, UsageError
from mixedmode.faces.shell import texts
from mixedmode.faces.shell.call import Call
from mixedmode.numbers import port_number
from mixedmode.pki.files import PRIVATE, write_atomic
from mixedmode.services.ssh.ssh_keys import fingerprint, parse_public

if TYPE_CHECKING:
    import asyncssh

CONNECT_TIME = 20.0
TRANSFER_TIME = 300.0


@dataclass(frozen=True, slots=True)
class SftpServer:
    """An administrator's SFTP server.

    Attributes:
        port: 22 unless asked otherwise.
    """

    host: str
    port: int
    user: str
    password: str


async def ask_server(call: Call) -> SftpServer:
    """Ask for a server, as ``file get`` does.

    Raises:
        UsageError: An answer is missing or no number.
    """
    host = await call.ask(texts.ASK_SFTP_HOST)
    port = await call.ask(texts.ASK_SFTP_PORT) or "22"
    user = await call.ask(texts.ASK_SFTP_USER)
    password = await call.ask(texts.ASK_SFTP_PASSWORD, secret=True)
    number = port_number(port)
    if not host or not user or number is None:
        raise UsageError("the SFTP server is not complete", next_step="give its address, port, user and password")
    return SftpServer(host, number, user, password)


@asynccontextmanager
async def connected(call: Call, server: SftpServer) -> AsyncIterator[asyncssh.SFTPClient]:
    """Connect to a server whose key the administrator knows (rule 1).

    Raises:
        RemoteError: The server does not answer, has another key than before, or refuses.
    """
    import asyncssh

    where = f"{server.host}:{server.port}"
    try:
        key = await _agreed_key(call, server)
        known: tuple[list[asyncssh.SSHKey], ...] = ([key], [], [], [], [], [], [])
        async with (
            asyncssh.connect(
                server.host,
                server.port,
                username=server.user,
                password=server.password,
                known_hosts=known,
                client_keys=None,
                agent_path=None,
                config=None,
                connect_timeout=CONNECT_TIME,
                login_timeout=CONNECT_TIME,
            ) as connection,
            connection.start_sftp_client() as client,
        ):
            yield client
    except (asyncssh.Error, OSError, ValueError) as error:
        raise RemoteError(
            "the SFTP server did not do what was asked",
            where=where,
            why=str(error) or type(error).__name__,
            next_step="check its address, the account, the folder and that it runs",
        ) from error


async def download(client: asyncssh.SFTPClient, name: str, limit: int) -> bytes:
    """Return a file of the server.

    Raises:
        UsageError: It is larger than ``limit`` bytes.
    """
    async with asyncio.timeout(TRANSFER_TIME), client.open(name, "rb") as remote:
        data = await remote.read(limit + 1)
    content = data.encode() if isinstance(data, str) else bytes(data)
    if len(content) > limit:
        raise UsageError(f"the file has more than {limit} bytes", where=name)
    return content


async def _agreed_key(call: Call, server: SftpServer) -> asyncssh.SSHKey:
    import asyncssh

    try:
        async with asyncio.timeout(CONNECT_TIME):
            key = await asyncssh.get_server_host_key(server.host, server.port, config=None)
    except ValueError as error:
        # The resolver takes no name with an empty or overlong part, a NUL, or half a character.
        raise UsageError(
            "the SFTP server's address is none", where=server.host, next_step="give its name or its address"
        ) from error
    if key is None:
        raise RemoteError("the server showed no host key", where=server.host)
    shown = key.export_public_key().decode().split()[:2]
    place = f"[{server.host}]:{server.port}"
    store = call.cluster.folder(call.node).root / "known_hosts"
    known = dict(_read(store))
    if place in known:
        if known[place] == " ".join(shown):
            return key
        await call.say(texts.CHANGED_HOST, host=server.host, before=_fingerprint(known[place]))
    await call.say(texts.UNKNOWN_HOST, host=server.host, kind=shown[0], fingerprint=key.get_fingerprint())
    if not await call.agrees(texts.ASK_UNKNOWN_HOST):
        raise UsageError("the server's host key was not agreed to", where=place, next_step="compare its fingerprint")
    lines = [f"{host} {text}" for host, text in {**known, place: " ".join(shown)}.items()]
    change = partial(write_atomic, store, "\n".join((*lines, "")).encode(), mode=PRIVATE)
    await call.do(TRUST_HOST, change, server=place, fingerprint=key.get_fingerprint())
    return key


def _fingerprint(text: str) -> str:
    """Return a noted key's fingerprint; the key itself, if the file was damaged."""
    key = parse_public(text)
    return text if key is None else fingerprint(key)


def _read(store: Path) -> list[tuple[str, str]]:
    try:
        lines = store.read_text().splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    return [(host, key) for host, _, key in (line.partition(" ") for line in lines) if key]
