"""Words that options of several commands take: choices, times."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from mixedmode.errors import UsageError

if TYPE_CHECKING:
    from mixedmode.trustlist import Layout

T = TypeVar("T")


def one_of(option: str, text: str, choices: Mapping[str, T]) -> T:
    """Return what an option's value means, in upper or lower case.

    Raises:
        UsageError: There is no such choice.
    """
    if text.lower() not in choices:
        raise UsageError(f"{option} {text!r} is unknown", next_step=f"use one of: {', '.join(choices)}")
    return choices[text.lower()]


def layout_of(text: str) -> Layout:
    """Return the layout of ``--layout``."""
    from mixedmode.trustlist import Layout

    return one_of("--layout", text, {layout.value: layout for layout in Layout})


def timestamp_of(text: str | None) -> int:
    """Return the seconds since 1970 of ``--timestamp``: ISO 8601, UTC if it says no zone; now without it."""
    if text is None:
        return int(datetime.now(UTC).timestamp())
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            f"--timestamp {text!r} is no ISO 8601 time", next_step="write 2015-03-06T19:45:13+01:00"
        ) from error
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
