"""What every ``run sql`` query is held to, whatever the database, and how its refusal reads."""

from __future__ import annotations

from typing import Final

from mixedmode.errors import UsageError

CELL_BYTES: Final = 1 << 20
"""The longest text or blob that a query may make; one call could otherwise take gigabytes."""
RESULT_CHARACTERS: Final = 16 << 20
"""Of all cells of a result together; what is beyond is cut as rows beyond their limit are."""

Found = tuple[tuple[str, ...], list[tuple[str, ...]], bool]
"""Columns, rows, and whether the result's size cut them."""


def refused(why: str, *, late: bool = False) -> UsageError:
    """Return the refusal of a query: it is wrong, would do more than read, or (``late``) took too long."""
    if late:
        return UsageError("the query took too long and was stopped", next_step="ask for less, or by an indexed column")
    return UsageError("the query was refused", why=why, next_step="write one SELECT over the cluster's tables")
