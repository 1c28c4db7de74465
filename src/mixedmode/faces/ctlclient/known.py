"""Which CTL Provider is the right one? Certificates given in advance, or known from the first connection as with ssh.

Rules:

1. A certificate from ``--cacert`` is the provider's own, byte for byte, or that of the authority which issued it; in
   the second case the provider's certificate must also be valid now and name the host.
2. Otherwise it is compared with the one noted at the first connection. A new one and a changed one are shown to the
   administrator, who takes it or not: regenerating a certificate is his own work, and no reason to edit a file.
3. Whoever cannot be asked names the SHA-256 that is right; then no other certificate is taken, a known one neither.
4. A line of the file is ``HOST:PORT SHA256 CERTIFICATE``, hex and base64; older releases left out the certificate.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mixedmode.errors import CheckFailedError, MixedModeError, RemoteError, UsageError
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.requests import all_alternative_names, authority_obstacle
from mixedmode.pki.files import write_atomic
from mixedmode.printable import printable


@dataclass(frozen=True, slots=True)
class Known:
    """What was noted of a provider.

    Attributes:
        sha256: Of its certificate, hex.
        certificate: The certificate; None where an older release noted the fingerprint only.
    """

    sha256: str
    certificate: Certificate | None = None


Asked = Callable[[str, Certificate], bool]
"""Shows ``HOST:PORT`` and its certificate to the administrator; returns whether it is the right one."""
AskedChanged = Callable[[str, Known, Certificate], bool]
"""The same for a certificate in place of one that is known."""


class UnknownProviderError(CheckFailedError):
    """The certificate of the CTL Provider is not one to trust; nothing was told to it."""

    default_code = "provider-certificate"


class KnownProviders:
    """The certificates of providers met before.

    Args:
        path: The file; made at the first provider.
        ask: Asked about a provider that was never met; by default none is taken.
        ask_changed: Asked about a provider with another certificate than before; by default none is taken.
        accepted: The SHA-256 that the provider must show (rule 3), as :func:`fingerprint` returns it.
    """

    def __init__(
        self,
        path: Path,
        ask: Asked = lambda _place, _certificate: False,
        *,
        ask_changed: AskedChanged = lambda _place, _known, _certificate: False,
        accepted: str | None = None,
    ) -> None:
        self._path = path
        self._ask = ask
        self._ask_changed = ask_changed
        self._accepted = accepted

    def check(self, host: str, port: int, certificate: Certificate) -> None:
        """Hold rules 2 and 3.

        Raises:
            UnknownProviderError: It is another certificate than the one accepted, or the administrator did not take it.
            RemoteError: The file cannot be read or written.
        """
        place, shown = f"{host}:{port}", certificate.sha256.hex()
        known = self._read()
        before = known.get(place)
        if self._accepted not in {None, shown}:
            raise UnknownProviderError(
                "the CTL Provider shows another certificate than the one that is accepted",
                where=place,
                why=f"SHA-256 {self._accepted} is accepted, it shows {shown}",
                next_step="compare both with show cert own CallManager on the node",
            )
        if before is not None and before.sha256 == shown and before.certificate is not None:
            return
        if before is not None and before.sha256 != shown and self._accepted is None:
            if not self._ask_changed(place, before, certificate):
                raise _changed(place, before, certificate)
        elif before is None and self._accepted is None and not self._ask(place, certificate):
            raise UnknownProviderError(
                "the CTL Provider's certificate is not known",
                where=place,
                why=f"SHA-256 {shown}",
                next_step="compare it with show cert own CallManager on the node, then accept it, with "
                "--accept-fingerprint in a script, or use --cacert",
            )
        self._write({**known, place: Known(shown, certificate)})

    def _write(self, known: dict[str, Known]) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            lines = sorted(_line(place, each) for place, each in known.items())
            write_atomic(self._path, "".join(lines).encode(), mode=0o600)
        except OSError as error:
            raise RemoteError("the provider cannot be noted", where=str(self._path), why=error.strerror) from error

    def _read(self) -> dict[str, Known]:
        try:
            text = self._path.read_text()
        except FileNotFoundError:
            return {}
        except (OSError, UnicodeDecodeError) as error:
            raise RemoteError("the known providers cannot be read", where=str(self._path), why=str(error)) from error
        rows = (line.split() for line in text.splitlines())
        return {row[0]: Known(row[1], _certificate(*row[1:])) for row in rows if len(row) in {2, 3}}


def fingerprint(text: str) -> str:
    """Return a SHA-256 fingerprint as it is noted: hex, in lower case, without colons.

    Raises:
        UsageError: It is none.
    """
    found = re.sub(r"[\s:]", "", text.lower().removeprefix("sha256:").removeprefix("sha-256"))
    if not re.fullmatch("[0-9a-f]{64}", found):
        raise UsageError(f"{text!r} is no SHA-256 fingerprint", next_step="write its 64 hexadecimal digits")
    return found


def explain_change(place: str, before: Known, now: Certificate) -> list[str]:
    """Return what an administrator needs to decide about a changed certificate: both, and when that is right."""
    old = before.certificate
    lines = [f"The CTL Provider {place} shows another certificate than before.", "", "  It showed until now:"]
    lines += _described(old) if old is not None else ["    (only its fingerprint was noted)"]
    lines += [f"    SHA-256  {before.sha256}", "  Now it shows:", *_described(now), f"    SHA-256  {now.sha256.hex()}"]
    if old is not None and (old.subject != now.subject):
        lines += ["", "The names differ: this may be another server."]
    return [
        *lines,
        "",
        "That is right if the node's CallManager certificate was regenerated or imported since, or the node was",
        "installed anew: compare the serial number with that of show cert own CallManager on the node.",
        "Else somebody may sit between: answer no, and nothing is told to that server.",
    ]


def _described(certificate: Certificate) -> list[str]:
    return [
        f"    Subject  {printable(certificate.subject)}",
        f"    Issuer   {printable(certificate.issuer)}",
        f"    Serial   {certificate.serial.hex().upper()}",
        f"    Valid    {certificate.not_before:%Y-%m-%d %H:%M:%S} to {certificate.not_after:%Y-%m-%d %H:%M:%S} UTC",
    ]


def _changed(place: str, before: Known, now: Certificate) -> UnknownProviderError:
    return UnknownProviderError(
        "the CTL Provider shows another certificate than before",
        where=place,
        why=f"SHA-256 was {before.sha256}, now it is {now.sha256.hex()} ({printable(now.subject)}, "
        f"valid from {now.not_before:%Y-%m-%d %H:%M:%S} UTC)",
        next_step="if the node's CallManager certificate was regenerated (show cert own CallManager shows it), take it "
        f"with yes on a terminal, or --accept-fingerprint {now.sha256.hex()}; else somebody may sit between: "
        "do not log in",
    )


def _line(place: str, known: Known) -> str:
    words = [place, known.sha256]
    if known.certificate is not None:
        words.append(base64.b64encode(known.certificate.der).decode())
    return " ".join(words) + "\n"


def _certificate(sha256: str, text: str = "") -> Certificate | None:
    """Return a noted certificate; None if it is not the one of the fingerprint, which alone decides."""
    try:
        found = Certificate.from_der(base64.b64decode(text))
        return found if found.sha256.hex() == sha256 and found.subject and found.not_after else None
    except (binascii.Error, MixedModeError):
        return None


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
