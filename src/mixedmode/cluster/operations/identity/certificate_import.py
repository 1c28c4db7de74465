"""``set cert import own``: the certificate that an authority issued for a request of :mod:`.csr`.

Rules:

1. It is refused unless it fits the waiting request: its key, its alternative names, its dates, what it may be used for.
2. Every authority above it must be in the unit's trust store, up to a self-signed one: what verifies this node's
   certificate has those and nothing else.
3. Key and certificate are taken into use like those of ``set cert regen``; only then is the request forgotten.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

from mixedmode.cluster.engine.operation import About, NodeName, Operation, Pem, Unit
from mixedmode.cluster.engine.steps import Step, StepContext
from mixedmode.cluster.model.errors import PreconditionError
from mixedmode.cluster.model.records import StoredCertificate
from mixedmode.cluster.model.trust_roles import TRUSTED_BY
from mixedmode.cluster.operations.identity.csr import Pending, forget_request, needed_request
from mixedmode.cluster.operations.identity.own_certificates import (
    check_has,
    forget_new_key,
    keep_new,
    node_here,
    purpose_of,
    steps_into_use,
    warnings_about,
)
from mixedmode.cluster.publishing.outlook import Outlook
from mixedmode.cluster.store.certificates import key_name
from mixedmode.cluster.store.making import key_file
from mixedmode.cluster.store.state import ClusterState
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.profiles import Expiry, Purpose, expiry
from mixedmode.pki.certificates.requests import alternative_names, authority_obstacle, is_authority
from mixedmode.pki.reading.oddities import oddities
from mixedmode.pki.signing.signer import SoftwareSigner

LONGEST_CHAIN = 8
_NO_AUTHORITY = "CA certificate is not available in the trust-store"


class ImportRefusedError(PreconditionError):
    """The certificate does not fit the request, or its issuer is not trusted."""

    default_code = "certificate-import"


def trust_stores_of(purpose: Purpose) -> tuple[str, ...]:
    """Return the trust stores in which the issuers of a purpose's certificate may be."""
    return (f"{purpose}-trust",) if purpose is Purpose.TVS else TRUSTED_BY.get(purpose, ())


def check_fits(certificate: Certificate, pending: Pending) -> None:
    """Check a certificate against the request that it was issued for (rule 1, but for the dates).

    Raises:
        ImportRefusedError: It does not fit.
        MalformedError: It cannot be read.
    """
    purpose = pending.purpose
    if not pending.request.has_key_of(certificate):
        raise ImportRefusedError(
            f"the certificate is not for the key of the waiting signing request for {purpose}",
            where=certificate.subject,
            code="key-mismatch",
            next_step=f"have the request of show csr own {purpose} signed; set csr gen replaces it",
        )
    missing = {name.lower() for name in pending.request.dns_names} - {
        name.lower() for name in alternative_names(certificate)
    }
    if missing:
        raise ImportRefusedError(
            "CSR SAN and Certificate SAN does not match",
            where=certificate.subject,
            why=f"the certificate lacks: {', '.join(sorted(missing))}",
            code="san-mismatch",
            next_step="let the authority copy the request's alternative names",
        )
    obstacle = authority_obstacle(certificate) if purpose is Purpose.CAPF else None
    if obstacle is not None:
        raise ImportRefusedError(
            "the certificate is not one of an authority, and CAPF issues certificates",
            where=certificate.subject,
            why=obstacle,
            code="no-authority",
            next_step="let the authority sign the request with basic constraints CA:TRUE",
        )


def chain_of(
    certificate: Certificate, trusted: Sequence[StoredCertificate], first: str = "", *, stores: str = "its trust store"
) -> list[Certificate]:
    """Return the authorities above a certificate, up to a self-signed one (rule 2).

    Args:
        certificate: Where to begin.
        trusted: What the trust stores hold.
        first: The name that the issuer must have in its store; any when empty.
        stores: The trust stores' names, for errors.

    Raises:
        ImportRefusedError: One of them is not there.
    """
    chain: list[Certificate] = []
    here, wanted = certificate, first
    while len(chain) < LONGEST_CHAIN:
        named = [each for each in trusted if not wanted or _is_called(each, wanted)]
        signed = [
            each.certificate for each in named if each.certificate != here and here.is_issued_by(each.certificate)
        ]
        issuers = [each for each in signed if is_authority(each)]
        if not issuers:
            missing = f"the certificate of the issuer {here.issuer!r} is not there"
            what = f"{wanted} is not the certificate of the issuer" if wanted and named else _NO_AUTHORITY
            if signed:
                what = "the issuer's certificate is in the trust store, but it may not sign others"
                missing = f"{signed[0].subject}: {authority_obstacle(signed[0])}"
            raise ImportRefusedError(
                what,
                where=here.subject,
                why=missing,
                code="no-authority" if signed else "issuer",
                next_step="have the authority's own certificate made anew with basic constraints CA:TRUE"
                if signed
                else f"put the issuer's certificate into {stores} first: set cert import trust",
            )
        # Of several certificates of one authority the one that lasts longest is the one in use.
        issuer = max(issuers, key=lambda each: each.not_after)
        chain.append(issuer)
        if issuer.is_issued_by(issuer):
            return chain
        here, wanted = issuer, ""
    raise ImportRefusedError(
        f"more than {LONGEST_CHAIN} authorities are above the certificate", where=certificate.subject, code="issuer"
    )


def _is_called(stored: StoredCertificate, name: str) -> bool:
    asked = name.lower().rpartition("/")[2]
    return asked in {stored.name.lower(), stored.name.lower().removesuffix(".pem")}


@dataclass(frozen=True, slots=True)
class ImportCertificate(Operation):
    """A certificate that an authority issued is taken into use."""

    title: ClassVar[str] = "set cert import own"
    publisher_only: ClassVar[bool] = False

    node: NodeName
    unit: Unit
    pem: Pem
    ca: Annotated[str, About("The name of the issuer's certificate in its trust store; any if empty.")] = ""

    def check(self, state: ClusterState) -> list[str]:
        """Refuse what does not fit the request, or has no trusted issuer (rules 1 and 2)."""
        purpose, node = purpose_of(self.unit), node_here(state, self.node)
        check_has(state, purpose, node)
        certificate = Certificate.from_pem(self.pem.encode())
        check_fits(certificate, needed_request(state.folder(node), purpose))
        stores = trust_stores_of(purpose)
        trusted = [each for store in stores for each in state.certificates.list_trust(store, node=node)]
        chain = chain_of(certificate, trusted, self.ca, stores=" or ".join(stores))
        now = state.now()
        for each in (certificate, *chain):
            standing = expiry(each, now)
            if standing in {Expiry.EXPIRED, Expiry.NOT_YET_VALID}:
                raise ImportRefusedError(
                    f"the certificate is {standing.value}",
                    where=each.subject,
                    why=f"valid from {each.not_before:%Y-%m-%d %H:%M} to {each.not_after:%Y-%m-%d %H:%M} UTC",
                    code="validity",
                    next_step="check this node's clock, or have the certificate issued anew",
                )
        unusual = [
            f"The certificate {each.subject} is unusual: {'; '.join(found)}."
            for each in (certificate, *chain)
            if (found := oddities(each))
        ]
        return [*warnings_about(state, purpose), *unusual]

    def foresee(self, before: Outlook) -> Outlook:
        """Return the cluster after it."""
        node, certificate = before.view.node(self.node).name, Certificate.from_pem(self.pem.encode())
        return before.taking(node, purpose_of(self.unit), certificate).signing_itls()

    def plan(self, state: ClusterState) -> list[Step]:
        """Return its steps."""
        purpose, node = purpose_of(self.unit), state.node(self.node).name
        certificate = Certificate.from_pem(self.pem.encode())

        def take(context: StepContext) -> None:
            folder = context.state.folder(node)
            pending = needed_request(folder, purpose)
            check_fits(certificate, pending)
            pair = SoftwareSigner(certificate, pending.key)
            folder.write_key(key_name(purpose.value, certificate), key_file(pair))
            keep_new(context, node, purpose, certificate)

        return [
            Step(
                f"Put the certificate beside the key of the signing request for {purpose} on {node}",
                take,
                undo=lambda context: forget_new_key(context, node, purpose),
            ),
            *steps_into_use(
                node,
                purpose,
                f"imported, issued by {certificate.issuer}",
                tidy=lambda context: forget_request(context, node, purpose),
            ),
        ]
