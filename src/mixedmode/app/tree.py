"""The ``mixedmode`` command: one tree, put together from :mod:`mixedmode.app.commands`."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from copy import copy
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mixedmode import __version__
from mixedmode.app.commands import bench
from mixedmode.app.commands.cluster import (
    admin,
    api_token,
    audit_log,
    ctl_client,
    device,
    guide,
    lab,
    line,
    lists,
    node,
    phones,
    token,
    web,
)
from mixedmode.app.commands.files import build, config, explain, models, tftp, trustlist
from mixedmode.app.commands.forecasting import command as forecasting
from mixedmode.app.commands.forecasting import inventory
from mixedmode.app.commands.phones import capf, cdr, fleet, phone, tvs

if TYPE_CHECKING:
    from typer.models import CommandInfo, TyperInfo

app = typer.Typer(
    name="mixedmode",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"mixedmode {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    """The open trust plane for Cisco IP phones: CTL and ITL trust lists, signing, TVS and rehearsal."""


app.command("show")(trustlist.show)
app.command("verify")(trustlist.verify)
app.command("diff")(trustlist.diff)
app.command("extract")(trustlist.extract)
app.command("explain", epilog=explain.EPILOG)(explain.explain)
app.command("build")(build.build)
app.command("sign-config")(config.sign_config)
app.command("open-config")(config.open_config)
app.command("forecast", cls=forecasting.OrderedCommand, epilog=forecasting.EPILOG)(forecasting.forecast)
app.add_typer(inventory.app, name="inventory")
app.command("lab")(lab.lab)
app.command("rehearse", epilog=lab.REHEARSE_EPILOG)(lab.rehearse)
app.command("phone")(phone.phone)
app.command("models")(models.models)
app.add_typer(phones.app, name="phones")
app.command("cdr")(cdr.cdr)
app.command("admin", context_settings=admin.CONTEXT)(admin.admin)
app.command("web")(web.web)
app.command("guide")(guide.guide)
app.add_typer(api_token.app, name="api-token")
app.command("audit-log")(audit_log.audit_log)
app.add_typer(fleet.app, name="fleet")
app.add_typer(node.app, name="node")
app.add_typer(device.app, name="device")
app.add_typer(line.app, name="line")
app.command("lists")(lists.lists)
app.add_typer(token.app, name="token")
app.add_typer(capf.app, name="capf")
app.command("ctl-client")(ctl_client.ctl_client)
app.add_typer(tftp.app, name="tftp")
app.add_typer(tvs.app, name="tvs")
app.command("bench")(bench.bench)


_ABOUT_ALL = frozenset({"--help", "-h", "--version"})
"""With these first, or with nothing at all, commands are named and not run."""


def tree_for(words: Sequence[str]) -> typer.Typer:
    """Return the tree that a command line needs: with one command if it begins with its name.

    Reading what every command takes costs more processor time than most commands themselves.
    """
    if "_MIXEDMODE_COMPLETE" in os.environ:
        return app
    if not words or words[0] in _ABOUT_ALL:
        return _names_only()
    commands = [each for each in app.registered_commands if each.name == words[0]]
    groups = [each for each in app.registered_groups if each.name == words[0]]
    return _with(commands, groups) if commands or groups else app


def _names_only() -> typer.Typer:
    """Return the tree with the name of each command and what it is for, but not what it takes."""
    commands, groups = [copy(each) for each in app.registered_commands], [copy(each) for each in app.registered_groups]
    for command in commands:
        command.callback = _only_said(command.callback)
    for group in groups:
        group.typer_instance = copy(group.typer_instance)
        if group.typer_instance is not None:
            group.typer_instance.registered_commands, group.typer_instance.registered_groups = [], []
    return _with(commands, groups)


def _only_said(callback: Callable[..., Any] | None) -> Callable[[], None]:
    def nothing() -> None:
        pass

    nothing.__doc__ = callback.__doc__
    return nothing


def _with(commands: list[CommandInfo], groups: list[TyperInfo]) -> typer.Typer:
    tree = copy(app)
    tree.registered_commands, tree.registered_groups = commands, groups
    return tree
