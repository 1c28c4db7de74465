"""The digests of the wire formats: header tag 8, record tag 12, encrypted-file tag 26 (wire-formats.md 1, 3)."""

from __future__ import annotations

import hashlib
from enum import IntEnum


class DigestAlgorithm(IntEnum):
    """A digest; the number is its code on the wire."""

    SHA1 = 1
    SHA256 = 2
    SHA512 = 3

    @property
    def label(self) -> str:
        """The name on command lines and in JSON: ``sha1``, ``sha256`` or ``sha512``."""
        return _LABELS[self]

    @property
    def size(self) -> int:
        """Bytes of a digest."""
        return _SIZES[self]

    def hash(self, data: bytes) -> bytes:
        """Return the digest of ``data``."""
        return _FUNCTIONS[self](data, usedforsecurity=False).digest()

    @classmethod
    def from_label(cls, label: str) -> DigestAlgorithm:
        """Return the digest of a label such as ``sha512`` or ``SHA-512``.

        Raises:
            KeyError: No digest has that label.
        """
        return _BY_LABEL[label.lower().replace("-", "")]


# Tuples indexed by wire code: a dictionary would call Enum.__hash__, which costs on the signature path.
_LABELS = ("", "sha1", "sha256", "sha512")
_SIZES = (0, 20, 32, 64)
_FUNCTIONS = (hashlib.sha1, hashlib.sha1, hashlib.sha256, hashlib.sha512)
_BY_LABEL = {digest.label: digest for digest in DigestAlgorithm}
