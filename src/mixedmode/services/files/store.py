"""What the file services serve: files by name, from memory or from a folder, cut into packets.

Rules enforced here: names are as :mod:`.file_names` says. Of a folder, small files are read into memory when the
service starts, so a changed one is served after a reload or restart, as in CUCM; trust lists come first, then the
smallest files, up to 64 MiB. All others stay on the disk, whatever their size and number, and are served as they are
there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol, runtime_checkable

from mixedmode.errors import UsageError
from mixedmode.protocols.tftp import (
    BlockPackets,
    LazyPackets,
    NetasciiFile,
    ReadPackets,
    data_packets,
    netascii,
)
from mixedmode.services.files.disk_files import DiskFile, FileData, OpenFiles, on_disk, read_small
from mixedmode.services.files.file_names import DIRECTORY_LIMIT, clean_name, is_safe_name, shared_list_name
from mixedmode.services.files.flat_names import DEFAULT_MAP, FlatNames
from mixedmode.services.files.folder_walk import Place, shown_name, walk

__all__ = ["BuildingStore", "FileStore", "FolderStore", "MappingStore", "ServedFile", "ServedFileCache", "is_safe_name"]
_FILE_BYTES: Final = 4 << 30
_MEMORY_BYTES: Final = 64 << 20
_MEMORY_FILE: Final = 1 << 20
_LIST: Final = ".tlv"


class FileStore(Protocol):
    """Where a service finds files."""

    def lookup(self, name: str) -> FileData | None:
        """Return what is served under ``name``, ``None`` if there is nothing.

        Must be quick, since it is called between two packets, unless the store is a :class:`BuildingStore`; returns
        the same object as long as the content is the same, since what is built from it is kept by the object's
        identity.
        """


@runtime_checkable
class BuildingStore(Protocol):
    """A store that may have to build a file before it can return it."""

    def ready(self, name: str) -> bool:
        """Tell whether ``lookup(name)`` returns at once; if not, it is called in a thread."""


class MappingStore:
    """Files from memory."""

    def __init__(self, files: Mapping[str, FileData] | None = None) -> None:
        self._files: dict[str, FileData] = {}
        self.replace(files or {})

    def __len__(self) -> int:
        return len(self._files)

    def replace(self, files: Mapping[str, FileData]) -> None:
        """Serve ``files`` from now on, and nothing else; a name that cannot be asked for is left out."""
        self._files = {name: data for name, data in files.items() if is_safe_name(name)}

    def lookup(self, name: str) -> FileData | None:
        """Return what is served under ``name``."""
        found = self._files.get(name)
        if found is None:
            clean = clean_name(name)
            if clean is None:
                return None
            found = self._files.get(clean)
            if found is None and (shared := shared_list_name(clean)):
                found = self._files.get(shared)
        return found


class FolderStore(MappingStore):
    """A folder.

    Args:
        folder: The folder; its sub-folders are served down to two levels.
        file_limit: Bytes; larger files are left out and named in :attr:`skipped`.
        memory_limit: Bytes of files that are held in memory.
        rules: Where to look for names that are not there as such (:mod:`.flat_names`).

    Raises:
        UsageError: It is no folder or cannot be read, or a rule is none.

    Attributes:
        skipped: Names left out by the last load, with the reason.
        doubles: Files that would be found under a name that another one has, with which one is served.
    """

    def __init__(
        self,
        folder: Path,
        *,
        file_limit: int = _FILE_BYTES,
        memory_limit: int = _MEMORY_BYTES,
        rules: Sequence[str] = DEFAULT_MAP,
    ) -> None:
        super().__init__()
        self.folder = folder
        self.skipped: dict[str, str] = {}
        self.doubles: dict[str, str] = {}
        self._file_limit = file_limit
        self._memory_limit = memory_limit
        self._flat_names = FlatNames(rules)
        self._open_files = OpenFiles()
        self._by_path: dict[str, FileData] = {}
        self.reload()

    def __len__(self) -> int:
        return len(self._by_path)

    def reload(self) -> None:
        """Read the folder anew; unchanged files keep their identity."""
        if not self.folder.is_dir():
            raise UsageError("This is not a folder", where=str(self.folder), next_step="Name the folder to serve.")
        found = walk(str(self.folder))
        skipped = found.left_out
        for name, place in list(found.files.items()):
            if place.identity.size > self._file_limit:
                del found.files[name]
                skipped[shown_name(name)] = f"larger than {self._file_limit} bytes"
        added, self.doubles = self._flat_names.apply(found)
        served = {name: place for name, place in found.files.items() if is_safe_name(name)} | added
        paths = {place.path for place in served.values()}
        for name, place in found.files.items():
            if place.path not in paths:
                folder = shown_name(name.rpartition("/")[0])
                skipped[f"{folder}/"] = f"in more than {DIRECTORY_LIMIT} folders, and no rule for names leads there"
        loaded = self._load(set(served.values()))
        for name, place in served.items():
            if isinstance(reason := loaded[place.path], str):
                skipped[shown_name(name)] = reason
        self.skipped = skipped
        self._by_path = {path: data for path, data in loaded.items() if not isinstance(data, str)}
        self.replace({name: self._by_path[place.path] for name, place in served.items() if place.path in self._by_path})

    def _load(self, places: set[Place]) -> dict[str, FileData | str]:
        """Return the files by their paths, or why they cannot be served; trust lists and small files go to memory."""
        loaded: dict[str, FileData | str] = {}
        room = self._memory_limit
        for place in sorted(places, key=lambda each: (not each.path.endswith(_LIST), each.identity.size, each.path)):
            size = place.identity.size
            known = self._by_path.get(place.path)
            try:
                if size <= min(_MEMORY_FILE, room):
                    data = read_small(place.path, size)
                    room -= len(data)
                    loaded[place.path] = known if known == data else data
                elif isinstance(known, DiskFile) and known.is_at(place.path):
                    loaded[place.path] = known
                else:
                    loaded[place.path] = on_disk(place.path, place.identity, self._open_files)
            except OSError as error:
                loaded[place.path] = error.strerror or "cannot be read"
        return loaded

    def lookup(self, name: str) -> FileData | None:
        """Return what is served under ``name``; a file on the disk as it is now."""
        found = super().lookup(name)
        if not isinstance(found, DiskFile):
            return found
        known = self._by_path.get(found.path)
        now = (known if isinstance(known, DiskFile) else found).now()
        if now is not None and now is not known:
            self._by_path[found.path] = now
        return now


class ServedFile:
    """One file, with its DATA packets for the block sizes that clients use.

    Only small files in few block sizes are kept as packets; for others each packet is built when sent, so
    that asking for every block size there is costs no memory.
    """

    __slots__ = ("_built", "_netascii", "data")

    PREBUILT_BYTES: Final = 1 << 20
    PREBUILT_SIZES: Final = 3
    PREBUILT_BLKSIZE: Final = 128

    def __init__(self, data: FileData | NetasciiFile) -> None:
        self.data = data
        self._built: dict[int, BlockPackets] = {}
        self._netascii: ServedFile | None = None

    @property
    def size(self) -> int:
        """Bytes in the file."""
        return len(self.data) if isinstance(self.data, bytes) else self.data.size

    def packets(self, blksize: int) -> BlockPackets:
        """Return the DATA packets for blocks of ``blksize`` bytes."""
        if not isinstance(self.data, bytes):
            return ReadPackets(self.data, blksize)
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

    def as_netascii(self) -> ServedFile | None:
        """Return the file as mode netascii sends it; None for one on the disk that must be read for that first."""
        if isinstance(self.data, DiskFile):
            return ServedFile(self.data.as_text) if self.data.as_text is not None else None
        if self._netascii is None and isinstance(self.data, bytes):
            translated = netascii(self.data)
            self._netascii = self if translated == self.data else ServedFile(translated)
        return self._netascii


class ServedFileCache:
    """Files with their packets, kept while their content is the same and memory lasts.

    Keyed by the identity of the bytes: one list that is served under forty thousand names is cut into
    packets once. The cache holds the bytes, so an identity is never given out twice. Of a file on the disk there
    is nothing to keep.
    """

    def __init__(self, limit: int = 32 << 20) -> None:
        self._limit = limit
        self._files: dict[int, ServedFile] = {}
        self._cost = 0

    def get(self, data: FileData) -> ServedFile:
        """Return the file made of ``data``."""
        if isinstance(data, DiskFile):
            return ServedFile(data)
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
