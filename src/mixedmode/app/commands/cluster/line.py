"""``mixedmode line``: the lines of phones and their directory numbers."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from mixedmode.app import completion
from mixedmode.app.commands.options import AsJson, Config, LabFolder
from mixedmode.faces.terminal.console import print_json, print_lines

app = typer.Typer(
    help="The lines of phones and their directory numbers; on the publisher's host.", no_args_is_help=True
)

_WHAT = "lines are kept"
_Number = Annotated[str, typer.Argument(help="The directory number, such as 1001.")]


@app.command()
def add(
    device: Annotated[str, typer.Argument(help="The phone.", autocompletion=completion.devices)],
    number: Annotated[str, typer.Argument(help="The directory number: digits, * and #.")],
    button: Annotated[int, typer.Option(help="Which button, from 1 on; the first free one if left out.")] = 0,
    name: Annotated[str, typer.Option(help="What others see of who calls.")] = "",
    label: Annotated[str, typer.Option(help="What the phone shows beside the button.")] = "",
    forward_all: Annotated[str, typer.Option(help="Where all calls go.")] = "",
    forward_busy: Annotated[str, typer.Option(help="Where calls go that find it busy.")] = "",
    forward_no_answer: Annotated[str, typer.Option(help="Where calls go that nobody answers.")] = "",
    calls: Annotated[int, typer.Option(help="How many calls it has until it is busy.")] = 1,
    directory: LabFolder = None,
    config: Config = None,
) -> None:
    """Give a phone a line."""
    from mixedmode.app.targets.hands import administered
    from mixedmode.cluster.model.lines import LineSpec
    from mixedmode.cluster.operations.lines import AddLines
    from mixedmode.pki.device_names import same_device

    phone = same_device(device)
    line = LineSpec(phone, number, button, name, label, forward_all, forward_busy, forward_no_answer, calls)
    with administered(directory, config, what=_WHAT) as hands:
        done = hands.run(AddLines((line,)))
    print_lines([*done.changes, *done.warnings])


@app.command()
def change(
    number: _Number,
    name: Annotated[str | None, typer.Option(help="What others see of who calls.")] = None,
    label: Annotated[str | None, typer.Option(help="What the phone shows beside the button.")] = None,
    forward_all: Annotated[str | None, typer.Option(help="Where all calls go; '' for nowhere.")] = None,
    forward_busy: Annotated[str | None, typer.Option(help="Where calls go that find it busy.")] = None,
    forward_no_answer: Annotated[str | None, typer.Option(help="Where calls go that nobody answers.")] = None,
    calls: Annotated[int | None, typer.Option(help="How many calls it has until it is busy.")] = None,
    directory: LabFolder = None,
    config: Config = None,
) -> None:
    """Change a line; what is not given stays."""
    from mixedmode.app.targets.hands import administered
    from mixedmode.cluster.operations.lines import ChangeLine, LineValues

    values = LineValues(name, label, forward_all, forward_busy, forward_no_answer, calls)
    with administered(directory, config, what=_WHAT) as hands:
        done = hands.run(ChangeLine(number, values))
    print_lines([*done.changes, *done.warnings])


@app.command()
def remove(number: _Number, directory: LabFolder = None, config: Config = None) -> None:
    """Remove a line."""
    from mixedmode.app.targets.hands import administered
    from mixedmode.cluster.operations.lines import RemoveLine

    with administered(directory, config, what=_WHAT) as hands:
        done = hands.run(RemoveLine(number))
    print_lines([*done.changes, *done.warnings])


@app.command("list")
def list_lines(directory: LabFolder = None, config: Config = None, json: AsJson = False) -> None:
    """List the lines by number."""
    from mixedmode.app.targets.hands import looked_at

    with looked_at(directory, config) as hands:
        found = [asdict(line) for line in hands.cluster.lines.all()]
    if json:
        print_json(found)
        return
    from mixedmode.faces.terminal.table import table

    columns = ("number", "device", "position", "name", "forward_all", "forward_busy", "forward_no_answer")
    titles = ["number", "device", "button", "name", "forward all", "busy", "no answer"]
    print_lines(table(titles, ([str(line[each] or "-") for each in columns] for line in found)))
