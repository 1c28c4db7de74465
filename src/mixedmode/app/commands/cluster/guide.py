"""``mixedmode guide``: a procedure step by step on a lab's or a node's cluster, the same run as in the browser."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mixedmode.app import completion
from mixedmode.app.commands.options import AsJson, Config, LabFolder, finite
from mixedmode.errors import CheckFailedError, UsageError
from mixedmode.faces.terminal import interrupts
from mixedmode.faces.terminal.console import print_json, print_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mixedmode.app.targets.hands import Hands
    from mixedmode.cluster.store.guide_runs import KeptRun
    from mixedmode.guides.guide import Guide
    from mixedmode.guides.kept import Opened


def guide(
    procedure: Annotated[
        str | None, typer.Argument(help="Which; --list names them.", autocompletion=completion.guided)
    ] = None,
    run: Annotated[
        int | None, typer.Option(min=1, help="Go on with this run, wherever it was begun; by default the open one.")
    ] = None,
    list_them: Annotated[bool, typer.Option("--list", help="List the procedures and the latest runs.")] = False,
    status: Annotated[bool, typer.Option("--status", help="Say how far the run is, and change nothing.")] = False,
    stop: Annotated[bool, typer.Option("--stop", help="Stop the run where it is.")] = False,
    tokens: Annotated[Path | None, typer.Option(help="Folder of file tokens.")] = None,
    module: Annotated[
        str | None, typer.Option(help="PKCS#11 library of the tokens.", envvar="MIXEDMODE_PKCS11_MODULE")
    ] = None,
    cluster: Annotated[
        Path | None, typer.Option(help="CLUSTER.toml of a cluster from outside: a CUCM, over SSH.", metavar="FILE")
    ] = None,
    inventory: Annotated[
        Path | None, typer.Option(help="What its phones hold, for the forecast and for following them.", metavar="FILE")
    ] = None,
    canary: Annotated[
        bool, typer.Option("--canary", help="Reset one phone of each kind first; go on if each shows the new list.")
    ] = False,
    canary_seconds: Annotated[
        float,
        typer.Option(
            "--canary-seconds",
            callback=finite,
            min=1,
            max=86400,
            help="How long each of those phones has.",
            metavar="S",
        ),
    ] = 300.0,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show plan and forecast; log in nowhere, type nothing.")
    ] = False,
    state: Annotated[
        Path | None, typer.Option(help="Where such a run is kept; by default beside CLUSTER.toml.", metavar="FILE")
    ] = None,
    transcript: Annotated[
        Path | None, typer.Option(help="Its transcript, for the change record; by default beside that.", metavar="FILE")
    ] = None,
    directory: LabFolder = None,
    config: Config = None,
    json: AsJson = False,
) -> None:
    """Be guided through a procedure: plan and forecast first, each step verified, safe to leave and take up again.

    The state is in the cluster's database: begun here, ended in the browser, or the other way round. With --cluster it
    is about a CUCM: commands are typed at its prompts over SSH, each after a yes, and the state is a file.
    """
    if sum((list_them, status, stop)) > 1:
        raise UsageError("--list, --status and --stop exclude each other", next_step="give one of them")
    if cluster is not None and list_them:
        _list((), as_json=json)
        return
    if cluster is not None:
        from mixedmode.app.commands.cluster.guide_live import Asked, guide_live

        if any(given is not None for given in (run, tokens, module, directory, config)):
            raise UsageError(
                "--run, --tokens, --module, --directory and --config are for our own clusters",
                next_step="leave them out, or --cluster",
            )
        guide_live(
            Asked(
                cluster,
                procedure,
                inventory,
                state,
                transcript,
                canary_seconds if canary else None,
                dry_run,
                status,
                stop,
                json,
            )
        )
        return
    if any((inventory, state, transcript, dry_run)):
        raise UsageError(
            "--inventory, --state, --transcript and --dry-run belong to --cluster", next_step="name its CLUSTER.toml"
        )
    from mixedmode.app.targets.hands import administered, looked_at
    from mixedmode.app.targets.host_services import HostServices
    from mixedmode.guides.guide import Guide

    if json and not (list_them or status):
        raise UsageError("--json belongs to --list and --status", next_step="add one of them, or drop it")
    if list_them or status:
        with looked_at(directory, config) as hands:
            found = Guide(hands.cluster)
            _list(found.latest(10), as_json=json) if list_them else _status(found, run, as_json=json)
        return
    with administered(directory, config, what="procedures are run") as hands:
        found = Guide(hands.cluster, HostServices(hands.cluster))
        if stop:
            opened = found.stop(hands.principal, _meant(found, run).number)
            print_lines(
                [f"run {opened.number} is {opened.run.state.value}; the cluster stays as the last step left it"]
            )
            return
        number = _number(found, hands, procedure, run)
        within = canary_seconds if canary else None
        interrupts.run(_walk(found, hands, number, tokens, module, directory, within))


def _number(found: Guide, hands: Hands, procedure: str | None, run: int | None) -> int:
    """Return the run to go on with, or a new one."""
    if run is not None:
        return found.open(run).number
    opened = found.open_one()
    if opened is None and procedure is None:
        raise UsageError("name a procedure: none is open", next_step="mixedmode guide --list")
    if opened is not None and procedure in {None, opened.procedure.name}:
        return opened.number
    if opened is not None:
        raise CheckFailedError(
            f"run {opened.number} is open: {opened.procedure.title}",
            next_step=f"end it (mixedmode guide --run {opened.number}) or stop it (--stop)",
        )
    return found.plan(hands.principal, str(procedure)).number


def _meant(found: Guide, run: int | None) -> Opened:
    opened = found.open_one() if run is None else found.open(run)
    if opened is None:
        raise UsageError("no run is open", next_step="mixedmode guide --list names the latest; --run NUMBER")
    return opened


async def _walk(
    found: Guide,
    hands: Hands,
    number: int,
    folder: Path | None,
    module: str | None,
    directory: Path | None,
    canary_within: float | None,
) -> None:
    from mixedmode.app.commands.cluster.guide_ends import stays_as_it_is
    from mixedmode.faces.ctlclient.inserted import inserted_tokens, token_folder
    from mixedmode.faces.terminal.terminal_io import TerminalIO
    from mixedmode.guides.walk import Walk
    from mixedmode.rehearsal.lab.document import meant_lab

    place = token_folder(folder, meant_lab(directory, None))
    publisher = hands.cluster.publisher
    walk = Walk(
        TerminalIO(),
        found,
        hands.principal,
        number,
        plugged=lambda: inserted_tokens(place, module),
        publisher=publisher.address,
        canary=canary_within,
    )
    with stays_as_it_is(f"mixedmode guide --run {number}", besides=", or in a browser"):
        await walk.run()


def _list(latest: Sequence[KeptRun], *, as_json: bool) -> None:
    from mixedmode.guides.kept import guided
    from mixedmode.procedures.names import GUIDED

    procedures = [guided(name) for name in GUIDED]
    if as_json:
        print_json(
            {
                "procedures": [
                    {"name": each.name, "title": each.title, "about": each.about, "needs_tokens": each.needs_tokens}
                    for each in procedures
                ],
                "runs": [
                    {
                        "run": each.number,
                        "procedure": each.procedure,
                        "state": each.state,
                        "planned": each.planned.isoformat(),
                    }
                    for each in latest
                ],
            }
        )
        return
    _list_procedures()
    if latest:
        print_lines(["", *(f"run {each.number}: {each.procedure}, {each.state}" for each in latest)])


def _list_procedures() -> None:
    from mixedmode.procedures.catalogue import PROCEDURES
    from mixedmode.procedures.names import GUIDED

    for each in (PROCEDURES[name] for name in GUIDED):
        print_lines([f"{each.name:<22} {each.title}{' (needs eTokens)' if each.needs_tokens else ''}"])


def _status(found: Guide, run: int | None, *, as_json: bool) -> None:
    from mixedmode.app.commands.cluster.guide_ends import step_lines
    from mixedmode.guides.words import lead_of

    opened = _meant(found, run)
    if as_json:
        print_json(_document(opened))
        return
    print_lines([f"run {opened.number}: {opened.procedure.title}", *lead_of(opened)])
    print_lines(step_lines(opened.steps, opened.run))


def _document(opened: Opened) -> dict[str, Any]:
    from mixedmode.procedures.guided.document import document_of

    document = document_of(opened.run)
    for step, each in zip(opened.steps, document["steps"], strict=True):
        each["what"] = step.what
        each.pop("attempt")
    current = opened.run.current
    return {
        "run": opened.number,
        "current": None if current is None else current + 1,
        **{name: value for name, value in document.items() if name not in {"before", "choices"}},
    }
