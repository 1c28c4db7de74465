"""Names inside certificates, read as OpenSSL reads them: every string type, sets in any order.

Rules:

1. The value of an attribute is text whatever its string type: TeletexString (T61) is Latin-1, as OpenSSL takes it,
   BMPString UTF-16, UniversalString UTF-32, the others UTF-8, else Latin-1. A value of any other kind is its hex.
2. Two names are the same if their attributes are, set by set; letters count in any case, runs of blanks as one
   blank, the string type not at all (RFC 5280 7.1, as OpenSSL compares).
3. What a strict reader would refuse, or cannot print, is told by :meth:`DistinguishedName.oddities`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from mixedmode.pki.reading.der import OID, SEQUENCE, SET, Element, broken, children, contents, oid_text, whole

_T61, _BMP, _UNIVERSAL = 0x14, 0x1E, 0x1C
_ENCODINGS = {_T61: "latin-1", _BMP: "utf-16-be", _UNIVERSAL: "utf-32-be"}
_OLD_TYPES = {_T61: "TeletexString", _BMP: "BMPString", _UNIVERSAL: "UniversalString"}
_TEXT_TAGS = frozenset({0x0C, 0x12, 0x13, 0x16, 0x19, 0x1A, 0x1B, *_ENCODINGS})
_UPPER_BOUNDS = {
    "2.5.4.3": ("common name", 64),
    "2.5.4.10": ("organization", 64),
    "2.5.4.11": ("organizational unit", 64),
    "2.5.4.7": ("locality", 128),
    "2.5.4.8": ("state", 128),
    "2.5.4.5": ("serial number", 64),
}
"""RFC 5280, appendix A."""
_COUNTRY = "2.5.4.6"


class Attribute(NamedTuple):
    """One attribute of a name.

    Attributes:
        oid: Its type, in dots.
        value: Its text, or the hex of what is no text.
        tag: The type that it was written as.
        raw: The bytes that it was written as.
    """

    oid: str
    value: str
    tag: int
    raw: bytes


@dataclass(frozen=True)
class DistinguishedName:
    """A name, equal to another by rule 2; iterating yields its attributes in the certificate's order.

    Attributes:
        der: Its bytes.
        rdns: Its sets of attributes; all but odd names have one attribute in a set.
        unsorted: Whether a set of several attributes is not in DER's order.
    """

    der: bytes
    rdns: tuple[tuple[Attribute, ...], ...]
    unsorted: bool = False

    def __iter__(self) -> Iterator[Attribute]:
        return (attribute for rdn in self.rdns for attribute in rdn)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DistinguishedName) and self._canonical == other._canonical

    def __hash__(self) -> int:
        return hash(self._canonical)

    @cached_property
    def _canonical(self) -> tuple[frozenset[tuple[str, str]], ...]:
        return tuple(frozenset((each.oid, " ".join(each.value.split()).casefold()) for each in rdn)
                     for rdn in self.rdns)  # fmt: skip

    def oddities(self) -> Iterator[str]:
        """Yield what is odd about the name, as what follows "the subject" or "the issuer" (rule 3)."""
        if not self.rdns:
            yield "is empty"
        old = sorted({_OLD_TYPES[each.tag] for each in self if each.tag in _OLD_TYPES})
        if old:
            yield f"is written in an old string type ({', '.join(old)})"
        if self.unsorted:
            yield "has a set of attributes in the wrong order"
        if not all(_decodes(each) for each in self):
            yield "has bytes that do not fit their string type; they are read as Latin-1"
        for each in self:
            yield from _odd_value(each)


def read_name(data: bytes, element: Element) -> DistinguishedName:
    """Return the name that an element of a certificate holds.

    Raises:
        MalformedError: Its structure breaks the format.
    """
    rdns = []
    unsorted = False
    for rdn in children(data, element):
        if rdn.tag != SET:
            raise broken(rdn.outer, "a set of attributes expected, another field found")
        members = children(data, rdn)
        if len(members) > 1:
            written = [whole(data, member) for member in members]
            unsorted = unsorted or written != sorted(written)
        rdns.append(tuple(_attribute(data, member) for member in members))
    return DistinguishedName(whole(data, element), tuple(rdns), unsorted)


def _attribute(data: bytes, member: Element) -> Attribute:
    parts = children(data, member) if member.tag == SEQUENCE else []
    if len(parts) < 2 or parts[0].tag != OID:
        raise broken(member.outer, "an attribute expected, another field found")
    kind, value = parts[:2]
    raw = contents(data, value)
    return Attribute(oid_text(contents(data, kind)), _text(value.tag, raw), value.tag, raw)


def _text(tag: int, raw: bytes) -> str:
    if tag not in _TEXT_TAGS:
        return raw.hex()
    try:
        return raw.decode(_ENCODINGS.get(tag, "utf-8"))
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _decodes(attribute: Attribute) -> bool:
    if attribute.raw.isascii() and attribute.tag not in {_BMP, _UNIVERSAL}:
        return True
    try:
        attribute.raw.decode(_ENCODINGS.get(attribute.tag, "utf-8"))
    except UnicodeDecodeError:
        return attribute.tag not in _TEXT_TAGS
    return True


def _odd_value(attribute: Attribute) -> Iterator[str]:
    name, bound = _UPPER_BOUNDS.get(attribute.oid, (f"attribute {attribute.oid}", 0))
    size = len(attribute.value)
    if attribute.oid == _COUNTRY and (size != 2 or not attribute.value.isascii()):
        yield "has a country that is not two letters"
    elif not size:
        yield f"has an empty {name}"
    elif bound and size > bound:
        yield f"has an overlong {name}: {size} characters, {bound} are allowed"
    if ";" in attribute.value:
        yield f"has a semicolon in its {name}, which trust lists do not tell from the one between attributes"
    if not attribute.value.isprintable() and attribute.tag in _TEXT_TAGS:
        yield f"has characters in its {name} that cannot be printed"
