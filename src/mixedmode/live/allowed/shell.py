"""Which lines of the ``admin:`` prompt read and nothing else."""

from __future__ import annotations

import re
from typing import Final

from mixedmode.live.allowed.refusal import refused
from mixedmode.live.allowed.sql import check_sql

LONGEST: Final = 4096
_RUN_SQL: Final = "run sql "
_READING: Final = re.compile(r"(show [\w ./:+-]+|file list [\w ./:*+-]+|utils service list( page)?)")


def check_line(line: str) -> None:
    """Check that a line only reads: ``show``, ``run sql select``, ``file list``, ``utils service list``.

    Raises:
        NotAllowedError: It may do something else.
    """
    if len(line) > LONGEST or not line.isascii() or not line.isprintable() or line != line.strip():
        raise refused(line, "a line is printable ASCII, without blanks around it")
    if line.startswith(_RUN_SQL):
        statement = line.removeprefix(_RUN_SQL)
        if not statement.lower().startswith("select "):
            raise refused(line, "of run sql only select reads")
        check_sql(statement)
    elif not _READING.fullmatch(line):
        raise refused(line, "only show, run sql select, file list and utils service list read")
