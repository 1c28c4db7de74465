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
from mixedmode.pki.requests import all_alternative_names, authority_obstacle

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
        cause = _cause(certificate, self._certificates, host, self._now())
        if cause is not None:
            raise UnknownProviderError(
                "the CTL Provider's certificate is not one of those given",
                where=f"{host}:{port}",
                why=cause,
                next_step="give the node's CallManager certificate, or its authority's, with --cacert",
            )


def _cause(certificate: Certificate, authorities: Sequence[Certificate], host: str, now: datetime) -> str | None:
    """Return why a certificate is not believed, None if it is (rule 1)."""
    issuers = [each for each in authorities if certificate.is_issued_by(each)]
    if not issuers:
        return f"it is {certificate.subject}, SHA-256 {certificate.sha256.hex()}, and none of those given signed it"
    obstacles = [authority_obstacle(each) for each in issuers]
    if None not in obstacles:
        return f"{issuers[0].subject} signed it, but may not: {obstacles[0]}"
    if not certificate.not_before <= now <= certificate.not_after:
        return f"it is valid from {certificate.not_before:%Y-%m-%d} to {certificate.not_after:%Y-%m-%d} only"
    return None if _names(certificate, host) else f"{certificate.subject} does not name the host {host}"


def _names(certificate: Certificate, host: str) -> bool:
    hosts, addresses = all_alternative_names(certificate)
    if not hosts and not addresses:
        return certificate.common_name.lower() == host.lower()
    return host.lower() in {name.lower() for name in hosts} or host in addresses
