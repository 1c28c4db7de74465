"""Who a certificate is, as trust lists write it: the texts under which records and TVS find it."""

from __future__ import annotations

from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.trustlist.build import signer_identity
from mixedmode.trustlist.roles import Layout


def list_identity(certificate: Certificate) -> tuple[str, str, str]:
    """Return subject, issuer and serial (upper hex) as a trust list writes them, tokens in their own way."""
    identity = signer_identity(certificate, Layout.CUCM)
    return identity.name, identity.issuer, identity.serial.hex().upper()
