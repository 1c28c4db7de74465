"""A guided run on a cluster from outside, kept in a file: whatever cuts it off, it goes on from there.

Rules:

1. The file is written whole, before a command is typed and after it has ended, and is its owner's alone (0600). It has
   no passwords.
2. ``typed`` names the attempt whose command went out. A step that is being done and was not typed was not begun; one
   that was typed is judged by its effect, from ``marks``: what was so right before it.
3. One process at a time goes on with a run.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from mixedmode.causes import file_error
from mixedmode.errors import CheckFailedError, MalformedError, MixedModeError, UsageError
from mixedmode.guides.live.seeing.situation import Marks
from mixedmode.json_reader import read_json
from mixedmode.pki.files import write_atomic
from mixedmode.procedures.guided.document import document_of, run_of
from mixedmode.procedures.guided.run import Run

_FORMAT: Final = 1
_PRIVATE: Final = 0o600
_LONGEST: Final = 64 << 20


@dataclass(frozen=True, slots=True)
class Kept:
    """A run as the file has it.

    Attributes:
        cluster: The nodes' names, the publisher first.
        run: How far it is.
        marks: What was so right before the step that is being done, or was done last.
        typed: The attempt whose command went out; empty if none did.
        parts: Of a step that is done on several nodes, what became of each: ``typed``, ``done`` or why not.
        serving: The nodes whose file service answered when the run was planned.
        canary: Who was reset first for which list, and what came of it (:mod:`.canary`); empty if nobody was.
    """

    cluster: tuple[str, ...]
    run: Run
    marks: Marks = field(default_factory=Marks)
    typed: str = ""
    parts: Mapping[str, str] = field(default_factory=dict)
    serving: tuple[str, ...] = ()
    canary: Mapping[str, Any] = field(default_factory=dict)


class RunFile:
    """The file of a run.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> Kept | None:
        """Return the run, None if there is none.

        Raises:
            UsageError: The file cannot be read.
            MalformedError: It is no run's.
        """
        try:
            with self.path.open("rb") as file:
                data = file.read(_LONGEST + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise file_error(error) from error
        try:
            document = {"format": 0, **read_json(data)} if len(data) <= _LONGEST else {}
            _check_format(document)
            return Kept(
                tuple(map(str, document["cluster"])),
                run_of(document["run"]),
                Marks.of_document(document["marks"]),
                str(document["typed"]),
                {str(name): str(what) for name, what in document["parts"].items()},
                tuple(map(str, document["serving"])),
                dict(document.get("canary", {})),
            )
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, MixedModeError) as error:
            raise MalformedError(
                "the file of the guided run cannot be read",
                where=str(self.path),
                why=str(error),
                next_step="restore it, or move it away and begin anew: each step is then judged by what is so",
            ) from error

    def write(self, kept: Kept) -> Kept:
        """Write the run, and return it.

        Raises:
            UsageError: The file cannot be written.
        """
        document: dict[str, Any] = {
            "format": _FORMAT,
            "cluster": list(kept.cluster),
            "run": document_of(kept.run),
            "marks": kept.marks.document(),
            "typed": kept.typed,
            "parts": dict(kept.parts),
            "serving": list(kept.serving),
            "canary": dict(kept.canary),
        }
        try:
            write_atomic(self.path, json.dumps(document, indent=1).encode() + b"\n", mode=_PRIVATE)
        except OSError as error:
            raise file_error(error) from error
        return kept

    def put_aside(self, kept: Kept) -> None:
        """Move a run that is over out of the way; the change record may need it.

        Raises:
            UsageError: It cannot be moved.
        """
        moment = kept.run.planned.strftime("%Y%m%dT%H%M%SZ")
        try:
            self.path.replace(self.path.with_name(f"{self.path.stem}-{moment}{self.path.suffix}"))
        except OSError as error:
            raise file_error(error) from error

    @contextmanager
    def held(self) -> Iterator[bool]:
        """Keep other processes away while this one goes on with the run (rule 3).

        Yields:
            Whether they are kept away.

        Raises:
            CheckFailedError: Another one does.
            UsageError: The folder cannot be written.
        """
        try:
            import fcntl
        except ImportError:  # not on this system: whoever starts two of them sees the other's step being done
            yield False
            return
        lock = self.path.with_name(f".{self.path.name}.lock")
        try:
            file = os.open(lock, os.O_RDWR | os.O_CREAT, _PRIVATE)
        except OSError as error:
            raise file_error(error) from error
        try:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise CheckFailedError(
                    "another process goes on with this run", where=str(self.path), next_step="wait until it has left"
                ) from error
            yield True
        finally:
            os.close(file)


def _check_format(document: Mapping[str, Any]) -> None:
    if document.get("format") != _FORMAT:
        raise ValueError(f"it is not of format {_FORMAT}")


def check_cluster(kept: Kept, names: tuple[str, ...], path: Path) -> None:
    """Refuse to go on with a run of another cluster.

    Raises:
        UsageError: It is one.
    """
    if kept.cluster[:1] != names[:1]:
        raise UsageError(
            f"this run is about the publisher {kept.cluster[0]}, not {names[0]}",
            where=str(path),
            next_step="name its CLUSTER.toml, or another file with --state",
        )


def with_part(kept: Kept, name: str, what: str) -> Kept:
    """Return a run with what became of a part of its step."""
    return replace(kept, parts={**kept.parts, name: what})
