"""``mixedmode explain``: what a log, an alarm, a phone's page or a pasted listing says."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mixedmode.app.commands.options import AsJson
from mixedmode.errors import MixedModeError, UsageError
from mixedmode.faces.terminal.console import print_json, print_lines, say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mixedmode.explain.values import Explained

EPILOG = (
    "Exit code 0: nothing was refused; 1: a list or a configuration was refused, or a phone is locked out; 2: a file "
    "cannot be read, or is no text."
)
_PIECE = 1 << 18


def explain(
    logs: Annotated[
        list[str],
        typer.Argument(
            help="Phone console logs, status messages, traces of TVS, CAPF and CallManager, alarms, saved phone pages, "
            "what the admin: prompt printed; text of any encoding, also gzip; - for standard input.",
            metavar="LOG...",
        ),
    ],
    listing_out: Annotated[
        Path | None,
        typer.Option(
            help="Write the last pasted list as JSON, which diff, audit and forecast take.", metavar="FILE.json"
        ),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Show events that repeat one by one.")] = False,
    json: AsJson = False,
) -> None:
    """Say what happened, in order, why something was refused, and what to do; with line numbers.

    Nothing is sent anywhere. What a log says that is not known here is counted and shown.
    """
    from mixedmode.explain.report import document, lines_of

    if logs.count("-") > 1:
        raise UsageError("only one of the logs can be standard input")
    found = [_explained(log) for log in logs]
    if listing_out is not None:
        _write_listing(listing_out, found)
    if json:
        print_json(document(found))
    else:
        for each in found:
            print_lines(lines_of(each, every=every))
    if any(each.refused for each in found):
        raise typer.Exit(1)


def _explained(log: str) -> Explained:
    from mixedmode.explain.reader import explain as explained

    name = "standard input" if log == "-" else log
    try:
        return explained(_pieces(log), name)
    except MixedModeError as error:
        raise error.located(name) from None


def _pieces(log: str) -> Iterator[bytes]:
    """Yield the bytes of a log, unpacked.

    Raises:
        UsageError: It cannot be read.
        MalformedError: It is compressed, and damaged.
    """
    import sys

    from mixedmode.pki.unpacking import damaged, damages, unpacked

    try:
        with nullcontext(sys.stdin.buffer) if log == "-" else Path(log).open("rb") as file:
            stream = unpacked(file)
            while piece := stream.read(_PIECE):
                yield piece
    except damages() as error:
        raise damaged(error) from error
    except (OSError, ValueError) as error:
        words = getattr(error, "strerror", None) or "this is no path"
        raise UsageError(
            f"cannot read it: {words}", code="unreadable", next_step="check the path and its permissions"
        ) from error


def _write_listing(path: Path, found: list[Explained]) -> None:
    import json as json_module

    from mixedmode.causes import file_error
    from mixedmode.pki.files import write_atomic

    listings = [(each.name, listing) for each in found for listing in each.listings]
    if not listings:
        raise UsageError(
            "there is no listing of a list in it",
            where=", ".join(each.name for each in found),
            code="no-listing",
            next_step="paste what show ctl or show itl printed, from the checksum on",
        )
    name, listing = listings[-1]
    content = json_module.dumps({"pasted_in": name, **listing.document()}, indent=2).encode() + b"\n"
    try:
        write_atomic(path, content)
    except OSError as error:
        raise file_error(error) from error
    more = f"; the last of {len(listings)}" if len(listings) > 1 else ""
    whole = "" if listing.complete else ", not whole: what is not shown counts as not known"
    say(f"wrote {path}: the {listing.kind} of line {listing.first}{more}{whole}")
