"""What happens when whoever reads the output leaves, as ``head`` does: the program ends in silence, as ``cat`` does.

Rules:

1. Only standard output and standard error count. A socket whose other side is gone is an error like any other, so the
   signal itself stays ignored, which would not tell one from the other.
2. The exit code is that of a program that SIGPIPE ended, as shells report it: it says nothing about what was checked.
3. What is under way is put in order first: the exception unwinds everything, like Ctrl-C's.
"""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

READER_LEFT = 141
"""128 and the number of SIGPIPE."""


class _Output(io.FileIO):
    """A standard stream whose reader may leave."""

    def write(self, data: object, /) -> int:
        """Write.

        Raises:
            SystemExit: Nobody reads any more.
            OSError: Such as of a full disk; only once.
        """
        try:
            return super().write(data) or 0  # type: ignore[arg-type]
        except OSError as error:
            # What is still buffered, and what is said on the way out, has somewhere to go.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            if isinstance(error, BrokenPipeError):
                raise SystemExit(READER_LEFT) from None
            raise


def end_with_readers() -> None:
    """Have this process end when the reader of its standard output or standard error leaves."""
    if sys.stdin is None:
        sys.stdin = Path(os.devnull).open(encoding="utf-8")  # noqa: SIM115
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            # Closed from the start: nothing that is opened later may take its place.
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
        elif stream is getattr(sys, f"__{name}__"):
            setattr(sys, name, _ending(stream))


def flush_output() -> None:
    """Write what is still buffered.

    Raises:
        SystemExit: Nobody reads any more.
        OSError: It cannot be written.
    """
    for stream in (sys.stdout, sys.stderr):
        if not stream.closed:
            stream.flush()


def _ending(stream: io.TextIOWrapper) -> io.TextIOWrapper:
    stream.flush()
    buffer = io.BufferedWriter(_Output(stream.fileno(), "wb", closefd=False))
    lines, through = stream.line_buffering or stream.isatty(), stream.write_through
    return io.TextIOWrapper(buffer, stream.encoding, stream.errors, line_buffering=lines, write_through=through)
