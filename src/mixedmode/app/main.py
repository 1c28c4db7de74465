"""The ``mixedmode`` command: one tree, put together from :mod:`mixedmode.app.commands`.

Exit codes (command-line.md): 0 done or holds, 1 a check does not hold, 2 bad usage or malformed input,
3 the other side failed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Annotated

import typer

from mixedmode import __version__
from mixedmode.app.commands import (
    admin,
    bench,
    build,
    capf,
    config,
    ctl_client,
    device,
    fleet,
    lab,
    node,
    phone,
    phones,
    tftp,
    token,
    trustlist,
    tvs,
)
from mixedmode.app.console import report_error
from mixedmode.errors import MixedModeError, UsageError

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
app.command("lab")(lab.lab)
app.command("rehearse")(lab.rehearse)
app.command("phone")(phone.phone)
app.add_typer(phones.app, name="phones")
app.command("admin", context_settings=admin.CONTEXT)(admin.admin)
app.add_typer(fleet.app, name="fleet")
app.add_typer(node.app, name="node")
app.add_typer(device.app, name="device")
app.add_typer(token.app, name="token")
app.add_typer(capf.app, name="capf")
app.command("ctl-client")(ctl_client.ctl_client)
app.add_typer(tftp.app, name="tftp")
app.add_typer(tvs.app, name="tvs")
app.command("bench")(bench.bench)


def _leaves(group: ExceptionGroup[MixedModeError]) -> Iterator[MixedModeError]:
    """Yield the errors of tasks that failed together."""
    for each in group.exceptions:
        if isinstance(each, ExceptionGroup):
            yield from _leaves(each)
        else:
            yield each


def main() -> None:
    """Run the command line; errors become a message and an exit code, never a traceback."""
    try:
        app()
    except MixedModeError as error:
        sys.exit(report_error(error, as_json="--json" in sys.argv))
    except ExceptionGroup as group:
        ours, others = group.split(MixedModeError)
        if ours is None or others is not None:
            raise
        sys.exit(max(report_error(error, as_json=False) for error in _leaves(ours)))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        place = str(error.filename) if error.filename else None
        problem = UsageError(error.strerror or str(error), where=place, code="os-error")
        sys.exit(report_error(problem, as_json="--json" in sys.argv))


if __name__ == "__main__":
    main()
