"""``mixedmode bench``: run the benches of the source tree."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from mixedmode.app.console import print_json, print_lines, say
from mixedmode.errors import UsageError

_TREE = Path(__file__).resolve().parents[4]
_FOLDER = _TREE / "bench"
_HELPERS = {"__init__", "timing"}
_LONG = {"soak"}
"""Run only by name: half an hour."""


def bench(
    name: Annotated[str | None, typer.Argument(help="Which one; all if left out.", metavar="[NAME]")] = None,
    report: Annotated[bool, typer.Option(help="Write bench/reports/NAME.txt too.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Measure against peers in the same run. Exit code 1 if a goal is not met."""
    from importlib import import_module

    known = sorted(path.stem for path in _FOLDER.glob("*.py") if path.stem not in _HELPERS)
    if not known:
        raise UsageError(
            "the benches are part of the source tree, not of the installed package",
            next_step="clone the repository and run `make bench`",
        )
    if name is not None and name not in known:
        raise UsageError(f"no bench is named {name!r}", next_step=f"use one of: {', '.join(known)}")
    sys.path.insert(0, str(_TREE))
    documents, met = {}, True
    for each in [name] if name else [each for each in known if each not in _LONG]:
        say(f"bench {each} ...")
        result = import_module(f"bench.{each}").run()
        documents[each] = result.document()
        met = met and all(goal.met for goal in result.goals)
        if not json:
            print_lines([*result.text(), ""])
        if report:
            from mixedmode.pki.files import write_atomic

            (_FOLDER / "reports").mkdir(exist_ok=True)
            text = "\n".join([f"made by: mixedmode bench {each} --report", "", *result.text(), ""])
            write_atomic(_FOLDER / "reports" / f"{each}.txt", text.encode())
    if json:
        print_json(documents)
    if not met:
        raise typer.Exit(1)
