"""``mixedmode cdr``: the last calls of a lab or of this host's node, with their security status."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from mixedmode.app.commands.options import AsJson, Config, LabFolder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def cdr(
    media: Annotated[
        bool, typer.Option("--media", help="Show what the phones of each call counted: packets, loss, jitter, latency.")
    ] = False,
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
    elif found and media:
        print_lines(table(_COUNTED, (row for call in found for row in _counted(call))))
    elif found:
        heads = ["begun", "calling", "dialled", "called", "outcome", "seconds", "security", "media"]
        print_lines(table(heads, map(_row, found)))
    else:
        say("no call has ended yet")


_COUNTED: Final = ["begun", "phone", "number", "sent", "received", "lost", "jitter ms", "latency ms", "quality"]


def _counted(call: Mapping[str, Any]) -> Iterator[list[str]]:
    """Yield a row for each end that talked."""
    for side, counted in call.get("counted", {}).items():
        if call["media"] != "none":
            told = counted or {}
            names = ("packets_sent", "packets_received", "packets_lost", "jitter", "latency")
            figures = [str(told.get(name, "-")) for name in names]
            yield [call["begun"], call[f"{side}_device"], call[side], *figures, told.get("quality") or "-"]


def _row(call: Mapping[str, Any]) -> list[str]:
    calling = call["calling"] or call["calling_device"]
    called = call["called"] or call["called_device"] or "-"
    seconds = f"{call['seconds']:.1f}"
    return [call["begun"], calling, call["dialled"], called, call["outcome"], seconds, call["security"], call["media"]]
