"""What the file services serve: names, the folder behind them, and files cut into packets.

Rules enforced here (wire-formats.md 7): a name is flat or has up to two directories; "..", absolute names,
backslashes, control characters and over-long names are refused; a folder is read into memory when the
service starts, so a changed file is served after a reload or restart, as in CUCM; symbolic links are
followed only to places inside the folder; ``CTLSEP<MAC>.tlv`` and ``ITLSEP<MAC>.tlv`` stand for
``CTLFile.tlv`` and ``ITLFile.tlv`` when there is no file of that very name (phone-trust.md 1.1).
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Protocol, runtime_checkable

from mixedmode.errors import UsageError
from mixedmode.protocols.tftp.blocks import BlockPackets, LazyPackets, data_packets, netascii

NAME_LIMIT: Final = 255
DIRECTORY_LIMIT: Final = 2
_DEVICE_LIST = re.compile(r"(CTL|ITL)SEP[0-9A-Fa-f]{12}\.tlv")
_FOLDER_BYTES = 512 << 20
_FILE_BYTES = 64 << 20


class FileStore(Protocol):
    """Where a service finds files."""

    def lookup(self, name: str) -> bytes | None:
        """Return the exact bytes served under ``name``, ``None`` if there are none.

        Must be quick, since it is called between two packets, unless the store is a :class:`BuildingStore`; returns
        the same object as long as the content is the same, since what is built from it is kept by the object's
        identity.
        """


@runtime_checkable
class BuildingStore(Protocol):
    """A store that may have to build a file before it can return it."""

    def ready(self, name: str) -> bool:
        """Tell whether ``lookup(name)`` returns at once; if not, it is called in a thread."""


def is_safe_name(name: str) -> bool:
    """Tell whether ``name`` may be asked for at all."""
    parts = name.split("/")
    return (
        len(name) <= NAME_LIMIT
        and len(parts) <= DIRECTORY_LIMIT + 1
        and name.isprintable()
        and "\\" not in name
        and all(part not in ("", ".", "..") for part in parts)
    )


def shared_list_name(name: str) -> str | None:
    """Return ``CTLFile.tlv`` or ``ITLFile.tlv``, if ``name`` is a phone's own name for that list."""
    match = _DEVICE_LIST.fullmatch(name)
    return f"{match[1]}File.tlv" if match else None


class MappingStore:
    """Files from memory."""

    def __init__(self, files: dict[str, bytes] | None = None) -> None:
        self._files = dict(files or {})

    def __len__(self) -> int:
        return len(self._files)

    def replace(self, files: dict[str, bytes]) -> None:
        """Serve ``files`` from now on, and nothing else."""
        self._files = dict(files)

    def lookup(self, name: str) -> bytes | None:
        """Return the bytes served under ``name``."""
        found = self._files.get(name)
        if found is None and is_safe_name(name):
            shared = shared_list_name(name)
            return self._files.get(shared) if shared else None
        return found if is_safe_name(name) else None


class FolderStore(MappingStore):
    """A folder, loaded into memory.

    Args:
        folder: The folder; its sub-folders are served down to two levels.
        file_limit: Bytes; larger files are left out and named in :attr:`skipped`.
        total_limit: Bytes in all files.

    Raises:
        UsageError: It is no folder, cannot be read, or holds more than ``total_limit``.

    Attributes:
        skipped: Names left out by the last load, with the reason.
    """

    def __init__(self, folder: Path, *, file_limit: int = _FILE_BYTES, total_limit: int = _FOLDER_BYTES) -> None:
        super().__init__()
        self.folder = folder
        self.skipped: dict[str, str] = {}
        self._file_limit = file_limit
        self._total_limit = total_limit
        self.reload()

    def reload(self) -> None:
        """Read the folder anew; unchanged files keep their identity."""
        if not self.folder.is_dir():
            raise UsageError("This is not a folder", where=str(self.folder), next_step="Name the folder to serve.")
        self.skipped = {}
        files: dict[str, bytes] = {}
        total = 0
        for name, path in self._walk():
            data = self._read(name, path)
            if data is None:
                continue
            total += len(data)
            if total > self._total_limit:
                raise UsageError(
                    f"The folder holds more than {self._total_limit >> 20} MiB",
                    where=str(self.folder),
                    next_step="Serve a folder that holds only what phones load.",
                )
            known = self._files.get(name)
            files[name] = known if known == data else data
        self.replace(files)

    def _walk(self) -> Iterator[tuple[str, Path]]:
        try:
            for directory, directories, names in os.walk(self.folder, onerror=_raise):
                place = Path(directory)
                depth = len(place.relative_to(self.folder).parts)
                directories[:] = sorted(directories) if depth < DIRECTORY_LIMIT else []
                for name in sorted(names):
                    path = place / name
                    yield path.relative_to(self.folder).as_posix(), path
        except OSError as error:
            raise UsageError(f"The folder cannot be read: {error.strerror}", where=str(error.filename)) from error

    def _read(self, name: str, path: Path) -> bytes | None:
        try:
            reason = self._reason_to_skip(name, path)
            if reason is None:
                with path.open("rb") as file:
                    data = file.read(self._file_limit + 1)
                if len(data) <= self._file_limit:
                    return data
                reason = f"larger than {self._file_limit} bytes"
        except OSError as error:
            reason = error.strerror or "cannot be read"
        self.skipped[name] = reason
        return None

    def _reason_to_skip(self, name: str, path: Path) -> str | None:
        if not path.resolve().is_relative_to(self.folder.resolve()):
            return "a link that leads out of the folder"
        # The type is asked before opening: opening a pipe would wait for its writer.
        if not stat.S_ISREG(path.stat().st_mode):
            return "not a regular file"
        return None if is_safe_name(name) else "a name that cannot be asked for"


def _raise(error: OSError) -> None:
    raise error


class ServedFile:
    """One file, with its DATA packets for the block sizes that clients use.

    Only small files in few block sizes are kept as packets; for others each packet is built when sent, so
    that asking for every block size there is costs no memory.
    """

    __slots__ = ("_built", "_netascii", "data")

    PREBUILT_BYTES: Final = 1 << 20
    PREBUILT_SIZES: Final = 3
    PREBUILT_BLKSIZE: Final = 128

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._built: dict[int, BlockPackets] = {}
        self._netascii: ServedFile | None = None

    @property
    def size(self) -> int:
        """Bytes in the file."""
        return len(self.data)

    def packets(self, blksize: int) -> BlockPackets:
        """Return the DATA packets for blocks of ``blksize`` bytes."""
        built = self._built.get(blksize)
        if built is not None:
            return built
        if (
            len(self._built) >= self.PREBUILT_SIZES
            or self.size > self.PREBUILT_BYTES
            or blksize < self.PREBUILT_BLKSIZE
        ):
            return LazyPackets(self.data, blksize)
        built = self._built[blksize] = data_packets(self.data, blksize)
        return built

    def as_netascii(self) -> ServedFile:
        """Return the file as mode netascii sends it."""
        if self._netascii is None:
            translated = netascii(self.data)
            self._netascii = self if translated == self.data else ServedFile(translated)
        return self._netascii


class ServedFileCache:
    """Files with their packets, kept while their content is the same and memory lasts.

    Keyed by the identity of the bytes: one list that is served under forty thousand names is cut into
    packets once. The cache holds the bytes, so an identity is never given out twice.
    """

    def __init__(self, limit: int = 32 << 20) -> None:
        self._limit = limit
        self._files: dict[int, ServedFile] = {}
        self._cost = 0

    def get(self, data: bytes) -> ServedFile:
        """Return the file made of ``data``."""
        served = self._files.get(id(data))
        if served is not None:
            return served
        served = self._files[id(data)] = ServedFile(data)
        # Packets are built later, so a file counts as if it already held some.
        self._cost += self._worth(served)
        while self._cost > self._limit and len(self._files) > 1:
            oldest = next(iter(self._files))
            self._cost -= self._worth(self._files.pop(oldest))
        return served

    @staticmethod
    def _worth(served: ServedFile) -> int:
        return 3 * served.size + 1024
