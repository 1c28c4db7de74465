"""Options that many commands have, in the same words everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

LabFolder = Annotated[Path | None, typer.Option("--directory", help="A lab's folder; ./lab if there is one.")]
Config = Annotated[Path | None, typer.Option("--config", help="A node's settings file.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
