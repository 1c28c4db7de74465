"""A CAPF server with phones that prove themselves, or try to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from mixedmode.phone.body.capf import AuthMode, Outcome, Proofs, enrol
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.profiles import KeyKind, Purpose, Subject, self_signed
from mixedmode.pki.signing.signer import SoftwareSigner
from mixedmode.protocols.capf import Operation
from mixedmode.services.capf.guard import ProofGuard
from mixedmode.services.capf.notes import CapfNote, CapfOutcome
from mixedmode.services.capf.service import CapfLimits, CapfService
from mixedmode.services.capf.store import CapfDevice, CapfStore
from tests.pki.material import key

PHONE = "SEP001122334455"
NOW = datetime.now(UTC)


@cache
def authority(name: str = "CAPF-1234abcd", number: int = 1) -> SoftwareSigner:
    own = key(KeyKind.RSA_2048, number)
    purpose = Purpose.CAPF if name.startswith("CAPF-") else Purpose.CALLMANAGER
    made = self_signed(purpose, subject=Subject(name, "TAC", "Example"), key=own, now=NOW, serial=77)
    return SoftwareSigner(made, own)


MAKER = "Example Manufacturing CA"


@cache
def shown(name: str, issuer: str = "CAPF-1234abcd", *, days: int = 0, number: int = 5) -> SoftwareSigner:
    """A phone's certificate of any name and issuer, made some days ago or to come."""
    own, by = key(KeyKind.RSA_2048, number), authority(issuer, 2 if issuer == MAKER else 1)
    return SoftwareSigner(issued(name, own, by, NOW + timedelta(days=days)), own)


def issued(
    name: str, own: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, by: SoftwareSigner, begin: datetime
) -> Certificate:
    """A certificate of a name that no profile has, as makers of phones write them."""
    builder = x509.CertificateBuilder(by.certificate.x509.subject, Subject(name, organization="Example").name())
    builder = builder.public_key(own.public_key()).serial_number(0x99)
    builder = builder.not_valid_before(begin).not_valid_after(begin + timedelta(days=3650))
    return Certificate.from_library(builder.sign(by.key, hashes.SHA256()))


class Site:
    """A running CAPF, what it tells, and phones that visit it from addresses of this host."""

    def __init__(self, folder: Path, limits: CapfLimits | None = None) -> None:
        self.store = CapfStore(folder / "capf")
        self.notes: list[CapfNote] = []
        self.lines: list[str] = []
        self.service = CapfService(
            self.store,
            authority,
            port=0,
            issuers=lambda: [authority(MAKER, 2).certificate],
            limits=limits,
            told=self.notes.append,
            trace=self.lines.append,
        )

    async def __aenter__(self) -> Self:
        await self.service.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.service.stop()

    def order(self, operation: Operation, *, password: str | None = None, by_certificate: bool = False) -> None:
        self.store.order(PHONE, operation, key="ec-256", password=password, by_certificate=by_certificate)

    async def visit(
        self,
        password: str = "",
        *,
        lsc: SoftwareSigner | None = None,
        mic: SoftwareSigner | None = None,
        mode: AuthMode = AuthMode.LSC,
        name: str = PHONE,
    ) -> Outcome:
        port = self.service.port
        return await enrol("127.0.0.1", port, name, Proofs(lsc, mic, password, mode))

    def device(self) -> CapfDevice:
        found = self.store.find(PHONE)
        assert found is not None
        return found

    def reasons(self) -> list[str]:
        return [note.reason for note in self.notes if note.outcome is CapfOutcome.REFUSED]


def replace_source(guard: ProofGuard) -> ProofGuard:
    """A guard to which this host is another one."""
    return ProofGuard(guard.policy)
