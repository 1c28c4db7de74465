"""TLS as phones speak it: no newer than the model knows, and servers judged by the trust lists alone.

Rules:

1. A phone's context believes every server; its certificate is compared, byte for byte, with what the lists hold for the
   service, and nothing is sent to another one (phone-trust.md 3.2). No authority, name or date is looked at.
2. A phone of TLS 1.0 offers what such phones have: RSA key exchange with AES in CBC mode and SHA-1 (phone-trust.md 3.3,
   wire-formats.md 6), no curves, no tickets, none of the extensions of later years. A server that lacks these suites
   must fail here as it fails there.
"""

from __future__ import annotations

import asyncio
import ssl
import warnings
from collections.abc import Collection
from typing import Final

from mixedmode.errors import RemoteError, UsageError

_VERSIONS: Final = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}
TLS_VERSIONS: Final = tuple(_VERSIONS)
OLD_VERSIONS: Final = frozenset({"1.0", "1.1"})
OLD_CIPHERS: Final = "AES128-SHA:AES256-SHA"
_DEFAULT_CIPHERS: Final = "DEFAULT:@SECLEVEL=0"
_NO_ENCRYPT_THEN_MAC: Final = 1 << 19
_NO_EXTENDED_MASTER_SECRET: Final = 1 << 0
"""OpenSSL's options of these names, which Python's module does not name."""


class UntrustedServerError(RemoteError):
    """The server showed a certificate that the trust lists do not hold for its service."""

    default_code = "untrusted-server"


def client_context(newest: str = "1.3", ciphers: str | None = None) -> ssl.SSLContext:
    """Return a context that believes every server.

    Args:
        newest: The newest TLS to speak, of :data:`TLS_VERSIONS`; the oldest is what OpenSSL has.
        ciphers: OpenSSL's cipher list, None for what phones of that TLS have (rule 2); security level 0 is what TLS 1.0
            and keys of 1024 bits need.

    Raises:
        UsageError: There is no such TLS version.
    """
    version = _VERSIONS.get(newest)
    if version is None:
        raise UsageError(f"there is no TLS {newest}", next_step=f"one of: {', '.join(TLS_VERSIONS)}")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with warnings.catch_warnings():
        # Python warns of TLS 1.0 and 1.1; phones of the 7900 series know nothing newer.
        warnings.simplefilter("ignore", DeprecationWarning)
        context.maximum_version = version
    if newest in OLD_VERSIONS:
        context.options |= ssl.OP_NO_TICKET | _NO_ENCRYPT_THEN_MAC | _NO_EXTENDED_MASTER_SECRET
    context.set_ciphers(ciphers or (f"{OLD_CIPHERS}:@SECLEVEL=0" if newest in OLD_VERSIONS else _DEFAULT_CIPHERS))
    return context


def is_trusted(writer: asyncio.StreamWriter, trusted: Collection[bytes] | None) -> bool:
    """Return whether the server showed one of these certificates (DER), or any if None."""
    tls: ssl.SSLObject = writer.get_extra_info("ssl_object")
    return trusted is None or tls.getpeercert(binary_form=True) in trusted
