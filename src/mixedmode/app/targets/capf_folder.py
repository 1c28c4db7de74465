"""Where the records of a CAPF's devices are: a folder of its own, or a lab's publisher's."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

RecordsFolder = Annotated[
    Path | None,
    typer.Option("--directory", help="A lab's folder, or that of the devices' records; ./capf or ./lab if left out."),
]
_NAME = "capf"


def capf_folder(directory: Path | None) -> Path:
    """Return the folder of the records that a command line means.

    Args:
        directory: What it says; a lab's folder stands for that of its publisher's CAPF.
    """
    from mixedmode.rehearsal.lab.document import DEFAULT_DIRECTORY, NAME, read_lab

    if directory is None:
        own = Path(_NAME)
        directory = DEFAULT_DIRECTORY if not own.is_dir() and (DEFAULT_DIRECTORY / NAME).exists() else own
    if not (directory / NAME).is_file():
        return directory
    nodes = read_lab(directory, missing="there is no lab", next_step="mixedmode lab")["nodes"]
    return directory / str(next(node["name"] for node in nodes if node["role"] == "publisher")) / _NAME
