"""Files that stay on the disk: read a piece at a time, by as many clients as there are.

Rules:

1. A file is what it was when it was looked up: its place on the disk, its size and the time of its last change. Once
   one of these differs, reading it is an error, so that nobody gets the beginning of one file and the end of another.
2. Descriptors are bounded, whatever clients ask for: the file that was read longest ago is closed first, and opened
   again if it is still the same.
3. A file is opened at its real path and is never a link, a pipe or a device.
"""

from __future__ import annotations

import errno
import os
import stat
from threading import RLock
from typing import Final, NamedTuple

from mixedmode.protocols.tftp.blocks import LostContentError
from mixedmode.protocols.tftp.netascii import NetasciiFile

_DESCRIPTORS: Final = 64
_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Identity(NamedTuple):
    """What makes a file the one that it is (rule 1)."""

    device: int
    inode: int
    size: int
    changed: int

    @classmethod
    def of(cls, status: os.stat_result) -> Identity:
        """Return the identity of a file."""
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


class OpenFiles:
    """The descriptors of one folder's files (rule 2). May be used by several threads."""

    def __init__(self, limit: int = _DESCRIPTORS) -> None:
        self._limit = limit
        self._open: dict[int, int] = {}
        self._lock = RLock()

    def __len__(self) -> int:
        return len(self._open)

    def read(self, file: DiskFile, offset: int, size: int) -> bytes:
        """Return ``size`` bytes of a file, fewer at its end only.

        Raises:
            LostContentError: It is not the file that it was, or cannot be read.
        """
        try:
            with self._lock:
                descriptor = self._open.pop(id(file), None)
                if descriptor is None:
                    descriptor = os.open(file.path, _FLAGS)
                # The last one is the one that was used last.
                self._open[id(file)] = descriptor
                while len(self._open) > self._limit:
                    os.close(self._open.pop(next(iter(self._open))))
                if not file.is_at(descriptor):
                    self.close(file)
                    raise _lost(file, "it has changed since it was asked for")
                data = os.pread(descriptor, size, offset)
        except OSError as error:
            raise _lost(file, error.strerror or "it cannot be read") from error
        if len(data) != max(0, min(size, file.size - offset)):
            raise _lost(file, "it has become shorter")
        return data

    def close(self, file: DiskFile) -> None:
        """Close a file, if it is open."""
        with self._lock:
            descriptor = self._open.pop(id(file), None)
        if descriptor is not None:
            os.close(descriptor)


class DiskFile:
    """One file on the disk.

    Args:
        path: Its real path.
        identity: What it was when it was looked up.
        open_files: The descriptors that it shares.
    """

    __slots__ = ("_identity", "_open_files", "as_text", "path")

    def __init__(self, path: str, identity: Identity, open_files: OpenFiles) -> None:
        self.path = path
        self._identity = identity
        self._open_files = open_files
        self.as_text: NetasciiFile | None = None
        """The file as mode netascii sends it, once :meth:`prepare_text` was called."""

    def __del__(self) -> None:
        self._open_files.close(self)

    @property
    def size(self) -> int:
        """Bytes in it."""
        return self._identity.size

    @property
    def tag(self) -> str:
        """A text that differs as soon as the file does."""
        return "-".join(f"{each:x}" for each in self._identity[1:])

    def read(self, offset: int, size: int) -> bytes:
        """Return ``size`` bytes, fewer at the end only.

        Raises:
            LostContentError: It is not the file that it was, or cannot be read.
        """
        return self._open_files.read(self, offset, size)

    def is_at(self, place: int | str) -> bool:
        """Tell whether a descriptor, or the file at a path, is this file."""
        status = os.fstat(place) if isinstance(place, int) else os.lstat(place)
        return stat.S_ISREG(status.st_mode) and Identity.of(status) == self._identity

    def now(self) -> DiskFile | None:
        """Return the file that is in this place now: this one, another, or none."""
        try:
            status = os.lstat(self.path)
        except OSError:
            return None
        if not stat.S_ISREG(status.st_mode):
            return None
        identity = Identity.of(status)
        return self if identity == self._identity else DiskFile(self.path, identity, self._open_files)

    def prepare_text(self) -> None:
        """Read the file once, to know how long it is in mode netascii. May take its time.

        Raises:
            LostContentError: It is not the file that it was, or cannot be read.
        """
        if self.as_text is None:
            self.as_text = NetasciiFile(self)


FileData = bytes | DiskFile
"""What a store serves under a name."""


def read_small(path: str, size: int) -> bytes:
    """Return the content of a file that had ``size`` bytes a moment ago.

    Raises:
        OSError: It is a link, or cannot be read, or grew in this moment.
    """
    descriptor = os.open(path, _FLAGS)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        data = file.read(size + 1)
    if len(data) > size:
        raise OSError(errno.EAGAIN, "it is being written")
    return data


def on_disk(path: str, identity: Identity, open_files: OpenFiles) -> DiskFile:
    """Return a file that stays on the disk.

    Raises:
        OSError: It cannot be read.
    """
    os.close(os.open(path, _FLAGS))
    return DiskFile(path, identity, open_files)


def _lost(file: DiskFile, why: str) -> LostContentError:
    return LostContentError("The file cannot be served", where=file.path, why=why, next_step="Ask for it again.")
