"""TLS as a phone speaks it to CallManager: no newer than its model knows, with its LSC or MIC.

Rules:

1. The server's certificate is not judged here but after the handshake, by the phone's lists.
2. An authenticated device offers NULL-SHA before ciphers that encrypt, an encrypted one only the latter
   (wire-formats.md 6; from memory, no trace confirms it). OpenSSL's security level has to be 0 for either.
3. The private key reaches OpenSSL through memory, never through a new file.
"""

from __future__ import annotations

import os
import ssl
import warnings
from typing import Final

from mixedmode.errors import UsageError
from mixedmode.pki.load import private_key_pem
from mixedmode.pki.signer import SoftwareSigner

_VERSIONS: Final = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}
_AUTHENTICATED: Final = 2
_ENCRYPTING: Final = "DEFAULT:@SECLEVEL=0"
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
    version = _VERSIONS.get(tls_max)
    if version is None:
        raise UsageError(f"there is no TLS {tls_max}", next_step=f"one of: {', '.join(_VERSIONS)}")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with warnings.catch_warnings():
        # Python warns of TLS 1.0 and 1.1; phones of the 7900 series know nothing newer.
        warnings.simplefilter("ignore", DeprecationWarning)
        context.maximum_version = version
    context.set_ciphers(_SIGNING_FIRST if mode == _AUTHENTICATED else _ENCRYPTING)
    if identity is not None:
        _load(context, identity)
    return context


def _load(context: ssl.SSLContext, identity: SoftwareSigner) -> None:
    handle = os.memfd_create("phone", os.MFD_CLOEXEC)
    try:
        with os.fdopen(handle, "wb", closefd=False) as file:
            file.write(private_key_pem(identity.key) + identity.certificate.pem())
        context.load_cert_chain(f"/proc/self/fd/{handle}")
    except ssl.SSLError as error:
        raise UsageError(
            "OpenSSL does not take the phone's certificate",
            where=identity.certificate.subject,
            why=str(error.reason or error),
            next_step="give the phone another LSC or MIC",
        ) from error
    finally:
        os.close(handle)
