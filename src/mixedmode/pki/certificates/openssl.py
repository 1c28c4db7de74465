"""Keys into OpenSSL's TLS contexts: through memory, never through a new file."""

from __future__ import annotations

import os
import ssl

from mixedmode.errors import UsageError
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.load import private_key_pem
from mixedmode.pki.reading.oddities import oddities
from mixedmode.pki.signing.signer import SoftwareSigner

_REASONS = (
    ("KEY_TOO_SMALL", "its key is too small for today's TLS"),
    ("MD_TOO_WEAK", "it was signed with an old hash, MD5 or SHA-1, which today's TLS refuses"),
    ("KEY_VALUES_MISMATCH", "the key does not belong to it"),
    ("KEY_TYPE", "the key is of another kind than the certificate's"),
    ("ASN1", "it is too unusual: it is readable, but does not follow RFC 5280"),
    ("NOT_ENOUGH_DATA", "it is damaged"),
)


def plain_reason(error: ssl.SSLError, certificate: Certificate) -> str:
    """Return why OpenSSL refused a certificate or its key, in our words.

    Python has no name for some of OpenSSL's reasons, such as a date without seconds since 3.5. What is odd about the
    certificate is the likely cause then.
    """
    for word, text in _REASONS:
        if word in (error.reason or ""):
            return text
    if odd := oddities(certificate):
        return f"it is too unusual: {'; '.join(odd)}"
    return "it is damaged, or too weak for today's TLS"


def use_key(context: ssl.SSLContext, signer: SoftwareSigner, *, what: str, next_step: str) -> None:
    """Have a context show a certificate and prove it with its key.

    Args:
        context: The context.
        signer: The key with its certificate.
        what: The certificate, as people call it: ``TVS certificate``.
        next_step: What helps where OpenSSL refuses it.

    Raises:
        UsageError: OpenSSL does not take it.
    """
    handle = os.memfd_create("key", os.MFD_CLOEXEC)
    try:
        with os.fdopen(handle, "wb", closefd=False) as file:
            file.write(private_key_pem(signer.key) + signer.certificate.pem())
        context.load_cert_chain(f"/proc/self/fd/{handle}")
    except ssl.SSLError as error:
        raise UsageError(
            f"OpenSSL does not take the {what}",
            where=signer.certificate.subject,
            why=plain_reason(error, signer.certificate),
            next_step=next_step,
        ) from error
    finally:
        os.close(handle)
