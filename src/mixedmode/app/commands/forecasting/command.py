"""``mixedmode forecast``: what every phone will do, before anybody acts (forecast.md)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer
from typer.core import TyperCommand

from mixedmode.app import completion
from mixedmode.app.commands.options import AsJson
from mixedmode.errors import UsageError
from mixedmode.faces.terminal.console import print_json, print_lines, say, say_error

if TYPE_CHECKING:
    from mixedmode.forecast.evaluation import Forecaster
    from mixedmode.forecast.plan import Plan, Step, Tvs
    from mixedmode.forecast.tally import Cell
    from mixedmode.inventory.library import Library
    from mixedmode.inventory.reading import Inventory

_PROGRESS_ROWS = 1 << 15
_PROGRESS_SECONDS = 2.0
EPILOG = (
    "Exit code 0: nobody is frozen or locked out; 1: somebody is (with --strict also: is unknown); 2: the input cannot "
    "be read; 3: a node did not answer."
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
        Path, typer.Option(help="The phones: CSV, JSON or NDJSON, also gzip; - for standard input.", metavar="FILE")
    ],
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
    skip_bad_rows: Annotated[bool, typer.Option("--skip-bad-rows", help="Count bad rows and go on.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit code 1 for unknown phones too.")] = False,
    json: AsJson = False,
) -> None:
    """Say what every phone will do after a change: follow, follow by TVS, be behind, frozen, locked out, or unknown.

    Nothing is touched: phones' own rules run over what they hold and what servers would offer.
    """
    from mixedmode.app.commands.forecasting.change import Changes, in_order
    from mixedmode.app.commands.forecasting.cluster import whose
    from mixedmode.app.commands.forecasting.vouching import policy_settings, vouched
    from mixedmode.forecast.document import document, proposal_document
    from mixedmode.forecast.evaluation import Forecaster
    from mixedmode.forecast.plan import Plan
    from mixedmode.forecast.proposal import proposed
    from mixedmode.forecast.tally import outcomes
    from mixedmode.inventory.library import Library
    from mixedmode.phone.mind.fate.prospect import Fate

    about = whose(directory, config, wanted=bool(operation) or directory is not None or config is not None)
    changes = Changes(_no_operation if about is None else about.operate)
    given, way = changes.from_file(plan) if plan is not None else ([], None)
    given += changes.from_options(in_order(ctx.meta.get("words", ())))
    source = ctx.get_parameter_source("tvs")
    is_default = source is None or source.name == "DEFAULT"
    chosen = _way(tvs) if way is None or not is_default else way
    more = vouched(tvs_trust or ())
    present = None if about is None else about.present
    change = Plan(tuple(given), chosen, more, present)
    settings, answered = policy_settings(policy or ())
    library = Library()
    for folder in lists or ():
        library.add_path(folder)
    for data in (*changes.files, *(about.lists if about is not None else ())):
        library.add(data)
    forecaster = Forecaster(change, settings, answered=answered, both_ways=both_ways)
    found, cells = _evaluated(inventory, library, forecaster, phones_out, skip_bad=skip_bad_rows)
    numbers = outcomes(cells)
    proposal = proposed(forecaster, cells) if propose else None
    if json:
        extra: dict[str, Any] = {"bad_rows": found.bad} if skip_bad_rows else {}
        if proposal is not None:
            extra["proposal"] = proposal_document(proposal)
        print_json({**document(change, cells), **extra})
    else:
        from mixedmode.app.commands.forecasting.screen import proposal_lines, screen

        print_lines(screen(change, cells, steps=steps))
        if proposal is not None:
            print_lines(proposal_lines(proposal))
    _warn(found)
    if numbers[Fate.FROZEN] or numbers[Fate.LOCKED_OUT] or (strict and numbers[Fate.UNKNOWN]):
        raise typer.Exit(1)


def _evaluated(
    path: Path, library: Library, forecaster: Forecaster, out: Path | None, *, skip_bad: bool
) -> tuple[Inventory, list[Cell]]:
    """Read the phones, evaluate each kind once, and write each one's outcome."""
    from time import monotonic

    from mixedmode.app.commands.forecasting.phones_out import written
    from mixedmode.forecast.remedies import remedy
    from mixedmode.forecast.tally import Cell
    from mixedmode.inventory.cells import Cells
    from mixedmode.inventory.reading import Inventory

    name = "standard input" if str(path) == "-" else str(path)
    folder = Path() if str(path) == "-" else path.parent
    found = Inventory(name, Cells(library, folder), skip_bad)
    plan: Plan = forecaster.plan
    cells: dict[tuple[int, tuple[bool, ...]], Cell] = {}
    watched = sys.stderr.isatty()
    off = plan.someone_is_off
    absences: tuple[bool, ...] = ()
    count, told = 0, monotonic()
    with _stream(path) as stream, written(out) as write:
        for device, kind, carried in found.rows(stream):
            if off:
                absences = plan.absences(device)
            key = (id(kind), absences)
            cell = cells.get(key)
            if cell is None:
                forecast = forecaster.of(kind, absences)
                cell = cells[key] = Cell(forecast, remedy(forecaster, forecast, absences), absences)
            cell.add(device)
            if write is not None:
                write(device, cell, carried)
            count += 1
            if watched and not count % _PROGRESS_ROWS and monotonic() - told > _PROGRESS_SECONDS:
                told = monotonic()
                say(f"{count:,} phones in {len(cells):,} states")
    if not count:
        raise UsageError("the inventory names no phone", where=name, next_step="its first row names the columns")
    return found, list(cells.values())


def _stream(path: Path) -> BinaryIO:
    if str(path) == "-":
        return open(sys.stdin.fileno(), "rb", closefd=False) if sys.stdin.isatty() else sys.stdin.buffer
    try:
        return path.open("rb")
    except OSError as error:
        raise UsageError(f"cannot read it: {error.strerror}", where=str(path), code="unreadable") from error


def _way(text: str) -> Tvs:
    from mixedmode.forecast.plan import Tvs

    try:
        return Tvs(text.lower())
    except ValueError:
        raise UsageError(f"--tvs {text!r} is not known", next_step=f"write {', '.join(Tvs)}") from None


def _no_operation(text: str) -> Step:
    raise UsageError(
        f"{text!r}: operations need a cluster",
        next_step="name it: --directory LAB or --config FILE; or give lists with --publish",
    )


def _warn(found: Inventory) -> None:
    if found.missing:
        say(f"note: the inventory has no column {', '.join(found.missing)}: that is not known of any phone")
    if found.ignored:
        say(f"note: columns that are not used: {', '.join(found.ignored)}")
    if found.bad:
        say(f"{found.bad:,} bad rows were left out; the first of them:")
        for error in found.errors:
            say_error(error)
