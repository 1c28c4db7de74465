"""The key with which a server of the command line speaks TLS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mixedmode.errors import UsageError
from mixedmode.faces.terminal.unusual import warn_of_open_key

if TYPE_CHECKING:
    from mixedmode.pki.signing.signer import SoftwareSigner


def tls_signer(key: str) -> SoftwareSigner:
    """Return the key of ``--key`` with its certificate; who else may read its file is told.

    Raises:
        UsageError: It cannot be read, or is behind a token.
    """
    from mixedmode.pki.certificates.load import load_signer
    from mixedmode.pki.signing.signer import SoftwareSigner

    warn_of_open_key(key)
    signer = load_signer(key)
    if not isinstance(signer, SoftwareSigner):
        raise UsageError("TLS needs the key itself", where=key, next_step="give a PEM file or pkcs12:FILE")
    return signer
