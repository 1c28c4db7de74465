"""Which names a regular expression matches, found in a process of its own.

An expression such as ``(a+)+$`` can keep Python busy for years, and while it does nothing else in the process runs:
no login, no TFTP. So another process tries it, for a short time, then it is killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Sequence

from mixedmode.errors import UsageError

TIME_LIMIT = 3.0
"""Seconds."""
_LONGEST = 256
"""Characters of an expression."""
_PROGRAM = """
import re, sys
expression, *names = sys.stdin.buffer.read().decode("utf-8", "surrogateescape").split("\\0")
try:
    search = re.compile(expression).search
except (re.error, OverflowError, RecursionError) as error:
    sys.exit(str(error))
print("\\n".join(str(at) for at, name in enumerate(names) if search(name)))
"""


async def matching(expression: str, names: Sequence[str]) -> set[int]:
    """Return the positions of the names in which the expression is found.

    Raises:
        UsageError: It is no regular expression, or trying it takes too long.
    """
    if "\0" in expression:
        raise UsageError("a regular expression has no NUL", next_step="match cucm.*[.]log")
    if len(expression) > _LONGEST:
        raise UsageError(f"a regular expression has up to {_LONGEST} characters", where=expression[:20])
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-S", "-c", _PROGRAM, stdin=pipe, stdout=pipe, stderr=pipe
    )
    text = "\0".join((expression, *names)).encode("utf-8", "surrogateescape")
    try:
        async with asyncio.timeout(TIME_LIMIT):
            out, error = await process.communicate(text)
    except TimeoutError:
        raise UsageError(
            "the regular expression takes too long", where=expression, next_step="write a simpler one"
        ) from None
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    if process.returncode:
        why = error.decode(errors="replace").strip()
        raise UsageError(f"{expression!r} is no regular expression", why=why, next_step="match cucm.*[.]log")
    return {int(at) for at in out.split()}
