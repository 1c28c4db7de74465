"""``mixedmode admin``: the ``admin:`` command line of a node, over SSH."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mixedmode.faces.terminal import interrupts

if TYPE_CHECKING:
    import asyncssh

    from mixedmode.app.targets.admin_target import Target
    from mixedmode.app.targets.host_keys import HostKeys

CONTEXT = {"ignore_unknown_options": True}
"""How it is registered: this command's options stand anywhere, all other words are the node's (``select -1``)."""


def admin(
    host: Annotated[
        str | None,
        typer.Argument(
            help="HOST, HOST:PORT or USER@HOST, or a lab's node; left out: the lab's publisher.", metavar="[HOST]"
        ),
    ] = None,
    command: Annotated[
        list[str] | None,
        typer.Argument(
            help="A command to run; left out: the prompt. What stands behind -- is no option.", metavar="[COMMAND]..."
        ),
    ] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="TCP port; by default the lab's, else 22.")] = None,
    user: Annotated[str | None, typer.Option(help="Account; by default administrator.")] = None,
    password_file: Annotated[Path | None, typer.Option(help="A file whose first line is the password.")] = None,
    directory: Annotated[Path | None, typer.Option(help="A lab's folder; by default ./lab, if there is one.")] = None,
    known_hosts: Annotated[
        Path | None, typer.Option(help="Host keys to trust; by default the lab's, else ~/.ssh/known_hosts.")
    ] = None,
    accept_fingerprint: Annotated[
        str | None, typer.Option(metavar="SHA256:...", help="The host key must have it; new or changed.")
    ] = None,
) -> None:
    """Log in to a node's admin: prompt, or run one command there; its exit code becomes this command's."""
    from mixedmode.app.targets.admin_target import find_target

    words = [word for word in (host, *(command or ())) if word is not None]
    target, rest = find_target(words, directory)
    target = target.changed(port=port, user=user, password_file=password_file, known_hosts=known_hosts)
    raise typer.Exit(interrupts.run(_run(target, " ".join(rest) or None, accept_fingerprint)))


async def _run(target: Target, command: str | None, accepted: str | None) -> int:
    import asyncssh

    from mixedmode.app.targets.admin_client import converse
    from mixedmode.app.targets.host_keys import HostKeys
    from mixedmode.errors import RemoteError

    keys = HostKeys(target, accepted)
    try:
        async with await _connect(target, keys) as connection:
            code = await converse(connection, command, target.where)
    except (asyncssh.Error, OSError, ValueError) as error:  # asyncssh lets packets that are none be ValueErrors
        raise RemoteError(
            "the connection to the node was lost",
            where=target.where,
            why=str(error) or type(error).__name__,
            next_step="log in again; what was started there goes on",
        ) from error
    return code


async def _connect(target: Target, keys: HostKeys) -> asyncssh.SSHClientConnection:
    """Log in; a host key that is not trusted is decided about before the password goes there."""
    import asyncssh

    from mixedmode.causes import why_no_connection
    from mixedmode.errors import CheckFailedError, RemoteError, UsageError
    from mixedmode.rehearsal.lab.document import lab_is_down

    password = target.password()
    options: dict[str, Any] = {"client_keys": None, "agent_path": None, "password": password} if password else {}
    while True:
        try:
            return await asyncssh.connect(
                target.host,
                target.port,
                client_factory=keys.watcher,
                username=target.user,
                known_hosts=keys.trusted,
                config=None,
                connect_timeout=15,
                login_timeout=90,
                keepalive_interval=30,
                **options,
            )
        except asyncssh.HostKeyNotVerifiable as error:
            if target.lab is not None and (down := lab_is_down(target.lab)) is not None:
                raise down from error
            if not keys.decide():
                what = "the host key is not to be trusted"
                raise CheckFailedError(what, where=target.where, why=str(error)) from error
        except asyncssh.PermissionDenied as error:
            raise UsageError(
                "the login was refused",
                where=f"{target.user}@{target.where}",
                next_step="check the account and its password; after too many failures wait a few minutes",
            ) from error
        except (asyncssh.Error, OSError, ValueError) as error:
            if target.lab is not None and (down := lab_is_down(target.lab)) is not None:
                raise down from error
            why, step = (
                why_no_connection(error)
                if isinstance(error, OSError | UnicodeError)
                else (str(error) or type(error).__name__, None)
            )
            raise RemoteError(
                "the node does not answer",
                where=target.where,
                why=why,
                next_step=step or "check the address, the port and that the node runs",
            ) from error
