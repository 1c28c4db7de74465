"""What an audit is about when files are named in the place of hosts: a collected cluster, lists, listings of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from mixedmode.app.commands.auditing.where import is_file
from mixedmode.errors import MixedModeError, UsageError
from mixedmode.trustlist.kinds import looks_json

if TYPE_CHECKING:
    from mixedmode.live.observed import Observation

_LARGEST: Final = 256 << 20
_LARGEST_LISTING: Final = 4 << 20
STANDARD_INPUT: Final = "-"


def given(names: list[str]) -> Observation | None:
    """Return what the files say that are named; None if hosts are.

    Raises:
        MixedModeError: One cannot be read, or is something else, or hosts are named beside it.
    """
    files = [name for name in names if name == STANDARD_INPUT or _is_named(name)]
    if not files:
        return None
    if len(files) < len(names):
        other = next(name for name in names if name not in files)
        raise UsageError(
            f"{files[0]} is a file, and {other} is none",
            next_step="name hosts alone, or files alone; a CLUSTER.toml with --cluster FILE",
        )
    from datetime import UTC, datetime

    from mixedmode.audit.live.pasted import observation_of

    contents = [(_called(name), _content(name)) for name in dict.fromkeys(files)]
    if len(contents) == 1 and _may_be_collected(contents[0][1]):
        return _collected(*contents[0])
    return observation_of(contents, datetime.now(UTC))


def _is_named(name: str) -> bool:
    return not name.endswith(".toml") and is_file(name)


def _may_be_collected(data: bytes) -> bool:
    """Return whether a file is JSON, and not that of a list."""
    if not looks_json(data):
        return False
    if len(data) > _LARGEST_LISTING:
        return True
    try:
        read = json.loads(data)
    except (ValueError, RecursionError):
        return True
    return not (isinstance(read, dict) and "records" in read)


def _collected(name: str, data: bytes) -> Observation:
    from mixedmode.live.document import read_document

    try:
        return read_document(data.decode("utf-8", "replace"))
    except MixedModeError as error:
        raise error.located(name) from None


def _called(name: str) -> str:
    return "standard input" if name == STANDARD_INPUT else name


def _content(name: str) -> bytes:
    from mixedmode.app.targets.sources import open_source

    return open_source(name, limit=_LARGEST).data
