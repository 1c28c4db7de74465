"""``python -m bench``, in the source tree: what ``mixedmode bench`` runs in a process of its own.

So the installed package never has this folder on its path, and each bench begins with a fresh interpreter.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from bench.timing import Effort
from mixedmode.errors import MixedModeError
from mixedmode.faces.terminal.bars import counted
from mixedmode.faces.terminal.console import print_json, print_lines, report_error, say
from mixedmode.pki.files import write_atomic

FOLDER = Path(__file__).resolve().parent


def main() -> int:
    """Run the benches that the command line names; return the exit code: 1 if a goal is not met."""
    words = argparse.ArgumentParser()
    words.add_argument("names", nargs="+")
    for option in ("--quick", "--report", "--json"):
        words.add_argument(option, action="store_true")
    words.add_argument("--minutes", type=float)
    wanted = words.parse_args()
    documents, met = {}, True
    for name in wanted.names:
        with counted() as count:
            effort = Effort(quick=wanted.quick, minutes=wanted.minutes, say=_teller(name), count=count)
            result = import_module(f"bench.{name}").run(effort)
        documents[name] = result.document()
        met = met and all(goal.met for goal in result.goals)
        if not wanted.json:
            print_lines([*result.text(), ""])
        if wanted.report:
            (FOLDER / "reports").mkdir(exist_ok=True)
            text = "\n".join([f"made by: mixedmode bench {name} --report", "", *result.text(), ""])
            write_atomic(FOLDER / "reports" / f"{name}.txt", text.encode())
    if wanted.json:
        print_json(documents)
    return 0 if met else 1


def _teller(name: str) -> Callable[[str], None]:
    return lambda line: say(f"bench {name}: {line}")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except MixedModeError as error:
        sys.exit(report_error(error, as_json="--json" in sys.argv))
    except KeyboardInterrupt:
        sys.exit(130)
