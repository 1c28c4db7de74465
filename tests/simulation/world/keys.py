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
_EXPONENT: Final = 65537
_SMALL: Final = [
    number for number in range(3, 2000, 2) if all(number % each for each in range(3, 45, 2) if each < number)
]
_signers: dict[Certificate, SoftwareSigner] = {}


def _is_prime(number: int, rng: random.Random) -> bool:
    if any(number % each == 0 for each in _SMALL):
        return False
    odd, twos = number - 1, 0
    while not odd % 2:
        odd, twos = odd // 2, twos + 1
    for _ in range(12):
        power = pow(rng.randrange(2, number - 1), odd, number)
        if power in {1, number - 1}:
            continue
        for _ in range(twos - 1):
            power = power * power % number
            if power == number - 1:
                break
        else:
            return False
    return True


def _prime(rng: random.Random) -> int:
    while True:
        number = rng.getrandbits(512) | (3 << 510) | 1
        if (number - 1) % _EXPONENT and _is_prime(number, rng):
            return number


@cache
def key(number: int) -> rsa.RSAPrivateKey:
    """Return a key, the same for the same number."""
    rng = random.Random(f"mixedmode simulation key {number}")
    p, q = _prime(rng), _prime(rng)
    d = pow(_EXPONENT, -1, (p - 1) * (q - 1))
    public = rsa.RSAPublicNumbers(_EXPONENT, p * q)
    numbers = rsa.RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), public)
    return numbers.private_key()


def _known(signer: SoftwareSigner) -> SoftwareSigner:
    _signers[signer.certificate] = signer
    return signer


def signer_of(certificate: Certificate) -> SoftwareSigner:
    """Return the signer of a certificate that was made here."""
    return _signers[certificate]


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
            if len(self._made) > 4096:
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
