"""Trust list files that TVS follows: a changed file is read anew within half a second (phone-trust.md 3.5).

What is not known is looked for in the file as it is now before anybody is told so: a phone that starts in that half
second, since its list has just changed, would refuse the list.
"""

from __future__ import annotations

from pathlib import Path
from threading import Lock

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
        loads: How often the file was found to be another one, and read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.cache = CtlCache()
        self.loads = 0
        self._mark: _Mark | None = None
        self._problem = ""
        self._reading = Lock()

    def refresh(self) -> list[str]:
        """Read the file if it is not the one that was read last; return what the trace says, nothing if it is the same.

        A file that is no trust list leaves the cache as it was. So does one that cannot be read, until it can: that is
        told once. It may be called in any thread: who finds another one reading waits for it.
        """
        with self._reading:
            mark = self._look()
            if mark == self._mark:
                return []
            modified = f"{self.path.name} has been modified. Recaching CTL Certificate Cache"
            lines = [f"CertificateCache::localCTLCacheMonitor - {modified}"]
            try:
                lines += self._load(mark)
            except OSError as error:
                problem, told = error.strerror or str(error), self._problem
                self._problem = problem
                return [] if problem == told else [*lines, self._error(problem)]
            except MixedModeError as error:
                lines.append(self._error(str(error)))
            self._mark, self._problem = mark, ""
            self.loads += 1
            return lines

    def _error(self, problem: str) -> str:
        return f"ERROR:updateLocalCTLCache : {self.path.name}: {printable(problem)}"

    def _load(self, mark: _Mark | None) -> list[str]:
        data = None
        if mark is not None:
            with self.path.open("rb") as file:
                data = file.read(MAX_FILE + 1)
        return self.cache.load(data)

    def _look(self) -> _Mark | None:
        try:
            status = self.path.stat()
        except OSError:
            return None
        return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size
