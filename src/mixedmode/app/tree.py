"""The ``mixedmode`` command: one tree, put together from :mod:`mixedmode.app.commands`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from copy import copy
from typing import Annotated

import typer

from mixedmode import __version__
from mixedmode.app.commands import bench
from mixedmode.app.commands.cluster import admin, audit_log, ctl_client, device, lab, line, lists, node, phones, token
from mixedmode.app.commands.files import build, config, models, tftp, trustlist
from mixedmode.app.commands.forecasting import command as forecasting
from mixedmode.app.commands.forecasting import inventory
from mixedmode.app.commands.phones import capf, fleet, phone, tvs

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
app.command("admin", context_settings=admin.CONTEXT)(admin.admin)
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


def tree_for(words: Sequence[str]) -> typer.Typer:
    """Return the tree that a command line needs: with one command if it begins with its name.

    Reading what every command takes costs more processor time than most commands themselves.
    """
    if not words or "_MIXEDMODE_COMPLETE" in os.environ:
        return app
    commands = [each for each in app.registered_commands if each.name == words[0]]
    groups = [each for each in app.registered_groups if each.name == words[0]]
    if not commands and not groups:
        return app
    pruned = copy(app)
    pruned.registered_commands, pruned.registered_groups = commands, groups
    return pruned
