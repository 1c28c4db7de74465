"""Who signed what, in a plan whose lists are yet to be signed."""

from __future__ import annotations

from mixedmode.phone.mind.trust.lookup import Verifier, remembering
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.names import serial_matches
from mixedmode.trustlist.header import Header


class Signatures:
    """Who signed what; a list that is yet to be signed counts as signed by whom it names.

    Args:
        unsigned: Those lists.
        verifier: Checks the others, and remembers.
    """

    __slots__ = ("unsigned", "verifier")

    def __init__(self, unsigned: frozenset[bytes], verifier: Verifier | None = None) -> None:
        self.unsigned = unsigned
        self.verifier = verifier or remembering(size=1 << 16)

    def also(self, unsigned: frozenset[bytes]) -> None:
        """Take in more lists that are yet to be signed: no plan has such a list whose signature counts."""
        self.unsigned |= unsigned

    def __call__(self, header: Header, certificate: Certificate) -> bool:
        """Return whether a signature holds."""
        if header.data not in self.unsigned:
            return self.verifier(header, certificate)
        serial, issuer = header.signer_serial, header.signer_issuer
        return (
            serial is not None and serial_matches(serial, certificate.serial) and certificate.has_issuer(issuer or "")
        )
