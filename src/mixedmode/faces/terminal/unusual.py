"""What commands say about certificates and keys that are taken although they are unusual."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from mixedmode.faces.terminal.console import say
from mixedmode.printable import printable

if TYPE_CHECKING:
    from mixedmode.pki.certificates.certificates import Certificate


def unusual(certificates: Iterable[Certificate | None]) -> list[str]:
    """Return a sentence for each certificate that strict programs may refuse, once each."""
    from mixedmode.pki.reading.oddities import oddities

    told = []
    for certificate in dict.fromkeys(certificates):
        found = oddities(certificate) if certificate is not None else ()
        if certificate is not None and found:
            name = certificate.common_name.strip() or certificate.subject or "without a subject"
            told.append(printable(f"the certificate {name} is unusual: {'; '.join(found)}"))
    return told


def warn_of_open_key(named: str | Path | None) -> None:
    """Tell a person that others may read the private key that he named, as ssh does.

    A script is not told: its keys may be for a test and for a moment, and its output is read by programs.

    Args:
        named: A SIGNER or a key file of the command line.
    """
    import os
    import sys

    from mixedmode.pki.certificates.load import PKCS11_SCHEME, PKCS12_SCHEME
    from mixedmode.pki.files import is_open_key

    text = str(named or "")
    if not text or text.startswith((PKCS11_SCHEME, PKCS12_SCHEME)) or not sys.stderr.isatty():
        return
    path = Path(text)
    if is_open_key(path) and path.stat().st_uid == os.getuid():
        warn([f"others may read the private key {path}; chmod 600 {path}"])


def warn(sentences: Iterable[str]) -> None:
    """Print warnings on stderr."""
    for sentence in sentences:
        say(f"warning: {sentence}")
