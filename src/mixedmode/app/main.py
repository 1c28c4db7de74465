"""The ``mixedmode`` command: runs the tree of :mod:`mixedmode.app.tree`; errors and Ctrl-C become an exit code.

Exit codes (command-line.md): 0 done or holds, 1 a check does not hold, 2 bad usage or malformed input,
3 the other side failed; Ctrl-C ends as every program does by it: 130, or killed by SIGINT; a reader who left: 141.

Nothing is imported here at the top: until :func:`main` says otherwise, Ctrl-C is answered with a traceback.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mixedmode.errors import MixedModeError

INTERRUPTED = 130
"""128 and the number of SIGINT, as shells have it."""
_WIDEST = 1000
"""Columns of a terminal."""
_COLLECT = (50_000, 20, 10)
"""When garbage is looked for: as often as Python does it by itself costs a seventh of a rehearsal and finds little."""


def main() -> None:
    """Run the command line; errors become a message and an exit code, never a traceback."""
    from mixedmode.faces.terminal.interrupts import die_by_interrupt, raise_interrupts

    die_by_interrupt()
    import gc
    import sys
    from io import TextIOWrapper

    gc.set_threshold(*_COLLECT)
    from mixedmode.app.tree import tree_for
    from mixedmode.errors import MixedModeError
    from mixedmode.faces.terminal.closed_pipe import end_with_readers, flush_output
    from mixedmode.faces.terminal.usage_errors import USAGE_ERROR, show_usage_error

    end_with_readers()
    raise_interrupts()
    _forget_odd_widths()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # A name with bytes that the terminal's character set does not have is no reason to fail.
            stream.reconfigure(errors="backslashreplace")
    try:
        sys.exit(tree_for(sys.argv[1:])(standalone_mode=False))
    except USAGE_ERROR as error:
        sys.exit(show_usage_error(error, as_json="--json" in sys.argv))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except (MixedModeError, ExceptionGroup, OSError, ModuleNotFoundError, UnicodeEncodeError) as error:
        sys.exit(_reported(error))
    finally:
        die_by_interrupt()
        try:
            flush_output()
        except OSError as error:
            sys.exit(_reported(error))


def _forget_odd_widths() -> None:
    """Have a terminal of an odd width be one of the usual width; what draws boxes would fill the memory with blanks."""
    import os

    from mixedmode.numbers import whole_number

    if "COLUMNS" in os.environ and not 0 < (whole_number(os.environ["COLUMNS"]) or 0) <= _WIDEST:
        del os.environ["COLUMNS"]


def _reported(error: Exception) -> int:
    """Say what is wrong and return the exit code.

    Raises:
        Exception: It is a fault of this program.
    """
    import sys

    from mixedmode.app.parts import missing_part
    from mixedmode.causes import file_error, not_text
    from mixedmode.errors import MixedModeError
    from mixedmode.faces.terminal.console import report_error

    as_json = "--json" in sys.argv
    if isinstance(error, MixedModeError):
        return report_error(error, as_json=as_json)
    if isinstance(error, ExceptionGroup):
        ours, others = error.split(MixedModeError)
        if ours is not None and others is None:
            return max(report_error(each, as_json=False) for each in _leaves(ours))
    if isinstance(error, UnicodeEncodeError) and (undecoded := not_text(error)) is not None:
        return report_error(undecoded, as_json=as_json)
    if isinstance(error, OSError):
        return report_error(file_error(error), as_json=as_json)
    if isinstance(error, ModuleNotFoundError) and (missing := missing_part(error)) is not None:
        return report_error(missing, as_json=as_json)
    raise error


def _leaves(group: ExceptionGroup[MixedModeError]) -> list[MixedModeError]:
    """Return the errors of tasks that failed together."""
    return [
        leaf for each in group.exceptions for leaf in (_leaves(each) if isinstance(each, ExceptionGroup) else [each])
    ]


if __name__ == "__main__":
    main()
