"""Files: written so that a reader sees the old content or the new, read to a limit; and who else may read a key."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from mixedmode.errors import UsageError

PRIVATE = 0o600
"""Mode of files that hold private keys."""
OTHERS = stat.S_IRWXG | stat.S_IRWXO
"""Permissions that a private key's file must not give."""
MAX_KEY_FILE = 1 << 20
"""Bytes; no file of keys and certificates is larger."""
_NEW = ".new"
"""How the name of a file ends that takes another's place when it is whole."""
_PREFIX = 48
"""Letters of the other's name in it: a name that just fits leaves no room for more."""


def is_open_key(path: Path) -> bool:
    """Return whether others than its owner may read or change a file; a file that is not there is not open."""
    try:
        return bool(Path(path).stat().st_mode & OTHERS)
    except OSError:
        return False


def read_key_file(path: Path) -> bytes:
    """Return the content of a file of keys, certificates or a password.

    Raises:
        UsageError: It cannot be read or is too large.
    """
    return read_limited(path, MAX_KEY_FILE)[0]


def read_limited(path: Path, limit: int) -> tuple[bytes, datetime]:
    """Return a file's content and when it was last changed.

    Raises:
        UsageError: It cannot be read or has more than ``limit`` bytes.
    """
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
            modified = datetime.fromtimestamp(os.fstat(file.fileno()).st_mtime, UTC)
    except OSError as error:
        raise UsageError(
            f"cannot read it: {error.strerror}",
            where=str(path),
            code="unreadable",
            next_step="check the path and its permissions",
        ) from error
    return within(data, str(path), limit), modified


def within(data: bytes, name: str, limit: int) -> bytes:
    """Return bytes that are not too many.

    Raises:
        UsageError: They are; the error tells their ``name``.
    """
    if len(data) > limit:
        raise UsageError(f"more than {limit} bytes", where=name, code="too_large", next_step="check the file's name")
    return data


def write_atomic(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Write a file whole: temporary file in the same folder, fsync, rename, fsync of the folder.

    A device or a pipe, such as ``/dev/stdout``, is written to and not replaced: root would take it from everybody.

    Args:
        path: The file; its folder must exist.
        data: Its content.
        mode: Its permissions, set before the first byte is written.

    Raises:
        OSError: The folder does not exist, is full or is not writable, or others could read from the device what is
            private; the old file is untouched. The error names the path.
    """
    path = Path(path)
    special = _is_special(path)
    if special and not mode & OTHERS:
        raise OSError(errno.EINVAL, "it is no file that only its owner reads", str(path))
    try:
        if special:
            path.write_bytes(data)
        else:
            with _undisturbed():
                _replace(path, data, mode)
    except OSError as error:
        error.filename, error.filename2 = str(path), None
        raise


@contextmanager
def written_whole(path: Path) -> Iterator[TextIO]:
    """Give what a long text is written to; the file is there when the block ends well, and untouched if it does not.

    A device or a pipe is written to and not replaced, as by :func:`write_atomic`.

    Args:
        path: The file; its folder must exist.

    Raises:
        OSError: The folder does not exist, is full or is not writable. The error names the path.
    """
    with _naming(path):
        handle, new = (os.open(path, os.O_WRONLY), None) if _is_special(path) else _new_beside(path)
    try:
        with _naming(path), os.fdopen(handle, "w", encoding="utf-8", newline="", buffering=1 << 20) as file:
            if new is not None and hasattr(os, "fchmod"):  # Windows keeps no such permissions
                os.fchmod(handle, 0o644)
            yield file
        if new is not None:
            with _naming(path):
                new.replace(path)
    except BaseException:
        if new is not None:
            new.unlink(missing_ok=True)
        raise


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Have errors of a file that is written name it, and not the one that is to take its place."""
    try:
        yield
    except OSError as error:
        if error.filename is None or error.filename2 is not None or str(error.filename).endswith(_NEW):
            error.filename, error.filename2 = str(path), None
        raise


def _new_beside(path: Path) -> tuple[int, Path]:
    """Return a new file in the same folder, open to be written: what it is, and its path."""
    import tempfile

    handle, name = tempfile.mkstemp(prefix=f".{path.name[:_PREFIX]}.", suffix=_NEW, dir=path.parent)
    return handle, Path(name)


def _is_special(path: Path) -> bool:
    try:
        found = path.stat().st_mode
    except OSError:
        return False
    return not stat.S_ISREG(found) and not stat.S_ISDIR(found)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Have SIGTERM and SIGHUP, which end a command where it is, wait: no new file stays beside the old one."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows has no such signals
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _replace(path: Path, data: bytes, mode: int) -> None:
    handle, new = _new_beside(path)
    try:
        with os.fdopen(handle, "wb") as file:
            if hasattr(os, "fchmod"):  # Windows keeps no such permissions
                os.fchmod(handle, mode)
            file.write(data)
            file.flush()
            os.fsync(handle)
        new.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            new.unlink()
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Have the disk know which files are in a folder: a new one, however well written, is lost with its name else."""
    if not hasattr(os, "O_DIRECTORY"):
        return  # on Windows a folder cannot be opened
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
