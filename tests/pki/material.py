"""Keys and certificates that the tests of several rooms make once."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from mixedmode.pki.certificates.profiles import KeyKind, Purpose, Subject, generate_key, self_signed
from mixedmode.pki.signing.signer import SoftwareSigner

if TYPE_CHECKING:
    from mixedmode.pki.signing.signer import PrivateKey

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PUBLISHER = Subject("cucm-1051-a-pub", "TAC", "Cisco", "Krakow", "Malopolska", "PL")


@cache
def key(kind: KeyKind, number: int = 0) -> PrivateKey:
    """Return a key, the same for the same arguments."""
    return generate_key(kind)


@cache
def signer(
    kind: KeyKind = KeyKind.RSA_2048, *, name: str = PUBLISHER.common_name, serial: int = 0x1234
) -> SoftwareSigner:
    """Return a signer with a self-signed CallManager certificate."""
    purpose = Purpose.CALLMANAGER if kind.name.startswith("RSA") else Purpose.CALLMANAGER_ECDSA
    subject = PUBLISHER.named(name)
    certificate = self_signed(purpose, subject=subject, key=key(kind), now=NOW, serial=serial)
    return SoftwareSigner(certificate, key(kind))


def openssl(*arguments: str | Path, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run openssl and return what it did."""
    return subprocess.run(["openssl", *map(str, arguments)], input=data, capture_output=True, check=False, timeout=30)
