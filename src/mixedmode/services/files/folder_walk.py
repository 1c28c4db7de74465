"""A folder's files: each with the name that it is asked for by, and what is left out with the reason.

Rules:

1. A name has up to two directories. What lies deeper can only be found by a mapping (:mod:`.flat_names`).
2. A link, to a file or to a folder, leads to a place inside the folder or is left out. A linked folder is served under
   the link's name too, unless it is a folder that the link is in.
3. What cannot be read, or is no file, is left out; the rest is served all the same.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from typing import Final

from mixedmode.errors import UsageError
from mixedmode.printable import printable
from mixedmode.services.files.disk_files import Identity
from mixedmode.services.files.file_names import DIRECTORY_LIMIT, is_possible

_DEEPEST: Final = 8
_MOST_NAMES: Final = 1_000_000
_OUTSIDE: Final = "a link that leads out of the folder"
_IMPOSSIBLE: Final = "a name that cannot be asked for"


@dataclass(frozen=True, slots=True)
class Place:
    """A file of the folder.

    Attributes:
        path: Its real path.
        identity: What it is now.
    """

    path: str
    identity: Identity


@dataclass(slots=True)
class Found:
    """What is in a folder.

    Attributes:
        files: Names, with slashes, to files; those that lie too deep as well.
        folders: Names of the folders, all but the root itself.
        left_out: Names that are not served, with the reason.
    """

    files: dict[str, Place] = field(default_factory=dict)
    folders: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)


def shown_name(name: str) -> str:
    """Return a name from the disk as a text that can be shown: what is no UTF-8, or moves a cursor, as escapes."""
    return printable(name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace"))


def walk(folder: str) -> Found:
    """Return what is in a folder.

    Raises:
        UsageError: It cannot be read.
    """
    root = os.path.realpath(folder)
    try:
        os.scandir(root).close()
    except OSError as error:
        raise UsageError(f"The folder cannot be read: {error.strerror}", where=folder) from error
    found = Found()
    _Walk(found, root).enter(root, "", (root,), linked=False)
    return found


class _Walk:
    def __init__(self, found: Found, root: str) -> None:
        self._found = found
        self._root = root

    def enter(self, directory: str, prefix: str, ancestors: tuple[str, ...], *, linked: bool) -> None:
        """Take what is in a directory.

        Args:
            directory: Its real path.
            prefix: Its name, with a slash at the end; empty for the root.
            ancestors: Real paths of the directories that this one was reached through, and its own.
            linked: Whether one of them was reached by a link.
        """
        try:
            with os.scandir(directory) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            self._leave_out(prefix.rstrip("/"), error.strerror or "cannot be read")
            return
        for entry in entries:
            name, is_link = prefix + entry.name, entry.is_symlink()
            path = os.path.realpath(entry.path) if is_link else entry.path
            try:
                status = os.lstat(path)
            except OSError as error:
                self._leave_out(name, "a link to nothing" if is_link else error.strerror or "gone")
                continue
            if stat.S_ISLNK(status.st_mode):
                self._leave_out(name, "a link to nothing")
            elif stat.S_ISDIR(status.st_mode):
                self._folder(name, path, ancestors, linked=linked or is_link)
            else:
                self._file(name, path, status)

    def _folder(self, name: str, path: str, ancestors: tuple[str, ...], *, linked: bool) -> None:
        # Linked folders may lead to each other, so that every level would multiply them: they are not followed deeper.
        deepest = DIRECTORY_LIMIT if linked else _DEEPEST
        if not self._is_inside(path):
            self._leave_out(name, _OUTSIDE)
        elif path in ancestors:
            self._leave_out(name, "a link to a folder that it is in")
        elif not is_possible(name):
            self._leave_out(name, _IMPOSSIBLE)
        elif name.count("/") >= deepest:
            self._leave_out(name, f"a folder in more than {deepest} others")
        else:
            self._found.folders.append(name)
            self.enter(path, f"{name}/", (*ancestors, path), linked=linked)

    def _file(self, name: str, path: str, status: os.stat_result) -> None:
        if not self._is_inside(path):
            self._leave_out(name, _OUTSIDE)
        elif not stat.S_ISREG(status.st_mode):
            self._leave_out(name, "not a regular file")
        elif not is_possible(name):
            self._leave_out(name, _IMPOSSIBLE)
        elif len(self._found.files) >= _MOST_NAMES:
            self._found.left_out["..."] = f"the folder has more than {_MOST_NAMES} names"
        else:
            self._found.files[name] = Place(path, Identity.of(status))

    def _is_inside(self, path: str) -> bool:
        return path.startswith(self._root.rstrip("/") + "/") or path == self._root

    def _leave_out(self, name: str, reason: str) -> None:
        if len(self._found.left_out) < _MOST_NAMES:
            self._found.left_out[shown_name(name)] = reason
