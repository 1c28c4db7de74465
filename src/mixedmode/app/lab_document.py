"""``lab.json`` as the commands read it that log in to a running lab."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mixedmode.errors import MalformedError, UsageError

NAME = "lab.json"
DEFAULT_DIRECTORY = Path("lab")


def read_lab(directory: Path, *, missing: str, next_step: str) -> dict[str, Any]:
    """Return what a lab's folder says of its nodes.

    Args:
        directory: The folder.
        missing: What is wrong when there is no lab.
        next_step: What to do then.

    Raises:
        UsageError: There is no lab.
        MalformedError: Its document cannot be read.
    """
    path = directory / NAME
    try:
        document = json.loads(path.read_text())
    except FileNotFoundError as error:
        raise UsageError(missing, where=str(path), next_step=next_step) from error
    except ValueError as error:
        raise MalformedError(f"{NAME} cannot be read", where=str(path), why=str(error)) from error
    return document if isinstance(document, dict) else {}
