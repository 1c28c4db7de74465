"""SRTP written out from RFC 3711, with nothing of the program under test: what a second implementation makes of it."""

from __future__ import annotations

import hmac
import struct
from dataclasses import dataclass, field
from hashlib import sha1

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

HEADER = 12


def key_stream(key: bytes, counter: int, length: int) -> bytes:
    """AES in counter mode (RFC 3711, 4.1.1)."""
    encryptor = Cipher(algorithms.AES(key), modes.CTR(counter.to_bytes(16, "big"))).encryptor()
    return encryptor.update(bytes(length)) + encryptor.finalize()


def session_key(master: bytes, salt: bytes, label: int, length: int) -> bytes:
    """Key derivation with rate 0 (RFC 3711, 4.3)."""
    begin = (int.from_bytes(salt, "big") ^ label << 48) << 16
    return key_stream(master, begin, length)


@dataclass
class Decryptor:
    """Decrypts packets that come in order, of any sources.

    Attributes:
        master: The key of the messages.
        salt: The salt of the messages.
        tag: Bytes of the tag.
    """

    master: bytes
    salt: bytes
    tag: int = 4
    last: dict[int, int] = field(default_factory=dict)

    def decrypt(self, packet: bytes) -> bytes:
        """Return the RTP packet.

        Raises:
            ValueError: Its tag is not right.
        """
        body, tag = packet[: -self.tag], packet[-self.tag :]
        _, _, sequence, _, source = struct.unpack_from(">BBHII", body)
        before = self.last.get(source, sequence)
        roll_over = (before >> 16) + (sequence < (before & 0xFFFF) - 0x8000)
        made = hmac.digest(session_key(self.master, self.salt, 1, 20), body + struct.pack(">I", roll_over), sha1)
        if not hmac.compare_digest(made[: self.tag], tag):
            raise ValueError("the tag is not right")
        index = self.last[source] = roll_over << 16 | sequence
        salt = int.from_bytes(session_key(self.master, self.salt, 2, 14), "big")
        stream = key_stream(
            session_key(self.master, self.salt, 0, 16), salt << 16 ^ source << 64 ^ index << 16, len(body) - HEADER
        )
        return body[:HEADER] + bytes(one ^ other for one, other in zip(body[HEADER:], stream, strict=True))
