"""Certificates to what they are to phones: out of lists, out of a cluster's stores, one by one."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from mixedmode.errors import MalformedError
from mixedmode.expiry.values import Dated, Use
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.trustlist.model import Record, TrustList
from mixedmode.trustlist.roles import Role

_ROLES: Final[Mapping[Role, Use]] = {
    Role.TVS: Use.TVS, Role.CAPF: Use.CAPF, Role.CCM: Use.CALLMANAGER, Role.CCM_TFTP: Use.CALLMANAGER,
    Role.TFTP: Use.CALLMANAGER,
}  # fmt: skip
_UNITS: Final = {each.value.lower(): each for each in Use}
_MANUFACTURER: Final = re.compile(r"cisco manufacturing ca|manufacturing ca", re.IGNORECASE)
_PHONE: Final = re.compile(r"((?:SEP|ATA|VGC)[0-9A-F]{12})", re.IGNORECASE)
_CAPF: Final = re.compile(r"cn=\"?CAPF-", re.IGNORECASE)
_NAMES: Final = (
    (re.compile(r"cn=\"?ITLRECOVERY", re.IGNORECASE), Use.ITLRECOVERY),
    (re.compile(r"cn=\"?SAST-", re.IGNORECASE), Use.TOKEN),
)


def use_of(certificate: Certificate, unit: str = "", role: Role | None = None) -> Use:
    """Return what a certificate is to phones.

    Args:
        certificate: The certificate.
        unit: Its purpose or trust store, if that is known.
        role: Of its record, if it stands in a list.

    Raises:
        MalformedError: Its names cannot be read.
    """
    subject, issuer = certificate.subject, certificate.issuer
    if _PHONE.search(subject):
        return Use.MIC if _MANUFACTURER.search(issuer) else Use.LSC
    named = next((use for pattern, use in _NAMES if pattern.search(subject)), None)
    if named is not None:
        return named
    if unit.lower() in _UNITS:
        return _UNITS[unit.lower()]
    if role is None:
        return Use.CAPF if _CAPF.search(subject) else Use.OTHER
    use = _ROLES.get(role, Use.CALLMANAGER if role is Role.SAST else Use.OTHER)
    return Use.CALLMANAGER_ECDSA if use is Use.CALLMANAGER and certificate.key_kind == "EC" else use


def dated(certificate: Certificate, use: Use, where: str = "", signs: str = "", phone: str = "") -> Dated:
    """Return a certificate with its end.

    Raises:
        MalformedError: Its names or dates cannot be read.
    """
    if not phone and use in {Use.LSC, Use.MIC} and (found := _PHONE.search(certificate.subject)) is not None:
        phone = found[1].upper()
    return Dated(
        use, certificate.subject, certificate.issuer, certificate.serial.hex(":").upper(), certificate.sha256.hex(),
        certificate.not_before.astimezone(UTC), certificate.not_after.astimezone(UTC),
        (where,) if where else (), (signs,) if signs else (), (phone,) if phone else (),
    )  # fmt: skip


def of_list(trust_list: TrustList, where: str) -> tuple[list[Dated], list[str]]:
    """Return the certificates of a list, and what of it cannot be read.

    Args:
        trust_list: The list.
        where: Its name for people.
    """
    found, problems = [], []
    signer = trust_list.header.signer_serial
    for record in trust_list.records:
        certificate = record.certificate
        if certificate is None:
            continue
        try:
            use = use_of(certificate, role=record.role)
            signs = trust_list.kind if record.is_sast() and signer is not None and record.serial == signer else ""
            found.append(dated(certificate, use, _place(where, record), signs))
        except MalformedError as error:
            problems.append(f"{where}, record {record.number}: {error.what}")
    return found, problems


def _place(where: str, record: Record) -> str:
    return f"{where} ({record.role_label})"


def lsc_end(phone: str, issuer: str, until: datetime, *, use: Use = Use.LSC) -> Dated:
    """Return an LSC of which only issuer and end are known."""
    key = hashlib.sha256(f"{phone}\n{issuer}\n{until.isoformat()}".encode()).hexdigest()
    return Dated(use, phone, issuer, "", key, None, until, ("inventory",), (), (phone,))


def merged(found: Iterable[Dated]) -> list[Dated]:
    """Return each certificate once, with all places where it stands; LSCs and MICs of one issuer and day together.

    Of several uses of one certificate the one that comes first in :class:`Use` counts.
    """
    each: dict[str, Dated] = {}
    order = list(Use)
    for one in found:
        known = each.get(one.key)
        if known is None:
            each[one.key] = one
            continue
        use = min(known.use, one.use, key=order.index)
        each[one.key] = replace(
            known, use=use, where=_union(known.where, one.where), signs=_union(known.signs, one.signs),
            phones=_union(known.phones, one.phones),
        )  # fmt: skip
    groups: dict[tuple[object, ...], list[Dated]] = defaultdict(list)
    for one in each.values():
        groups[(one.use, one.issuer, one.not_after.date()) if one.phones else (one.key,)].append(one)
    return [_together(group) for group in groups.values()]


def _together(group: list[Dated]) -> Dated:
    if len(group) == 1:
        return group[0]
    first = min(group, key=lambda one: one.not_after)
    phones = tuple(sorted({phone for one in group for phone in one.phones}))
    key = hashlib.sha256(f"{first.use}\n{first.issuer}\n{first.not_after.date()}".encode()).hexdigest()
    places = _union(*(one.where for one in group))
    return replace(first, subject="", serial="", key=key, not_before=None, phones=phones, where=places)


def _union(*parts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each for part in parts for each in part))
