"""Where a command reads a file from: a path, ``-``, ``tftp://`` or ``http(s)://`` (command-line.md)."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from mixedmode.errors import MixedModeError, UsageError
from mixedmode.pki.files import read_limited, within

SOURCE_HELP = "A path, - for standard input, tftp://host[:port]/name, or http(s)://host[:port]/name."
_SCHEMES = frozenset({"tftp", "http", "https"})
DEFAULT_LIMIT = 8 << 20
"""Bytes; more than any trust list or configuration file."""
CA_FILE_VARIABLE = "MIXEDMODE_CA_FILE"
"""Environment variable: PEM file of the authorities or self-signed certificates that ``https://`` trusts."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """What was read.

    Attributes:
        name: For messages.
        data: The bytes.
        modified: When the file was last changed, if the source tells.
    """

    name: str
    data: bytes
    modified: datetime | None


def read_source(source: str, *, limit: int = DEFAULT_LIMIT) -> bytes:
    """Return the bytes of a SOURCE; see :func:`open_source`."""
    return open_source(source, limit=limit).data


def open_source(source: str, *, limit: int = DEFAULT_LIMIT) -> SourceFile:
    """Read a SOURCE whole.

    Args:
        source: A path, ``-`` or a URL.
        limit: Bytes at most.

    Raises:
        UsageError: The path cannot be read, the URL is no good, or there are too many bytes.
        RemoteError: The server does not answer, or does not have the file.
    """
    if not is_name(source):
        raise UsageError(f"no file can be called {source[:64]!r}", next_step="name a file, - or a URL")
    if source == "-":
        return SourceFile("standard input", within(sys.stdin.buffer.read(limit + 1), "standard input", limit), None)
    scheme = source.split("://", 1)[0].lower() if "://" in source else ""
    if scheme in _SCHEMES:
        return SourceFile(source, _download(source, limit), None)
    if scheme and not Path(source).exists():
        raise UsageError(f"unknown scheme {scheme}", where=source, next_step="use tftp://, http:// or https://")
    return SourceFile(source, *read_limited(Path(source), limit))


def is_name(text: str) -> bool:
    """Return whether a file can have that name: documents hold texts that no command line can."""
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False


def _download(url: str, limit: int) -> bytes:
    from mixedmode.phone.body.download import fetch_sync

    ca_file = os.environ.get(CA_FILE_VARIABLE)
    try:
        return fetch_sync(url, limit=limit, ca_file=Path(ca_file) if ca_file else None)
    except MixedModeError as error:
        raise error.located(url) from None
