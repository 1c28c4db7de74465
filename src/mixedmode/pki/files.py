"""Writing files so that a reader sees the old content or the new, never a part; and who else may read a key."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from pathlib import Path

PRIVATE = 0o600
"""Mode of files that hold private keys."""
OTHERS = stat.S_IRWXG | stat.S_IRWXO
"""Permissions that a private key's file must not give."""


def is_open_key(path: Path) -> bool:
    """Return whether others than its owner may read or change a file; a file that is not there is not open."""
    try:
        return bool(Path(path).stat().st_mode & OTHERS)
    except OSError:
        return False


def write_atomic(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Write a file whole: temporary file in the same folder, fsync, rename, fsync of the folder.

    Args:
        path: The file; its folder must exist.
        data: Its content.
        mode: Its permissions, set before the first byte is written.

    Raises:
        OSError: The folder does not exist, is full or is not writable; the old file is untouched.
    """
    path = Path(path)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".new", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(handle, mode)
            file.write(data)
            file.flush()
            os.fsync(handle)
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
