"""Files that people send to Certificate Management, and forms with files as browsers send them."""

from __future__ import annotations

import datetime as dt
import http.client
from collections.abc import Iterator, Mapping

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs7, pkcs12
from cryptography.x509.oid import NameOID

from tests.faces.web.weblab import Page, Visitor, unchecked

BOUNDARY = "mixedmode-test"
NOW = dt.datetime(2026, 1, 1)  # noqa: DTZ001 - the library takes it as UTC
KEY = ec.generate_private_key(ec.SECP256R1())
SCRIPT = "<script>alert(1)</script>"


def certificate(
    name: str = "token",
    *,
    issuer: str = "",
    organization: str = "",
    alternative: str = "",
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey = KEY,
    signer: ec.EllipticCurvePrivateKey = KEY,
    public: object = None,
    authority: bool = False,
    names: x509.SubjectAlternativeName | None = None,
    subject: x509.Name | None = None,
) -> x509.Certificate:
    """Return a certificate of ten years."""
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, name)]
    if organization:
        parts.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject or x509.Name(parts))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]) if issuer else x509.Name(parts))
        .public_key(public or key.public_key())  # type: ignore[arg-type]
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW)
        .not_valid_after(NOW + dt.timedelta(days=3650))
    )
    if alternative:
        names = x509.SubjectAlternativeName([x509.DNSName(alternative)])
    if names is not None:
        builder = builder.add_extension(names, critical=False)
    if authority:
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return builder.sign(signer, hashes.SHA256())


def pem(*certificates: x509.Certificate) -> bytes:
    return b"".join(each.public_bytes(serialization.Encoding.PEM) for each in certificates)


def der(found: x509.Certificate) -> bytes:
    return found.public_bytes(serialization.Encoding.DER)


def private_keys() -> dict[str, bytes]:
    """Return private keys in every form in which people have them, by file name."""
    small = rsa.generate_private_key(65537, 1024)
    e, f, none = serialization.Encoding, serialization.PrivateFormat, serialization.NoEncryption()
    locked = serialization.BestAvailableEncryption(b"secret")
    own = certificate("kowal")
    found = {
        "pkcs8.pem": KEY.private_bytes(e.PEM, f.PKCS8, none),
        "pkcs8.der": KEY.private_bytes(e.DER, f.PKCS8, none),
        "pkcs1.pem": small.private_bytes(e.PEM, f.TraditionalOpenSSL, none),
        "pkcs1.der": small.private_bytes(e.DER, f.TraditionalOpenSSL, none),
        "sec1.pem": KEY.private_bytes(e.PEM, f.TraditionalOpenSSL, none),
        "sec1.der": KEY.private_bytes(e.DER, f.TraditionalOpenSSL, none),
        "locked.pem": KEY.private_bytes(e.PEM, f.PKCS8, locked),
        "locked.der": KEY.private_bytes(e.DER, f.PKCS8, locked),
        "openssh": KEY.private_bytes(e.PEM, f.OpenSSH, none),
        "kowal.p12": pkcs12.serialize_key_and_certificates(b"kowal", KEY, own, None, locked),
        "store.jks": b"\xfe\xed\xfe\xed" + bytes(40),
    }
    found["both.pem"] = pem(own) + found["pkcs8.pem"]
    found["key-first.pem"] = found["pkcs8.pem"] + pem(own)
    found["notepad.pem"] = found["pkcs8.pem"].decode().encode("utf-16")
    found["harmless.cer"] = found["kowal.p12"]
    return found


def chain_pkcs7(*certificates: x509.Certificate) -> bytes:
    return pkcs7.serialize_certificates(list(certificates), serialization.Encoding.DER)


def send(visitor: Visitor, path: str, fields: Mapping[str, str], name: str, data: bytes) -> Page:
    """Send a form with a file."""
    parts = [
        f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
        for key, value in fields.items()
    ]
    parts.append(
        f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="file"; filename="{name}"\r\n'
        "content-type: application/octet-stream\r\n\r\n".encode()
        + data
        + f"\r\n--{BOUNDARY}--\r\n".encode()
    )
    kind = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
    return visitor.send("POST", path, b"".join(parts), kind)


def stream(visitor: Visitor, path: str, head: bytes, whole: int, *, chunked: bool) -> Page:
    """Send a form with a file of zeros, a piece at a time, as browsers send large ones."""
    tail, piece = f"\r\n--{BOUNDARY}--\r\n".encode(), bytes(64 << 10)

    def body() -> Iterator[bytes]:
        yield head
        for _ in range(whole // len(piece)):
            yield piece
        yield tail

    said = {
        "content-type": f"multipart/form-data; boundary={BOUNDARY}",
        "cookie": "; ".join(f"{name}={value}" for name, value in visitor.cookies.items()),
    }
    if not chunked:
        said["content-length"] = str(len(head) + whole + len(tail))
    connection = http.client.HTTPSConnection(visitor.host, visitor.port, context=unchecked(), timeout=30)
    try:
        connection.request("POST", path, body(), said, encode_chunked=chunked)
        answer = connection.getresponse()
        return Page(answer.status, answer.headers, answer.read())
    finally:
        connection.close()
