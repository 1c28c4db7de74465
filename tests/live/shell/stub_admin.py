"""A node's ``admin:`` prompt that says what a script says, echo and terminal included, for what ours never does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh

from mixedmode.live.shell.login import SshAccount

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
        answers: To questions of keyboard-interactive.
        prompt: What it asks for commands with.
        questions: What it asks by keyboard-interactive, one behind the other; without, it takes a password only.
        expired: What it says of a password that has expired; empty if it has not.
    """

    script: Script
    typed: list[str] = field(default_factory=list)
    banner: tuple[Part, ...] = ("\r\n   Welcome to the Platform Command Line Interface\r\n\r\n",)
    logins: int = 0
    answers: list[str] = field(default_factory=list)
    prompt: str = "admin:"
    questions: tuple[tuple[str, ...], ...] = ()
    expired: str = ""
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


class _Login(asyncssh.SSHServer):
    """Decides about one login."""

    def __init__(self, node: Stub) -> None:
        self._node, self._asked = node, list(node.questions)

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return not self._node.questions

    def validate_password(self, username: str, password: str) -> bool:
        self._node.logins += 1
        if self._node.expired:
            raise asyncssh.PasswordChangeRequired(self._node.expired)
        return password == PASSWORD

    def kbdint_auth_supported(self) -> bool:
        return bool(self._node.questions)

    def get_kbdint_challenge(self, username: str, lang: str, submethods: str) -> Any:
        return "", "", "", [(text, False) for text in self._asked.pop(0)]

    def validate_kbdint_response(self, username: str, responses: Sequence[str]) -> Any:
        if responses:
            self._node.logins += 1
            self._node.answers += responses
            if PASSWORD not in self._node.answers:
                return False
        return self.get_kbdint_challenge("", "", "") if self._asked else True


@asynccontextmanager
async def stub(folder: Path, script: Script, **changes: Any) -> AsyncIterator[Stub]:
    """Serve a script."""
    node = Stub(script, folder=folder, key=_key(), **changes)

    acceptor = await asyncssh.listen(
        "127.0.0.1", 0, server_factory=lambda: _Login(node), server_host_keys=[node.key], process_factory=node.serve,
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
