"""``mixedmode api-token``: tokens with which programs use the REST API of a lab or of this host's node."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mixedmode.app.commands.options import AsJson, Config, LabFolder
from mixedmode.faces.terminal.console import print_json, print_lines, say

if TYPE_CHECKING:
    from pathlib import Path

    from mixedmode.cluster.engine.principal import Principal
    from mixedmode.control.signed_in.api_tokens import ApiToken, ApiTokens

app = typer.Typer(help="Tokens for programs that use the REST API; on the publisher's host.", no_args_is_help=True)


@app.command("create")
def create(
    label: Annotated[str, typer.Argument(help="What it is for, in your words.", metavar="[LABEL]")] = "",
    level: Annotated[int, typer.Option(help="0 may look, 1 may change, 4 everything; at most your own.")] = 0,
    days: Annotated[int, typer.Option(help="How long it works: 1 to 366 days.")] = 90,
    directory: LabFolder = None,
    config: Config = None,
    json: AsJson = False,
) -> None:
    """Make a token. It is shown this once: the database has only its hash."""
    with _tokens(directory, config) as (tokens, principal):
        found, secret = tokens.make(principal, label=label, level=level, days=days)
    if json:
        print_json({**_document(found), "secret": secret})
        return
    print_lines([secret])
    say(f"token {found.id} of {found.user}, level {found.level}, works until {found.expires:%Y-%m-%d %H:%M} UTC")


@app.command("list")
def list_tokens(directory: LabFolder = None, config: Config = None, json: AsJson = False) -> None:
    """List your tokens; with level 4 those of everybody."""
    with _tokens(directory, config) as (tokens, principal):
        found = tokens.all(principal)
    if json:
        print_json([_document(each) for each in found])
        return
    from mixedmode.faces.terminal.table import table

    rows = (
        [
            each.id,
            each.user,
            str(each.level),
            f"{each.expires:%Y-%m-%d %H:%M}",
            "never" if each.last_used is None else f"{each.last_used:%Y-%m-%d %H:%M}",
            each.label,
        ]
        for each in found
    )
    print_lines(table(["token", "account", "level", "until (UTC)", "last used", "label"], rows))


@app.command("revoke")
def revoke(
    token: Annotated[str, typer.Argument(help="Its id, as list shows it.", metavar="TOKEN")],
    directory: LabFolder = None,
    config: Config = None,
    json: AsJson = False,
) -> None:
    """End a token of your own; with level 4 anybody's."""
    with _tokens(directory, config) as (tokens, principal):
        found = tokens.revoke(principal, token)
    if json:
        print_json(_document(found))
    else:
        say(f"token {found.id} of {found.user} works no more")


@contextmanager
def _tokens(directory: Path | None, config: Path | None) -> Iterator[tuple[ApiTokens, Principal]]:
    from mixedmode.app.targets.hands import administered
    from mixedmode.control.accounts import account_store
    from mixedmode.control.signed_in.api_tokens import ApiTokens

    with administered(directory, config, what="tokens of the API are made") as hands:
        node = hands.principal.node
        yield ApiTokens(hands.cluster, node, account_store(hands.cluster.folder(node))), hands.principal


def _document(token: ApiToken) -> dict[str, Any]:
    last_used = None if token.last_used is None else token.last_used.isoformat()
    times = {"created": token.created.isoformat(), "expires": token.expires.isoformat(), "last_used": last_used}
    return {**asdict(token), **times}
