"""Trust list files that TVS follows: a changed file is read anew within half a second (phone-trust.md 3.5)."""

from __future__ import annotations

from pathlib import Path

from mixedmode.errors import MixedModeError
from mixedmode.printable import printable
from mixedmode.services.tvs.sources import CtlCache
from mixedmode.trustlist.roles import MAX_FILE

_Mark = tuple[int, int, int, int]


class WatchedList:
    """A file and the cache of its certificates.

    Args:
        path: ``CTLFile.tlv`` of a node; it need not be there.

    Attributes:
        cache: What its records say.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.cache = CtlCache()
        self._mark: _Mark | None = None

    def refresh(self) -> list[str]:
        """Read the file if it is not the one that was read last; return what the trace says, nothing if it is the same.

        A file that is no trust list leaves the cache as it was.
        """
        mark = self._look()
        if mark == self._mark:
            return []
        self._mark = mark
        modified = f"{self.path.name} has been modified. Recaching CTL Certificate Cache"
        lines = [f"CertificateCache::localCTLCacheMonitor - {modified}"]
        try:
            data = None
            if mark is not None:
                with self.path.open("rb") as file:
                    data = file.read(MAX_FILE + 1)
            return lines + self.cache.load(data)
        except OSError as error:
            problem = error.strerror or str(error)
        except MixedModeError as error:
            problem = str(error)
        return [*lines, f"ERROR:updateLocalCTLCache : {self.path.name}: {printable(problem)}"]

    def _look(self) -> _Mark | None:
        try:
            status = self.path.stat()
        except OSError:
            return None
        return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size
