"""What the cells of a row say (forecast.md 1 and 5.10); an error names the column.

Rules:

1. A model that is not in the table is not known, and no error.
2. A list is ``none``, a hash in hex, or the path of a file, relative to the inventory; empty: not known. A hash that
   no file explains is not known either.
3. A path that is not there and a list of the other kind are errors.
4. The TVS servers that a phone's configuration names are host names or addresses with blanks between them, ``none``, or
   empty: not known.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path
from typing import Final, TypeVar

from mixedmode.errors import MalformedError, MixedModeError, UsageError
from mixedmode.inventory.kinds import Held, PhoneKind, Unexplained
from mixedmode.inventory.library import Library, digest_of
from mixedmode.phone.mind.models import PhoneModel, get_model
from mixedmode.printable import of_spreadsheet_cell
from mixedmode.trustlist.roles import MAX_FILE

COLUMNS: Final = (
    "name",
    "model",
    "ctl",
    "itl",
    "device_pool",
    "security_mode",
    "registered",
    "last_seen",
    "lsc_issuer",
    "tvs_servers",
)
KIND_COLUMNS: Final = ("model", "ctl", "itl", "device_pool", "security_mode", "lsc_issuer", "tvs_servers")
"""What phones of one kind have in common."""
CARRIED: Final = ("registered", "last_seen")
"""What goes into the report as it is."""
_MODES: Final = {"": 1, "non-secure": 1, "nonsecure": 1, "authenticated": 2, "encrypted": 3, "1": 1, "2": 2, "3": 3}
_HOST: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]{0,252}[a-z0-9_])?")
_BETWEEN: Final = re.compile(r"[\s,;|]+")
_MOST_HOSTS: Final = 64
_LONGEST_MODEL: Final = 64
_LONGEST_SHOWN: Final = 64
T = TypeVar("T")


class Cells:
    """Reads the cells of rows.

    Args:
        library: Where hashes are looked up.
        folder: What paths are relative to; None where no file may be read, as of an inventory that a stranger sends.
    """

    def __init__(self, library: Library, folder: Path | None) -> None:
        self.library = library
        self.folder = folder

    def kind(self, cells: Mapping[str, str]) -> PhoneKind:
        """Return what is known of a phone.

        Args:
            cells: By column; what is left out is empty.

        Raises:
            MixedModeError: A cell is wrong; ``where`` is its column.
        """

        def cell(column: str, read: Callable[[str], T]) -> T:
            text = cells.get(column, "")
            try:
                return read(plain(text))
            except MixedModeError as error:
                error.where = column
                raise

        model = cell("model", _model)
        return PhoneKind(
            model=model,
            model_name=model.name if model is not None else cells.get("model", "").strip(),
            ctl=cell("ctl", lambda text: self._list("CTL", text)),
            itl=cell("itl", lambda text: self._list("ITL", text)),
            mode=cell("security_mode", _mode),
            lsc_issuer=cell("lsc_issuer", lambda text: of_spreadsheet_cell(text) or None),
            pool=cell("device_pool", of_spreadsheet_cell),
            tvs_servers=cell("tvs_servers", tvs_hosts_of),
        )

    def _list(self, kind: str, text: str) -> Held:
        if not text:
            return Unexplained()
        if text.lower() == "none":
            return None
        digest = digest_of(text)
        if digest is not None:
            found = self.library.find(digest)
            if found is not None and found.kind != kind:
                raise UsageError(
                    f"{text} is the hash of {_a(found.kind)}", next_step=f"give that of the phone's {kind}"
                )
            return found or Unexplained(digest)
        return self._file(kind, text)

    def _file(self, kind: str, text: str) -> Held:
        if self.folder is None:
            raise UsageError(f"{_shown(text)} is no hash", next_step="write an MD5, SHA-1 or SHA-256 in hex, or none")
        path = self.folder / text
        try:
            is_there = path.is_file()
        except (OSError, ValueError):
            is_there = False
        if not is_there:
            raise UsageError(
                f"{_shown(text)} is no hash, and there is no such file",
                next_step="write an MD5, SHA-1 or SHA-256 in hex, a path relative to the inventory, or none",
            )
        try:
            data = path.read_bytes() if path.stat().st_size <= MAX_FILE else b""
        except OSError as error:
            raise UsageError(f"cannot read {_shown(text)}: {error.strerror}", code="unreadable") from error
        found = self.library.parse(data) or self.library.pasted(data)
        if found is None:
            raise MalformedError(
                f"{_shown(text)} is no trust list", next_step="mixedmode show says what is wrong with it"
            )
        if found.kind != kind:
            raise UsageError(f"{_shown(text)} is {_a(found.kind)}", next_step=f"give the phone's {kind}")
        return found


def plain(text: str) -> str:
    """Return a cell without blanks around it.

    Raises:
        MalformedError: It is not UTF-8, or holds a control character.
    """
    if text.isascii() and text.isprintable():
        return text.strip()
    if any("\udc80" <= letter <= "\udcff" for letter in text):
        raise MalformedError("this is not UTF-8", code="encoding", next_step="save the inventory as UTF-8")
    found = text.strip()
    if not found.isprintable():
        raise MalformedError(f"{_shown(found)} holds a character that is not printable", code="encoding")
    return found


@lru_cache(maxsize=512)
def model_of(text: str) -> PhoneModel | None:
    """Return the model of a name, None if there is none of that name."""
    try:
        return get_model(text)
    except UsageError:
        return None


def _model(text: str) -> PhoneModel | None:
    if len(text) > _LONGEST_MODEL or (text and not any(letter.isalnum() for letter in text)):
        raise UsageError(f"{_shown(text)} is no model", next_step="mixedmode models lists them")
    return model_of(text) if text else None


def _mode(text: str) -> int:
    mode = _MODES.get(text.lower().replace("_", "-"))
    if mode is None:
        raise UsageError(f"{_shown(text)} is no security mode", next_step="non-secure, authenticated or encrypted")
    return mode


def tvs_hosts_of(text: str) -> tuple[str, ...] | None:
    """Return the hosts of a cell, sorted; None if it is empty (rule 4).

    Raises:
        UsageError: One is no host, or they are too many.
    """
    if not text or text.lower() == "none":
        return () if text else None
    words = _BETWEEN.split(text.strip(" ,;|").lower())
    if len(words) > _MOST_HOSTS:
        raise UsageError(f"these are {len(words)} TVS servers", next_step=f"write {_MOST_HOSTS} at most")
    return tuple(sorted({_host(word) for word in words}))


def _host(word: str) -> str:
    bare = word.removeprefix("[").removesuffix("]").removesuffix(".")
    if ":" in bare or not bare.strip("0123456789."):
        try:
            return str(ip_address(bare))
        except ValueError:
            bare = ""
    if _HOST.fullmatch(bare) is None:
        raise UsageError(
            f"{_shown(word)} is no host name and no address",
            next_step="write the TVS servers that the configuration names, with blanks between them, or none",
        )
    return bare


def _a(kind: str) -> str:
    return f"{'a' if kind == 'CTL' else 'an'} {kind}"


def _shown(text: str) -> str:
    """Return a cell as it may stand in a message."""
    return repr(text) if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]!r}..."
