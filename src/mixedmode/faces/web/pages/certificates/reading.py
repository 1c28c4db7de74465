"""What is in a file that somebody uploads: certificates, or what is refused, told by its content and never by its name.

Rules:

1. A file with a private key is refused whatever else is in it; so is PKCS#12, which is made to hold one.
2. All certificates of a file are read before anything is done with one of them.
3. Nothing of what is refused is kept, written or logged but its name and its size.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Sequence
from typing import Final

from mixedmode.errors import MalformedError, MixedModeError, UsageError
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.reading.der import INTEGER, OCTET_STRING, OID, SEQUENCE, Element, read_element
from mixedmode.printable import printable

MOST_BYTES: Final = 64 << 10
"""Of a file; a chain of eight certificates with large keys has 20 KB."""
MOST_CERTIFICATES: Final = 16
_NAME_SHOWN: Final = 80
_FIELD: Final = "file"
_NOTHING: Final = "Nothing was kept."
_KEY_STEP: Final = "export the certificate alone, as .cer or .pem, and choose it again"

_PRIVATE_TEXT: Final = re.compile(rb"-----BEGIN [A-Z0-9 ]*PRIVATE KEY|PuTTY-User-Key-File-|<RSAKeyValue>|<D>")
_KEY_STORE: Final = (b"\xfe\xed\xfe\xed", b"\xce\xce\xce\xce")
"""How Java's key stores begin (JKS, JCEKS)."""
_PEM: Final = re.compile(
    rb"-----BEGIN (?P<label>(?:X509 |TRUSTED )?CERTIFICATE|PKCS7|CMS)-----.*?-----END (?P=label)-----", re.DOTALL
)
_REQUEST: Final = re.compile(rb"-----BEGIN (?:NEW )?CERTIFICATE REQUEST-----")
_DATA, _SIGNED_DATA = bytes.fromhex("2a864886f70d010701"), bytes.fromhex("2a864886f70d010702")
"""Object identifiers of PKCS#7: data, signedData."""
_ENCRYPTION: Final = (bytes.fromhex("2a864886f70d0105"), bytes.fromhex("2a864886f70d010c01"))
"""How identifiers of keys under a password begin: PKCS#5, PKCS#12."""


def shown_name(name: str) -> str:
    """Return the name of a file for people: one line, not too long, without folders."""
    plain = printable(name.replace("\\", "/").rpartition("/")[2].strip()) or "the file"
    return plain if len(plain) <= _NAME_SHOWN else f"{plain[: _NAME_SHOWN - 3]}..."


def certificates_in(data: bytes, name: str) -> list[Certificate]:
    """Return the certificates of a file: PEM, DER or PKCS#7, in the file's order.

    Args:
        data: The file.
        name: What the browser calls it; for messages only.

    Raises:
        UsageError: It holds a private key, no certificate, or too much.
    """
    shown = shown_name(name)
    if not data.strip():
        raise _refused(f"{shown} is empty", "empty", "choose the certificate's file")
    if len(data) > MOST_BYTES:
        size = f"{shown} has {len(data):,} bytes; {MOST_BYTES:,} are the most"
        raise _refused(size, "too-large", "a certificate has a few KB: choose its file, .cer or .pem")
    plain = _as_bytes(data)
    kind = _kind_of(plain)
    if kind is not None:
        raise _refused(f"{shown} {kind[0]}", kind[1], kind[2])
    try:
        found = list(dict.fromkeys(_read(plain)))
    except MixedModeError as error:
        why = error.why or error.what
        raise _refused(f"{shown} is no certificate that can be read: {why}", "unreadable", error.next_step) from error
    if not found:
        raise _refused(f"{shown} is no certificate", "no-certificate", "choose a file in PEM, DER or PKCS#7")
    if len(found) > MOST_CERTIFICATES:
        many = f"{shown} has {len(found)} certificates; {MOST_CERTIFICATES} are the most"
        raise _refused(many, "too-many", "choose the chain of one certificate")
    return found


def _refused(what: str, code: str, step: str | None) -> UsageError:
    return UsageError(f"{what}. {_NOTHING}", where=_FIELD, code=code, next_step=step)


def _as_bytes(data: bytes) -> bytes:
    """Return a text that an editor wrote as UTF-16, or with a mark before it, as plain bytes; others as they are."""
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"} and b"\0" in data[:8]:
        return data.decode("utf-16", "replace").encode()
    return data.removeprefix(b"\xef\xbb\xbf")


def _kind_of(data: bytes) -> tuple[str, str, str] | None:
    """Return what a file is that is refused: its verb and object, a code, and the next step; None for others."""
    if _PRIVATE_TEXT.search(data) or data.startswith(_KEY_STORE) or _is_key(data):
        return "holds a private key", "private-key", _KEY_STEP
    if _REQUEST.search(data) and not _PEM.search(data):
        return "is a signing request, no certificate", "request", "have it signed, and choose what the authority sends"
    return None


def _read(data: bytes) -> list[Certificate]:
    if b"-----BEGIN" in data:
        found: list[Certificate] = []
        for match in _PEM.finditer(data):
            if match["label"] in {b"PKCS7", b"CMS"}:
                found += _of_pkcs7(match[0].replace(match["label"], b"PKCS7"), is_pem=True)
            else:
                found.append(_usable(Certificate.from_pem(match[0])))
        return found
    if _starts_with(data, _SIGNED_DATA):
        return _of_pkcs7(data, is_pem=False)
    if data[:1] != bytes((SEQUENCE,)):
        return []
    return [_usable(Certificate.from_file(data))]


def _usable(certificate: Certificate) -> Certificate:
    """Return a certificate after reading all that is shown and needed of it."""
    _ = certificate.subject, certificate.issuer, certificate.serial, certificate.key_description, certificate.validity
    return certificate


def _of_pkcs7(data: bytes, *, is_pem: bool) -> list[Certificate]:
    from cryptography.hazmat.primitives.serialization import pkcs7

    read: Callable[[bytes], Sequence[object]] = (
        pkcs7.load_pem_pkcs7_certificates if is_pem else pkcs7.load_der_pkcs7_certificates
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = read(data)
        except Exception as error:  # the library has many kinds of errors for this
            raise MalformedError(
                "the PKCS#7 file cannot be read", next_step="have the certificates written as PEM", code="pkcs7"
            ) from error
    return [_usable(Certificate.from_library(each)) for each in found]  # type: ignore[arg-type]


def _is_key(data: bytes) -> bool:
    """Return whether DER is PKCS#12, or a private key: PKCS#1, PKCS#8, SEC 1, with or without a password (rule 1)."""
    try:
        parts = _children(data)
        if len(parts) < 2:
            return False
        first, second = parts[0], parts[1]
        if first.tag == INTEGER:
            version = data[first.start : first.end]
            is_store = version == b"\x03" and second.tag == SEQUENCE and _names(data, second) in {_DATA, _SIGNED_DATA}
            is_pkcs8 = version in {b"\0", b"\1"} and second.tag == SEQUENCE and len(parts) > 2
            is_plain = version in {b"\0", b"\1"} and second.tag in {INTEGER, OCTET_STRING}
            return is_store or is_pkcs8 or is_plain
        locked = _names(data, first) if first.tag == SEQUENCE else b""
        return second.tag == OCTET_STRING and locked.startswith(_ENCRYPTION)
    except MalformedError:
        return False


def _starts_with(data: bytes, identifier: bytes) -> bool:
    try:
        parts = _children(data)
    except MalformedError:
        return False
    return bool(parts) and parts[0].tag == OID and data[parts[0].start : parts[0].end] == identifier


def _names(data: bytes, element: Element) -> bytes:
    """Return the object identifier that a sequence begins with; empty if it begins with something else."""
    inner = read_element(data, element.start, element.end)
    return data[inner.start : inner.end] if inner.tag == OID else b""


def _children(data: bytes) -> list[Element]:
    """Return the first three elements of the sequence that the bytes are.

    Raises:
        MalformedError: They are none.
    """
    whole = read_element(data, 0, len(data))
    found: list[Element] = []
    at = whole.start
    while whole.tag == SEQUENCE and at < whole.end and len(found) < 3:
        found.append(read_element(data, at, whole.end))
        at = found[-1].next
    return found
