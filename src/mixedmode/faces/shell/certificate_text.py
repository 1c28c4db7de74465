"""A certificate as ``show cert`` prints it.

The layout is that of public copies of the command's output: the head of Cisco's document on SIP TLS with CUCM 9.1 and
10.5, and one whole listing of a self-signed CallManager certificate. Not seen there, so the likely form: EC keys, the
basic constraints of an authority, and extensions of other kinds. A field that cannot be read is told in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from mixedmode.errors import MalformedError
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.names import attributes_of
from mixedmode.pki.reading.der import BIT_STRING, OCTET_STRING, OID, SEQUENCE, children, contents, expect, oid_text
from mixedmode.pki.reading.extensions import Extension
from mixedmode.pki.reading.outline import algorithm_oid
from mixedmode.printable import printable

_ALGORITHMS = {
    "1.2.840.113549.1.1.4": "MD5withRSA",
    "1.2.840.113549.1.1.5": "SHA1withRSA",
    "1.2.840.113549.1.1.10": "RSASSA-PSS",
    "1.2.840.113549.1.1.11": "SHA256withRSA",
    "1.2.840.113549.1.1.12": "SHA384withRSA",
    "1.2.840.113549.1.1.13": "SHA512withRSA",
    "1.2.840.10045.4.1": "SHA1withECDSA",
    "1.2.840.10045.4.3.2": "SHA256withECDSA",
    "1.2.840.10045.4.3.3": "SHA384withECDSA",
    "1.2.840.10045.4.3.4": "SHA512withECDSA",
    "1.2.840.113549.1.1.1": "RSA",
    "1.2.840.10045.2.1": "EC",
}
_USAGES = (
    "digitalSignature",
    "nonRepudiation",
    "keyEncipherment",
    "dataEncipherment",
    "keyAgreement",
    "keyCertSign",
    "cRLSign",
    "encipherOnly",
    "decipherOnly",
)
_NAME_KINDS = {0x81: "rfc822Name", 0x82: "dNSName", 0x86: "uniformResourceIdentifier", 0x87: "iPAddress"}
_ORDER = ("CN", "OU", "O", "L", "ST", "C")
_BOOLEAN, _INTEGER, _KEY_ID = 0x01, 0x02, 0x80
_OCTETS = 16


def certificate_lines(certificate: Certificate, date: Callable[[datetime], str]) -> list[str]:
    """Return a certificate's fields and its PEM text.

    Args:
        certificate: To print.
        date: Writes a moment in the reader's time zone.

    Raises:
        MalformedError: It is no certificate.
    """
    der, outline = certificate.der, certificate.outline
    algorithm = _told(lambda: _algorithm(algorithm_oid(der, outline.outer_algorithm)))
    return [
        "[",
        f"  Version: V{outline.version}",
        f"  Serial Number: {certificate.serial.hex().upper()}",
        f"  SignatureAlgorithm: {algorithm}",
        f"  Issuer Name: {_told(lambda: name_text(certificate, of_issuer=True))}",
        f"  Validity From: {_told(lambda: date(certificate.not_before))}",
        f"           To:   {_told(lambda: date(certificate.not_after))}",
        f"  Subject Name: {_told(lambda: name_text(certificate))}",
        *_key_lines(certificate),
        *_extension_lines(certificate),
        "",
        "  Signature:",
        *_dump(certificate.signature_field),
        "",
        "]",
        *certificate.pem().decode().splitlines(),
    ]


def name_text(certificate: Certificate, *, of_issuer: bool = False) -> str:
    """Return a certificate's subject or issuer: ``CN=pub, OU=TAC, O=Cisco, L=Krakow, ST=Malopolska, C=PL``.

    Raises:
        MalformedError: It cannot be read.
    """
    name = certificate.issuer_name if of_issuer else certificate.subject_name
    rank = {kind: place for place, kind in enumerate(_ORDER)}
    parts = sorted(attributes_of(name), key=lambda part: rank.get(part[0], len(_ORDER)))
    return printable(", ".join(f"{kind}={value}" for kind, value in parts))


def _told(read: Callable[[], str]) -> str:
    try:
        return read()
    except MalformedError as error:
        return f"not readable ({error.why or error.what})"


def _algorithm(oid: str) -> str:
    name = _ALGORITHMS.get(oid)
    return oid if name is None else f"{name} ({oid})"


def _key_lines(certificate: Certificate) -> list[str]:
    der, key = certificate.der, certificate.outline.key
    try:
        algorithm = expect(der, key.start, key.end, SEQUENCE, "the key's algorithm")
        bits = contents(der, expect(der, algorithm.next, key.end, BIT_STRING, "the key"))
        return [f"  Key: {_algorithm(algorithm_oid(der, algorithm))}", f"    Key value: {bits[1:].hex()}"]
    except MalformedError as error:
        return [f"  Key: not readable ({error.why or error.what})"]


def _extension_lines(certificate: Certificate) -> list[str]:
    try:
        extensions = certificate.extensions
    except MalformedError as error:
        return [f"  Extensions: not readable ({error.why or error.what})"]
    lines = [f"  Extensions: {len(extensions)} present"] if extensions else []
    for extension in extensions:
        name, value = _EXTENSIONS.get(extension.oid, ("", _hex_lines))
        lines += ["  [", f"     Extension: {name} (OID.{extension.oid})".replace(":  (", ": (")]
        lines.append(f"     Critical: {str(extension.critical).lower()}")
        try:
            lines += [f"     {line}" for line in value(extension)]
        except MalformedError as error:
            lines.append(f"     not readable ({error.why or error.what})")
        lines.append("  ]")
    return lines


def _usage_lines(extension: Extension) -> list[str]:
    value = extension.value
    bits = contents(value, expect(value, 0, len(value), BIT_STRING, "key usage"))[1:]
    given = [name for at, name in enumerate(_USAGES) if at // 8 < len(bits) and bits[at // 8] & 0x80 >> at % 8]
    return [f"Usages: {''.join(f'{name}, ' for name in given)}"]


def _purpose_lines(extension: Extension) -> list[str]:
    value = extension.value
    sequence = expect(value, 0, len(value), SEQUENCE, "extended key usage")
    oids = [oid_text(contents(value, each)) for each in children(value, sequence) if each.tag == OID]
    return [f"Usage oids: {''.join(f'{oid}, ' for oid in oids)}"]


def _alternative_lines(extension: Extension) -> list[str]:
    value = extension.value
    names = list(children(value, expect(value, 0, len(value), SEQUENCE, "alternative names")))
    lines = [f"   altNames: {len(names)} names"]
    for number, name in enumerate(names, 1):
        raw = contents(value, name)
        text = ".".join(map(str, raw)) if name.tag == 0x87 and len(raw) == 4 else raw.decode("utf-8", "replace")
        kind = _NAME_KINDS.get(name.tag)
        lines.append(f"     {number}) {printable(text) if kind else raw.hex()} ({kind or 'otherName'})")
    return lines


def _constraint_lines(extension: Extension) -> Iterator[str]:
    value = extension.value
    for each in children(value, expect(value, 0, len(value), SEQUENCE, "basic constraints")):
        if each.tag == _BOOLEAN and contents(value, each) != b"\0":
            yield "CA: true"
        elif each.tag == _INTEGER:
            yield f"PathLen: {int.from_bytes(contents(value, each))}"


def _own_id_lines(extension: Extension) -> list[str]:
    value = extension.value
    return [f"keyID: {contents(value, expect(value, 0, len(value), OCTET_STRING, 'the key identifier')).hex()}"]


def _issuer_id_lines(extension: Extension) -> list[str]:
    value = extension.value
    parts = children(value, expect(value, 0, len(value), SEQUENCE, "the issuer's key identifier"))
    return [f"keyID: {contents(value, each).hex()}" for each in parts if each.tag == _KEY_ID]


def _hex_lines(extension: Extension) -> list[str]:
    return [f"value: {extension.value.hex()}"]


_EXTENSIONS: dict[str, tuple[str, Callable[[Extension], list[str] | Iterator[str]]]] = {
    "2.5.29.15": ("KeyUsage", _usage_lines),
    "2.5.29.37": ("ExtKeyUsageSyntax", _purpose_lines),
    "2.5.29.14": ("SubjectKeyIdentifier", _own_id_lines),
    "2.5.29.35": ("AuthorityKeyIdentifier", _issuer_id_lines),
    "2.5.29.19": ("BasicConstraints", _constraint_lines),
    "2.5.29.17": ("SubjectAltName", _alternative_lines),
}


def _dump(data: bytes) -> Iterator[str]:
    for start in range(0, len(data), _OCTETS):
        row = data[start : start + _OCTETS]
        text = "".join(chr(octet) if 0x20 <= octet < 0x7F else "." for octet in row)
        yield f"  {start:04x}: {row.hex(' '):<{3 * _OCTETS - 1}} [{text}]"
