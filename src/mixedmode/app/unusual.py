"""What commands say about certificates that are taken although they are unusual."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mixedmode.app.console import say
from mixedmode.printable import printable

if TYPE_CHECKING:
    from mixedmode.pki.certificates import Certificate


def unusual(certificates: Iterable[Certificate | None]) -> list[str]:
    """Return a sentence for each certificate that strict programs may refuse, once each."""
    from mixedmode.pki.oddities import oddities

    told = []
    for certificate in dict.fromkeys(certificates):
        found = oddities(certificate) if certificate is not None else ()
        if certificate is not None and found:
            name = certificate.common_name.strip() or certificate.subject or "without a subject"
            told.append(printable(f"the certificate {name} is unusual: {'; '.join(found)}"))
    return told


def warn(sentences: Iterable[str]) -> None:
    """Print warnings on stderr."""
    for sentence in sentences:
        say(f"warning: {sentence}")
