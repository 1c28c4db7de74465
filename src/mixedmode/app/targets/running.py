"""A lab or a node that runs on this host, asked over its socket."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mixedmode.rehearsal.lab.document import meant_lab


def ask_running(directory: Path | None, config: Path | None, request: dict[str, Any]) -> dict[str, Any]:
    """Return what it answers.

    Args:
        directory: A lab's folder; None is ./lab if that is one and no settings are named.
        config: A node's settings file.
        request: What to ask.

    Raises:
        RemoteError: Nothing runs there, or it cannot do what is asked.
        PrivilegeError: Who asks may not.
    """
    from mixedmode.node.status import SOCKET_NAME, NoNodeError, ask_status
    from mixedmode.rehearsal.lab.document import lab_is_down

    lab = meant_lab(directory, config)
    if lab is None:
        from mixedmode.node.host.settings import load_settings

        return ask_status(load_settings(config).node.directory / SOCKET_NAME, request)
    try:
        return ask_status(lab / SOCKET_NAME, request)
    except NoNodeError as error:
        raise lab_is_down(lab) or error from error
