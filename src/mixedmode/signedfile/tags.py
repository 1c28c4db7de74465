"""The tags that only encrypted files have, and the versions of signed files (wire-formats.md 2 and 3)."""

from __future__ import annotations

from enum import IntEnum

SIGNED_VERSION = (1, 0)
"""What is written; Cisco's firmware has 1.1, which is read alike."""
ENCRYPTED_VERSION = (2, 0)


class EncryptionTag(IntEnum):
    """Tags behind the timestamp of an encrypted file; what 18, 22 and 24 mean is not known."""

    INFO = 16
    CIPHER_INFO = 17
    CIPHER = 18
    IV = 19
    PAD_LENGTH = 20
    KEY_INFO = 21
    KEY_FORMAT = 22
    KEY_BITS = 23
    KEY_ALGORITHM = 24
    KEY = 25
    DIGEST_ALGORITHM = 26
    DIGEST = 27


ENCRYPTED_CONTAINERS = frozenset({16, 17, 21})
"""Tags whose children follow inline: the whole, the cipher's, the key's."""
