"""A node's TFTP folder as SFTP shows it: one flat folder of whole files, behind asyncssh's SFTP server.

Rules:

1. A path is one name in the folder; ``..``, other folders and symbolic links do not exist here.
2. An upload is held in memory, bounded, and written when the client closes it: in one rename, after fsync. An upload
   that is cut off, is too long, or begins anywhere but at the start leaves nothing behind.
3. A hidden name (``.NAME.RANDOM.new``) is for what takes its name by a rename; hidden names are not listed.
4. What the system says of local paths is not told.
"""

from __future__ import annotations

import re
import stat
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final

import asyncssh

from mixedmode.cluster.store.folders import NodeFolder
from mixedmode.errors import MixedModeError

MAX_FILE: Final = 16 << 20
_NAME = re.compile(r"[A-Za-z0-9_.@+-]{1,200}")
_HIDDEN = re.compile(r"\.[A-Za-z0-9_.@+-]{1,150}\.[A-Za-z0-9]{6,64}\.new")
_WRITES: Final = asyncssh.FXF_WRITE | asyncssh.FXF_APPEND | asyncssh.FXF_CREAT | asyncssh.FXF_TRUNC
_FOLDER: Final = asyncssh.SFTPAttrs(permissions=stat.S_IFDIR | 0o755, size=0)


@dataclass(slots=True)
class OpenFile:
    """A file that a client has open.

    Attributes:
        name: In the folder.
        data: What is read, or was uploaded so far.
        writing: Whether it is an upload.
    """

    name: str
    data: bytearray = field(default_factory=bytearray)
    writing: bool = False


class FolderServer(asyncssh.SFTPServer):
    """One SFTP session on a node.

    Args:
        chan: Of the session.
        folder: The node's.
        limit: The longest file that is taken, bytes.
    """

    def __init__(
        self, chan: asyncssh.SSHServerChannel[bytes], folder: NodeFolder, limit: int = MAX_FILE, handles: int = 32
    ) -> None:
        super().__init__(chan)
        self._folder = folder
        self._limit = limit
        self._handles = handles
        self._open = 0
        self.stored = 0

    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> OpenFile:
        """Open a file to read it, or a new one to write it."""
        name = _name(path)
        if self._open >= self._handles:
            raise asyncssh.SFTPFailure("too many open files")
        if pflags & _WRITES:
            if pflags & asyncssh.FXF_EXCL and self._read(name) is not None:
                raise asyncssh.SFTPFailure("there is such a file already")
            found = OpenFile(name, writing=True)
        else:
            data = self._read(name)
            if data is None:
                raise asyncssh.SFTPNoSuchFile("no such file")
            found = OpenFile(name, bytearray(data))
        self._open += 1
        return found

    def open56(self, path: bytes, desired_access: int, flags: int, attrs: asyncssh.SFTPAttrs) -> OpenFile:
        """Refuse: only version 3 is spoken."""
        raise asyncssh.SFTPOpUnsupported("only SFTP version 3 is offered here")

    def read(self, file_obj: object, offset: int, size: int) -> bytes:
        """Return a part of a file."""
        return bytes(_opened(file_obj).data[offset : offset + min(size, 256 << 10)])

    def write(self, file_obj: object, offset: int, data: bytes) -> int:
        """Take a part of an upload."""
        found = _opened(file_obj)
        end = offset + len(data)
        if not found.writing:
            raise asyncssh.SFTPPermissionDenied("the file is open for reading")
        if end > self._limit:
            found.writing = False
            found.data.clear()
            raise asyncssh.SFTPFailure(f"a file has at most {self._limit} bytes")
        if end > len(found.data):
            found.data.extend(bytes(end - len(found.data)))
        found.data[offset:end] = data
        return len(data)

    def close(self, file_obj: object) -> None:
        """Write an upload (rule 2)."""
        found = _opened(file_obj)
        self._open -= 1
        # At the end of a connection the library closes what the client did not: that is an upload cut off.
        if not found.writing or self.channel.is_closing() or self.connection.is_closed():
            return
        self._store(found.name, bytes(found.data))
        self.stored += 1

    def fstat(self, file_obj: object) -> asyncssh.SFTPAttrs:
        """Return an open file's attributes."""
        return _attributes(len(_opened(file_obj).data), None)

    def stat(self, path: bytes) -> asyncssh.SFTPAttrs:
        """Return a file's attributes."""
        if _is_root(path):
            return _FOLDER
        name = _name(path)
        data = self._read(name)
        if data is None:
            raise asyncssh.SFTPNoSuchFile("no such file")
        return _attributes(len(data), self._folder.modified(name))

    def lstat(self, path: bytes) -> asyncssh.SFTPAttrs:
        """Return a file's attributes; there are no links."""
        return self.stat(path)

    async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        """Yield the files, without hidden ones."""
        if not _is_root(path):
            raise asyncssh.SFTPNoSuchFile("no such folder")
        for name in self._folder.names():
            yield asyncssh.SFTPName(name.encode(), attrs=self.stat(name.encode()))

    def remove(self, path: bytes) -> None:
        """Delete a file."""
        name = _name(path)
        if self._read(name) is None:
            raise asyncssh.SFTPNoSuchFile("no such file")
        self._store(name, None)

    def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        """Give a file another name, in the place of a file that has it."""
        old, new = _name(oldpath), _name(newpath)
        data = self._read(old)
        if data is None:
            raise asyncssh.SFTPNoSuchFile("no such file")
        self._store(new, data)
        self._store(old, None)

    def rename(self, oldpath: bytes, newpath: bytes) -> None:
        """Give a file another name that is free."""
        if self._read(_name(newpath)) is not None:
            raise asyncssh.SFTPFailure("there is such a file already")
        self.posix_rename(oldpath, newpath)

    def realpath(self, path: bytes) -> bytes:
        """Return the path as it is shown: the folder is the root."""
        return b"/" if _is_root(path) else b"/" + path.strip(b"/")

    def setstat(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> None:
        """Ignore: a served file's owner, mode and times are the node's."""
        _name(path)

    def fsetstat(self, file_obj: object, attrs: asyncssh.SFTPAttrs) -> None:
        """Ignore."""

    def lsetstat(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> None:
        """Ignore."""
        _name(path)

    def fsync(self, file_obj: object) -> None:
        """Do nothing: what is closed is on the disk."""

    def mkdir(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> None:
        """Refuse."""
        raise _refused()

    def rmdir(self, path: bytes) -> None:
        """Refuse."""
        raise _refused()

    def symlink(self, oldpath: bytes, newpath: bytes) -> None:
        """Refuse."""
        raise _refused()

    def link(self, oldpath: bytes, newpath: bytes) -> None:
        """Refuse."""
        raise _refused()

    def readlink(self, path: bytes) -> bytes:
        """Refuse."""
        raise _refused()

    def statvfs(self, path: bytes) -> asyncssh.SFTPVFSAttrs:
        """Refuse."""
        raise _refused()

    def fstatvfs(self, file_obj: object) -> asyncssh.SFTPVFSAttrs:
        """Refuse."""
        raise _refused()

    def _read(self, name: str) -> bytes | None:
        path = self._folder.tftp / name
        if path.is_symlink():
            return None
        try:
            return self._folder.read(name)
        except MixedModeError as error:
            raise asyncssh.SFTPFailure("the node cannot read the file") from error

    def _store(self, name: str, data: bytes | None) -> None:
        try:
            self._folder.write(name, data)
        except MixedModeError as error:
            full = error.code == "disk-full"
            raise asyncssh.SFTPFailure(NO_SPACE if full else "the node cannot write the file") from error


NO_SPACE: Final = "no space left on the node's disk"
"""The text of a failure for want of space; version 3 has no status of its own for it."""


def _refused() -> asyncssh.SFTPError:
    return asyncssh.SFTPOpUnsupported("only files of one folder are offered here")


def _is_root(path: bytes) -> bool:
    return path in {b"", b".", b"/", b"/."}


def _name(path: bytes) -> str:
    text = path.decode("utf-8", "replace").removeprefix("/").removeprefix("./")
    hidden = text.startswith(".")
    if not (_HIDDEN if hidden else _NAME).fullmatch(text) or text in {".", ".."}:
        raise asyncssh.SFTPPermissionDenied("only files of one folder are offered here")
    return text


def _opened(file_obj: object) -> OpenFile:
    if not isinstance(file_obj, OpenFile):
        raise asyncssh.SFTPFailure("the file is not open")
    return file_obj


def _attributes(size: int, modified: float | None) -> asyncssh.SFTPAttrs:
    moment = int(modified or 0)
    return asyncssh.SFTPAttrs(size=size, permissions=stat.S_IFREG | 0o644, atime=moment, mtime=moment)
