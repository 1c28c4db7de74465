"""Distinguished names and serials as trust lists and listings write them (wire-formats.md 1.7).

Rules:

1. CUCM writes ``CN=..;OU=..;O=..;L=..;ST=..;C=..``, whatever the order in the certificate.
2. A token style name has lower-case types and quotes values that hold commas or outer blanks; the whole
   text is cut at its first comma. A token's own name therefore ends in its organisation ("Cisco Systems,
   Inc.") without the closing quote: ``cn="SAST-ADN0054f509        ";ou=IPCBU;o="Cisco Systems``.
3. ``tlvfile`` writes the certificate's order, each attribute escaped as in RFC 4514, joined by commas.
4. A text matches a certificate's name if the attributes do, in any order; a cut text matches by what is left. Values
   may hold separators and equals signs: CUCM's style does not escape them, so a text is also read with the name at
   hand, attribute by attribute.
5. A text without any ``DC=`` matches a name that has some: CUCM writes the issuer of a Microsoft authority so
   (technote 213407). Whoever compares must look at the serial as well.
6. A token's serial stands byte-reversed in a trust list; a serial matches forward or reversed.
"""

from __future__ import annotations

import re
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from cryptography import x509

    from mixedmode.pki.reading.distinguished import DistinguishedName

    AnyName = x509.Name | DistinguishedName
    Pairs = list[tuple[str, str]]
    SomePairs = Sequence[tuple[str, str]]


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
_RFC4514_KEYWORDS = {"CN", "L", "ST", "O", "OU", "C", "STREET", "DC", "UID"}
"""RFC 4514, section 3; any other type is written as its object identifier."""
_RANK = {"CN": 0, "OU": 1, "O": 2, "L": 3, "ST": 4, "C": 6}
_OTHER_RANK = 5
_SYNONYMS = {"S": "ST", "EMAILADDRESS": "E", "TITLE": "T", "1.2.840.113549.1.9.1": "E"}
_RFC4514_TYPES = {oid: name for oid, name in _TYPES.items() if name in _RFC4514_KEYWORDS}
_SPECIAL = frozenset('\\"+,;<>')
_MOST_ATTEMPTS = 2000
_TYPE = r"\s*(?:[A-Za-z][A-Za-z0-9-]*|[0-9]+(?:\.[0-9]+)+)="
_ATTRIBUTE_STARTS = {separator: re.compile(re.escape(separator) + f"(?={_TYPE})") for separator in ";,"}
_BARE_QUOTE = re.compile(r"""\\.|(")""", re.DOTALL)
_ESCAPE = re.compile(r"\\([0-9A-Fa-f]{2}|.)", re.DOTALL)


def attributes_of(name: AnyName) -> Pairs:
    """Return the attributes of a name as (type, value), in the certificate's order."""
    return [(_TYPES.get(oid, oid), value) for oid, value in _pairs(name)]


def render_name(name: AnyName, style: NameStyle = NameStyle.CUCM) -> str:
    """Return a name as ``style`` writes it (rules 1 to 3)."""
    if style is NameStyle.TLVFILE:
        return ",".join(f"{_RFC4514_TYPES.get(oid, oid)}={_escaped(value)}" for oid, value in _pairs(name))
    attributes = sorted(attributes_of(name), key=lambda attribute: _RANK.get(attribute[0], _OTHER_RANK))
    if style is NameStyle.CUCM:
        return ";".join(f"{kind}={value}" for kind, value in attributes)
    if _has_padded_common_name(attributes):
        # Makers of test tokens leave out ", Inc."; the listing's text is the same for them.
        attributes = [(k, f"{v}," if k == "O" and "," not in v else v) for k, v in attributes]
    return ";".join(f"{kind.lower()}={_quoted(value)}" for kind, value in attributes).partition(",")[0]


def is_token_name(subject: AnyName, issuer: AnyName) -> bool:
    """Return whether a certificate is a security token's, so that its names are written in TOKEN style.

    A token's subject is ``SAST-`` and its number, padded by blanks, and a manufacturing CA issued it (1.7).
    """
    attributes = attributes_of(subject)
    named = any(kind == "CN" and value.startswith("SAST-") for kind, value in attributes)
    return named and (subject != issuer or _has_padded_common_name(attributes))


def names_match(text: str, name: AnyName) -> bool:
    """Return whether a text names the same as a certificate's name (rules 4 and 5)."""
    return _text_matches(text, tuple(attributes_of(name)))


@lru_cache(maxsize=1024)
def _text_matches(text: str, wanted: tuple[tuple[str, str], ...]) -> bool:
    if not text and not wanted:
        return True
    short = [attribute for attribute in wanted if attribute[0] != "DC"]
    for separator in ";,":
        found = _parse(text, separator) if text else []
        if _attributes_match(found, wanted) or _spells(text, wanted, separator):
            return True
        if len(short) < len(wanted) and (_attributes_match(found, short) or _spells(text, short, separator)):
            return True
    return False


@lru_cache(maxsize=1024)
def texts_match(one: str, other: str) -> bool:
    """Return whether two texts, each in any style, name the same (rules 4 and 5)."""
    if one == other:
        return True
    return any(
        _same_attributes(first, second)
        for first in (_parse(one, separator) for separator in ";,")
        for second in (_parse(other, separator) for separator in ";,")
    )


def read_attributes(text: str) -> Pairs | None:
    """Return the attributes that a text in any style names, as (type, value); None if it names none."""
    for separator in ";,":
        found = _parse(text, separator)
        if found is not None and (separator == "," or len(found) > 1 or "," not in text):
            return [(kind, list(_readings(value))[-1]) for kind, value in found]
    return None


def attribute_types() -> dict[str, str]:
    """Return the object identifiers of attributes by the words that :func:`read_attributes` has for them."""
    return {name: oid for oid, name in _TYPES.items()}


def serial_matches(record_serial: bytes, certificate_serial: bytes) -> bool:
    """Return whether a serial of a trust list is that of a certificate, forward or reversed (rule 5)."""
    plain = certificate_serial.lstrip(b"\x00")
    return plain in (record_serial.lstrip(b"\x00"), record_serial[::-1].lstrip(b"\x00"))


def serial_text(serial: bytes) -> str:
    """Return a serial as CUCM prints it: ``70:CA:F6:4E``."""
    return serial.hex(":").upper()


def _has_padded_common_name(attributes: list[tuple[str, str]]) -> bool:
    return any(kind == "CN" and value.startswith("SAST-") and value != value.strip() for kind, value in attributes)


def _pairs(name: AnyName) -> Pairs:
    found = []
    for attribute in name:
        oid, value = attribute.oid, attribute.value
        text = value if isinstance(value, str) else value.hex()
        found.append((oid if isinstance(oid, str) else oid.dotted_string, text))
    return found


def _escaped(value: str) -> str:
    """Return a value as RFC 4514 2.4 writes it."""
    text = "".join(f"\\{each}" if each in _SPECIAL else each for each in value).replace("\0", "\\00")
    if text[:1] in {"#", " "}:
        text = f"\\{text}"
    return f"{text[:-1]}\\ " if text.endswith(" ") and value != " " else text


def _quoted(value: str) -> str:
    return f'"{value}"' if "," in value or value != value.strip() else value


def _spells(text: str, wanted: SomePairs, separator: str) -> bool:
    """Return whether a text is made of exactly these attributes, in any order, their values as they stand.

    The search is bounded; only names that repeat themselves could make it long.
    """
    forms = [[f"{kind}={value}" for kind in _kinds(kind)] for kind, value in wanted]
    pending: list[tuple[int, frozenset[int]]] = [(0, frozenset(range(len(wanted))))]
    for _ in range(_MOST_ATTEMPTS):
        if not pending:
            return False
        pos, left = pending.pop()
        if not left:
            continue
        for number in left:
            end = pos + next((len(form) for form in forms[number] if _begins(text, pos, form)), -pos - 1)
            if end == len(text) and len(left) == 1:
                return True
            if end > pos and text[end : end + 1] == separator:
                pending.append((end + 1, left - {number}))
    return False


def _kinds(kind: str) -> Iterator[str]:
    yield kind
    yield from (written for written, meant in _SYNONYMS.items() if meant == kind)
    yield from (oid for oid, name in _TYPES.items() if name == kind)


def _begins(text: str, pos: int, form: str) -> bool:
    """Return whether an attribute stands at a place, its type in any case."""
    size = form.index("=") + 1
    return text.startswith(form[size:], pos + size) and text[pos : pos + size].upper() == form[:size]


def _same_attributes(one: Pairs | None, other: Pairs | None) -> bool:
    if not one or not other:
        return False
    if any(kind == "DC" for kind, _ in one) != any(kind == "DC" for kind, _ in other):
        one, other = _without_domain(one), _without_domain(other)
    left = [(kind, set(_readings(raw))) for kind, raw in other]
    for kind, raw in one:
        values = set(_readings(raw))
        match = next((each for each in left if each[0] == kind and each[1] & values), None)
        if match is None:
            return False
        left.remove(match)
    return not left and bool(one)


def _without_domain(attributes: Iterable[tuple[str, str]]) -> Pairs:
    return [attribute for attribute in attributes if attribute[0] != "DC"]


def _attributes_match(found: Pairs | None, wanted: SomePairs) -> bool:
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


def _parse(text: str, separator: str) -> Pairs | None:
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
