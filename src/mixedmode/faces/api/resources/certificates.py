"""Certificates: found, shown, uploaded, deleted, made anew, and asked for from an authority."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Final

from pydantic import Field

from mixedmode.cluster.model.errors import NotFoundError
from mixedmode.cluster.model.records import StoredCertificate
from mixedmode.cluster.operations.identity.certificate_import import ImportCertificate
from mixedmode.cluster.operations.identity.certificates import DeleteTrust, ImportTrust, RegenerateCertificate
from mixedmode.cluster.operations.identity.csr import RequestCertificate, needed_request
from mixedmode.cluster.operations.identity.own_certificates import node_here, purpose_of
from mixedmode.cluster.store.certificates import check_trust_store
from mixedmode.faces.api.endpoint import JSON, LAX, STRICT, Call, Endpoint, Listing, Paged, Reply, listing
from mixedmode.faces.api.shared import Done, done

_TAG: Final = "certificates"
PEM: Final = "application/x-pem-file"
_Pem = Annotated[str, Field(min_length=1, max_length=100_000, description="The certificate, as PEM.")]
_Key = Annotated[str, Field(max_length=32, description="The key's kind, such as RSA-2048; empty: as it was.")]


@dataclass(frozen=True, slots=True)
class Stored:
    """A certificate in a store.

    Attributes:
        unit: What it is for, such as `CallManager`, or the trust store.
        node: Whose it is; null in trust stores.
        name: Of its file.
        serial: Upper hex.
        sha256: Lower hex.
    """

    unit: str
    node: str | None
    name: str
    subject: str
    issuer: str
    serial: str
    sha256: str
    key: str
    signature: str | None
    not_before: datetime
    not_after: datetime


@dataclass(frozen=True, slots=True)
class Wanted(Paged):
    """Which certificates."""

    __pydantic_config__ = LAX

    unit: Annotated[
        str | None, Field(max_length=64, description="Of this purpose or trust store, such as CallManager-trust.")
    ] = None
    node: Annotated[str | None, Field(max_length=255, description="Own certificates of this node.")] = None
    kind: Annotated[
        str, Field(pattern="^(all|own|trust)$", description="all, own (of nodes) or trust (in trust stores).")
    ] = "all"
    subject: Annotated[str | None, Field(max_length=200, description="With this in the subject, in any case.")] = None
    expires_before: Annotated[datetime | None, Field(description="Valid no longer than this, ISO 8601.")] = None


@dataclass(frozen=True, slots=True)
class Upload:
    """A certificate for a trust store."""

    __pydantic_config__ = STRICT

    unit: Annotated[str, Field(min_length=1, max_length=64, description="The trust store, such as Phone-SAST-trust.")]
    pem: _Pem


@dataclass(frozen=True, slots=True)
class Anew:
    """How a certificate is made anew."""

    __pydantic_config__ = STRICT

    key: _Key = ""
    years: Annotated[int | None, Field(ge=1, le=100, description="How long it lasts; as the version has it.")] = None


@dataclass(frozen=True, slots=True)
class Ask:
    """How a request is made."""

    __pydantic_config__ = STRICT

    key: _Key = ""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A signing request that waits for its certificate."""

    node: str
    unit: str
    created: datetime
    pem: str


@dataclass(frozen=True, slots=True)
class Signed:
    """The certificate that an authority made for a request."""

    __pydantic_config__ = STRICT

    pem: _Pem


def _stored(each: StoredCertificate) -> Stored:
    found = each.certificate
    return Stored(
        each.unit,
        each.node or None,
        each.name,
        found.subject,
        found.issuer,
        found.serial.hex().upper(),
        found.sha256.hex(),
        found.key_description,
        found.signature_hash,
        found.not_before,
        found.not_after,
    )


def _every(call: Call) -> Iterable[StoredCertificate]:
    return (*call.cluster.certificates.list_own(), *call.cluster.certificates.list_trust())


def _certificates(call: Call) -> Reply:
    asked = call.asked(Wanted)
    node = None if asked.node is None else call.cluster.node(asked.node).name
    until = asked.expires_before
    if until is not None and until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    found = (
        each
        for each in _every(call)
        if asked.unit in {None, each.unit}
        and node in {None, each.node}
        and asked.kind in {"all", "trust" if each.is_trust else "own"}
        and (asked.subject is None or asked.subject.lower() in each.certificate.subject.lower())
        and (until is None or each.certificate.not_after <= until)
    )
    return listing([_stored(each) for each in found], call)


def _told(call: Call, stored: StoredCertificate) -> Reply:
    return Reply(stored.certificate.pem(), media_type=PEM) if call.accept == PEM else Reply(_stored(stored))


def _one(call: Call) -> Reply:
    wanted = call.values["sha256"].lower().replace(":", "")
    for each in _every(call):
        if each.certificate.sha256.hex() == wanted:
            return _told(call, each)
    raise NotFoundError(f"no store has a certificate of SHA-256 {wanted[:64]!r}", next_step="list the certificates")


def _own(call: Call) -> Reply:
    node, unit = call.cluster.node(call.values["node"]).name, purpose_of(call.values["unit"]).value
    found = call.cluster.certificates.list_own(node, unit)
    if not found:
        call.cluster.own_certificate(node, unit)  # says why there is none
        raise NotFoundError(f"{node} has no {unit} certificate")
    return _told(call, found[0])


def _upload(call: Call) -> Reply:
    sent = call.sent(Upload)
    return done(call.run(ImportTrust.title, {"unit": check_trust_store(sent.unit), "pem": sent.pem}))


def _delete(call: Call) -> Reply:
    return done(call.run(DeleteTrust.title, {name: call.values[name] for name in ("unit", "sha256")}))


def _regenerate(call: Call) -> Reply:
    sent = call.sent(Anew)
    fields = {"node": call.values["node"], "unit": call.values["unit"], "key": sent.key, "years": sent.years}
    return done(call.run(RegenerateCertificate.title, fields))


def _request(call: Call) -> Reply:
    fields = {"node": call.values["node"], "unit": call.values["unit"], "key": call.sent(Ask).key}
    return done(call.run(RequestCertificate.title, fields))


def _waiting(call: Call) -> Reply:
    node, purpose = node_here(call.cluster, call.values["node"]), purpose_of(call.values["unit"])
    found = needed_request(call.cluster.folder(node), purpose)
    if call.accept == PEM:
        return Reply(found.request.pem, media_type=PEM)
    created = datetime.fromtimestamp(found.created, UTC)
    return Reply(Waiting(node, purpose.value, created, found.request.pem.decode()))


def _signed(call: Call) -> Reply:
    fields = {"node": call.values["node"], "unit": call.values["unit"], "pem": call.sent(Signed).pem}
    return done(call.run(ImportCertificate.title, fields))


_BOTH: Final = (JSON, PEM)
_OWN: Final = "/nodes/{node}/certificates/{unit}"
ENDPOINTS: Final = (
    Endpoint(
        "GET",
        "/certificates",
        "listCertificates",
        "List the certificates of nodes and trust stores.",
        _certificates,
        _TAG,
        Listing[Stored],
        query=Wanted,
    ),
    Endpoint(
        "GET",
        "/certificates/{sha256}",
        "getCertificate",
        "Show a certificate, or have it as PEM.",
        _one,
        _TAG,
        Stored,
        media_types=_BOTH,
    ),
    Endpoint(
        "POST",
        "/certificates",
        "uploadCertificate",
        "Put a certificate into a trust store.",
        _upload,
        _TAG,
        Done,
        level=ImportTrust.privilege,
        body=Upload,
        keyed=True,
    ),
    Endpoint(
        "DELETE",
        "/trust-stores/{unit}/{sha256}",
        "deleteCertificate",
        "Take a certificate out of a trust store.",
        _delete,
        _TAG,
        Done,
        level=DeleteTrust.privilege,
        keyed=True,
    ),
    Endpoint("GET", _OWN, "getOwnCertificate", "Show a node's own certificate.", _own, _TAG, Stored, media_types=_BOTH),
    Endpoint(
        "POST",
        f"{_OWN}/regenerate",
        "regenerateCertificate",
        "Make a node's certificate anew, with a new key.",
        _regenerate,
        _TAG,
        Done,
        level=RegenerateCertificate.privilege,
        body=Anew,
        needs_body=False,
        keyed=True,
        cost=20,
    ),
    Endpoint(
        "GET",
        f"{_OWN}/request",
        "getSigningRequest",
        "Show the signing request that waits.",
        _waiting,
        _TAG,
        Waiting,
        media_types=_BOTH,
    ),
    Endpoint(
        "POST",
        f"{_OWN}/request",
        "makeSigningRequest",
        "Make a key, and the request for its certificate.",
        _request,
        _TAG,
        Done,
        level=RequestCertificate.privilege,
        body=Ask,
        needs_body=False,
        keyed=True,
        cost=20,
    ),
    Endpoint(
        "PUT",
        _OWN,
        "importOwnCertificate",
        "Take the certificate into use that an authority made for the request.",
        _signed,
        _TAG,
        Done,
        level=ImportCertificate.privilege,
        body=Signed,
        keyed=True,
    ),
)
