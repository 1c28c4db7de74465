"""``mixedmode forecast``: what every phone will do, before anybody acts (forecast.md)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from mixedmode.app import completion
from mixedmode.app.commands.options import AsJson
from mixedmode.app.loading import loading
from mixedmode.errors import UsageError
from mixedmode.faces.terminal.console import print_json, print_lines, say, say_error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mixedmode.app.commands.forecasting.asked import Asked
    from mixedmode.app.commands.forecasting.evaluating import Made
    from mixedmode.app.commands.forecasting.saved import Phones
    from mixedmode.forecast.proposal import Proposal
    from mixedmode.inventory.reading import Inventory

_SHOWN, _NAMED = 64, 5
EPILOG = (
    "Exit code 0: nobody is frozen or locked out; 1: somebody is (with --strict also: is unknown); 2: the input cannot "
    "be read; 3: a node did not answer. With --check 0: it still holds; 1: it does not; 2: it cannot be read."
)


class OrderedCommand(TyperCommand):
    """A command that knows in which order its options stand."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Keep the words, then parse them."""
        ctx.meta["words"] = tuple(args)
        return super().parse_args(ctx, args)


def forecast(
    ctx: typer.Context,
    inventory: Annotated[
        Path | None,
        typer.Option(
            help="The phones: CSV, JSON or NDJSON, also gzip; - for standard input; cluster, or nothing with "
            "--directory or --config, for what the cluster itself knows.",
            metavar="FILE",
        ),
    ] = None,
    lists: Annotated[
        list[Path] | None,
        typer.Option(help="Folder of lists in which the inventory's hashes are looked up.", metavar="DIR"),
    ] = None,
    publish: Annotated[
        list[str] | None,
        typer.Option(help="A step: this CTL or ITL is on the servers, phones are restarted. CTL,ITL is one step."),
    ] = None,
    operation: Annotated[
        list[str] | None,
        typer.Option(
            help='A step: an operation of the cluster, such as "set cert regen node=PUB unit=CallManager".',
            metavar="OPERATION",
            autocompletion=completion.titles,
        ),
    ] = None,
    directory: Annotated[Path | None, typer.Option(help="The lab whose cluster it is about.", metavar="DIR")] = None,
    config: Annotated[
        Path | None, typer.Option(help="The node's settings file whose cluster it is about.", metavar="FILE")
    ] = None,
    off: Annotated[
        list[str] | None,
        typer.Option(help="Phones that are off during the step before: names with commas, or 30%.", metavar="NAMES"),
    ] = None,
    step: Annotated[
        list[str] | None,
        typer.Option(help='A step in one: "publish:CTLFile.tlv;off:30%;tvs:down;reset:false".', metavar="STEP"),
    ] = None,
    plan: Annotated[Path | None, typer.Option(help="Steps from a TOML file.", metavar="FILE")] = None,
    tvs_trust: Annotated[
        list[Path] | None,
        typer.Option(help="Certificates that TVS vouches for: PEM, or a folder as extract writes it."),
    ] = None,
    tvs: Annotated[
        str,
        typer.Option(help="up, old (the servers of the phones' own ITL) or down.", autocompletion=completion.tvs_ways),
    ] = "up",
    policy: Annotated[
        list[str] | None,
        typer.Option(help="Answer an open question.", metavar="KEY=VALUE", autocompletion=completion.policy_settings),
    ] = None,
    both_ways: Annotated[bool, typer.Option("--both-ways", help="Show what depends on each setting.")] = False,
    steps: Annotated[bool, typer.Option("--steps", help="Show the numbers after each step.")] = False,
    propose: Annotated[
        bool, typer.Option("--propose", help="Search for a plan that loses nobody who can be saved.")
    ] = False,
    phones_out: Annotated[
        Path | None, typer.Option(help="Write each phone's outcome: CSV, or NDJSON by its name.", metavar="FILE")
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write a report: one HTML page.", metavar="FILE")] = None,
    save: Annotated[
        Path | None, typer.Option(help="Keep plan, forecast and what they rest on in this file.", metavar="PLAN")
    ] = None,
    check: Annotated[
        Path | None, typer.Option(help="Say whether a kept forecast still holds, and what changed.", metavar="PLAN")
    ] = None,
    skip_bad_rows: Annotated[bool, typer.Option("--skip-bad-rows", help="Count bad rows and go on.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit code 1 for unknown phones too.")] = False,
    json: AsJson = False,
) -> None:
    """Say what every phone will do after a change: follow, follow by TVS, be behind, frozen, locked out, or unknown.

    Nothing is touched: phones' own rules run over what they hold and what servers would offer.
    """
    with loading():
        from mixedmode.app.commands.forecasting.asked import check_outputs

        asked = _asked(
            ctx,
            inventory=inventory,
            lists=lists,
            directory=directory,
            config=config,
            plan=plan,
            tvs=tvs,
            tvs_trust=tvs_trust,
            policy=policy,
            both_ways=both_ways,
            skip_bad_rows=skip_bad_rows,
            checking=check is not None,
        )
    if check is not None:
        also = {"--phones-out": phones_out, "--html": html, "--save": save, "--propose": propose or None}
        _check(check, asked, [option for option, given in also.items() if given is not None], json=json)
        return
    if not asked.inventory:
        raise UsageError(
            "which phones?",
            next_step="name the inventory: --inventory FILE, - for standard input, or cluster: what the cluster knows",
        )
    check_outputs(asked, {"--phones-out": phones_out, "--html": html, "--save": save})
    with loading():  # what is known of phones stays, as the modules do
        from mixedmode.app.commands.forecasting.evaluating import evaluate
        from mixedmode.forecast.tally import outcomes
        from mixedmode.phone.mind.fate.prospect import Fate

        phones = _phones_to_keep() if save is not None else None
        made = evaluate(asked, Path(), out=phones_out, take=phones, hashed=save is not None)
    proposal = _proposed(made) if propose else None
    extra: dict[str, Any] = {"bad_rows": made.found.bad} if skip_bad_rows else {}
    if proposal is not None:
        from mixedmode.forecast.document import proposal_document

        extra["proposal"] = proposal_document(proposal)
    if save is not None and phones is not None:
        from mixedmode.app.commands.forecasting import saved

        saved.save(save, asked, made, phones, extra)
    if html is not None:
        _write_report(html, made, proposal)
    if json:
        from mixedmode.forecast.document import document

        print_json({**document(made.plan, made.cells), **extra})
    else:
        from mixedmode.app.commands.forecasting.screen import proposal_lines, screen

        print_lines(screen(made.plan, made.cells, steps=steps))
        if proposal is not None:
            print_lines(proposal_lines(proposal))
    _warn(made.found)
    numbers = outcomes(made.cells)
    if numbers[Fate.FROZEN] or numbers[Fate.LOCKED_OUT] or (strict and numbers[Fate.UNKNOWN]):
        raise typer.Exit(1)


def _phones_to_keep() -> Phones:
    from mixedmode.app.commands.forecasting.saved import Phones

    return Phones()


def _proposed(made: Made) -> Proposal:
    from mixedmode.app.commands.forecasting.proposing import searching
    from mixedmode.forecast.proposal import proposed

    return proposed(made.forecaster, made.cells, searching())


def _asked(
    ctx: typer.Context,
    *,
    inventory: Path | None,
    lists: list[Path] | None,
    directory: Path | None,
    config: Path | None,
    plan: Path | None,
    tvs: str,
    tvs_trust: list[Path] | None,
    policy: list[str] | None,
    both_ways: bool,
    skip_bad_rows: bool,
    checking: bool,
) -> Asked:
    from mixedmode.app.commands.forecasting.asked import CLUSTER, Asked
    from mixedmode.app.commands.forecasting.change import in_order

    steps = tuple(in_order(ctx.meta.get("words", ())))
    phones = "" if inventory is None else str(inventory)
    if not phones and not checking and (directory is not None or config is not None):
        phones = CLUSTER
    if phones == CLUSTER or any(name == "operation" for name, _ in steps):
        from mixedmode.rehearsal.lab.document import meant_lab

        directory = meant_lab(directory, config)
    source = ctx.get_parameter_source("tvs")
    is_default = source is None or source.name == "DEFAULT"
    return Asked(
        inventory=phones,
        steps=steps,
        plan=None if plan is None else str(plan),
        lists=tuple(map(str, lists or ())),
        tvs=None if is_default else tvs,
        tvs_trust=tuple(map(str, tvs_trust or ())),
        policy=tuple(policy or ()),
        both_ways=both_ways,
        directory=None if directory is None else str(directory),
        config=None if config is None else str(config),
        skip_bad_rows=skip_bad_rows,
    )


def _check(path: Path, asked: Asked, also: list[str], *, json: bool) -> None:
    """Say whether a kept forecast still holds.

    Raises:
        UsageError: Something else was asked too.
    """
    from dataclasses import replace

    from mixedmode.app.commands.forecasting import checking, saved

    if also or asked != replace(saved.NOTHING, inventory=asked.inventory):
        raise UsageError(
            "--check asks what the kept forecast asked",
            next_step=f"leave {', '.join(also) or 'the other options'} out; --inventory may be new",
        )
    found = saved.read(path)
    again, folder = saved.asked_again(found, path, asked.inventory)
    result = checking.check(found, again, folder)
    if json:
        print_json(result.document())
    else:
        print_lines(checking.lines(result))
    if not result.holds:
        raise typer.Exit(1)


def _write_report(path: Path, made: Made, proposal: Proposal | None) -> None:
    from datetime import datetime

    from mixedmode import __version__
    from mixedmode.causes import file_error
    from mixedmode.faces.report.forecast import About, report
    from mixedmode.pki.files import write_atomic

    now = datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
    about = About(made.found.name, f"Made {now} by mixedmode {__version__}.", tuple(_notes(made.found)))
    content = report(made.plan, made.cells, about, proposal).encode("utf-8", "backslashreplace")
    try:
        write_atomic(path, content)
    except OSError as error:
        raise file_error(error) from error


def _notes(found: Inventory) -> Iterator[str]:
    yield from found.remarks
    if found.missing:
        yield f"the inventory has no column {', '.join(found.missing)}: that is not known of any phone"
    if found.ignored:
        yield f"columns that are not used: {', '.join(found.ignored)}"
    for folder in found.absent:
        yield f"{folder}: there is no such folder of lists: no hash was looked up in it"
    if found.strangers:
        named = ", ".join(each[:_SHOWN] for each in found.strangers[:_NAMED])
        more = len(found.strangers) - _NAMED
        yield f"off, and no phone of the inventory: {named}{f' and {more:,} more' if more > 0 else ''}"
    if found.bad:
        yield f"{found.bad:,} bad rows were left out"


def _warn(found: Inventory) -> None:
    for note in _notes(found):
        say(f"note: {note}")
    for error in found.errors:
        say_error(error)
