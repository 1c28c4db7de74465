"""A forecast that is kept: what was asked, what it rested on, and what came out, phone by phone."""

from __future__ import annotations

import gzip
import json
import os
import zlib
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mixedmode import __version__
from mixedmode.app.commands.forecasting.asked import STDIN, Asked, place
from mixedmode.causes import file_error
from mixedmode.errors import MalformedError, UsageError
from mixedmode.forecast.document import document
from mixedmode.inventory.kinds import PhoneKind, held_text
from mixedmode.json_reader import read_json
from mixedmode.phone.mind.fate.prospect import Fate

if TYPE_CHECKING:
    from mixedmode.app.commands.forecasting.evaluating import Made
    from mixedmode.app.commands.forecasting.fingerprints import Prints
    from mixedmode.forecast.tally import Cell

FORMAT: Final = "mixedmode-forecast"
VERSION: Final = 1
NOTHING: Final = Asked("")
"""What is asked without any option."""
_LARGEST: Final = 1 << 28
"""Bytes: ten times what a million phones are."""
State = tuple[Any, ...]
"""What is known of a phone, in JSON's values."""


class Phones:
    """Keeps each phone's state and outcome; names are grouped by them."""

    def __init__(self) -> None:
        self.groups: dict[int, tuple[Cell, list[str]]] = {}

    def __call__(self, name: str, cell: Cell) -> None:
        """Keep one."""
        group = self.groups.get(id(cell))
        if group is None:
            group = self.groups[id(cell)] = (cell, [])
        group[1].append(name)


@dataclass(frozen=True)
class Saved:
    """A kept forecast.

    Attributes:
        asked: What was asked.
        folder: What its names are relative to.
        made: When, ISO 8601 in UTC.
        sha256: Of the inventory's file.
        prints: What it rested on.
        outcomes: How many phones had which outcome.
        phones: State and outcome of each.
        labels: What the steps did, in words.
    """

    asked: Asked
    folder: Path
    made: str
    sha256: str
    prints: Prints
    outcomes: dict[Fate, int]
    phones: dict[str, tuple[State, Fate]] = field(repr=False)
    labels: tuple[str, ...] = ()


def state_of(kind: PhoneKind) -> State:
    """Return what is known of a phone, as it is kept."""
    told = None if kind.tvs_servers is None else " ".join(kind.tvs_servers) or "none"
    return (kind.model_name, held_text(kind.ctl), held_text(kind.itl), kind.mode, kind.pool, kind.lsc_issuer, told)


_TOLD: Final = "tvs_servers"
"""Left out where nobody tells it, as in files that were written before it was known."""
_STATE: Final = ("model", "ctl", "itl", "mode", "device_pool", "lsc_issuer", _TOLD)


def _document(state: State) -> dict[str, object]:
    found = dict(zip(_STATE, state, strict=True))
    return found if found[_TOLD] is not None else {name: found[name] for name in _STATE if name != _TOLD}


def save(path: Path, asked: Asked, made: Made, phones: Phones, extra: dict[str, Any]) -> None:
    """Write a forecast to a file, whole or not at all.

    Args:
        path: The file.
        asked: What was asked.
        made: What came out, with what it rests on.
        phones: Each phone.
        extra: What else was shown as JSON.

    Raises:
        UsageError: It cannot be written.
    """
    from mixedmode.pki.files import write_atomic

    where = Path(os.path.realpath(path)).parent
    text = {
        "format": FORMAT,
        "version": VERSION,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "made_by": f"mixedmode {__version__}",
        "folder": os.path.relpath(Path.cwd(), where),
        "asked": asked.document(),
        "inventory": {"file": asked.inventory, "sha256": made.sha256},
        "inputs": made.prints,
        "forecast": {**document(made.plan, made.cells), **extra},
        "phones": [
            {
                **_document(state_of(cell.forecast.kind)),
                "outcome": cell.forecast.outcome.value,
                "reason": cell.forecast.reason,
                "remedy": cell.remedy,
                "names": names,
            }
            for cell, names in phones.groups.values()
        ],
    }
    data = json.dumps(text, ensure_ascii=False, indent=1).encode("utf-8", "backslashreplace")
    try:
        write_atomic(path, gzip.compress(data, 6) if path.suffix == ".gz" else data + b"\n")
    except OSError as error:
        raise file_error(error) from error


def read(path: Path) -> Saved:
    """Return a kept forecast.

    Raises:
        UsageError: It cannot be read.
        MalformedError: It is no such file, or one of a later version.
    """
    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            data = (gzip.GzipFile(fileobj=file) if packed else file).read(_LARGEST + 1)
        if len(data) > _LARGEST:
            raise UsageError("it is too large for a kept forecast", where=str(path), code="too_large")
        found = read_json(data)
    except OSError as error:
        if isinstance(error, gzip.BadGzipFile):
            raise _wrong(path, error) from error
        raise file_error(error) from error
    except (ValueError, EOFError, RecursionError, zlib.error) as error:
        raise _wrong(path, error) from error
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise _wrong(path, ValueError(f"its format is not {FORMAT}"))
    if found.get("version") != VERSION:
        raise MalformedError(
            f"its version is {found.get('version')!r}, and this program reads {VERSION}",
            where=str(path),
            code="version",
            next_step="read it with the program that wrote it, or make the forecast anew",
        )
    try:
        return _saved(path, found)
    except (MalformedError, UsageError) as error:
        raise error.located(str(path)) from None
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise _wrong(path, error) from error


def _saved(path: Path, found: dict[str, Any]) -> Saved:
    phones: dict[str, tuple[State, Fate]] = {}
    for group in found["phones"]:
        known = tuple(group.get(name) if name == _TOLD else group[name] for name in _STATE), Fate(group["outcome"])
        phones |= dict.fromkeys(map(_text, group["names"]), known)
    outcomes = {fate: int(found["forecast"]["outcomes"][fate.value]) for fate in Fate}
    counted = Counter(fate for _, fate in phones.values())
    if any(outcomes[fate] != counted[fate] for fate in Fate):
        raise ValueError("its numbers are not those of its phones: somebody changed it")
    return Saved(
        Asked.of(found["asked"]),
        place(Path(os.path.realpath(path)).parent, _text(found["folder"])),
        _text(found["made"]),
        _text(found["inventory"]["sha256"]),
        {
            _text(kind): {_text(name): _text(value) for name, value in each.items()}
            for kind, each in found["inputs"].items()
        },
        outcomes,
        phones,
        tuple(_text(step["change"]) for step in found["forecast"]["steps"]),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _wrong(path: Path, error: Exception) -> MalformedError:
    return MalformedError(
        "this is no kept forecast",
        where=str(path),
        why=str(error) or type(error).__name__,
        next_step="give a file that mixedmode forecast --save wrote",
    )


def asked_again(saved: Saved, path: Path, inventory: str) -> tuple[Asked, Path]:
    """Return what to ask, and what its names are relative to.

    Args:
        saved: A kept forecast.
        path: Its file.
        inventory: The phones as they are now; empty for the same file as then.

    Raises:
        UsageError: The phones came from standard input, and nobody gives them again.
    """
    if inventory:
        again = inventory if inventory == STDIN else os.path.realpath(inventory)
        return replace(saved.asked, inventory=again), saved.folder
    if saved.asked.inventory == STDIN:
        raise UsageError(
            "its phones were read from standard input",
            where=str(path),
            next_step="give them again: --inventory FILE, or - for standard input",
        )
    return saved.asked, saved.folder
