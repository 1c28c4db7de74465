"""Lists by hash: what phones show as MD5 or SHA-1 of what they hold, and the file that it stands for.

A pasted listing, or the JSON of one, stands for its file where the file is not there: with the certificates of all
other lists that are known (:mod:`mixedmode.trustlist.pasted.standin`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from mixedmode.errors import MalformedError, UsageError
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.trustlist.kinds import FileKind, kind_of, looks_described
from mixedmode.trustlist.model import TrustList
from mixedmode.trustlist.pasted.standin import DescribedList, without_half
from mixedmode.trustlist.roles import MAX_FILE

_LENGTHS: Final = {32, 40, 64}
_DROPPED: Final = str.maketrans("", "", " :\t")


def digest_of(text: str) -> str | None:
    """Return a hash in lower hex without colons and blanks, None if the text is none."""
    bare = text.translate(_DROPPED).lower()
    if len(bare) not in _LENGTHS or not bare.isascii():
        return None
    return None if bare.strip("0123456789abcdef") else bare


class Library:
    """Lists that hashes are looked up in; each is parsed when it is wanted first."""

    def __init__(self) -> None:
        self._files: dict[str, bytes] = {}
        self._parsed: dict[bytes, TrustList | None] = {}
        self._described: dict[str, dict[str, Any]] = {}
        self._stand_ins: dict[str, TrustList | None] = {}

    def add(self, data: bytes) -> None:
        """Take a list in, under its three hashes; of text, the lists that are pasted in it."""
        if looks_described(data):
            self._describe(data)
            return
        self._stand_ins.clear()
        for digest in (
            hashlib.md5(data, usedforsecurity=False),
            hashlib.sha1(data, usedforsecurity=False),
            hashlib.sha256(data),
        ):
            self._files[digest.hexdigest()] = data

    def add_path(self, path: Path) -> None:
        """Take in a file, or the files of a folder and of the folders in it; what is too long for a list is left out.

        Raises:
            UsageError: There is no such file or folder, or it cannot be read.
        """
        if not path.exists():
            raise UsageError("there is no such folder", where=str(path), code="unreadable", next_step="see --lists")
        try:
            for each in _files(path):
                if each.stat().st_size <= MAX_FILE:
                    self.add(each.read_bytes())
        except OSError as error:
            raise UsageError(f"cannot read it: {error.strerror}", where=str(error.filename or path)) from error

    def lists(self) -> list[TrustList]:
        """Return every list that was taken in and can be read, each once."""
        return [each for data in dict.fromkeys(self._files.values()) if (each := self.parse(data)) is not None]

    def find(self, digest: str) -> TrustList | None:
        """Return the list of a hash in lower hex, None if no file explains it."""
        data = self._files.get(digest)
        return self._stand_in(digest) if data is None else self.parse(data)

    def published(self, data: bytes) -> DescribedList | None:
        """Return the list that a text describes, for servers to give; None if it describes none.

        Raises:
            MalformedError: It is half a listing, or does not say whether its signature holds.
        """
        found = self._describe(data)
        if not found:
            return None
        made = without_half(found[-1], self._known())
        if found[-1].get("verified") is None:
            raise MalformedError(
                "the listing does not say whether the signature of the list holds",
                code="half-listing",
                next_step="paste it to its last line: The CTL file was verified successfully, or that it failed",
            )
        return made

    def _known(self) -> dict[str, Certificate]:
        every = (record.certificate for each in self.lists() for record in each.records)
        return {each.sha1.hex(): each for each in every if each is not None}

    def pasted(self, data: bytes) -> TrustList | None:
        """Return the list that the last listing in a text stands for, None if there is none, or not a whole one."""
        found = self._describe(data) if looks_described(data) else []
        return self._made(found[-1]) if found else None

    def half(self) -> list[str]:
        """Return the MD5 or SHA-1 of described lists that explain nothing, since a listing shows half of them."""
        halves = [each for each in self._described.values() if DescribedList.of(each, {}) is None]
        return list(dict.fromkeys(str(each.get("md5") or each.get("sha1") or each.get("sha256")) for each in halves))

    def _describe(self, data: bytes) -> list[dict[str, Any]]:
        """Note what a text says of lists; a text that says nothing of any is none of ours."""
        from mixedmode.trustlist.pasted.described import all_described

        try:
            found = all_described(data)
        except MalformedError:
            return []
        for each in found:
            for name in ("md5", "sha1", "sha256"):
                if each.get(name):
                    self._described[each[name].lower()] = each
        return found

    def _stand_in(self, digest: str) -> TrustList | None:
        if digest not in self._stand_ins:
            description = self._described.get(digest)
            self._stand_ins[digest] = None if description is None else self._made(description)
        return self._stand_ins[digest]

    def _made(self, description: dict[str, Any]) -> TrustList | None:
        """Return the list of a description, None if what is known of it could mislead."""
        made = DescribedList.of(description, self._known())
        return None if made is None or made.names(each.header for each in self.lists()) else made

    def parse(self, data: bytes) -> TrustList | None:
        """Return the list of these bytes, the same one for the same bytes; None if they are no list."""
        if data not in self._parsed:
            try:
                found = TrustList.parse(data)
                self._parsed[data] = found if kind_of(found.header) is FileKind.TRUST_LIST else None
            except MalformedError:
                self._parsed[data] = None
        return self._parsed[data]


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    for each in sorted(path.rglob("*")):
        if each.is_file():
            yield each
