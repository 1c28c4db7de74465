"""What a forecast rests on, as hashes by name, so that one can tell later what changed."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from mixedmode.causes import file_error

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

    from mixedmode.cluster.publishing.outlook import Outlook

Prints = Mapping[str, Mapping[str, str]]
"""By kind of input (:data:`KINDS`), then by name: a hash, or what stands for it."""
KINDS: Final = {
    "published": "list to publish",
    "plan": "plan",
    "lists": "list to look hashes up in",
    "tvs-trust": "certificate that TVS vouches for",
    "cluster": "cluster",
}
_LARGEST: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Changed:
    """An input that is not what it was.

    Attributes:
        kind: Which kind.
        name: Which one.
        how: ``changed``, ``came`` or ``went``.
    """

    kind: str
    name: str
    how: str


def differences(was: Prints, now: Prints) -> Iterator[Changed]:
    """Yield what changed, came and went."""
    for kind in KINDS:
        before, after = was.get(kind, {}), now.get(kind, {})
        for name in sorted({*before, *after}):
            if before.get(name) != after.get(name):
                yield Changed(kind, name, "came" if name not in before else "went" if name not in after else "changed")


def of_bytes(data: bytes) -> str:
    """Return the SHA-256 of bytes in hex."""
    return hashlib.sha256(data).hexdigest()


def of_paths(named: Iterable[tuple[str, Path]]) -> dict[str, str]:
    """Return the files of paths, the folders in them too; what is too large for a list or certificate is left out.

    Raises:
        UsageError: One cannot be read.
    """
    found = {}
    try:
        for text, path in named:
            files = sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]
            for each in files:
                if each.stat().st_size <= _LARGEST and not each.is_char_device() and not each.is_fifo():
                    name = text if each == path else f"{text.rstrip('/')}/{each.relative_to(path)}"
                    found[name] = of_bytes(each.read_bytes())
    except OSError as error:
        raise file_error(error) from error
    return found


def of_cluster(outlook: Outlook) -> dict[str, str]:
    """Return what lists, certificates and TVS's answers of a cluster depend on."""
    view = outlook.view
    found = {"mode": view.mode.name.lower(), "version": str(view.version), "digest": outlook.digest.name}
    found |= {f"node {node.name}": ", ".join(sorted(each.value for each in node.services)) for node in view.nodes}
    found |= {f"{name} of {node}": of_bytes(data) for (node, name), data in outlook.files.items()}
    found |= {f"{unit} certificate of {node}": each.sha256.hex() for (node, unit), each in view.own.items()}
    for store, certificates in outlook.trust.items():
        found |= {f"{each.subject} ({each.sha256.hex()[:16]}) in {store}": "there" for each in certificates}
    return found


class Hashing(io.RawIOBase):
    """A stream whose bytes are hashed while they are read.

    Args:
        stream: The file.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._hash = hashlib.sha256()

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Read the next bytes."""
        view = memoryview(buffer).cast("B")
        data = self._stream.read(view.nbytes)
        self._hash.update(data)
        view[: len(data)] = data
        return len(data)

    def finish(self) -> str:
        """Return the SHA-256 of the whole file in hex, what nobody wanted to read included."""
        while data := self._stream.read(1 << 16):
            self._hash.update(data)
        return self._hash.hexdigest()
