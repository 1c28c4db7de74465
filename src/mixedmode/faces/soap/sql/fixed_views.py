"""Tables that are the same in every cluster: enumerations, and what models can do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from mixedmode.faces.soap.sql import enumerations as enums
from mixedmode.faces.soap.sql.dialect import values
from mixedmode.faces.soap.sql.sources import Source, View
from mixedmode.phone.mind.models import MODELS

_NAMED: Final = ("enum", "name")
_MONIKER: Final = ("enum", "name", "moniker")


def _enumeration(table: Mapping[int, str]) -> View:
    columns, rows = _NAMED, list(table.items())
    return View(columns, lambda _source: values(rows, columns))


def _models(_source: Source) -> str:
    by_type = {model.device_type: model for model in MODELS.values() if model.device_type is not None}
    rows = [
        (number, model.cucm_name or f"Cisco {model.name}", enums.PHONE_CLASS if model.is_phone else None)
        for number, model in sorted(by_type.items())
    ]
    return values(rows, ("enum", "name", "tkclass"))


def _products(_source: Source) -> str:
    names = {model.device_type: model.cucm_name for model in MODELS.values()}
    rows = [(product, names[model], model) for model, product in enums.PRODUCTS.items()]
    return values(rows, ("enum", "name", "tkmodel"))


def _features(_source: Source) -> str:
    rows = [(enums.SECURITY_BY_DEFAULT, "Security By Default", "SUPPORTS_FEATURE_SECURITY_BY_DEFAULT")]
    return values(rows, _MONIKER)


_SUPPORT: Final = ("tkproduct", "tkmodel", "tkdeviceprotocol", "tksupportsfeature", "param")


def _support(_source: Source) -> str:
    able = {model.device_type for model in MODELS.values() if model.security_by_default and model.device_type}
    rows = [(enums.PRODUCTS.get(each), each, 99, enums.SECURITY_BY_DEFAULT, "") for each in sorted(able)]
    return values(rows, _SUPPORT)


def _distributions(_source: Source) -> str:
    # How CUCM calls these is not known; that a join finds them is what counts.
    return values([(1, "One server", None), (2, "All servers", None)], _MONIKER)


VIEWS: Final[Mapping[str, View]] = {
    "typemodel": View(("enum", "name", "tkclass"), _models),
    "typeproduct": View(("enum", "name", "tkmodel"), _products),
    "typedeviceprotocol": _enumeration(enums.PROTOCOLS),
    "typeclass": _enumeration({enums.PHONE_CLASS: "Phone"}),
    "typedevicesecuritymode": _enumeration(enums.SECURITY_MODES),
    "typecertificatestatus": _enumeration(enums.CERTIFICATE_STATUS),
    "typecertificateoperation": _enumeration(enums.CERTIFICATE_OPERATIONS),
    "typecertificateservice": _enumeration(enums.CERTIFICATE_SERVICES),
    "typecertificatedistribution": View(_MONIKER, _distributions),
    "typetrustrole": _enumeration(enums.TRUST_ROLES),
    "typetransport": _enumeration(enums.TRANSPORTS),
    "typeauthenticationmode": _enumeration(enums.AUTHENTICATION_MODES),
    "typekeysize": _enumeration(enums.KEY_SIZES),
    "typeeckeysize": _enumeration(enums.EC_KEY_SIZES),
    "typekeyorder": _enumeration(enums.KEY_ORDERS),
    "typenodeusage": _enumeration(enums.NODE_USAGES),
    "typeprocessnoderole": _enumeration(enums.NODE_ROLES),
    "typesupportsfeature": View(_MONIKER, _features),
    "productsupportsfeature": View(_SUPPORT, _support),
}
