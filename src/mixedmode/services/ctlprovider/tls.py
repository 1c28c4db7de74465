"""TLS of the CTL Provider: the node's CallManager certificate, TLS 1.2 at least.

A key under 2048 bits, as old clusters have it, lowers OpenSSL's security level for this port to 1; with others it stays
as it is. Only administrators' clients come here, and they compare the certificate's fingerprint.
"""

from __future__ import annotations

import ssl

from mixedmode.pki.certificates.openssl import use_key
from mixedmode.pki.signing.signer import SoftwareSigner

_STRONG_BITS = 2048


def provider_context(signer: SoftwareSigner) -> ssl.SSLContext:
    """Return the server's context.

    Raises:
        UsageError: OpenSSL does not take the key.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    if signer.certificate.key_bits < _STRONG_BITS:
        context.set_ciphers("DEFAULT:@SECLEVEL=1")
    use_key(
        context,
        signer,
        what="CallManager certificate",
        next_step="regenerate it with a key of 2048 bits: set cert regen CallManager",
    )
    return context
