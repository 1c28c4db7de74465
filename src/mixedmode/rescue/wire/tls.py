"""How phones that speak HTTPS are recognised before a login goes to them.

Rules:

1. To read a page nobody is recognised: a phone's certificate is its MIC or LSC, and what it says is public
   (docs/specification/live-cluster.md 4.1).
2. The control user's login goes to a phone only if one of the certificates that the engineer named issued its own, or
   is its own, and if that names the device: ``CP-8841-SEP001122334455`` or ``SEP001122334455`` (cucm-admin.md 3). No
   switch leaves this out, and nothing is sent by HTTP instead.
3. TLS 1.0, and certificates signed with SHA-1, are taken: phones have them, and plain HTTP is all that the others have.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from mixedmode.errors import MixedModeError, UsageError
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.load import load_certificates
from mixedmode.pki.certificates.phone_names import names_device
from mixedmode.rescue.wire.http import Tls


@cache
def anybody() -> Tls:
    """Return what speaks to whoever is there, for what is public (rule 1)."""
    context = _context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return Tls(context)


class PhoneAuthorities:
    """Who issued phones' certificates.

    Args:
        ders: Their certificates, DER: those of Cisco's manufacturing, the cluster's CAPF, or phones' own.
    """

    def __init__(self, ders: Iterable[bytes]) -> None:
        self._context = _context()
        self._context.check_hostname = False
        self._context.verify_mode = ssl.CERT_REQUIRED
        self._context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        self._context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        self._context.load_verify_locations(cadata="".join(map(ssl.DER_cert_to_PEM_cert, ders)))

    @classmethod
    def of(cls, path: Path) -> PhoneAuthorities:
        """Read a file of certificates.

        Raises:
            MixedModeError: It cannot be read, or holds none.
        """
        ders = [each.der for each in load_certificates(path)]
        try:
            if ders:
                return cls(ders)
            why = "there is none in it"
        except ssl.SSLError as error:
            why = error.reason or "TLS cannot use them"
        raise UsageError(
            "the certificates cannot be used",
            where=str(path),
            why=why,
            next_step="name PEM certificates of authorities",
        )

    def only(self, device: str) -> Tls:
        """Return what speaks to one phone alone (rule 2)."""

        def stranger(der: bytes) -> str:
            try:
                name = Certificate.from_der(der).common_name
            except MixedModeError:
                return "its certificate cannot be read"
            return "" if names_device(name, device) else f"its certificate is that of {name[:64]!r}, not of {device}"

        return Tls(self._context, stranger)


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    return context
