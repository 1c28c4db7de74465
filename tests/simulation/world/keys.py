"""Keys and certificates of simulated clusters: the same in every process, and made only once.

Keys come from a seeded generator, so that no private key lies in the repository and a seed replays byte for byte. They
have 1024 bits, which is what clusters of old have, and protect nothing.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime
from functools import cache
from typing import Final
from zlib import crc32

from cryptography.hazmat.primitives.asymmetric import rsa

from mixedmode.cluster.model.versions import Version
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.profiles import (
    MANUFACTURING_SUBJECT,
    Purpose,
    Subject,
    common_name,
    issue,
    self_signed,
    token_subject,
)
from mixedmode.pki.signing.digests import DigestAlgorithm
from mixedmode.pki.signing.signer import SoftwareSigner

BEGIN: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEYS: Final = 48
"""Keys of nodes; those of tokens and of who makes tokens stand behind them."""
_EXPONENT: Final = 65537
_STEPS: Final = (
    (134, 61), (317, 687), (27, 45), (351, 485), (44, 177), (21, 103), (126, 193), (314, 28), (26, 8), (5, 196),
    (210, 310), (171, 185), (57, 39), (66, 9), (421, 1), (33, 159), (179, 89), (98, 40), (229, 68), (41, 631),
    (92, 47), (1, 80), (38, 133), (60, 175), (255, 246), (80, 546), (18, 123), (691, 239), (35, 166), (51, 113),
    (20, 129), (4, 172), (72, 47), (16, 189), (35, 11), (257, 620), (150, 99), (480, 7), (556, 121), (148, 894),
    (43, 287), (5, 331), (31, 285), (32, 2), (0, 438), (42, 12), (142, 151), (95, 146), (49, 27), (101, 45),
    (290, 43),
)  # fmt: skip
"""Where the two primes of each key stand: the first odd numbers that will do, counted from what the generator says. To
search them took each process four seconds."""
_signers: dict[Certificate, SoftwareSigner] = {}


@cache
def key(number: int) -> rsa.RSAPrivateKey:
    """Return a key, the same for the same number."""
    rng = random.Random(f"mixedmode simulation key {number}")
    p, q = ((rng.getrandbits(512) | (3 << 510) | 1) + 2 * step for step in _STEPS[number])
    d = pow(_EXPONENT, -1, (p - 1) * (q - 1))
    public = rsa.RSAPublicNumbers(_EXPONENT, p * q)
    numbers = rsa.RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), public)
    # Whether they are primes is looked at once, by a test: the library takes 6 ms for each key.
    return numbers.private_key(unsafe_skip_rsa_key_validation=True)


def _known(signer: SoftwareSigner) -> SoftwareSigner:
    _signers[signer.certificate] = signer
    return signer


def signer_of(certificate: Certificate) -> SoftwareSigner:
    """Return the signer of a certificate that was made here."""
    return _signers[certificate]


def named(issuer: str, serial: bytes) -> Certificate:
    """Return the certificate that a list names as its signer; its key may be any that was made here."""
    return next(each for each in _signers if serial in {each.serial, each.serial[::-1]} and each.has_issuer(issuer))


@cache
def own(cluster: str, node: str, purpose: Purpose, generation: int, version: Version) -> SoftwareSigner:
    """Return the certificate and key that a node has for a purpose after so many regenerations."""
    name = f"{cluster}/{node}/{purpose.value}/{generation}"
    subject = Subject("", "TAC", "Cisco", "Krakow", "Malopolska", "PL")
    private = key(crc32(name.encode()) % KEYS)
    size = version.serial_bytes
    serial = random.Random(name).getrandbits(8 * size - 1) | (1 << (8 * size - 2))
    certificate = self_signed(
        purpose,
        subject=subject.named(common_name(purpose, node, number=crc32(name.encode()))),
        key=private,
        now=BEGIN,
        serial=serial & ((1 << (8 * size - 1)) - 1),
        style=version.certificate_style,
    )
    return _known(SoftwareSigner(certificate, private))


@cache
def token(number: int) -> SoftwareSigner:
    """Return a security token, its key in memory."""
    maker = key(KEYS)
    authority = self_signed(
        Purpose.MANUFACTURING_CA, subject=MANUFACTURING_SUBJECT, key=maker, now=BEGIN, serial=0x5E21
    )
    private = key(KEYS + 1 + number)
    certificate = issue(
        Purpose.TOKEN,
        subject=token_subject(f"ADN00{number:06x}"),
        public_key=private.public_key(),
        authority=authority,
        authority_key=maker,
        now=BEGIN,
        serial=int.from_bytes(b"\x45" + f"00{number:07x}".encode()),
    )
    return _known(SoftwareSigner(certificate, private))


class Remembering:
    """Signs as another does, the same bytes only once: a signature of this kind is the same each time."""

    def __init__(self, signer: SoftwareSigner) -> None:
        self.certificate = signer.certificate
        self._signer = signer
        self._made: dict[tuple[bytes, DigestAlgorithm], bytes] = {}

    def sign(self, data: bytes, digest: DigestAlgorithm) -> bytes:
        """Return the signature."""
        made = self._made.get((data, digest))
        if made is None:
            if len(self._made) > 256:
                self._made.clear()
            made = self._made[data, digest] = self._signer.sign(data, digest)
        return made


@cache
def remembering(certificate: Certificate) -> Remembering:
    """Return the signer of a certificate that remembers what it has signed."""
    return Remembering(signer_of(certificate))


def digest_of(code: int | None) -> DigestAlgorithm:
    """Return the digest of a wire code, SHA-1 for none."""
    return DigestAlgorithm(code or 1)
