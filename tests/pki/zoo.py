"""Certificates as old servers, Microsoft's authority and careless tools make them, written without any library.

Each is what OpenSSL reads and a strict parser refuses or warns of; ``ODD`` says what our warning must mention.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from mixedmode.pki.certificates.profiles import KeyKind
from mixedmode.pki.reading.der import encode
from tests.pki.material import key

T61, BMP, UNIVERSAL, UTF8, PRINTABLE, IA5 = 0x14, 0x1E, 0x1C, 0x0C, 0x13, 0x16
TYPES = {"CN": "550403", "OU": "55040b", "O": "55040a", "L": "550407", "ST": "550408", "C": "550406",
         "DC": "0992268993f22c640119", "E": "2a864886f70d010901"}  # fmt: skip
RSA_HASHES = {"md5": "2a864886f70d010104", "sha1": "2a864886f70d010105", "sha256": "2a864886f70d01010b"}

Part = tuple[str, int, bytes]


def part(kind: str, text: str, tag: int = UTF8) -> Part:
    encoding = {T61: "latin-1", BMP: "utf-16-be", UNIVERSAL: "utf-32-be"}.get(tag, "utf-8")
    return kind, tag, text.encode(encoding)


def utc(text: bytes) -> bytes:
    return encode(0x17, text)


def name(*rdns: Part | Sequence[Part]) -> bytes:
    """Return a name; a list of parts is one set, in the order given."""
    sets = []
    for rdn in rdns:
        members = [rdn] if isinstance(rdn, tuple) else rdn
        pairs = [encode(0x30, encode(6, bytes.fromhex(TYPES[kind])) + encode(tag, raw)) for kind, tag, raw in members]
        sets.append(encode(0x31, b"".join(pairs)))
    return encode(0x30, b"".join(sets))


PLAIN = name(part("C", "NZ", PRINTABLE), part("O", "Example"), part("CN", "cucm-pub"))
MICROSOFT = name(part("DC", "local", IA5), part("DC", "corp", IA5), part("CN", "corp-CA01-CA", PRINTABLE))
CA_FALSE = bytes.fromhex("300c0603551d130101ff04023000")
CA_TRUE = bytes.fromhex("300f0603551d130101ff040530030101ff")
CERT_SIGN = bytes.fromhex("300e0603551d0f0101ff040403020204")


def certificate(
    subject: bytes = PLAIN,
    *,
    issuer: bytes | None = None,
    serial: bytes = b"\x11",
    version: int = 3,
    digest: str = "sha256",
    dates: tuple[bytes, bytes] = (encode(0x17, b"240101000000Z"), encode(0x17, b"340101000000Z")),
    extensions: bytes = b"",
    number: int = 0,
    issuer_number: int | None = None,
) -> bytes:
    """Return a certificate as DER; ``number`` and ``issuer_number`` choose among this run's keys."""
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    own = key(KeyKind.RSA_2048, number)
    authority = own if issuer_number is None else key(KeyKind.RSA_2048, issuer_number)
    assert isinstance(authority, rsa.RSAPrivateKey)
    spki = own.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )  # fmt: skip
    algorithm = encode(0x30, encode(6, bytes.fromhex(RSA_HASHES[digest])) + b"\x05\x00")
    parts = [
        encode(0xA0, encode(2, bytes((version - 1,)))) if version > 1 else b"",
        encode(2, serial),
        algorithm,
        issuer or subject,
        encode(0x30, b"".join(dates)),
        subject,
        spki,
        encode(0xA3, encode(0x30, extensions)) if extensions else b"",
    ]
    tbs = encode(0x30, b"".join(parts))
    made: dict[str, hashes.HashAlgorithm] = {"md5": hashes.MD5(), "sha1": hashes.SHA1(), "sha256": hashes.SHA256()}
    signature = authority.sign(tbs, padding.PKCS1v15(), made[digest])
    return encode(0x30, tbs + algorithm + encode(3, b"\0" + signature))


@dataclass(frozen=True)
class Odd:
    """One member of the zoo: what openssl calls readable, with a piece of our warning ("" for none)."""

    der: bytes
    warning: str


@cache
def zoo() -> dict[str, Odd]:
    """Return the zoo, made once."""
    country = part("C", "NZ", PRINTABLE)
    long_name = "cucm-pub." + "very-long-label." * 5 + "example.net"
    return {
        "teletex": Odd(certificate(name(country, part("O", "Fernbüro", T61), part("CN", "cucm"))), "TeletexString"),
        "bmp": Odd(certificate(name(part("O", "Fernbüro", BMP), part("CN", "cucm", BMP))), "BMPString"),
        "universal": Odd(certificate(name(part("O", "株式会社", UNIVERSAL), part("CN", "c"))), "UniversalString"),
        "utf8": Odd(certificate(name(part("L", "Kraków 株式会社"), part("CN", "cucm-pub"))), ""),
        "unsorted": Odd(certificate(name([part("O", "ZZZ"), part("CN", "a")], part("OU", "b"))), "wrong order"),
        "sorted": Odd(certificate(name([part("CN", "a"), part("O", "ZZZ")], part("OU", "b"))), ""),
        "negative": Odd(certificate(serial=bytes.fromhex("ee2b3debd421de14a862ac04f3ddc401")), "negative"),
        "minus one": Odd(certificate(serial=b"\xff"), "negative"),
        "zero": Odd(certificate(serial=b"\0"), "zero"),
        "long serial": Odd(certificate(serial=b"\x71" * 30), "30 bytes"),
        "semicolon": Odd(certificate(name(part("OU", 'A;B=C "q" \\ back'), part("O", "x;CN=y"))), "semicolon"),
        "equals": Odd(certificate(name(part("OU", "a=b"), part("O", "Acme, O=Inc."), part("CN", "=;=")),), "semicolon"),
        "escapes": Odd(certificate(name(part("O", "#x "), part("OU", ' \\2c+<>"'), part("CN", "a,b"))), ""),
        "64 letters": Odd(certificate(name(part("CN", "c" * 64))), ""),
        "65 letters": Odd(certificate(name(part("CN", "c" * 65))), "65 characters"),
        "long name": Odd(certificate(name(country, part("CN", long_name))), "overlong common name"),
        "country": Odd(certificate(name(part("C", "NZL"), part("CN", "cucm"))), "country"),
        "empty value": Odd(certificate(name(part("O", ""), part("CN", "cucm"))), "empty organization"),
        "no subject": Odd(certificate(name(), issuer=PLAIN), "subject is empty"),
        "no names": Odd(certificate(name()), "is empty"),
        "control": Odd(certificate(name(part("CN", "a\x1b[31m\nb"))), "cannot be printed"),
        "e-mail": Odd(certificate(name(part("E", "pki@example.net", IA5), part("CN", "cucm"))), ""),
        "microsoft": Odd(certificate(issuer=MICROSOFT, issuer_number=1), ""),
        "version 1": Odd(certificate(version=1), "version 1"),
        "version 1 with extensions": Odd(certificate(version=1, extensions=CA_TRUE), "does not have"),
        "md5": Odd(certificate(digest="md5"), "MD5"),
        "sha1": Odd(certificate(digest="sha1"), ""),
        "generalized": Odd(certificate(dates=(encode(0x18, b"20240101000000Z"), encode(0x18, b"99991231235959Z"))), ""),
        "no seconds": Odd(certificate(dates=(utc(b"2401010000Z"), utc(b"3401010000Z"))), "written as"),
        "time zone": Odd(
            certificate(dates=(encode(0x17, b"240101000000+0200"), encode(0x18, b"20340101000000.5Z"))), "written as"
        ),
        "1950": Odd(certificate(dates=(encode(0x17, b"500101000000Z"), encode(0x17, b"491231235959Z"))), ""),
        "backwards": Odd(certificate(dates=(utc(b"340101000000Z"), utc(b"240101000000Z"))), "ends before"),
        "twice": Odd(certificate(extensions=CERT_SIGN * 2), "2 times"),
        "broken extension": Odd(
            certificate(extensions=encode(0x30, bytes.fromhex("0603551d11") + encode(4, b"\x30\x05garba"))),
            "alternative names cannot be read",
        ),
        "no basic constraints": Odd(certificate(extensions=CERT_SIGN), ""),
    }  # fmt: skip
