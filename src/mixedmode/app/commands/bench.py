"""``mixedmode bench``: run the benches of the source tree, each beside a peer in the same run."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path
from typing import Annotated

import typer

from mixedmode.app.commands.options import AsJson, finite
from mixedmode.errors import UsageError

_TREE = Path(__file__).resolve().parents[4]
_HELPERS = {
    "__init__",
    "__main__",
    "fleet",
    "hall",
    "handshakes",
    "herd",
    "light_phones",
    "peers",
    "storm_site",
    "timing",
}
_TIMED = {"callmanager", "soak"}
"""Go on as long as they are told."""
_LONG = _TIMED | {"secured"}
"""Run only by name: a quarter of an hour, half of one, and minutes."""
_LET = 5.0
"""Seconds in which a bench that heard Ctrl-C too has begun to end."""


def bench_names() -> list[str]:
    """Return the benches of the source tree; none where the package was installed without it."""
    return sorted(path.stem for path in (_TREE / "bench").glob("*.py") if path.stem not in _HELPERS)


def bench(
    name: Annotated[
        str | None,
        typer.Argument(help="Which one; all if left out.", metavar="[NAME]", autocompletion=bench_names),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Under a minute: a first look, too short to report.")] = False,
    report: Annotated[bool, typer.Option("--report", help="Write bench/reports/NAME.txt too.")] = False,
    minutes: Annotated[
        float | None,
        typer.Option(
            "--minutes",
            callback=finite,
            min=0.05,
            max=1440,
            help="How long callmanager keeps registrations, or soak goes on.",
        ),
    ] = None,
    json: AsJson = False,
) -> None:
    """Measure against peers in the same run. Exit code 1 if a goal is not met, or could not be measured."""
    import sys

    known = bench_names()
    if not known:
        raise UsageError(
            "the benches are part of the source tree, not of the installed package",
            next_step="clone the repository and run `make bench`",
        )
    if name is not None and name not in known:
        raise UsageError(f"no bench is named {name!r}", next_step=f"use one of: {', '.join(known)}")
    if quick and report:
        raise UsageError("a quick run is too short for a report", next_step="leave out --quick or --report")
    if minutes is not None and name not in _LONG:
        raise UsageError(
            "--minutes is for one of: " + ", ".join(sorted(_TIMED)), next_step="name it, or leave out --minutes"
        )
    options = {"--quick": quick, "--report": report, "--json": json}
    names = [name] if name else [each for each in known if each not in _LONG]
    words = [sys.executable, "-m", "bench", *names, *(option for option, given in options.items() if given)]
    words += [] if minutes is None else ["--minutes", str(minutes)]
    with subprocess.Popen(words, cwd=_TREE) as child:
        signal.signal(signal.SIGTERM, lambda *_: child.terminate())
        try:
            code = child.wait()
        except KeyboardInterrupt:
            code = _interrupted(child)
    raise typer.Exit(code if code >= 0 else 128 - code)


def _interrupted(child: subprocess.Popen[bytes]) -> int:
    """Have a bench end with its servers, and return its exit code.

    Ctrl-C on a terminal reaches it too; a signal to this process alone does not.
    """
    try:
        code = child.wait(_LET)
    except subprocess.TimeoutExpired:
        child.send_signal(signal.SIGINT)
        code = child.wait()
    return code
