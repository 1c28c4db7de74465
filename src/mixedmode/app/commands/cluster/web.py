"""``mixedmode web``: the administration of a lab or of this host's node in a browser, signed in already."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mixedmode.app.commands.options import AsJson, Config, LabFolder


def web(
    node: Annotated[str | None, typer.Argument(help="A lab's node; left out: its publisher.", metavar="[NODE]")] = None,
    directory: LabFolder = None,
    config: Config = None,
    no_open: Annotated[bool, typer.Option("--no-open", help="Only print the address.")] = False,
    json: AsJson = False,
) -> None:
    """Open the administration in a browser, signed in as the user of this machine.

    The address is good once, for a minute, and on this host only.
    """
    import webbrowser

    from mixedmode.app.targets.running import ask_running
    from mixedmode.faces.terminal.console import print_json, print_lines

    found = ask_running(directory, config, {"ask": "web", "node": node})
    if json:
        print_json(found)
        return
    url = str(found["url"])
    print_lines([url])
    print_lines([f"  {found['node']} shows a certificate with SHA-256 {found['certificate_sha256']}"])
    if not no_open and not _without_screen():
        webbrowser.open(url)


def _without_screen() -> bool:
    """Return whether a browser would take the terminal, or open nowhere."""
    import os
    import sys

    has_screen = sys.platform == "darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    return not (has_screen or os.environ.get("BROWSER")) or Path("/.dockerenv").exists()
