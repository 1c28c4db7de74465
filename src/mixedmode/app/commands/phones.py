"""``mixedmode phones``: the phones that are registered with this host's CallManager: list them, reset them."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from mixedmode.app.console import print_json, print_lines
from mixedmode.errors import CheckFailedError, UsageError

app = typer.Typer(help="Phones registered with this host's CallManager.", no_args_is_help=True)

Directory = Annotated[Path | None, typer.Option(help="A lab's folder; ./lab if there is one.")]
Config = Annotated[Path | None, typer.Option("--config", help="A node's settings file.")]


class Kind(StrEnum):
    """What the phones shall do."""

    RESET = "reset"
    RESTART = "restart"
    APPLY = "apply"


@app.command("list")
def list_phones(
    directory: Directory = None,
    config: Config = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """List the registered phones and the hashes of the lists that they report."""
    found: list[dict[str, Any]] = _ask(directory, config, {"ask": "phones"})["phones"]
    if json:
        print_json(found)
        return
    from mixedmode.app.lab_guide import table

    rows = ([p["name"], p["model"], p["node"], p["address"], p["security"], p["since"]] for p in found)
    print_lines(table(["phone", "model", "CallManager", "address", "security", "since"], rows))


@app.command()
def reset(
    devices: Annotated[list[str] | None, typer.Argument(help="Device names; --all for every phone.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every registered phone.")] = False,
    kind: Annotated[Kind, typer.Option(help="reset boots, restart fetches the files, apply the configuration.")] = (
        Kind.RESET
    ),
    directory: Directory = None,
    config: Config = None,
) -> None:
    """Have phones reset, so that they fetch CTL, ITL and configuration anew."""
    if bool(devices) == every:
        raise UsageError("name devices, or give --all")
    told: list[str] = _ask(directory, config, {"ask": "reset", "devices": devices or None, "kind": kind.value})["told"]
    print_lines([f"{len(told)} phones were told to {kind.value}"])
    missing = sorted(set(devices or ()) - set(told))
    if missing:
        raise CheckFailedError(f"not registered here: {', '.join(missing)}", next_step="mixedmode phones list")


def _ask(directory: Path | None, config: Path | None, request: dict[str, Any]) -> dict[str, Any]:
    from mixedmode.app.lab_document import DEFAULT_DIRECTORY, NAME, lab_is_down
    from mixedmode.app.node_status import SOCKET_NAME, NoNodeError, ask_status

    if directory is None and config is None and (DEFAULT_DIRECTORY / NAME).exists():
        directory = DEFAULT_DIRECTORY
    if directory is None:
        from mixedmode.app.settings import load_settings

        directory = load_settings(config).node.directory
        return ask_status(directory / SOCKET_NAME, request)
    try:
        return ask_status(directory / SOCKET_NAME, request)
    except NoNodeError as error:
        raise lab_is_down(directory) or error from error
