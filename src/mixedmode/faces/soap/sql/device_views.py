"""Phones, their security profiles, lines and registrations as CUCM's tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from mixedmode.faces.soap.sql import enumerations as enums
from mixedmode.faces.soap.sql.dialect import literal, values
from mixedmode.faces.soap.sql.sources import Issuer, Source, View
from mixedmode.faces.soap.sql.store_views import POOL

DEVICE, PROFILE, LINE, BUTTON, REGISTRATION = range(8, 13)
_MODEL: Final = ("model", "number", "product", "title")
_VALIDITY: Final = bytes.fromhex("301e170d")
"""Begins the validity behind the issuer's name in DER; UTC times of 13 characters follow (RFC 5280 4.1.2.5)."""
_TO_THE_END: Final = 13 + 2
"""Bytes from the first of the two times to the second."""
_PROTOCOL: Final = f"CASE WHEN d.protocol = 'SIP' THEN {enums.SIP} ELSE {enums.SCCP} END"
_PROFILE_NUMBER: Final = f"(COALESCE(m.number, 0) * 100 + ({_PROTOCOL}) * 4 + d.securitymode)"
"""A profile for each kind of phone that there is: model, protocol and mode."""


def _models(source: Source) -> str:
    rows: list[tuple[str | int | None, ...]] = []
    for name, model in source.models:
        number = None if model is None else model.device_type
        title = name if model is None else model.cucm_name or model.name
        rows.append((name, number, enums.PRODUCTS.get(number or 0), title))
    return values(rows, _MODEL)


def _from_devices(source: Source) -> str:
    return f"FROM {source.table('device')} d LEFT JOIN ({_models(source)}) m ON m.model = d.model"


def _devices(source: Source) -> str:
    key = source.dialect.key
    until = "CAST(" + _of_issuer(source, lambda each: _end_of_lsc(source, each)) + " AS BIGINT)"
    issuer = _of_issuer(source, lambda each: literal(each.text))
    issuer_until = "CAST(" + _of_issuer(source, lambda each: str(int(each.until.timestamp()))) + " AS BIGINT)"
    status = f"CASE WHEN d.lsc IS NULL THEN {enums.NO_CERTIFICATE} ELSE {enums.UPGRADED} END"
    return (
        f"SELECT {key(DEVICE, 'd.id')}, d.name, d.description, CAST(m.number AS INTEGER), CAST(m.product AS INTEGER), "
        f"CAST({_PROTOCOL} AS INTEGER), CAST({enums.PHONE_CLASS} AS INTEGER), '', {key(POOL, 'd.fkdevicepool')}, "
        f"{key(PROFILE, _PROFILE_NUMBER)}, CAST({status} AS INTEGER), {until}, {issuer}, {issuer_until}, 't' "
        f"{_from_devices(source)}"
    )


def _of_issuer(source: Source, what: Callable[[Issuer], str]) -> str:
    """Return something for each issuer that an LSC may have, NULL for none of them."""
    cases = " ".join(f"WHEN {_behind(source, each)} > {len(_head(each))} THEN {what(each)}" for each in source.issuers)
    return f"CASE WHEN d.lsc IS NULL THEN NULL {cases} END"


def _head(issuer: Issuer) -> bytes:
    return issuer.name + _VALIDITY


def _behind(source: Source, issuer: Issuer) -> str:
    return source.dialect.after("d.lsc", _head(issuer))


def _end_of_lsc(source: Source, issuer: Issuer) -> str:
    return source.dialect.utc(source.dialect.digits("d.lsc", f"{_behind(source, issuer)} + {_TO_THE_END}"))


def _profiles(source: Source) -> str:
    names = " ".join(
        f"WHEN {mode} THEN COALESCE(m.title, d.model) || {literal(' - ' + before)} || d.protocol || {literal(after)}"
        for mode, (before, _, after) in ((mode, text.partition("{}")) for mode, text in enums.PROFILE_NAMES.items())
    )
    transport = "CASE WHEN d.securitymode > 1 THEN 3 ELSE 1 END"
    return (
        f"SELECT DISTINCT {source.dialect.key(PROFILE, _PROFILE_NUMBER)}, CASE d.securitymode {names} END, "
        f"CAST(d.securitymode AS INTEGER), CAST({transport} AS INTEGER), CAST(NULL AS INTEGER), CAST(NULL AS INTEGER), "
        f"CAST(NULL AS INTEGER), CAST(NULL AS INTEGER), 'f', 'f', CAST(4 AS INTEGER), "
        f"CASE WHEN d.securitymode = 1 THEN 't' ELSE 'f' END, CAST(m.number AS INTEGER), CAST({_PROTOCOL} AS INTEGER) "
        f"{_from_devices(source)}"
    )


def _registrations(source: Source) -> str:
    dialect = source.dialect
    seen = f"CAST(CAST({dialect.fact('s.facts', 'registered', 0)} AS DOUBLE PRECISION) AS BIGINT)"
    return (
        f"SELECT {dialect.key(REGISTRATION, 'd.id')}, {dialect.key(DEVICE, 'd.id')}, "
        f"{dialect.fact('s.facts', 'registered', 1)}, CAST(NULL AS TEXT), CAST(NULL AS TEXT), {seen}, "
        f"CAST(NULL AS BIGINT) FROM {source.table('device')} d "
        f"JOIN {source.table('devicesighting')} s ON s.fkdevice = d.id "
        f"WHERE {dialect.fact('s.facts', 'registered', 0)} IS NOT NULL"
    )


def _lines(source: Source) -> str:
    return (
        f"SELECT {source.dialect.key(LINE, 'id')}, dnorpattern, alertingname, CAST(2 AS INTEGER) "
        f"FROM {source.table('numplan')}"
    )


def _buttons(source: Source) -> str:
    key = source.dialect.key
    return (
        f"SELECT {key(BUTTON, 'id')}, {key(DEVICE, 'fkdevice')}, {key(LINE, 'fknumplan')}, "
        f"CAST(numplanindex AS INTEGER), label, CAST(busytrigger AS INTEGER) FROM {source.table('devicenumplanmap')}"
    )


SETTINGS: Final = "CASE WHEN d.webaccess THEN '<webAccess>0</webAccess>' ELSE '<webAccess>1</webAccess>' END"
"""What a phone is set to itself, as its configuration says it; 0 is enabled."""


def _settings(source: Source) -> str:
    return f"SELECT {source.dialect.key(DEVICE, 'd.id')}, {SETTINGS} FROM {source.table('device')} d"


def _no_settings(_source: Source) -> str:
    return values([], ("fkdevice", "xml"))


VIEWS: Final[Mapping[str, View]] = {
    "device": View(
        (
            "pkid", "name", "description", "tkmodel", "tkproduct", "tkdeviceprotocol", "tkclass",
            "specialloadinformation", "fkdevicepool", "fksecurityprofile", "tkcertificatestatus", "lscvaliduntil",
            "lscissuername", "lscissuervaliduntil", "isactive",
        ),
        _devices,
    ),
    "securityprofile": View(
        (
            "pkid", "name", "tkdevicesecuritymode", "tktransport", "tkauthenticationmode", "tkkeyorder", "tkkeysize",
            "tkeckeysize", "tftpencryptedflag", "sipoauthflag", "tksecuritypolicy", "isstandard", "tkmodel",
            "tkdeviceprotocol",
        ),
        _profiles,
    ),
    "registrationdynamic": View(
        (
            "pkid", "fkdevice", "lastknownipaddress", "lastknownucm", "lastknownconfigversion", "lastseen",
            "lastactive",
        ),
        _registrations,
    ),
    "devicexml4k": View(("fkdevice", "xml"), _settings),
    "devicexml8k": View(("fkdevice", "xml"), _no_settings),
    "devicexml16k": View(("fkdevice", "xml"), _no_settings),
    "numplan": View(("pkid", "dnorpattern", "alertingname", "tkpatternusage"), _lines),
    "devicenumplanmap": View(("pkid", "fkdevice", "fknumplan", "numplanindex", "label", "busytrigger"), _buttons),
}  # fmt: skip
