"""``mixedmode ctl-client``: the CTL Client, as a wizard in the terminal or from a script."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mixedmode.app import completion
from mixedmode.errors import UsageError
from mixedmode.faces.terminal import interrupts
from mixedmode.faces.terminal.console import print_json, print_lines, say

if TYPE_CHECKING:
    from mixedmode.faces.ctlclient.provider import ProviderClient
    from mixedmode.faces.ctlclient.wizard import Token
    from mixedmode.protocols.ctlprovider import Installed


class Chosen(StrEnum):
    """What the client shall do."""

    MIXED = "mixed-mode"
    NON_SECURE = "non-secure-mode"
    UPDATE = "update"


def ctl_client(
    host: Annotated[
        str | None, typer.Argument(help="The publisher; a lab in ./lab needs none.", metavar="[HOST]")
    ] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="TCP port of the CTL Provider.")] = None,
    user: Annotated[str | None, typer.Option(help="CCM administrator.")] = None,
    password_file: Annotated[
        Path | None, typer.Option(help="The administrator's password; asked for if left out.")
    ] = None,
    cacert: Annotated[Path | None, typer.Option(help="The provider's certificate, or its authority's.")] = None,
    directory: Annotated[Path | None, typer.Option(help="A lab's folder.")] = None,
    tokens: Annotated[Path | None, typer.Option(help="Folder of file tokens.")] = None,
    module: Annotated[
        str | None, typer.Option(help="PKCS#11 library of the tokens.", envvar="MIXEDMODE_PKCS11_MODULE")
    ] = None,
    action: Annotated[Chosen | None, typer.Option(help="Without the wizard: what to do.")] = None,
    token: Annotated[
        list[str] | None,
        typer.Option(
            help="Without the wizard: a token to add; repeat. One of the CTL file signs.",
            autocompletion=completion.tokens,
        ),
    ] = None,
    pin_file: Annotated[Path | None, typer.Option(help="Without the wizard: the token's password.")] = None,
    phones_cleared: Annotated[
        bool, typer.Option("--phones-cleared", help="The CTL file is deleted on every phone by hand.")
    ] = False,
    accept_fingerprint: Annotated[
        str | None, typer.Option(metavar="SHA256", help="The provider's certificate must have it; new or changed.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Without the wizard: print one JSON document.")] = False,
) -> None:
    """Sign the cluster's CTL file with security tokens and install it on every server.

    Without --action it is a wizard: server and login, what to do, insert tokens, Finish with the token's password.
    """
    from mixedmode.app.targets.ctl_target import find_provider
    from mixedmode.faces.ctlclient.inserted import token_folder

    target = find_provider(host, directory, port=port, user=user, password_file=password_file, cacert=cacert)
    folder = token_folder(tokens, target.lab)
    if action is None:
        if token or json or pin_file:
            raise UsageError(
                "--token, --pin-file and --json belong to --action", next_step="add --action, or drop them"
            )
        client = target.client(accepted=accept_fingerprint)
        interrupts.run(_wizard(client, target, folder, module, phones_cleared=phones_cleared))
        return
    client = target.client(accepted=accept_fingerprint, wizard=False)
    done = interrupts.run(
        _script(client, target, folder, module, action, token or [], pin_file, phones_cleared=phones_cleared)
    )
    if json:
        print_json(_document(done))
    else:
        from mixedmode.faces.ctlclient.wizard import RESTART

        print_lines(
            f"{each.node}: {'installed' if each.installed else f'not yet: {each.reason}'}" for each in done.results
        )
        print_lines([*done.changes, *done.warnings, RESTART])
    if not all(each.installed for each in done.results):
        raise typer.Exit(3)


async def _wizard(
    client: ProviderClient, target: Any, folder: Path, module: str | None, *, phones_cleared: bool
) -> None:
    import asyncio

    from mixedmode.faces.ctlclient.inserted import inserted_tokens
    from mixedmode.faces.ctlclient.wizard import Wizard
    from mixedmode.faces.terminal.terminal_io import TerminalIO

    async def reader() -> list[Token]:
        return await asyncio.to_thread(inserted_tokens, folder, module)

    async with client:
        await client.login(target.user, target.password())
        wizard = Wizard(TerminalIO(), client, reader)
        try:
            await wizard.run(phones_cleared=phones_cleared)
        except (KeyboardInterrupt, asyncio.CancelledError):
            begun = wizard.handed_over
            say(f"\n{'interrupted: look at the present CTL file' if begun else 'cancelled: nothing was changed'}")
            raise


async def _script(
    client: ProviderClient,
    target: Any,
    folder: Path,
    module: str | None,
    action: Chosen,
    names: list[str],
    pin_file: Path | None,
    *,
    phones_cleared: bool,
) -> Installed:
    import asyncio

    from mixedmode.app.targets.tokens import read_pin, tokens_named
    from mixedmode.faces.ctlclient.inserted import inserted_tokens
    from mixedmode.faces.ctlclient.wizard import install_scripted
    from mixedmode.protocols.ctlprovider import Action

    actions = {Chosen.MIXED: Action.MIXED, Chosen.NON_SECURE: Action.NON_SECURE, Chosen.UPDATE: Action.UPDATE}
    chosen = tokens_named(await asyncio.to_thread(inserted_tokens, folder, module), names)
    async with client:
        await client.login(target.user, target.password())
        return await install_scripted(
            client,
            actions[action],
            chosen,
            lambda each: read_pin(each.label, pin_file),
            phones_cleared=phones_cleared,
            told=lambda each: say(f"{each.node}: {'installed' if each.installed else each.reason}"),
        )


def _document(done: Installed) -> dict[str, Any]:
    return {
        "results": [
            {"node": each.node, "installed": each.installed, "reason": each.reason or None} for each in done.results
        ],
        "changes": list(done.changes),
        "restart": [{"node": each.node, "service": each.service} for each in done.restart],
        "warnings": list(done.warnings),
    }
