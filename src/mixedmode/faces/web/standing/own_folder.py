"""A folder in the temporary directory that goes with its owner, or with the next one if that was killed.

The owner holds a lock in it. A folder whose lock nobody holds is of a process that is gone, in whatever container.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

_LOCK: Final = "lock"
_NEW_SECONDS: Final = 60.0
"""A folder is made before it is locked."""


def make_folder(prefix: str) -> tuple[Path, Callable[[], None]]:
    """Make a folder, and remove those of the same prefix whose owners are gone; return it, and what removes it.

    Args:
        prefix: Of its name.
    """
    place = Path(tempfile.gettempdir())
    for left in place.glob(f"{prefix}*"):
        with contextlib.suppress(OSError):
            _remove_left(left)
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    lock = os.open(folder / _LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)

    def remove() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)

    return folder, remove


def _remove_left(folder: Path) -> None:
    """Remove a folder of our own whose owner is gone.

    Raises:
        OSError: It is no such folder, or its owner is there.
    """
    found = folder.lstat()
    if found.st_uid != os.geteuid() or time.time() - found.st_mtime < _NEW_SECONDS or folder.is_symlink():
        return
    try:
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        folder.rmdir()  # its owner was killed before there was a lock, and anything else in it
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(lock)
