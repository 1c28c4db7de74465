"""What TVS vouches for, as AXL's own view of it says (1.8): every certificate, and the roles of those that sign lists.

The list has no roles; each certificate has to be asked for alone. So only those are asked that stand in a purpose or
store which lists are signed with, :data:`MOST_ASKED` at most; of the others SQL says the roles (Q10).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from mixedmode.errors import MalformedError
from mixedmode.live.observed import CertificateSeen
from mixedmode.live.provisioned import VouchedSeen
from mixedmode.live.sources.axl import Axl, AxlFaultError
from mixedmode.live.sources.database import Database
from mixedmode.live.sources.seeing import Seen
from mixedmode.live.wire.soap import text_element
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.xml_reader import Element

MOST_ASKED: Final = 20
_LONGEST: Final = 1024
_SIGNING: Final = frozenset({"itlrecovery", "callmanager", "phone-sast-trust"})
_ALL: Final = (
    "<searchCriteria><subjectName>%</subjectName></searchCriteria>"
    "<returnedTags><subjectName/><issuerName/><serialNumber/></returnedTags>"
)
_TAGS: Final = (
    "<returnedTags><subjectName/><issuerName/><serialNumber/><roles><role><roleName/></role></roles>"
    "<services><service><serviceName/></service></services></returnedTags>"
)


def look_at_vouching(database: Database, axl: Axl, certificates: Iterable[CertificateSeen], seen: Seen) -> None:
    """Add what TVS vouches for.

    Args:
        database: Says when and where.
        axl: Of the publisher.
        certificates: Of the database, by which it is chosen whose roles are asked for.
        seen: To be added to.
    """
    try:
        listed = [each for each in axl.call("listTvsCertificate", _ALL).children if _value(each, "serialNumber")]
    except AxlFaultError as error:
        seen.missing("what TVS vouches for", "", error)
        return
    serials = _serials_of_signers(certificates)
    needed = [each for each in listed if _is_among(_value(each, "serialNumber"), serials)]
    asked = {id(each) for each in needed[:MOST_ASKED]}
    if len(needed) > MOST_ASKED:
        seen.missing("roles of TVS", "", f"{len(needed):,} certificates matter; {MOST_ASKED} were asked for")
    for each in listed:
        roles: tuple[str, ...] = ()
        services: tuple[str, ...] = ()
        if id(each) in asked:
            try:
                roles, services = _roles(axl, each)
            except AxlFaultError as error:
                asked.clear()
                seen.missing("roles of TVS", "", error)
        subject, issuer, serial = (_value(each, name) for name in ("subjectName", "issuerName", "serialNumber"))
        seen.vouched.append(VouchedSeen(subject, issuer, serial, roles, services, database.sighting()))


def _serials_of_signers(certificates: Iterable[CertificateSeen]) -> set[bytes]:
    found = set()
    for each in certificates:
        if each.unit.lower() in _SIGNING:
            try:
                found.add(Certificate(each.der).serial.lstrip(b"\0"))
            except MalformedError:
                continue
    return found


def _is_among(text: str, serials: set[bytes]) -> bool:
    serial = serial_of(text) or b""
    return not serials.isdisjoint((serial.lstrip(b"\0"), serial[::-1].lstrip(b"\0")))


def serial_of(text: str) -> bytes | None:
    """Return the bytes of a serial number in hex, None if it is none."""
    bare = text.strip().removeprefix("0x").replace(":", "").replace(" ", "")
    try:
        return bytes.fromhex(bare.zfill(len(bare) + len(bare) % 2)) or None
    except ValueError:
        return None


def _roles(axl: Axl, listed: Element) -> tuple[tuple[str, ...], tuple[str, ...]]:
    uuid = listed.attribute("uuid")
    named = {"uuid": uuid} if uuid else {name: _value(listed, name) for name in ("issuerName", "serialNumber")}
    key = "".join(text_element(name, value) for name, value in named.items())
    answer = axl.call("getTvsCertificate", key + _TAGS)
    found = answer.child("tvsCertificate") or answer
    return _names(found, "roles", "role", "roleName"), _names(found, "services", "service", "serviceName")


def _names(found: Element, several: str, one: str, name: str) -> tuple[str, ...]:
    held = found.child(several)
    names = (each.value(name)[:_LONGEST] for each in held.all(one)) if held is not None else ()
    return tuple(sorted({each for each in names if each}))


def _value(element: Element, name: str) -> str:
    return element.value(name)[:_LONGEST]
