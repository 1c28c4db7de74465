"""TLS as a phone speaks it to CallManager: no newer than its model knows, with its LSC or MIC.

Rules:

1. The server's certificate is not judged here but after the handshake, by the phone's lists.
2. An authenticated device offers NULL-SHA before ciphers that encrypt, an encrypted one only the latter
   (wire-formats.md 6; from memory, no trace confirms it). OpenSSL's security level has to be 0 for either. What else
   it offers is that of its TLS version (:mod:`mixedmode.phone.body.tls`, rule 2).
"""

from __future__ import annotations

import ssl
from typing import Final

from mixedmode.phone.body.tls import OLD_CIPHERS, OLD_VERSIONS, client_context
from mixedmode.pki.certificates.openssl import use_key
from mixedmode.pki.signing.signer import SoftwareSigner

_AUTHENTICATED: Final = 2
_OLD_SIGNING_FIRST: Final = f"NULL-SHA:{OLD_CIPHERS}:@SECLEVEL=0"
_SIGNING_FIRST: Final = "NULL-SHA:ALL:!aNULL:!COMPLEMENTOFDEFAULT:@SECLEVEL=0"
"""DEFAULT counts only where it stands first, so it is spelled out."""


def phone_client_context(tls_max: str, mode: int, identity: SoftwareSigner | None) -> ssl.SSLContext:
    """Return the context of a phone.

    Args:
        tls_max: The newest TLS that it speaks: ``1.0`` to ``1.3``.
        mode: Its ``deviceSecurityMode``.
        identity: Its LSC or MIC; None if it has neither.

    Raises:
        UsageError: There is no such TLS version, or OpenSSL does not take the certificate.
    """
    signing = _OLD_SIGNING_FIRST if tls_max in OLD_VERSIONS else _SIGNING_FIRST
    context = client_context(tls_max, signing if mode == _AUTHENTICATED else None)
    if identity is not None:
        use_key(context, identity, what="phone's certificate", next_step="give the phone another LSC or MIC")
    return context
