"""Which CTL Provider is the right one? Certificates given in advance, or known from the first connection as with ssh.

Rules:

1. A certificate from ``--cacert`` is the provider's own, byte for byte, or that of the authority which issued it; in
   the second case the provider's certificate must also be valid now and name the host.
2. Otherwise its fingerprint is compared with the one noted at the first connection; a new one is shown to the
   administrator, a changed one is refused.
3. A line of the file is ``HOST:PORT SHA256``, in hex.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from mixedmode.errors import CheckFailedError, RemoteError
from mixedmode.pki.certificates import Certificate
from mixedmode.pki.files import write_atomic

Asked = Callable[[str, Certificate], bool]
"""Shows ``HOST:PORT`` and its certificate to the administrator; returns whether it is the right one."""


class UnknownProviderError(CheckFailedError):
    """The certificate of the CTL Provider is not one to trust; nothing was told to it."""

    default_code = "provider-certificate"


class KnownProviders:
    """The fingerprints of providers met before.

    Args:
        path: The file; made at the first provider.
        ask: Asked about a provider that was never met; by default none is taken.
    """

    def __init__(self, path: Path, ask: Asked = lambda _place, _certificate: False) -> None:
        self._path = path
        self._ask = ask

    def check(self, host: str, port: int, certificate: Certificate) -> None:
        """Hold rule 2.

        Raises:
            UnknownProviderError: The certificate changed, or the administrator did not take it.
            RemoteError: The file cannot be read or written.
        """
        place, shown = f"{host}:{port}", certificate.sha256.hex()
        known = self._read()
        if known.get(place) == shown:
            return
        if place in known:
            raise UnknownProviderError(
                "the CTL Provider shows another certificate than before",
                where=place,
                why=f"SHA-256 was {known[place]}, now it is {shown}",
                next_step=f"if the node's CallManager certificate was regenerated, remove its line from {self._path}; "
                "else somebody may sit between: do not log in",
            )
        if not self._ask(place, certificate):
            raise UnknownProviderError(
                "the CTL Provider's certificate is not known",
                where=place,
                why=f"SHA-256 {shown}",
                next_step="compare it with show cert own CallManager on the node, then accept it or use --cacert",
            )
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            lines = sorted(f"{name} {digest}\n" for name, digest in {**known, place: shown}.items())
            write_atomic(self._path, "".join(lines).encode(), mode=0o600)
        except OSError as error:
            raise RemoteError("the provider cannot be noted", where=str(self._path), why=error.strerror) from error

    def _read(self) -> dict[str, str]:
        try:
            text = self._path.read_text()
        except FileNotFoundError:
            return {}
        except (OSError, UnicodeDecodeError) as error:
            raise RemoteError("the known providers cannot be read", where=str(self._path), why=str(error)) from error
        return dict(line.split() for line in text.splitlines() if len(line.split()) == 2)


class GivenCertificates:
    """Certificates of ``--cacert``.

    Args:
        certificates: Of providers, or of the authorities that issued theirs.
        now: The time, UTC.
    """

    def __init__(
        self, certificates: Sequence[Certificate], now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._certificates = certificates
        self._now = now

    def check(self, host: str, port: int, certificate: Certificate) -> None:
        """Hold rule 1.

        Raises:
            UnknownProviderError: The certificate is none of these and was issued by none of these.
        """
        if certificate in self._certificates:
            return
        issued = any(_issued(certificate, authority) for authority in self._certificates)
        valid = certificate.not_before <= self._now() <= certificate.not_after
        if not (issued and valid and _names(certificate, host)):
            raise UnknownProviderError(
                "the CTL Provider's certificate is not one of those given",
                where=f"{host}:{port}",
                why=f"it is {certificate.subject}, SHA-256 {certificate.sha256.hex()}",
                next_step="give the node's CallManager certificate, or its authority's, with --cacert",
            )


def _issued(certificate: Certificate, authority: Certificate) -> bool:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature

    try:
        constraints = authority.x509.extensions.get_extension_for_class(x509.BasicConstraints)
        certificate.x509.verify_directly_issued_by(authority.x509)
    except (x509.ExtensionNotFound, InvalidSignature, ValueError, TypeError):
        return False
    return constraints.value.ca


def _names(certificate: Certificate, host: str) -> bool:
    from cryptography import x509

    try:
        names = certificate.x509.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return certificate.common_name.lower() == host.lower()
    addresses = {str(address) for address in names.get_values_for_type(x509.IPAddress)}
    return host.lower() in {name.lower() for name in names.get_values_for_type(x509.DNSName)} or host in addresses
