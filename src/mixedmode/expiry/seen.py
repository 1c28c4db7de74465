"""Certificates out of what was seen of a cluster: files that nodes serve, stores, TLS faces, phones of an inventory.

A collected inventory (``inventory collect``) is read as plain JSON: its files, certificates and faces, and each phone's
``lsc_until`` and ``lsc_issuer``. A CSV or NDJSON inventory may have columns of these names.
"""

from __future__ import annotations

import base64
import binascii
import csv
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from mixedmode.errors import MalformedError, UsageError
from mixedmode.expiry.sorting import dated, lsc_end, of_list, use_of
from mixedmode.expiry.values import Dated, Use
from mixedmode.json_reader import read_json
from mixedmode.numbers import whole_number
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.trustlist.kinds import FileKind, kind_of
from mixedmode.trustlist.model import TrustList

_UNTIL: Final = ("lsc_until", "lsc_valid_until", "lscvaliduntil", "lsc_expires")
_ISSUER: Final = ("lsc_issuer", "lscissuername")
_FACES: Final = {
    "tvs": Use.TVS, "capf": Use.CAPF, "sccp_tls": Use.CALLMANAGER, "sip_tls": Use.CALLMANAGER, "https": Use.CALLMANAGER,
    "web": Use.TOMCAT,
}  # fmt: skip
_LAST_SECOND: Final = 253402300799
_DATE: Final = 8
"""Digits of ``20270131``."""


class Found:
    """Certificates that are gathered, and what could not be read.

    Attributes:
        certificates: In the order in which they came.
        not_seen: What could not be looked at, and why.
    """

    def __init__(self) -> None:
        self.certificates: list[Dated] = []
        self.not_seen: list[str] = []

    def file(self, data: bytes, where: str) -> bool:
        """Take a file; return whether it is a trust list."""
        try:
            trust_list = TrustList.parse(data)
            if kind_of(trust_list.header) is not FileKind.TRUST_LIST:
                return False
        except MalformedError as error:
            self.not_seen.append(f"{where}: {error.what}")
            return False
        found, problems = of_list(trust_list, where)
        self.certificates += found
        self.not_seen += problems
        return True

    def certificate(self, der: bytes, where: str, unit: str = "", phone: str = "") -> None:
        """Take a certificate.

        Args:
            der: Its bytes.
            where: For people.
            unit: Its purpose or store, if that is known.
            phone: Whose it is, if a phone's.
        """
        try:
            certificate = Certificate.from_der(der)
            use = Use.LSC if phone else use_of(certificate, unit)
            self.certificates.append(dated(certificate, use, where, phone=phone))
        except MalformedError as error:
            self.not_seen.append(f"{where}: {error.what}")

    def face(self, node: str, service: str, der: bytes) -> None:
        """Take what a node shows by TLS."""
        use = _FACES.get(service, Use.OTHER)
        try:
            certificate = Certificate.from_der(der)
            if use is Use.CALLMANAGER and certificate.key_kind == "EC":
                use = Use.CALLMANAGER_ECDSA
            if use is Use.TOMCAT and certificate.key_kind == "EC":
                use = Use.TOMCAT_ECDSA
            self.certificates.append(dated(certificate, use, f"{node} ({service})"))
        except MalformedError as error:
            self.not_seen.append(f"{node}, {service}: {error.what}")

    def lsc(self, phone: str, until: str, issuer: str, where: str) -> None:
        """Take what an inventory says of a phone's LSC; 0 and nothing mean that it has none."""
        text = until.strip()
        if text in {"", "0", "NA", "N/A", "none"}:
            return
        moment = moment_of(text)
        if moment is None:
            self.not_seen.append(f"{where}: {phone}: {text[:40]!r} is no date")
            return
        self.certificates.append(lsc_end(phone, issuer.strip(), moment))


def moment_of(text: str) -> datetime | None:
    """Return the moment of seconds since 1970 or of ISO 8601, None if it is neither."""
    try:
        seconds = None if len(text) == _DATE else whole_number(text)
        if seconds is not None:
            return datetime.fromtimestamp(seconds, UTC) if 0 < seconds <= _LAST_SECOND else None
        found = datetime.fromisoformat(text)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None


def take_inventory(found: Found, data: bytes, name: str) -> None:
    """Take a collected inventory, or one in CSV, JSON or NDJSON.

    Args:
        found: Gathers.
        data: The file.
        name: For messages.

    Raises:
        MalformedError: It cannot be read.
        UsageError: It says nothing of certificates.
    """
    text = data.decode("utf-8-sig", "replace")
    start = text.lstrip()[:1]
    before = len(found.certificates)
    try:
        if start == "{" and (whole := _json(text)) is not None:
            _take_collected(found, whole, name)
            phones: Iterable[Any] = whole.get("phones", ()) if isinstance(whole.get("phones"), list) else ()
        elif start in {"{", "["}:
            phones = (
                read_json(text) if start == "[" else [read_json(line) for line in text.splitlines() if line.strip()]
            )
        else:
            phones = _rows(text, name)
        for phone in phones:
            if isinstance(phone, dict):
                found.lsc(str(phone.get("name", "?")), _of(phone, _UNTIL), _of(phone, _ISSUER), name)
    except (ValueError, RecursionError, csv.Error) as error:
        raise MalformedError("the inventory cannot be read", where=name, why=str(error)[:200]) from error
    if len(found.certificates) == before:
        raise UsageError(
            "the inventory says nothing of certificates",
            where=name,
            next_step="collect it with a login for AXL, or give it the columns lsc_until and lsc_issuer",
        )


def _json(text: str) -> dict[str, Any] | None:
    """Return a whole JSON object, None if it is the first of several lines."""
    try:
        read = read_json(text)
    except ValueError:
        return None
    return read if isinstance(read, dict) else None


def _rows(text: str, name: str) -> Iterator[Mapping[str, str]]:
    head = text.split("\n", 1)[0]
    separator = max(",;\t", key=head.count)
    rows = csv.reader(text.splitlines(), delimiter=separator)
    columns = [each.strip().lower() for each in next(rows, [])]
    if not {*_UNTIL} & {*columns}:
        raise UsageError(
            "the inventory has no column lsc_until",
            where=name,
            next_step="inventory collect writes one that has it; else add it: seconds since 1970, or ISO 8601",
        )
    for row in rows:
        yield dict(zip(columns, row, strict=False))


def _of(phone: Mapping[str, Any], names: tuple[str, ...]) -> str:
    """Return what a phone says under one of these names: a cell, or the newest of its values."""
    values = phone.get("values")
    for name in names:
        cell = phone.get(name)
        if isinstance(cell, (str, int)) and not isinstance(cell, bool):
            return str(cell)
        listed = values.get(name) if isinstance(values, dict) else None
        if isinstance(listed, list) and listed and isinstance(listed[0], list) and listed[0]:
            return str(listed[0][0])
    return ""


def _take_collected(found: Found, document: Mapping[str, Any], name: str) -> None:
    for each in _objects(document, "files"):
        data = _bytes(each.get("data"))
        if data and str(each.get("name", "")).lower().endswith(".tlv"):
            found.file(data, f"{each.get('node', '')}/{each.get('name', '')}")
    for each in _objects(document, "certificates"):
        unit = str(each.get("unit", ""))
        if (der := _bytes(each.get("der"))) and not unit.lower().endswith("-trust"):
            found.certificate(der, f"{each.get('node', '')} ({unit})", unit)
    for each in _objects(document, "faces"):
        chain = each.get("chain")
        if isinstance(chain, list) and chain and (der := _bytes(chain[0])):
            found.face(str(each.get("node", "")), str(each.get("service", "")), der)
    for each in _objects(document, "not_seen"):
        found.not_seen.append(f"{name}: {each.get('what', '')} {each.get('where', '')}: {each.get('why', '')}"[:240])


def _objects(document: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    listed = document.get(key)
    return [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []


def _bytes(text: object) -> bytes:
    if not isinstance(text, str):
        return b""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
