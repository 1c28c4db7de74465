"""``mixedmode cdr``: the last calls of a lab or of this host's node, with their security status."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from mixedmode.app.commands.options import AsJson, Config, LabFolder

if TYPE_CHECKING:
    from collections.abc import Mapping


def cdr(
    last: Annotated[int, typer.Option(min=1, max=100_000, help="So many, the newest ones.", metavar="N")] = 20,
    directory: LabFolder = None,
    config: Config = None,
    json: AsJson = False,
) -> None:
    """Show the last calls: who called whom, how long, what became of it, how it was protected; the newest last."""
    from mixedmode.app.targets.running import ask_running
    from mixedmode.faces.terminal.console import print_json, print_lines, say
    from mixedmode.faces.terminal.table import table

    found: list[dict[str, Any]] = ask_running(directory, config, {"ask": "calls"})["calls"][-last:]
    if json:
        print_json(found)
    elif found:
        heads = ["begun", "calling", "dialled", "called", "outcome", "seconds", "security", "media"]
        print_lines(table(heads, map(_row, found)))
    else:
        say("no call has ended yet")


def _row(call: Mapping[str, Any]) -> list[str]:
    calling = call["calling"] or call["calling_device"]
    called = call["called"] or call["called_device"] or "-"
    seconds = f"{call['seconds']:.1f}"
    return [call["begun"], calling, call["dialled"], called, call["outcome"], seconds, call["security"], call["media"]]
