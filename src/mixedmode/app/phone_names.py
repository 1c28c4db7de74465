"""The names of phones, for the completion of command lines: it never fails, it only has nothing to offer."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from mixedmode.errors import MixedModeError

_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,128}")
"""What is offered to a shell: a name that is no phone's may be made for it."""


def phone_names(directory: Path | None, config: Path | None) -> list[str]:
    """Return the phones of a lab, or those that are registered with this host's node.

    Args:
        directory: A lab's folder; ``./lab`` if there is one.
        config: A node's settings file.
    """
    from mixedmode.app.lab_document import DEFAULT_DIRECTORY, NAME, read_lab
    from mixedmode.app.node_status import SOCKET_NAME, ask_status

    try:
        if directory is None and config is None and (DEFAULT_DIRECTORY / NAME).exists():
            directory = DEFAULT_DIRECTORY
        if directory is not None:
            found = read_lab(Path(directory), missing="", next_step="").get("phones", [])
        else:
            from mixedmode.app.settings import load_settings

            place = load_settings(Path(config) if config else None).node.directory
            found = ask_status(place / SOCKET_NAME, {"ask": "phones"})["phones"]
        return sorted(name for phone in found if _NAME.fullmatch(name := str(phone["name"])))
    except (MixedModeError, OSError, ValueError, KeyError, TypeError):
        return []
