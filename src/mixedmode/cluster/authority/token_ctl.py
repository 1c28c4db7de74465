"""A CTL that security tokens sign: what must stand in it, and is this one such a list?

Pure: certificates and bytes in, a judgement out. Rules (cucm-admin.md 3 and 4, figures.md):

1. Its records are those of the cluster's own certificates in layout ``ctlclient``, each byte for byte as the cluster
   itself would write it, each once, in any order, and between them the tokens.
2. Which of the cluster's own certificates are SAST beside the tokens is the version's: none before 11.5, then the
   publisher's ITLRecovery and CallManager.
3. At least two tokens: who loses one can still sign with the other. None of them is a certificate of the cluster.
4. One of the tokens signed it, under the cluster's digest. The whole file is what our own writer makes of these
   records and this signature: no field too many, none altered.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from mixedmode.cluster.authority.authority import ctl_anchors, ctl_records
from mixedmode.cluster.authority.view import TrustView
from mixedmode.cluster.model.topology import SecurityMode
from mixedmode.errors import CheckFailedError, MalformedError
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.profiles import Purpose
from mixedmode.pki.signing.digests import DigestAlgorithm
from mixedmode.trustlist import TrustList
from mixedmode.trustlist.build import RecordSpec, build_trust_list, encode_record
from mixedmode.trustlist.kinds import CTL_FILE
from mixedmode.trustlist.model import Record
from mixedmode.trustlist.roles import MAX_PHONE_FILE, Layout, Role

LEAST_TOKENS = 2
_AGAIN = "run the CTL Client again: it signs a list of the cluster's present certificates"


class CtlRefusedError(CheckFailedError):
    """A signed list is not one that this cluster may have."""

    default_code = "ctl-refused"


@dataclass(frozen=True, slots=True)
class TokenCtl:
    """A list that was found right.

    Attributes:
        data: The file.
        timestamp: When it was signed, seconds since 1970.
        signer: The token that signed it.
        tokens: All tokens, in the list's order.
    """

    data: bytes
    timestamp: int
    signer: Certificate
    tokens: tuple[Certificate, ...]


def server_anchors(view: TrustView) -> list[Certificate]:
    """Return the publisher's certificates that stand as SAST beside tokens (rule 2).

    Raises:
        VersionError: The version takes no tokens.
    """
    return ctl_anchors(view, (view.certificate(view.publisher.name, Purpose.CALLMANAGER),))[1:]


def server_records(view: TrustView, mode: SecurityMode) -> list[RecordSpec]:
    """Return the records of the cluster's own certificates (rules 1 and 2): nodes in order, then SAST.

    Raises:
        VersionError: The version takes no tokens.
        NotFoundError: A certificate is missing.
    """
    found = [replace(spec, dns_name=None) for spec in ctl_records(view.in_mode(mode), anchors=server_anchors(view))]
    return sorted(found, key=lambda spec: spec.role is Role.SAST)


def check_token_ctl(data: bytes, view: TrustView, mode: SecurityMode, digest: DigestAlgorithm) -> TokenCtl:
    """Return what a file says if it may be this cluster's CTL in a mode.

    Raises:
        CtlRefusedError: It may not.
        MalformedError: It is no trust list.
        VersionError: The version takes no tokens.
    """
    if len(data) > MAX_PHONE_FILE:
        raise CtlRefusedError(
            f"the CTL file has {len(data)} bytes; phones do not load more than {MAX_PHONE_FILE}",
            code="too_large",
            next_step="add fewer tokens, or use one multi-server certificate for several nodes",
        )
    found = TrustList.parse(data)
    if found.kind != "CTL":
        raise CtlRefusedError("this is an ITL file, not a CTL file", next_step=_AGAIN)
    verdict = found.verify()
    signed_by = verdict.signer
    if signed_by is None:
        raise CtlRefusedError(
            "the signature of the CTL file does not hold", code="ctl-signature", why=verdict.reason, next_step=_AGAIN
        )
    specs, tokens = _records(found, view, mode)
    if signed_by not in tokens:
        raise CtlRefusedError("no security token signed the CTL file", where=signed_by.subject, next_step=_AGAIN)
    if len(tokens) < LEAST_TOKENS:
        raise CtlRefusedError(
            f"the CTL file has {len(tokens)} security token; it needs at least {LEAST_TOKENS}",
            code="ctl-tokens",
            next_step="insert another security token and add it with Add Tokens",
        )
    if found.header.digest is not digest:
        raise CtlRefusedError(
            f"the CTL file is signed under {_name(found.header.digest)}, the cluster wants {_name(digest)}",
            next_step="sign with the digest of TFTP File Signature Algorithm",
        )
    timestamp = found.header.timestamp or 0
    _check_writing(found, specs, _Signed(signed_by, found.header.signature or b""), digest, timestamp)
    return TokenCtl(data, timestamp, signed_by, tuple(tokens))


@dataclass(frozen=True, slots=True)
class _Signed:
    """A signer that has signed already."""

    certificate: Certificate
    signature: bytes

    def sign(self, data: bytes, digest: DigestAlgorithm) -> bytes:
        """Return the signature that there is."""
        return self.signature


def _records(found: TrustList, view: TrustView, mode: SecurityMode) -> tuple[list[RecordSpec], list[Certificate]]:
    wanted = {encode_record(spec, Layout.CTLCLIENT): spec for spec in server_records(view, mode)}
    missing = set(wanted)
    specs: list[RecordSpec] = []
    tokens: list[Certificate] = []
    own = set(view.own.values())
    for record in found.records:
        if record.raw in missing:
            missing.remove(record.raw)
            specs.append(wanted[record.raw])
            continue
        token = _token(record)
        if token is None or token in own or token in tokens:
            raise CtlRefusedError(
                f"record {record.number} ({record.role_label}) is not the cluster's",
                code="ctl-records",
                where=record.subject or record.dns_name,
                why="its certificate is not the node's present one, or the record stands twice or was altered",
                next_step=_AGAIN,
            )
        tokens.append(token)
        specs.append(RecordSpec(Role.SAST, token))
    if missing:
        spec = next(spec for raw, spec in wanted.items() if raw in missing)
        raise CtlRefusedError(
            f"the {spec.role.label} record of {spec.ip_address} is missing, or not the present one",
            code="ctl-records",
            where=spec.certificate.subject if spec.certificate else spec.ip_address,
            next_step=_AGAIN,
        )
    return specs, tokens


def _token(record: Record) -> Certificate | None:
    """Return the token of a record, None if it is no token's."""
    certificate = record.certificate
    if certificate is None or not record.is_sast():
        return None
    try:
        whole = encode_record(RecordSpec(Role.SAST, certificate), Layout.CTLCLIENT)
    except MalformedError:
        return None
    return certificate if whole == record.raw else None


def _check_writing(
    found: TrustList, specs: list[RecordSpec], signer: _Signed, digest: DigestAlgorithm, timestamp: int
) -> None:
    written = build_trust_list(
        specs, signer, timestamp=timestamp, digest=digest, filename=CTL_FILE, layout=Layout.CTLCLIENT
    )
    if written != found.data:
        raise CtlRefusedError(
            "the header of the CTL file is not as the CTL Client writes it", code="ctl-header", next_step=_AGAIN
        )


def _name(digest: DigestAlgorithm | None) -> str:
    return digest.label if digest is not None else "no known digest"
