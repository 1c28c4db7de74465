"""Options that many commands have, in the same words everywhere."""

from __future__ import annotations

from math import isfinite
from pathlib import Path
from typing import Annotated

import typer

from mixedmode.errors import UsageError


def finite(seconds: float | None) -> float | None:
    """Return a number of seconds that ends; limits let "nan" through, which is on neither side of them.

    Raises:
        UsageError: It is none.
    """
    if seconds is not None and not isfinite(seconds):
        raise UsageError(f"{seconds} is no number of seconds", next_step="write a number, such as 3.5")
    return seconds


LabFolder = Annotated[Path | None, typer.Option("--directory", help="A lab's folder; ./lab if there is one.")]
Config = Annotated[Path | None, typer.Option("--config", help="A node's settings file.")]
ListenHost = Annotated[str, typer.Option("--host", help="The address to listen on; 0.0.0.0 means all.")]
ListenTcp = Annotated[int, typer.Option("--port", min=0, max=65535, help="The TCP port; 0 chooses a free one.")]
Workers = Annotated[
    str,
    typer.Option("--workers", help="Processes that share the port: a number, or auto for one a core.", metavar="N"),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
