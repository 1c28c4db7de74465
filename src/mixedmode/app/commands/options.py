"""Options that many commands have, in the same words everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

LabFolder = Annotated[Path | None, typer.Option("--directory", help="A lab's folder; ./lab if there is one.")]
Config = Annotated[Path | None, typer.Option("--config", help="A node's settings file.")]
ListenHost = Annotated[str, typer.Option("--host", help="The address to listen on; 0.0.0.0 means all.")]
ListenTcp = Annotated[int, typer.Option("--port", min=0, max=65535, help="The TCP port; 0 chooses a free one.")]
Workers = Annotated[
    str,
    typer.Option("--workers", help="Processes that share the port: a number, or auto for one a core.", metavar="N"),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
