"""What a forecast was asked, as it can be written down and asked again from another folder, on another day."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from mixedmode.app.targets.sources import is_name
from mixedmode.errors import MalformedError, UsageError

STDIN = "-"
_READ_OF_FOLDERS = frozenset({".tlv", ".pem", ".crt", ".cer", ".der"})
CLUSTER = "cluster"
"""In the place of an inventory's file: what the cluster itself knows of its phones."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The options that decide what comes out.

    Attributes:
        inventory: The phones; ``-`` is standard input, ``cluster`` the cluster's own database.
        steps: The options that make steps, in order.
        plan: The TOML file with more steps.
        lists: Where hashes are looked up.
        tvs: How TVS answers; None: as the TOML file says, else ``up``.
        tvs_trust: What TVS vouches for.
        policy: Answers to open questions.
        both_ways: Whether each setting is evaluated both ways.
        directory: The lab that it is about.
        config: The settings file of the node that it is about.
        skip_bad_rows: Whether bad rows are counted and left out.
    """

    inventory: str
    steps: tuple[tuple[str, str], ...] = ()
    plan: str | None = None
    lists: tuple[str, ...] = ()
    tvs: str | None = None
    tvs_trust: tuple[str, ...] = ()
    policy: tuple[str, ...] = ()
    both_ways: bool = False
    directory: str | None = None
    config: str | None = None
    skip_bad_rows: bool = False

    @property
    def wants_cluster(self) -> bool:
        """Whether it is about a cluster."""
        operated = any(name == "operation" for name, _ in self.steps)
        return operated or self.inventory == CLUSTER or bool(self.directory or self.config)

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        return asdict(self)

    @classmethod
    def of(cls, document: object) -> Asked:
        """Return what a document says.

        Raises:
            MalformedError: It is none of these.
        """
        if not isinstance(document, Mapping) or set(document) - {each.name for each in fields(cls)}:
            raise MalformedError("what was asked cannot be read")
        found: dict[str, Any] = dict(document)
        try:
            found["steps"] = tuple((name, value) for name, value in found.get("steps", ()))
            for name in ("lists", "tvs_trust", "policy"):
                found[name] = tuple(found.get(name, ()))
            asked = cls(**found)
        except (TypeError, ValueError) as error:
            raise MalformedError("what was asked cannot be read", why=str(error)) from error
        texts = [asked.inventory, *(text for step in asked.steps for text in step)]
        texts += [*asked.lists, *asked.tvs_trust, *asked.policy]
        maybe = [asked.plan, asked.tvs, asked.directory, asked.config]
        if not all(isinstance(text, str) for text in (*texts, *("" if each is None else each for each in maybe))):
            raise MalformedError("what was asked cannot be read", why="a name is no text")
        if not (isinstance(asked.both_ways, bool) and isinstance(asked.skip_bad_rows, bool)):
            raise MalformedError("what was asked cannot be read", why="a switch is neither true nor false")
        return asked


def place(folder: Path, text: str) -> Path:
    """Return the path of a name that is relative to a folder.

    Raises:
        UsageError: No file can have that name.
    """
    if not is_name(text):
        raise UsageError(f"no file can be called {text[:64]!r}", next_step="name a file")
    return Path(text) if folder == Path() else folder / text


def check_outputs(asked: Asked, outputs: Mapping[str, Path | None]) -> None:
    """Refuse to write over what is read, or twice into one file.

    Args:
        asked: What is read.
        outputs: By option what is written; None: nothing.

    Raises:
        UsageError: It would.
    """
    written = {option: path for option, path in outputs.items() if path is not None}
    for option, path in written.items():
        if str(path) == STDIN:
            raise UsageError(f"{option}: - is no file", next_step=f"name one, or write {option} /dev/stdout")
    for (option, path), (what, text) in itertools.product(written.items(), _read_by(asked)):
        if text not in {"", STDIN, CLUSTER} and _is_same(path, Path(text)):
            raise UsageError(f"{option} would write over {what}", where=str(path), next_step="name another file")
    for (one, path), (two, other) in itertools.combinations(written.items(), 2):
        if _is_same(path, other):
            raise UsageError(f"{one} and {two} are one file", where=str(path), next_step="name another one")


def _read_by(asked: Asked) -> Iterator[tuple[str, str]]:
    """Yield what is read, in words, and its name."""
    yield "the inventory", asked.inventory
    yield "the plan", asked.plan or ""
    yield from (("what --lists reads", each) for each in asked.lists)
    yield from (("what --tvs-trust reads", each) for each in asked.tvs_trust)
    for name, text in asked.steps:
        parts = text.split(";") if name == "step" else [f"{name}:{text}"]
        for part in parts:
            key, _, value = part.partition(":")
            if key.strip() == "publish":
                yield from (("what is published", each.strip()) for each in (value, *value.split(",")))


def _is_same(one: Path, two: Path) -> bool:
    """Return whether two names are one file, through links too, or one is read of a folder's; a device is no file."""
    try:
        there, other = (Path(os.path.realpath(each)) for each in (one, two))
        if there.exists() and not there.is_file():
            return False
        if other.is_dir():
            return there.is_file() and other in there.parents and _is_read(there)
        return there == other or (there.is_file() and other.is_file() and there.samefile(other))
    except (OSError, ValueError):
        return False


def _is_read(path: Path) -> bool:
    """Return whether a file of a folder is one that folders are given for: others may stand beside it."""
    return path.suffix.lower() in _READ_OF_FOLDERS or path.name in {"phones.csv", "index.json"}
