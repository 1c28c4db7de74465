"""The names of phones, for the completion of command lines: it never fails, it only has nothing to offer."""

from __future__ import annotations

from pathlib import Path

from mixedmode.errors import MixedModeError


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
        return sorted(str(phone["name"]) for phone in found)
    except (MixedModeError, OSError, ValueError, KeyError, TypeError):
        return []
