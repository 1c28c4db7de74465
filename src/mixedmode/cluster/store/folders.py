"""A node's files: two partitions of served files and logs, and its private keys.

::

    NODE/active -> a            the active partition, swapped by rename
    NODE/a/log/cm/tftpdata/     "file list tftp", also "activelog cm/tftpdata"
    NODE/b/...                  the inactive partition
    NODE/keys/                  private keys, 0700, each file 0600
    NODE/install/               "file list install"

Rules:

1. Files change only through :func:`write_atomic`: a reader sees the old file or the new one, whole.
2. Writing what is there already changes nothing, so a repeated step keeps the file's date.
3. Names are flat; nothing outside of the folder can be named.
4. Keys lie outside of what ``file view activelog`` can reach.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from mixedmode.cluster.model.errors import NodeDownError
from mixedmode.errors import MixedModeError, UsageError
from mixedmode.pki.files import PRIVATE, write_atomic

PARTITIONS = ("a", "b")
DATABASE_FILE = "cluster.db"
"""The embedded database, beside the folders of its nodes."""


class NodeFolder:
    """The folder of one node.

    Args:
        root: The folder; :meth:`create` makes it.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def create(self, *, mirror: bool = False) -> NodeFolder:
        """Make the folder, with partition ``a`` active; does nothing to one that exists.

        Args:
            mirror: Of a node on another host: the publisher's copy of its served files, without keys.
        """
        with self._reported("make the folder"):
            for partition in PARTITIONS:
                for place in ("log/cm/tftpdata", "log/cm/trace"):
                    (self.root / partition / place).mkdir(parents=True, exist_ok=True)
            (self.root / "install").mkdir(exist_ok=True)
            if not mirror:
                (self.root / "keys").mkdir(exist_ok=True)
                (self.root / "keys").chmod(0o700)
            if not (self.root / "active").is_symlink():
                self._link("a")
        return self

    @property
    def is_here(self) -> bool:
        """Whether the node lives on this host; another host's node is reached through its services only."""
        return self.keys.is_dir()

    @property
    def active(self) -> str:
        """The active partition: ``a`` or ``b``."""
        return str((self.root / "active").readlink())

    @property
    def inactive(self) -> str:
        """The other partition."""
        return "b" if self.active == "a" else "a"

    @property
    def tftp(self) -> Path:
        """The folder that TFTP and HTTP serve; stays the same path when partitions are switched."""
        return self.root / "active" / "log" / "cm" / "tftpdata"

    @property
    def keys(self) -> Path:
        """The folder of private keys."""
        return self.root / "keys"

    def area(self, name: str) -> Path:
        """Return the folder behind ``activelog``, ``inactivelog``, ``install`` or ``tftp`` of the ``file`` commands.

        Raises:
            UsageError: There is no such area.
        """
        places = {
            "activelog": self.root / "active" / "log",
            "inactivelog": self.root / self.inactive / "log",
            "install": self.root / "install",
            "tftp": self.tftp,
        }
        if name not in places:
            raise UsageError(f"there is no area {name!r}", next_step=f"one of: {', '.join(places)}")
        return places[name]

    def read(self, name: str, *, partition: str | None = None) -> bytes | None:
        """Return a served file, None if there is none."""
        path = self._served(name, partition)
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._failure("read", name, error) from error

    def modified(self, name: str) -> float | None:
        """Return when a served file was written, seconds since 1970."""
        try:
            return self._served(name, None).stat().st_mtime
        except OSError:
            return None

    def names(self) -> list[str]:
        """Return the names of the served files."""
        return sorted(entry.name for entry in self.tftp.iterdir() if entry.is_file() and entry.name[0] != ".")

    def write(self, name: str, data: bytes | None, *, partition: str | None = None) -> None:
        """Write a served file, or delete it when there is no data (rules 1 and 2).

        Raises:
            NodeDownError: The disk is full or the folder cannot be written; the old file is untouched.
        """
        path = self._served(name, partition)
        if self.read(name, partition=partition) == data:
            return
        with self._reported(f"write {name}"):
            if data is None:
                path.unlink(missing_ok=True)
                _sync_folder(path.parent)
            else:
                write_atomic(path, data)

    def write_key(self, name: str, pem: bytes) -> None:
        """Write a private key, 0600 from its first byte on."""
        with self._reported("write a private key"):
            write_atomic(self.keys / _flat(name), pem, mode=PRIVATE)

    def remove_key(self, name: str) -> None:
        """Remove a private key, if it is there."""
        with self._reported("remove a private key"):
            (self.keys / _flat(name)).unlink(missing_ok=True)

    def key_names(self) -> list[str]:
        """Return the names of the private keys' files."""
        return sorted(entry.name for entry in self.keys.glob("*.pem"))

    def activate(self, partition: str) -> None:
        """Make a partition the active one, in one rename."""
        with self._reported("switch partitions"):
            if self.active != partition:
                self._link(partition)

    def clean(self) -> None:
        """Remove temporary files that a killed process left behind."""
        if not self.root.is_dir():
            return
        for folder in (self.keys, *(self.root / p / "log/cm/tftpdata" for p in PARTITIONS)):
            for leftover in folder.glob(".*.new"):
                with contextlib.suppress(OSError):
                    leftover.unlink()

    def _link(self, partition: str) -> None:
        new = self.root / ".active.new"
        new.unlink(missing_ok=True)
        new.symlink_to(partition)
        new.replace(self.root / "active")
        _sync_folder(self.root)

    def _served(self, name: str, partition: str | None) -> Path:
        folder = self.tftp if partition is None else self.root / partition / "log" / "cm" / "tftpdata"
        return folder / _flat(name)

    @contextlib.contextmanager
    def _reported(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self._failure(what, None, error) from error

    def _failure(self, what: str, name: str | None, error: OSError) -> MixedModeError:
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        return NodeDownError(
            f"node {self.root.name} could not {what}{f' {name}' if name else ''}: {error.strerror}",
            where=str(self.root),
            code="disk-full" if full else None,
            next_step="free space on the node and try again" if full else "check the node's folder and permissions",
        )


def _flat(name: str) -> str:
    if not name or name in {".", ".."} or "/" in name or "\0" in name:
        raise UsageError(f"{name!r} is no file name")
    return name


def _sync_folder(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
