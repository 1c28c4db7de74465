"""Distinguished names and serials as trust lists and listings write them (wire-formats.md 1.7).

Rules:

1. CUCM writes ``CN=..;OU=..;O=..;L=..;ST=..;C=..``, whatever the order in the certificate.
2. A token style name has lower-case types and quotes values that hold commas or outer blanks; the whole
   text is cut at its first comma. A token's own name therefore ends in its organisation ("Cisco Systems,
   Inc.") without the closing quote: ``cn="SAST-ADN0054f509        ";ou=IPCBU;o="Cisco Systems``.
3. ``tlvfile`` writes the certificate's order, each attribute escaped as in RFC 4514, joined by commas.
4. A text matches a certificate's name if the attributes do, in any order; a cut text matches by what is left.
5. A token's serial stands byte-reversed in a trust list; a serial matches forward or reversed.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cryptography import x509


class NameStyle(Enum):
    """How a name is written."""

    CUCM = "cucm"
    TOKEN = "token"  # noqa: S105 - a security token, no secret
    TLVFILE = "tlvfile"


_TYPES = {
    "2.5.4.3": "CN",
    "2.5.4.11": "OU",
    "2.5.4.10": "O",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.6": "C",
    "2.5.4.5": "SERIALNUMBER",
    "2.5.4.4": "SN",
    "2.5.4.42": "GN",
    "2.5.4.9": "STREET",
    "2.5.4.12": "T",
    "1.2.840.113549.1.9.1": "E",
    "0.9.2342.19200300.100.1.25": "DC",
    "0.9.2342.19200300.100.1.1": "UID",
}
_RANK = {"CN": 0, "OU": 1, "O": 2, "L": 3, "ST": 4, "C": 6}
_OTHER_RANK = 5
_SYNONYMS = {"S": "ST", "EMAILADDRESS": "E", "TITLE": "T", "1.2.840.113549.1.9.1": "E"}
_TYPE = r"\s*(?:[A-Za-z][A-Za-z0-9-]*|[0-9]+(?:\.[0-9]+)+)="
_ATTRIBUTE_STARTS = {separator: re.compile(re.escape(separator) + f"(?={_TYPE})") for separator in ";,"}
_BARE_QUOTE = re.compile(r"""\\.|(")""", re.DOTALL)
_ESCAPE = re.compile(r"\\([0-9A-Fa-f]{2}|.)", re.DOTALL)


def attributes_of(name: x509.Name) -> list[tuple[str, str]]:
    """Return the attributes of a name as (type, value), in the certificate's order."""
    return [(_TYPES.get(a.oid.dotted_string, a.oid.dotted_string), _text(a.value)) for a in name]


def render_name(name: x509.Name, style: NameStyle = NameStyle.CUCM) -> str:
    """Return a name as ``style`` writes it (rules 1 to 3)."""
    if style is NameStyle.TLVFILE:
        return ",".join(attribute.rfc4514_string() for attribute in name)
    attributes = sorted(attributes_of(name), key=lambda attribute: _RANK.get(attribute[0], _OTHER_RANK))
    if style is NameStyle.CUCM:
        return ";".join(f"{kind}={value}" for kind, value in attributes)
    if _has_padded_common_name(attributes):
        # Makers of test tokens leave out ", Inc."; the listing's text is the same for them.
        attributes = [(k, f"{v}," if k == "O" and "," not in v else v) for k, v in attributes]
    return ";".join(f"{kind.lower()}={_quoted(value)}" for kind, value in attributes).partition(",")[0]


def is_token_name(subject: x509.Name, issuer: x509.Name) -> bool:
    """Return whether a certificate is a security token's, so that its names are written in TOKEN style.

    A token's subject is ``SAST-`` and its number, padded by blanks, and a manufacturing CA issued it (1.7).
    """
    attributes = attributes_of(subject)
    named = any(kind == "CN" and value.startswith("SAST-") for kind, value in attributes)
    return named and (subject != issuer or _has_padded_common_name(attributes))


def names_match(text: str, name: x509.Name) -> bool:
    """Return whether a text names the same as a certificate's name (rule 4)."""
    wanted = attributes_of(name)
    if not text:
        return not wanted
    return any(_attributes_match(_parse(text, separator), wanted) for separator in ";,")


def serial_matches(record_serial: bytes, certificate_serial: bytes) -> bool:
    """Return whether a serial of a trust list is that of a certificate, forward or reversed (rule 5)."""
    plain = certificate_serial.lstrip(b"\x00")
    return plain in (record_serial.lstrip(b"\x00"), record_serial[::-1].lstrip(b"\x00"))


def serial_text(serial: bytes) -> str:
    """Return a serial as CUCM prints it: ``70:CA:F6:4E``."""
    return serial.hex(":").upper()


def _has_padded_common_name(attributes: list[tuple[str, str]]) -> bool:
    return any(kind == "CN" and value.startswith("SAST-") and value != value.strip() for kind, value in attributes)


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.hex()


def _quoted(value: str) -> str:
    return f'"{value}"' if "," in value or value != value.strip() else value


def _attributes_match(found: list[tuple[str, str]] | None, wanted: list[tuple[str, str]]) -> bool:
    if found is None:
        return False
    left = list(wanted)
    cut = False
    for kind, raw in found:
        this_cut = len(raw) > 0 and raw[0] == '"' and (len(raw) == 1 or raw[-1] != '"')
        cut = cut or this_cut
        values = set(_readings(raw))
        for attribute in left:
            value = attribute[1].partition(",")[0] if this_cut else attribute[1]
            if attribute[0] == kind and value in values:
                left.remove(attribute)
                break
        else:
            return False
    return cut or not left


def _readings(raw: str) -> Iterator[str]:
    """Yield what a written value can mean: itself, without quotes, without escapes."""
    yield raw
    yield raw.strip()
    if raw.startswith('"'):
        yield raw[1:-1] if raw.endswith('"') and len(raw) > 1 else raw[1:]
    if "\\" in raw:
        yield _unescaped(raw)


def _unescaped(raw: str) -> str:
    def byte_or_character(match: re.Match[str]) -> str:
        return chr(int(match[1], 16)) if len(match[1]) == 2 else match[1]

    plain = _ESCAPE.sub(byte_or_character, raw)
    try:
        return plain.encode("latin-1").decode()
    except UnicodeError:
        return plain


def _parse(text: str, separator: str) -> list[tuple[str, str]] | None:
    attributes = []
    for part in _split(text, separator):
        kind, equals, value = part.partition("=")
        if not equals:
            return None
        kind = kind.strip().upper()
        kind = _TYPES.get(kind, kind)
        attributes.append((_SYNONYMS.get(kind, kind), value))
    return attributes


def _split(text: str, separator: str) -> Iterator[str]:
    """Yield the attributes of a text: cut at separators before a type, outside quotes, not escaped."""
    start = 0
    for match in _ATTRIBUTE_STARTS[separator].finditer(text):
        part = text[start : match.start()]
        if sum(map(bool, _BARE_QUOTE.findall(part))) % 2 == 0 and not _ends_escaped(part):
            yield part
            start = match.end()
    yield text[start:]


def _ends_escaped(part: str) -> bool:
    return (len(part) - len(part.rstrip("\\"))) % 2 == 1
