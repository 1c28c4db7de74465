"""The keys of media, and their 48 bytes (calls-and-media.md 7.3)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from mixedmode.protocols.sccp.calls.codes import Algorithm
from mixedmode.protocols.sccp.errors import MalformedSccpError
from mixedmode.protocols.sccp.messages.fields import Fields, number

KEY_ROOM: Final = 16
"""Bytes for a key, and for a salt."""
KEY_LENGTH: Final = 16
SALT_LENGTH: Final = 14
KEYS_FROM: Final = 5
"""The first protocol version whose messages have room for keys."""
KEYS_LENGTH: Final = 48


@dataclass(frozen=True, slots=True)
class MediaKeys:
    """How media are encrypted in one direction; algorithm 0: not at all. Neither key nor salt is shown.

    Attributes:
        algorithm: See :class:`~mixedmode.protocols.sccp.calls.codes.Algorithm`.
        key: Master key, up to 16 bytes.
        salt: Master salt, up to 16 bytes.
        mki: Whether packets carry an identifier of the key.
        derivation_rate: Of SRTP.
    """

    algorithm: int = Algorithm.NONE
    key: bytes = field(default=b"", repr=False)
    salt: bytes = field(default=b"", repr=False)
    mki: int = 0
    derivation_rate: int = 0

    @property
    def encrypts(self) -> bool:
        """Whether there is an algorithm."""
        return self.algorithm != Algorithm.NONE


CLEAR: Final = MediaKeys()


@dataclass(frozen=True, slots=True)
class Keys:
    """The 48 bytes of :class:`MediaKeys`."""

    def size(self, _fields: Fields) -> int:
        """48 bytes."""
        return KEYS_LENGTH

    def read(self, fields: Fields, name: str) -> MediaKeys:
        """Return them.

        Raises:
            MalformedSccpError: A length is greater than its room.
        """
        algorithm, lengths = fields.number(f"algorithm of {name}"), []
        for part in ("key", "salt"):
            lengths.append(fields.number(f"{part} length of {name}", 2))
            if lengths[-1] > KEY_ROOM:
                raise MalformedSccpError(
                    f"the {part} length of {name} is {lengths[-1]}, more than {KEY_ROOM}",
                    offset=fields.at - 2,
                    code="sccp-keys",
                )
        key, salt = (fields.raw(KEY_ROOM, f"{part} of {name}") for part in ("key", "salt"))
        mki, rate = fields.number(f"MKI of {name}"), fields.number(f"derivation rate of {name}")
        return MediaKeys(algorithm, key[: lengths[0]], salt[: lengths[1]], mki, rate)

    def write(self, value: MediaKeys, _protocol: int) -> bytes:
        """Return their bytes.

        Raises:
            MalformedSccpError: A key or salt does not fit.
        """
        key, salt = value.key, value.salt
        if len(key) > KEY_ROOM or len(salt) > KEY_ROOM:
            raise MalformedSccpError(f"a key of {len(key)} or a salt of {len(salt)} bytes does not fit into {KEY_ROOM}")
        head = number(value.algorithm) + number(len(key), 2) + number(len(salt), 2)
        room = key.ljust(KEY_ROOM, b"\0") + salt.ljust(KEY_ROOM, b"\0")
        return head + room + number(value.mki) + number(value.derivation_rate)
