"""The extensions of a certificate that this product looks at, read without the library (RFC 5280 4.2).

A certificate is read although an extension is broken, unknown or there twice; only who needs that very extension
hears of it.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, NamedTuple

from mixedmode.errors import MalformedError
from mixedmode.pki.reading.der import (
    BIT_STRING,
    OCTET_STRING,
    OID,
    SEQUENCE,
    children,
    contents,
    expect,
    oid_text,
    read_element,
)

if TYPE_CHECKING:
    from mixedmode.pki.reading.outline import Outline

KEY_USAGE, ALTERNATIVE_NAME, BASIC_CONSTRAINTS = "2.5.29.15", "2.5.29.17", "2.5.29.19"
EXTENSION_NAMES = {
    KEY_USAGE: "key usage",
    ALTERNATIVE_NAME: "alternative names",
    BASIC_CONSTRAINTS: "basic constraints",
    "2.5.29.14": "subject key identifier",
    "2.5.29.35": "authority key identifier",
    "2.5.29.37": "extended key usage",
}
_BOOLEAN, _DNS_NAME, _ADDRESS = 0x01, 0x82, 0x87
_CERT_SIGN = 0x04
"""keyCertSign, bit 5 of the first octet of key usage."""


class Extension(NamedTuple):
    """One extension, its value not read yet."""

    oid: str
    critical: bool
    value: bytes

    @property
    def name(self) -> str:
        """What people call it."""
        return EXTENSION_NAMES.get(self.oid, f"extension {self.oid}")


def read_extensions(der: bytes, outline: Outline) -> tuple[Extension, ...]:
    """Return the extensions of a certificate in its order.

    Raises:
        MalformedError: Their structure breaks the format.
    """
    if outline.extensions is None:
        return ()
    found = []
    for child in children(der, outline.extensions):
        entry = expect(der, child.outer, child.next, SEQUENCE, "an extension")
        kind = expect(der, entry.start, entry.end, OID, "an extension's identifier")
        here = read_element(der, kind.next, entry.end)
        critical = here.tag == _BOOLEAN and contents(der, here) != b"\0"
        value = expect(der, here.next if here.tag == _BOOLEAN else here.outer, entry.end, OCTET_STRING, "its value")
        found.append(Extension(oid_text(contents(der, kind)), critical, contents(der, value)))
    return tuple(found)


def one_of(extensions: tuple[Extension, ...], oid: str) -> bytes | None:
    """Return the value of the one extension of a kind, None if there is none.

    Raises:
        MalformedError: There are several.
    """
    found = [each for each in extensions if each.oid == oid]
    if len(found) > 1:
        raise MalformedError(
            f"the certificate has {found[0].name} twice",
            code="certificate",
            next_step="ask its issuer for a certificate that has each extension once",
        )
    return found[0].value if found else None


def may_sign(value: bytes) -> bool:
    """Return whether a key usage lets its certificate sign others.

    Raises:
        MalformedError: It cannot be read.
    """
    bits = contents(value, expect(value, 0, len(value), BIT_STRING, "key usage"))
    return len(bits) > 1 and bool(bits[1] & _CERT_SIGN)


def says_authority(value: bytes) -> bool:
    """Return whether basic constraints call their certificate an authority's.

    Raises:
        MalformedError: They cannot be read.
    """
    sequence = expect(value, 0, len(value), SEQUENCE, "basic constraints")
    first = next(iter(children(value, sequence)), None)
    return first is not None and first.tag == _BOOLEAN and contents(value, first) != b"\0"


def names_in(value: bytes) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the host names and the addresses of alternative names.

    Raises:
        MalformedError: They cannot be read.
    """
    hosts, addresses = [], []
    for name in children(value, expect(value, 0, len(value), SEQUENCE, "alternative names")):
        raw = contents(value, name)
        if name.tag == _DNS_NAME:
            hosts.append(raw.decode("utf-8", "replace"))
        elif name.tag == _ADDRESS and len(raw) in {4, 16}:
            addresses.append(str(ip_address(raw)))
    return tuple(hosts), tuple(addresses)
