"""The files of a rescue: evidence that only grows, what people confirmed, and the catalogue of the package."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from mixedmode.errors import MalformedError, RemoteError, UsageError
from mixedmode.pki.files import PRIVATE, read_limited, sync_folder
from mixedmode.rescue.catalogue import Catalogue, Confirmation, read_catalogue
from mixedmode.rescue.chain import Evidence, hash_of, is_begun, line_of, read_evidence

LONGEST: Final = 512 << 20
"""Bytes of evidence: some 40,000 phones."""


class EvidenceFile:
    """A file of evidence, open to be written.

    Args:
        path: Of it, for messages.
        handle: The open file.
        found: What it held.
    """

    def __init__(self, path: Path, handle: int, found: Evidence) -> None:
        self.path, self.records = path, found.records
        self._handle, self._head, self._number = handle, found.head, len(found.records)

    @property
    def head(self) -> str:
        """The hash of the last line."""
        return self._head

    def write(self, event: str, fields: Mapping[str, Any], *, durable: bool = False) -> None:
        """Append a record; on the disk when this returns, if it shall be durable.

        Raises:
            OSError: The disk is full, or away.
        """
        line = line_of(self._number + 1, self._head, datetime.now(UTC), event, fields)
        begin = os.fstat(self._handle).st_size
        rest = memoryview(line)
        try:
            while rest:
                rest = rest[os.write(self._handle, rest) :]
            if durable:
                os.fsync(self._handle)
        except OSError:
            # Behind half a line, or one that is not counted, the next one would break the chain.
            os.ftruncate(self._handle, begin)
            raise
        self._number += 1
        self._head = hash_of(line)


@contextmanager
def evidence_file(path: Path) -> Iterator[EvidenceFile]:
    """Open evidence to be written, made with mode 0600 if it is not there; a line without its end is cut off.

    Raises:
        UsageError: It cannot be opened, is no plain file, or others may read it.
        MalformedError: It is something else, which stays as it is, or its chain is broken.
        RemoteError: Another process writes it.
    """
    try:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
        handle = os.open(path, flags, PRIVATE)
    except OSError as error:
        raise UsageError(f"the evidence cannot be written: {error.strerror}", where=str(path)) from error
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise UsageError("the evidence is no file", where=str(path), next_step="name a file that only you can read")
        _lock(handle, path)
        data = read_limited(path, LONGEST)[0]
        found = read_evidence(data, str(path))
        if not is_begun(data[found.length :], len(found.records) + 1):
            raise MalformedError(
                "this is no evidence",
                where=str(path),
                offset=found.length,
                next_step="name another file; this one is left as it is",
            )
        if found.length < len(data):
            os.ftruncate(handle, found.length)
        if not data:
            sync_folder(path.parent)
        with contextlib.suppress(AttributeError, OSError):
            os.fchmod(handle, PRIVATE)
        yield EvidenceFile(path, handle, found)
    finally:
        os.close(handle)


def _lock(handle: int, path: Path) -> None:
    try:
        import fcntl
    except ImportError:  # not on Unix: nobody is kept out
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise RemoteError(
            "another run writes this evidence", where=str(path), next_step="wait for its end, or stop it"
        ) from error


def read_file(path: Path) -> Evidence:
    """Read a file of evidence.

    Raises:
        UsageError: It cannot be read.
        MalformedError: It is none, or its chain is broken.
    """
    return read_evidence(read_limited(path, LONGEST)[0], str(path))


def catalogue(confirmed: Path | None) -> Catalogue:
    """Return the catalogue of the package, with what people confirmed.

    Args:
        confirmed: The file of walks; None or one that is not there: nobody confirmed anything.

    Raises:
        UsageError: It cannot be read.
        MalformedError: Its chain is broken.
    """
    text = files("mixedmode.rescue").joinpath("catalogue.toml").read_text(encoding="utf-8")
    found: list[Confirmation] = []
    if confirmed is not None and confirmed.exists():
        for record in read_file(confirmed).records:
            if record["event"] == "confirmed":
                try:
                    found.append(Confirmation.of(record.get("confirmation")))
                except MalformedError as error:
                    raise error.located(str(confirmed)) from error
    return read_catalogue(text, found)
