"""``pkcs11:`` URIs (RFC 7512): which key of which token, and where the library and the PIN are.

Pure. Rules:

1. A path attribute that is absent matches everything; one that is unknown here could name another key than the
   one meant, so the URI is refused (RFC 7512, 2.4). An unknown query attribute is ignored.
2. ``pin-value`` is refused: command lines, shell histories and logs are read by others.
3. Values are percent-encoded; ``id`` is bytes, everything else UTF-8 text. An attribute stands once.
4. ``x-softhsm-conf`` is a query attribute of our own: the configuration file with which SoftHSM2 is to be used,
   so that one URI says everything about a token of a lab.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes

from mixedmode.errors import UsageError
from mixedmode.numbers import whole_number

SCHEME = "pkcs11:"
SOFTHSM_CONF = "x-softhsm-conf"
PIN_VALUE = "pin-value"
OBJECT_TYPES = frozenset({"private", "cert", "public", "data", "secret-key"})
MAX_URI = 4096
"""Characters; no token needs more."""

_PATH = {
    "token": "token",
    "manufacturer": "manufacturer",
    "model": "model",
    "serial": "serial",
    "object": "object",
    "type": "type",
    "id": "id",
    "slot-id": "slot_id",
    "slot-description": "slot_description",
    "slot-manufacturer": "slot_manufacturer",
    "library-manufacturer": "library_manufacturer",
    "library-description": "library_description",
    "library-version": "library_version",
}
_QUERY = {
    "module-path": "module_path",
    "module-name": "module_name",
    "pin-source": "pin_source",
    SOFTHSM_CONF: "softhsm_conf",
}
_PATH_SAFE = "-._~:[]@!$'()*+,=&"
_QUERY_SAFE = "-._~:[]@!$'()*+,=/?|"


@dataclass(frozen=True, slots=True)
class Pkcs11Uri:
    """What a ``pkcs11:`` URI says; None where it says nothing.

    Attributes:
        token: The token's label.
        manufacturer: The token's maker.
        model: The token's model.
        serial: The token's serial number, as its library tells it.
        object: The label of the key or of its certificate.
        type: ``private`` or ``cert``, if ``object`` and ``id`` are about one of them.
        id: The identifier that key and certificate share.
        slot_id: The slot's number.
        slot_description: The slot's name.
        slot_manufacturer: The reader's maker.
        library_manufacturer: The library's maker.
        library_description: The library's name.
        library_version: ``MAJOR`` or ``MAJOR.MINOR``.
        module_path: The library's file.
        module_name: The library's name without folder and ending.
        pin_source: Where the PIN is: a path or a ``file:`` URI.
        softhsm_conf: The configuration file for SoftHSM2 (rule 4).
    """

    token: str | None = None
    manufacturer: str | None = None
    model: str | None = None
    serial: str | None = None
    object: str | None = None
    type: str | None = None
    id: bytes | None = None
    slot_id: int | None = None
    slot_description: str | None = None
    slot_manufacturer: str | None = None
    library_manufacturer: str | None = None
    library_description: str | None = None
    library_version: str | None = None
    module_path: str | None = None
    module_name: str | None = None
    pin_source: str | None = None
    softhsm_conf: str | None = None

    def __str__(self) -> str:
        path = [f"{name}={self._written(field, _PATH_SAFE)}" for name, field in _PATH.items() if self._has(field)]
        query = [f"{name}={self._written(field, _QUERY_SAFE)}" for name, field in _QUERY.items() if self._has(field)]
        return SCHEME + ";".join(path) + ("?" + "&".join(query) if query else "")

    def _has(self, field: str) -> bool:
        return getattr(self, field) is not None

    def _written(self, field: str, safe: str) -> str:
        value = getattr(self, field)
        if isinstance(value, bytes):
            return "".join(f"%{byte:02X}" for byte in value)
        return quote(str(value), safe=safe)

    def fits_token(
        self, *, label: str, manufacturer: str, model: str, serial: str, slot_id: int, slot_description: str = ""
    ) -> bool:
        """Return whether the URI can mean a token, by what the library tells about it; it pads with blanks."""
        wanted = (
            (self.token, label),
            (self.manufacturer, manufacturer),
            (self.model, model),
            (self.serial, serial),
            (self.slot_id, slot_id),
            (self.slot_description, slot_description),
        )
        return all(asked is None or str(asked).rstrip() == str(found).rstrip() for asked, found in wanted)


def parse_pkcs11_uri(text: str) -> Pkcs11Uri:
    """Return what a ``pkcs11:`` URI says.

    Raises:
        UsageError: It is no such URI, has an attribute twice, one that is unknown, or the PIN itself. The error
            never repeats the PIN.
    """
    if text[: len(SCHEME)].lower() != SCHEME:
        raise _refused("a PKCS#11 URI starts with pkcs11:", None)
    path, _, query = text[len(SCHEME) :].partition("?")
    shown = SCHEME + path
    if _names_pin(query) or _names_pin(path):
        raise UsageError(
            "the PIN must not stand in the URI",
            where=shown.partition(PIN_VALUE)[0].rstrip(";") if _names_pin(path) else shown,
            why="every user of this machine can read command lines, and shells and logs keep them",
            code="pin_value",
            next_step="put it into a file of mode 0600 and write pin-source=file:/path, set MIXEDMODE_PIN, "
            "or wait to be asked",
        )
    if len(text) > MAX_URI:
        raise _refused(f"more than {MAX_URI} characters", None)
    values: dict[str, str | bytes | int] = {}
    for part in path.split(";") if path else ():
        name, value = _attribute(part, shown)
        if name not in _PATH:
            raise _refused(f"the attribute {name!r} is unknown", shown, next_step=f"use one of: {', '.join(_PATH)}")
        _add(values, _PATH[name], value, name, shown)
    for part in query.split("&") if query else ():
        name, value = _attribute(part, shown)
        if name in _QUERY:
            _add(values, _QUERY[name], value, name, shown)
    return Pkcs11Uri(**values)  # type: ignore[arg-type]  # _read gives each field the type that it has


def _names_pin(part: str) -> bool:
    return any(
        unquote_to_bytes(each.partition("=")[0]).decode("latin-1").strip().lower() == PIN_VALUE
        for each in part.replace("&", ";").split(";")
    )


def _attribute(part: str, where: str) -> tuple[str, bytes]:
    name, equals, value = part.partition("=")
    if not equals or not name:
        raise _refused(f"{part!r} is not NAME=VALUE", where)
    return name, _decoded(name, value, where)


def _decoded(name: str, value: str, where: str) -> bytes:
    rest = value
    while (at := rest.find("%")) >= 0:
        digits = rest[at + 1 : at + 3]
        if len(digits) != 2 or any(digit not in "0123456789abcdefABCDEF" for digit in digits):
            raise _refused(f"{name}={value}: % is not followed by two hexadecimal digits", where)
        rest = rest[at + 3 :]
    return unquote_to_bytes(value)


def _add(values: dict[str, str | bytes | int], field: str, value: bytes, name: str, where: str) -> None:
    if field in values:
        raise _refused(f"the attribute {name!r} stands twice", where)
    values[field] = _read(name, value, where)


def _read(name: str, value: bytes, where: str) -> str | bytes | int:
    if name == "id":
        return value
    try:
        text = value.decode()
    except UnicodeDecodeError:
        raise _refused(f"the value of {name!r} is not UTF-8 text", where) from None
    if name == "slot-id":
        slot = whole_number(text)
        if slot is None:
            raise _refused(f"slot-id {text!r} is no number", where)
        return slot
    if name == "type" and text not in OBJECT_TYPES:
        raise _refused(f"type {text!r} is unknown", where, next_step="write type=private or type=cert")
    return text


def _refused(what: str, where: str | None, *, next_step: str | None = None) -> UsageError:
    return UsageError(
        what,
        where=where,
        code="pkcs11_uri",
        next_step=next_step or "write it as pkcs11:token=LABEL;object=KEY?module-path=/path/of/library.so",
    )
