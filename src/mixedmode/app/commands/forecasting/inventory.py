"""``mixedmode inventory``: what a cluster's phones hold, as the cluster knows it: the input of a forecast."""

from __future__ import annotations

import csv
import json
import sys
from contextlib import nullcontext
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from mixedmode.app.commands.live.collect import collect
from mixedmode.app.commands.options import AsJson, Config, LabFolder
from mixedmode.faces.terminal.console import say
from mixedmode.pki.files import written_whole

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mixedmode.inventory.cluster import Entry

app = typer.Typer(help="What phones hold: the input of forecast.", no_args_is_help=True)
app.command("collect")(collect)


class Form(StrEnum):
    """How an inventory is written."""

    CSV = "csv"
    JSON = "json"
    NDJSON = "ndjson"


_BY_NAME = {".json": Form.JSON, ".ndjson": Form.NDJSON, ".jsonl": Form.NDJSON}


@app.command("export")
def export(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write it to this file; its name says in which form.")
    ] = None,
    form: Annotated[
        Form | None, typer.Option("--format", help="csv, json or ndjson; without it as the file's name says, else csv.")
    ] = None,
    directory: LabFolder = None,
    config: Config = None,
    json: AsJson = False,
) -> None:
    """Write what the cluster knows of its phones: which lists each holds, with source and time of each value.

    A list is known if the phone reported it, or if its own rules leave no other possibility after what it was given
    since. Everything else is empty, and unknown to a forecast.
    """
    from mixedmode.app.targets.hands import looked_at
    from mixedmode.inventory.cluster import ClusterInventory
    from mixedmode.inventory.library import Library

    wanted = Form.JSON if json else form or _BY_NAME.get("" if output is None else output.suffix.lower(), Form.CSV)
    count = known = 0
    with looked_at(directory, config) as hands:
        entries = ClusterInventory(hands.cluster, Library()).entries()
        with nullcontext(sys.stdout) if output is None else written_whole(output) as file:
            for entry in _writing(entries, wanted, file):
                count += 1
                known += entry.is_known
    if output is not None:
        say(f"{count:,} phones, of {known:,} of them it is known what they hold: {output}")


def _writing(entries: Iterator[Entry], form: Form, file: TextIO) -> Iterator[Entry]:
    """Write the phones one by one, and yield each that is written."""
    from mixedmode.inventory.cluster import COLUMNS
    from mixedmode.printable import spreadsheet_cell

    if form is Form.CSV:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for entry in entries:
            writer.writerow({name: spreadsheet_cell(cell) for name, cell in entry.cells().items()})
            yield entry
        return
    first = True
    for entry in entries:
        text = json.dumps(entry.document(), ensure_ascii=False)
        file.write(f"{text}\n" if form is Form.NDJSON else f"{'[' if first else ','}\n{text}")
        first = False
        yield entry
    if form is Form.JSON:
        file.write("[]\n" if first else "\n]\n")
