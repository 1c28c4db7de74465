"""``mixedmode admin``: the ``admin:`` command line of a node, over SSH."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mixedmode.app import interrupts

if TYPE_CHECKING:
    import asyncssh

    from mixedmode.app.admin_target import Target

CONTEXT = {"allow_interspersed_args": False}
"""How it is registered: what stands behind HOST is the node's, options come before it."""


def admin(
    host: Annotated[
        str | None,
        typer.Argument(help="HOST or HOST:PORT, or a lab's node; left out: the lab's publisher.", metavar="[HOST]"),
    ] = None,
    command: Annotated[
        list[str] | None, typer.Argument(help="A command to run; left out: the prompt.", metavar="[COMMAND]...")
    ] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="TCP port; by default the lab's, else 22.")] = None,
    user: Annotated[str | None, typer.Option(help="Account; by default administrator.")] = None,
    password_file: Annotated[Path | None, typer.Option(help="A file whose first line is the password.")] = None,
    directory: Annotated[Path | None, typer.Option(help="A lab's folder; by default ./lab, if there is one.")] = None,
    known_hosts: Annotated[
        Path | None, typer.Option(help="Host keys to trust; by default the lab's, else ~/.ssh/known_hosts.")
    ] = None,
) -> None:
    """Log in to a node's admin: prompt, or run one command there; its exit code becomes this command's."""
    from mixedmode.app.admin_target import find_target

    words = [word for word in (host, *(command or ())) if word is not None]
    target, rest = find_target(words, directory)
    target = target.changed(port=port, user=user, password_file=password_file, known_hosts=known_hosts)
    raise typer.Exit(interrupts.run(_run(target, " ".join(rest) or None)))


async def _run(target: Target, command: str | None) -> int:
    import asyncssh

    from mixedmode.app.known_hosts import scan_hint
    from mixedmode.app.lab_document import lab_is_down
    from mixedmode.causes import why_no_connection
    from mixedmode.errors import CheckFailedError, RemoteError, UsageError

    options: dict[str, Any] = {
        "username": target.user,
        "known_hosts": target.trusted_keys(),
        "config": None,
        "connect_timeout": 15,
        "login_timeout": 90,
        "keepalive_interval": 30,
    }
    password = target.password()
    if password is not None:
        options |= {"password": password, "client_keys": None, "agent_path": None}
    try:
        async with asyncssh.connect(target.host, target.port, **options) as connection:
            return await _converse(connection, command)
    except asyncssh.HostKeyNotVerifiable as error:
        if target.lab is not None and (down := lab_is_down(target.lab)) is not None:
            raise down from error
        raise CheckFailedError(
            "the host key is not known",
            where=target.where,
            why=str(error),
            next_step=scan_hint(target.host, target.port),
        ) from error
    except asyncssh.PermissionDenied as error:
        raise UsageError(
            "the login was refused",
            where=f"{target.user}@{target.where}",
            next_step="check the account and its password; after too many failures wait a few minutes",
        ) from error
    except (asyncssh.Error, OSError, TimeoutError) as error:
        if target.lab is not None and (down := lab_is_down(target.lab)) is not None:
            raise down from error
        why, step = (
            why_no_connection(error) if isinstance(error, OSError) else (str(error) or type(error).__name__, None)
        )
        raise RemoteError(
            "the node does not answer",
            where=target.where,
            why=why,
            next_step=step or "check the address, the port and that the node runs",
        ) from error


async def _converse(connection: asyncssh.SSHClientConnection, command: str | None) -> int:
    import asyncio
    import shutil
    import signal
    import sys

    watched = sys.stdin.isatty() and sys.stdout.isatty()
    size = shutil.get_terminal_size()
    terminal: dict[str, Any] = (
        {"term_type": os.environ.get("TERM", "xterm"), "term_size": (size.columns, size.lines)} if watched else {}
    )
    with _raw_terminal(watched=watched):
        async with connection.create_process(
            command, stderr=sys.stderr, errors="replace", **_input(), **terminal
        ) as process:
            if watched:
                loop = asyncio.get_running_loop()
                loop.add_signal_handler(signal.SIGWINCH, _follow_size, process)
            while text := await process.stdout.read(65536):
                sys.stdout.write(text)
                sys.stdout.flush()
            await process.wait_closed()
    return 3 if process.exit_status is None else process.exit_status


def _input() -> dict[str, Any]:
    """Return what the command reads: standard input, at once where the event loop cannot wait for it (a file)."""
    import stat
    import sys

    mode = os.fstat(sys.stdin.fileno()).st_mode
    if stat.S_ISREG(mode) or (stat.S_ISCHR(mode) and not sys.stdin.isatty()):
        return {"input": sys.stdin.read()}
    return {"stdin": sys.stdin}


def _follow_size(process: asyncssh.SSHClientProcess[str]) -> None:
    import shutil

    size = shutil.get_terminal_size()
    process.change_terminal_size(size.columns, size.lines)


class _raw_terminal:  # noqa: N801 - used as a statement
    """Hand every key to the node while the session lasts; the terminal is put back whatever happens."""

    def __init__(self, *, watched: bool) -> None:
        self._watched = watched

    def __enter__(self) -> None:
        import sys
        import termios
        import tty

        self._stdin = sys.stdin.fileno()
        self._blocking = os.get_blocking(self._stdin)
        if self._watched:
            self._settings = termios.tcgetattr(self._stdin)
            tty.setraw(self._stdin)

    def __exit__(self, *_: object) -> None:
        import termios

        os.set_blocking(self._stdin, self._blocking)
        if self._watched:
            termios.tcsetattr(self._stdin, termios.TCSADRAIN, self._settings)
