"""A node's ``admin:`` prompt that says what a script says, echo and terminal included, for what ours never does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh

from mixedmode.live.shell.session import SshAccount

PASSWORD = "Marmalade-1"
TRANSCRIPTS = Path(__file__).parents[2] / "data" / "transcripts"


@dataclass(frozen=True)
class Ask:
    """Print this and wait for a line; go on with ``then``, whatever was typed is in the stub's list."""

    text: str
    then: tuple[Any, ...] = ()


class Silent:
    """Print nothing more."""


class HangUp:
    """Close the connection."""


Part = str | Ask | type[Silent] | type[HangUp]
Script = Mapping[str, tuple[Part, ...]]


@dataclass
class Stub:
    """The node.

    Attributes:
        script: By line.
        typed: Every line that came, answers too.
        banner: Before the first prompt.
        logins: How many were tried.
        prompt: What it asks for commands with.
    """

    script: Script
    typed: list[str] = field(default_factory=list)
    banner: tuple[Part, ...] = ("\r\n   Welcome to the Platform Command Line Interface\r\n\r\n",)
    logins: int = 0
    prompt: str = "admin:"
    port: int = 0
    key: Any = None
    folder: Path = Path()

    def account(self, password: str = PASSWORD, *, known: Any = None) -> SshAccount:
        """Return a login; ``known`` is another host key than the right one."""
        file = self.folder / f"known_hosts{'' if known is None else '-other'}"
        key = (known or self.key).export_public_key().decode().strip()
        file.write_text(f"[127.0.0.1]:{self.port} {key}\n")
        return SshAccount("127.0.0.1", self.port, "administrator", file, password)

    async def serve(self, process: asyncssh.SSHServerProcess[str]) -> None:
        """Be the prompt of one session."""
        try:
            await self._say(process, self.banner)
            while True:
                process.stdout.write(self.prompt)
                line = await self._line(process)
                if line in {"", "exit"}:
                    break
                default = f"Executed command unsuccessfully\r\nNo valid command entered: {line}\r\n"
                await self._say(process, self.script.get(line, (default,)))
        except (asyncssh.Error, ConnectionError):
            pass
        process.exit(0)

    async def _say(self, process: asyncssh.SSHServerProcess[str], parts: tuple[Part, ...]) -> None:
        for part in parts:
            if isinstance(part, str):
                process.stdout.write(part)
            elif isinstance(part, Ask):
                process.stdout.write(part.text)
                await self._line(process)
                await self._say(process, part.then)
            elif part is HangUp:
                process.channel.get_connection().abort()
                raise ConnectionError
            else:
                await process.stdin.read()
                raise ConnectionError

    async def _line(self, process: asyncssh.SSHServerProcess[str]) -> str:
        line = (await process.stdin.readline()).rstrip("\r\n")
        if line:
            self.typed.append(line)
        process.stdout.write(f"{line}\r\n")
        return line


@asynccontextmanager
async def stub(folder: Path, script: Script, **changes: Any) -> AsyncIterator[Stub]:
    """Serve a script."""
    node = Stub(script, folder=folder, key=_key(), **changes)

    class Server(asyncssh.SSHServer):
        def begin_auth(self, username: str) -> bool:
            return True

        def password_auth_supported(self) -> bool:
            return True

        def validate_password(self, username: str, password: str) -> bool:
            node.logins += 1
            return password == PASSWORD

    acceptor = await asyncssh.listen(
        "127.0.0.1", 0, server_factory=Server, server_host_keys=[node.key], process_factory=node.serve,
        line_editor=False, encoding="utf-8",
    )  # fmt: skip
    node.port = acceptor.get_port()
    try:
        yield node
    finally:
        acceptor.close()
        await acceptor.wait_closed()


_keys: list[Any] = []


def _key() -> Any:
    if not _keys:
        _keys.append(asyncssh.generate_private_key("ssh-ed25519"))
    return _keys[0]


def transcript(name: str) -> str:
    """Return what a real node printed, without the file's source line."""
    text = (TRANSCRIPTS / f"{name}.txt").read_text().split("\n", 1)[1]
    return "".join(f"{line}\r\n" for line in text.splitlines() if not line.startswith("admin:"))


def waited(work: Callable[[], Any]) -> Any:
    """Run a test's coroutine."""
    return asyncio.run(work())
