"""TLS of servers that phones ask: which certificates they show and which versions they speak.

Rules:

1. TLS 1.2 is the least, unless :attr:`TlsFloor.TLS_1_0` is chosen: phones of the 7900 series know nothing newer. That
   switch lowers OpenSSL's security level to 0 for this port, since SHA-1 and 1024-bit keys belong to TLS 1.0
   (wire-formats.md 4); choose it only where such phones ask.
2. Clients show no certificate. Sessions may be resumed; tickets are made with a key of this process.
3. A P-256 certificate beside the RSA one is offered to clients that can, but a phone accepts it only if its ITL has it.
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from enum import Enum

from mixedmode.errors import UsageError
from mixedmode.pki.certificates.openssl import use_key
from mixedmode.pki.signing.signer import SoftwareSigner


class TlsFloor(Enum):
    """The oldest TLS that a server speaks."""

    TLS_1_0 = "1.0"
    TLS_1_2 = "1.2"


def server_context(
    signers: Sequence[SoftwareSigner], floor: TlsFloor = TlsFloor.TLS_1_2, *, what: str = "server's certificate"
) -> ssl.SSLContext:
    """Return the context of a server (rules 1 to 3).

    Args:
        signers: Its keys with their certificates.
        floor: The oldest TLS that it speaks.
        what: The certificates, as people call them: ``TVS certificate``.

    Raises:
        UsageError: There is no key, or OpenSSL does not take it.
    """
    if not signers:
        raise UsageError("a TLS server needs a key with its certificate")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if floor is TlsFloor.TLS_1_0:
        # The least that the library has, without SSL 3: naming TLSv1 itself is deprecated in Python.
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        context.options |= ssl.OP_NO_SSLv3
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.num_tickets = 1
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    for signer in signers:
        use_key(
            context,
            signer,
            what=what,
            next_step="use RSA of 2048 bits or P-256; keys of 1024 bits need TLS 1.0 to be switched on",
        )
    return context
