"""TLS as phones speak it: no newer than the model knows, and servers judged by the trust lists alone.

A phone's context believes every server; its certificate is compared, byte for byte, with what the lists hold for the
service, and nothing is sent to another one (phone-trust.md 3.2). No authority, name or date is looked at.
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


class UntrustedServerError(RemoteError):
    """The server showed a certificate that the trust lists do not hold for its service."""

    default_code = "untrusted-server"


def client_context(newest: str = "1.3", ciphers: str = "DEFAULT:@SECLEVEL=0") -> ssl.SSLContext:
    """Return a context that believes every server.

    Args:
        newest: The newest TLS to speak, of :data:`TLS_VERSIONS`; the oldest is what OpenSSL has.
        ciphers: OpenSSL's cipher list; security level 0 is what TLS 1.0 and keys of 1024 bits need.

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
    context.set_ciphers(ciphers)
    return context


def is_trusted(writer: asyncio.StreamWriter, trusted: Collection[bytes] | None) -> bool:
    """Return whether the server showed one of these certificates (DER), or any if None."""
    tls: ssl.SSLObject = writer.get_extra_info("ssl_object")
    return trusted is None or tls.getpeercert(binary_form=True) in trusted
