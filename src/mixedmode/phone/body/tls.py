"""TLS as phones speak it: no newer than the model knows, and servers judged by the trust lists alone.

Rules:

1. A phone's context believes every server; its certificate is compared, byte for byte, with what the lists hold for the
   service, and nothing is sent to another one (phone-trust.md 3.2). No authority, name or date is looked at.
2. A phone of TLS 1.0 offers what such phones have: RSA key exchange with AES in CBC mode and SHA-1 (phone-trust.md 3.3,
   wire-formats.md 6), no curves, no tickets, none of the extensions of later years. A server that lacks these suites
   must fail here as it fails there.
3. Towards CallManager an authenticated device offers NULL-SHA before ciphers that encrypt, an encrypted one only the
   latter (wire-formats.md 6; from memory, no trace confirms it). OpenSSL's security level has to be 0 for either.
"""

from __future__ import annotations

import asyncio
import ssl
import warnings
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

from mixedmode.errors import RemoteError, UsageError
from mixedmode.pki.certificates.openssl import use_key

if TYPE_CHECKING:
    from mixedmode.pki.signing.signer import SoftwareSigner

_VERSIONS: Final = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}
TLS_VERSIONS: Final = tuple(_VERSIONS)
OLD_VERSIONS: Final = frozenset({"1.0", "1.1"})
OLD_CIPHERS: Final = "AES128-SHA:AES256-SHA"
_AUTHENTICATED: Final = 2
_OLD_SIGNING_FIRST: Final = f"NULL-SHA:{OLD_CIPHERS}:@SECLEVEL=0"
_SIGNING_FIRST: Final = "NULL-SHA:ALL:!aNULL:!COMPLEMENTOFDEFAULT:@SECLEVEL=0"
"""DEFAULT counts only where it stands first, so it is spelled out."""
_DEFAULT_CIPHERS: Final = "DEFAULT:@SECLEVEL=0"
_NO_ENCRYPT_THEN_MAC: Final = 1 << 19
_NO_EXTENDED_MASTER_SECRET: Final = 1 << 0
"""OpenSSL's options of these names, which Python's module does not name."""


@dataclass(frozen=True, slots=True)
class PhoneTls:
    """How a phone speaks TLS to a server; the server's certificate is not judged here.

    Attributes:
        newest: The newest TLS that its model knows, of :data:`TLS_VERSIONS`.
        mode: Its ``deviceSecurityMode`` towards CallManager (rule 3); None towards other servers.
        identity: The LSC or MIC that it shows, None if it shows none.
    """

    newest: str
    mode: int | None = None
    identity: SoftwareSigner | None = None

    async def context(self) -> ssl.SSLContext:
        """Return the context for it, made aside since a key has to be read.

        Raises:
            UsageError: There is no such TLS version, or OpenSSL does not take the certificate.
        """
        if self.mode is None and self.identity is None:
            return _plain_context(self.newest)
        return await asyncio.to_thread(phone_client_context, self.newest, self.mode, self.identity)


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


_plain_context = cache(client_context)


def phone_client_context(newest: str, mode: int | None, identity: SoftwareSigner | None) -> ssl.SSLContext:
    """Return the context of a phone towards CallManager (rule 3).

    Args:
        newest: The newest TLS that it speaks.
        mode: Its ``deviceSecurityMode``.
        identity: Its LSC or MIC; None if it has neither.

    Raises:
        UsageError: There is no such TLS version, or OpenSSL does not take the certificate.
    """
    signing = _OLD_SIGNING_FIRST if newest in OLD_VERSIONS else _SIGNING_FIRST
    context = client_context(newest, signing if mode == _AUTHENTICATED else None)
    if identity is not None:
        use_key(context, identity, what="phone's certificate", next_step="give the phone another LSC or MIC")
    return context
