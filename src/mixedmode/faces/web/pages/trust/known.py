"""The lists that pages know: those that were ever published here, and those that somebody uploaded to look at.

An uploaded list is kept only if that was asked for, in memory, by its hash, for an hour at most; it is on no disk and
in no database, and no phone is ever given it.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from mixedmode.cluster.publishing import archive
from mixedmode.errors import MalformedError, MixedModeError
from mixedmode.trustlist.kinds import CTL_FILE
from mixedmode.trustlist.model import TrustList

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Row

    from mixedmode.cluster.publishing.archive import Publication
    from mixedmode.faces.web.kit.asking import Ask
    from mixedmode.faces.web.kit.desk import Desk

_KEPT: Final = 20
_SECONDS: Final = 3600.0


@dataclass(frozen=True, slots=True)
class KnownList:
    """A list.

    Attributes:
        data: Its bytes.
        parsed: As it is read; None if it is damaged.
        damage: What is wrong with it then.
        publications: When it was published here, oldest first; none if it was uploaded.
        name: As it was uploaded; to be shown, and used for nothing else.
    """

    data: bytes
    parsed: TrustList | None
    damage: str
    publications: tuple[Publication, ...] = ()
    name: str = ""

    @property
    def sha256(self) -> str:
        """Lower hex; so are the other two."""
        return hashlib.sha256(self.data).hexdigest()

    @property
    def sha1(self) -> str:
        """Its SHA-1."""
        return hashlib.sha1(self.data, usedforsecurity=False).hexdigest()

    @property
    def md5(self) -> str:
        """Its MD5."""
        return hashlib.md5(self.data, usedforsecurity=False).hexdigest()

    @property
    def kind(self) -> str:
        """``CTL`` or ``ITL``."""
        if self.parsed is not None:
            return self.parsed.kind
        return "CTL" if any(each.name == CTL_FILE for each in self.publications) else "ITL"

    @property
    def title(self) -> str:
        """What people call it: its kind and the time when it was published first."""
        if not self.publications:
            return f"{self.kind} from elsewhere"
        first = self.publications[0]
        local = first.published.astimezone()
        return f"{self.kind} of {local.day} {local.strftime('%b %Y, %H:%M')}"


class Uploads:
    """Lists that were uploaded and shall be kept for a while."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[float, bytes, str]] = {}

    def keep(self, data: bytes, name: str) -> str:
        """Keep a list; return its SHA-256."""
        digest = hashlib.sha256(data).hexdigest()
        with self._lock:
            self._forget()
            self._kept.pop(digest, None)
            while len(self._kept) >= _KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[digest] = (time.monotonic() + _SECONDS, data, name)
        return digest

    def find(self, digits: str) -> tuple[bytes, str] | None:
        """Return the list of a hash or of its first digits, None if there is none."""
        with self._lock:
            self._forget()
            for _, data, name in self._kept.values():
                found = KnownList(data, None, "", (), name)
                if any(each.startswith(digits) for each in (found.sha256, found.sha1, found.md5)):
                    return data, name
        return None

    def drop(self, digest: str) -> None:
        """Forget a list."""
        with self._lock:
            self._kept.pop(digest, None)

    def _forget(self) -> None:
        now = time.monotonic()
        for digest in [digest for digest, (until, _, _) in self._kept.items() if until < now]:
            del self._kept[digest]


_UPLOADS: WeakKeyDictionary[Desk, Uploads] = WeakKeyDictionary()


def uploads(ask: Ask) -> Uploads:
    """Return the uploaded lists of a node's pages."""
    return _UPLOADS.setdefault(ask.desk, Uploads())


def known_list(ask: Ask, digest: str) -> KnownList:
    """Return the list of a checksum, or of its first six digits or more.

    Raises:
        UsageError: It is no checksum, or its digits fit several lists.
        NotFoundError: No such list is known here.
    """
    try:
        found = archive.find(ask.cluster.database, digest)
    except MixedModeError:
        digits = "".join(each for each in digest.lower() if each in "0123456789abcdef")
        kept = uploads(ask).find(digits) if len(digits) >= archive.LEAST_DIGITS else None
        if kept is None:
            raise
        return read(*kept)
    return read(found.data, "", found.publications)


def read(data: bytes, name: str = "", publications: tuple[Publication, ...] = ()) -> KnownList:
    """Return a list of its bytes, also of one that is damaged."""
    try:
        return KnownList(data, TrustList.parse(data), "", publications, name)
    except MalformedError as error:
        return KnownList(data, None, str(error), publications, name)


def holders(ask: Ask) -> Sequence[Row[Any]]:
    """Return how many phones hold which CTL and ITL: rows with ``ctl``, ``itl`` and ``phones``."""
    ask.desk.standing.fresh()
    return ask.desk.standing.holdings()


def held_by(rows: Sequence[Row[Any]]) -> Mapping[str, int]:
    """Return how many phones hold a list, by its SHA-256."""
    found: dict[str, int] = {}
    for row in rows:
        for digest in {row.ctl, row.itl}:
            found[digest] = found.get(digest, 0) + row.phones
    return found
