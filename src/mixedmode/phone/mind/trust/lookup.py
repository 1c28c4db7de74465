"""Find who signed among the records of a stored list, and read what a list says about its cluster.

Names and serials of a header and a record are compared verbatim first, as phones are known to do (wire-formats.md
1.7); then as names, in any order and style and without ``DC=``, a token's serial also byte-reversed (forecast.md 5.11).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from mixedmode.pki.certificates.names import texts_match
from mixedmode.trustlist.header import Header
from mixedmode.trustlist.model import Record, TrustList
from mixedmode.trustlist.roles import Role
from mixedmode.trustlist.verify import check_signature, has_issuer

if TYPE_CHECKING:
    from mixedmode.pki.certificates.certificates import Certificate

Verifier = Callable[[Header, "Certificate"], bool]
"""Tells whether the signature of the file of this header holds for a certificate's key."""

FILE_SIGNERS = frozenset({Role.TFTP, Role.CCM_TFTP})
"""Roles whose certificate may sign files, and whose presence makes a phone ask for signed ones."""

_LISTS: Final = 256
"""Of which it is remembered what they say: fleets and forecasts ask the same of few lists again and again."""
_NOBODY: Final = frozenset[bytes]()
_TVS: Final = frozenset({Role.TVS})
_CALLMANAGERS: Final = frozenset({Role.CCM, Role.CCM_TFTP})
_ROLLBACK_ROLES = FILE_SIGNERS | _TVS


def remembering(verifier: Verifier = check_signature, *, size: int = 4096) -> Verifier:
    """Return a verifier that checks each pair of file and certificate once.

    What a signature says about bytes and a key cannot change, so thousands of phones may share it.

    Args:
        verifier: Who checks.
        size: Most pairs to remember.
    """
    verdicts: dict[tuple[bytes, bytes], bool] = {}

    def verify(header: Header, certificate: Certificate) -> bool:
        pair = (header.data, certificate.der)
        verdict = verdicts.get(pair)
        if verdict is None:
            if len(verdicts) >= size:
                del verdicts[next(iter(verdicts))]
            verdict = verdicts[pair] = verifier(header, certificate)
        return verdict

    return verify


def list_signers(stored: TrustList, header: Header) -> tuple[Record, ...]:
    """Return the SAST records of a stored list that are the signer of a list, whole certificates only."""
    return stored.once(("signers of", header.data), lambda: tuple(_list_signers(stored, header)))


def _list_signers(stored: TrustList, header: Header) -> Iterator[Record]:
    serial = header.signer_serial
    if serial:
        for record in stored.find_signer(header.signer_issuer, serial):
            if record.certificate_der is not None:
                yield record


def server_records(stored: TrustList, header: Header) -> Iterator[Record]:
    """Yield the TFTP and CCM+TFTP records of a stored list that are the signer of a file."""
    serial = header.signer_serial
    if not serial:
        return
    issuer = header.signer_issuer
    for record in stored.records:
        is_server = record.serial == serial and record.role in FILE_SIGNERS and record.certificate_der is not None
        if is_server and has_issuer(record, issuer):
            yield record


def names_file_signer(stored: TrustList | None) -> bool:
    """Return whether a list makes the phone ask for signed files: a TFTP record with a certificate (1.3)."""
    return stored is not None and _role_with_certificate(stored, FILE_SIGNERS)


def names_tvs(stored: TrustList | None) -> bool:
    """Return whether a list holds a TVS record with a certificate, without which TVS is not used (2.1)."""
    return stored is not None and _role_with_certificate(stored, _TVS)


@lru_cache(maxsize=_LISTS)
def _role_with_certificate(stored: TrustList, roles: frozenset[Role]) -> bool:
    return any(
        record.certificate_der is not None or record.certificate_hash is not None
        for record in stored.records_with_role(*roles)
    )


@lru_cache(maxsize=_LISTS)
def tvs_certificates(itl: TrustList | None) -> tuple[bytes, ...]:
    """Return the DER of the certificates that an ITL holds for TVS."""
    records = itl.records_with_role(Role.TVS) if itl is not None else ()
    return tuple(record.certificate_der for record in records if record.certificate_der is not None)


@lru_cache(maxsize=_LISTS)
def tvs_hosts(itl: TrustList | None) -> dict[str, frozenset[bytes]]:
    """Return the hosts of an ITL's TVS servers, by their records' names and subjects, with what each shows (DER)."""
    found: dict[str, frozenset[bytes]] = {}
    for record in itl.records_with_role(Role.TVS) if itl is not None else ():
        if record.certificate_der is not None:
            for name in filter(None, (record.dns_name, record.subject)):
                found[name.lower()] = found.get(name.lower(), frozenset()) | {record.certificate_der}
    return found


@lru_cache(maxsize=_LISTS)
def blanked_hosts(itl: TrustList) -> frozenset[str]:
    """Return the hosts of an ITL's TVS records without a certificate, as a blanked one has them."""
    records = (each for each in itl.records_with_role(Role.TVS) if each.certificate_der is None)
    return frozenset(name.lower() for each in records for name in (each.dns_name, each.subject) if name)


def anchors(lists: Iterable[TrustList]) -> frozenset[bytes]:
    """Return the DER of the certificates that stand as SAST in any of these lists."""
    return _NOBODY.union(*map(_anchors_of, lists))


@lru_cache(maxsize=_LISTS)
def _anchors_of(stored: TrustList) -> frozenset[bytes]:
    found = (record.certificate_der for record in stored.records_with_role(Role.SAST))
    return frozenset(der for der in found if der is not None)


@lru_cache(maxsize=_LISTS)
def is_blanked(stored: TrustList, *, sast_only: bool = False) -> bool:
    """Return whether an ITL was blanked for "Prepare Cluster for Rollback to pre-8.0" (4.3, section 7).

    Its TVS and TFTP records are there, but empty. A CTL is never blanked: that of a non-secure cluster has empty
    records too, and means something else (2.3).

    Args:
        stored: The ITL.
        sast_only: Whether a list without any such record counts too.
    """
    found = False
    if stored.kind != "ITL":
        return False
    for record in stored.records:
        if record.role in _ROLLBACK_ROLES:
            if record.certificate_der is not None or record.certificate_hash is not None:
                return False
            found = True
    return found or sast_only


def is_mixed_mode(stored: TrustList | None) -> bool:
    """Return whether a CTL says that the cluster is in mixed mode: a CCM record with a certificate (2.3)."""
    return stored is not None and _role_with_certificate(stored, _CALLMANAGERS)


def same_signer(one: Header, other: Header) -> bool:
    """Return whether two files were signed by the same signer, by issuer and serial."""
    first, second = one.signer_issuer, other.signer_issuer
    if one.signer_serial != other.signer_serial:
        return False
    return first == second or (first is not None and second is not None and texts_match(first, second))
