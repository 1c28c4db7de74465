"""What a signed file says about itself: for ``show`` and ``verify``, which have no trust list to judge it by."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from mixedmode.pki.certificates.names import serial_text
from mixedmode.printable import printable
from mixedmode.signedfile.errors import BadSignatureError, UnknownSignerError
from mixedmode.trustlist.document import timestamp_text
from mixedmode.trustlist.kinds import kind_of

if TYPE_CHECKING:
    from mixedmode.pki.certificates.certificates import Certificate
    from mixedmode.signedfile.signed import SignedFile

NOT_CHECKED = (
    "a signed file does not hold its signer's certificate; open-config --trust LIST or verify --signer CERT checks"
)


def verdict(file: SignedFile, signer: Certificate | None) -> tuple[bool | None, str]:
    """Return whether the signature holds for a certificate, and why; None without one.

    Raises:
        MalformedError: The certificate cannot be read.
    """
    if signer is None:
        return None, NOT_CHECKED
    try:
        file.verify_with(signer)
    except UnknownSignerError:
        return False, "the file was not signed by the given certificate: issuer or serial differ"
    except BadSignatureError:
        return False, "the signature does not hold for the given certificate"
    return True, "the signature holds for the given certificate"


def describe_signed(file: SignedFile, signer: Certificate | None = None) -> dict[str, Any]:
    """Return everything that a signed file says, absent fields as None, serials as CUCM prints them."""
    header, data = file.header, file.data
    holds, reason = verdict(file, signer)
    code, digest = header.digest_code, header.digest
    return {
        "kind": "encrypted" if file.is_encrypted else "signed",
        "version": ".".join(map(str, header.version)),
        "header_length": header.header_length,
        "length": len(data),
        "md5": hashlib.md5(data, usedforsecurity=False).hexdigest(),
        "sha1": hashlib.sha1(data, usedforsecurity=False).hexdigest(),
        "sha256": hashlib.sha256(data).hexdigest(),
        "signer": {
            "name": header.signer_name,
            "issuer": header.signer_issuer,
            "serial": None if header.signer_serial is None else serial_text(header.signer_serial),
        },
        "digest": digest.label if digest is not None else code if code is None else str(code),
        "signature_length": len(header.signature or b""),
        "filename": header.filename,
        "timestamp": signing_time(file),
        "encrypted": file.is_encrypted,
        "content_length": len(file.payload),
        "verified": holds,
        "reason": reason,
        "problems": [],
    }


def signing_time(file: SignedFile) -> str | None:
    """Return when a file was signed, None where it does not say, as Cisco's firmware does not."""
    return timestamp_text(file.header.timestamp)


def signed_lines(file: SignedFile, name: str) -> list[str]:
    """Return what :func:`describe_signed` says, for people."""
    document = describe_signed(file)
    signer = document["signer"]
    rows = (
        ("Version", document["version"]),
        ("File name", document["filename"]),
        ("Signer", signer["name"]),
        ("Issuer", signer["issuer"]),
        ("Serial number", signer["serial"]),
        ("Digest", (document["digest"] or "").upper()),
        ("Signed at", document["timestamp"]),
        ("Signature", f"{document['signature_length']} bytes, not checked here"),
        ("Header", f"{document['header_length']} bytes"),
        ("Ciphertext" if file.is_encrypted else "Content", f"{document['content_length']} bytes"),
        ("SHA-1", document["sha1"]),
        ("SHA-256", document["sha256"]),
    )
    lines = [f"{printable(name)} is {kind_of(file.header).value}, no trust list", ""]
    lines += [f"{f'{label}:':<16}{printable(str(value)) if value else 'not told'}" for label, value in rows]
    key = " --key PHONE.pem" if file.is_encrypted else ""
    return [*lines, "", f"mixedmode open-config FILE --trust LIST{key} checks the signature and opens it"]
