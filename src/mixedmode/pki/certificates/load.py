"""Loading and saving keys, certificates and signers.

Rules:

1. A password is never an argument of a command: it comes from a file, the environment or a prompt.
2. It is asked for only when the file turns out to be encrypted.
3. A saved private key has mode 0600 from its first byte on.
4. Every error names the file and what to do next.
5. A key of this program's own folders that others may read is not used, as ssh does not use one: who knows who has it.
   A file that the caller names is his to protect; commands warn him (:mod:`mixedmode.faces.terminal.unusual`).
6. The bytes of an RSA key are checked once in a process, which costs as much as to make a key; never those of a file
   with a password, which is asked for every time.
"""

from __future__ import annotations

import hashlib
import os
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from mixedmode.errors import MalformedError, MixedModeError, UsageError
from mixedmode.pki.ask import ask_line, is_terminal
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.files import PRIVATE, is_open_key, read_key_file, write_atomic
from mixedmode.pki.signing.signer import Signer, SoftwareSigner, key_fits

if TYPE_CHECKING:
    from mixedmode.pki.signing.signer import PrivateKey


class OpenKeyError(UsageError):
    """Others may read a private key of this program's own."""

    default_code = "open-key"


PASSWORD_VARIABLE = "MIXEDMODE_SIGNER_PASSWORD"  # noqa: S105 - the variable's name
PASSWORD_FILE_VARIABLE = "MIXEDMODE_SIGNER_PASSWORD_FILE"  # noqa: S105 - the variable's name
PKCS12_SCHEME = "pkcs12:"
PKCS11_SCHEME = "pkcs11:"

_CHECKED: dict[bytes, PrivateKey] = {}
"""Keys that were read without a password or written for this program itself, by the hash of their bytes."""
_MOST_CHECKED: Final = 256

T = TypeVar("T")
Password = Callable[[str], bytes]

_PEM_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----", re.DOTALL)


@dataclass(frozen=True, slots=True)
class PasswordSource:
    """Where a password comes from: a file, else the environment, else a prompt on the terminal.

    Attributes:
        file: A file whose first line is the password; None looks at ``MIXEDMODE_SIGNER_PASSWORD_FILE``.
    """

    file: Path | None = None

    def __call__(self, what: str) -> bytes:
        """Return the password of ``what``.

        Raises:
            UsageError: The file cannot be read, or there is nobody to ask.
        """
        named = os.environ.get(PASSWORD_FILE_VARIABLE)
        file = self.file or (Path(named) if named else None)
        if file is not None:
            lines = read_key_file(file).splitlines()
            return lines[0] if lines else b""
        from_environment = os.environ.get(PASSWORD_VARIABLE)
        if from_environment is not None:
            return from_environment.encode()
        if not is_terminal():
            raise UsageError(
                "a password is needed and there is no terminal to ask on",
                where=what,
                code="password",
                next_step=f"set {PASSWORD_VARIABLE}, or {PASSWORD_FILE_VARIABLE} to a file that holds it",
            )
        return ask_line(f"Password of {what}: ", secret=True).encode()


def load_signer(spec: str, *, password: Password | None = None) -> Signer:
    """Return the signer that a SIGNER of the command line names.

    Args:
        spec: A PEM file with key and certificate in any order, ``pkcs12:FILE``, or a ``pkcs11:`` URI.
        password: Asked with the file's name if the key is encrypted; by default :class:`PasswordSource`.

    Raises:
        UsageError: The file cannot be read or opened, lacks the key or the certificate, or they do not fit.
        MalformedError: The certificate cannot be read.
        SignerError: The token fails.
    """
    ask = password or PasswordSource()
    if spec.startswith(PKCS11_SCHEME):
        from mixedmode.pki.tokens.pkcs11 import pkcs11_signer

        return pkcs11_signer(spec, pin=lambda label: ask(f"the token {label}").decode("utf-8", "replace"))
    if spec.startswith(PKCS12_SCHEME):
        path = Path(spec.removeprefix(PKCS12_SCHEME))
        return pkcs12_signer(read_key_file(path), password=ask, where=str(path))
    path = Path(spec)
    return pem_signer(read_key_file(path), password=ask, where=str(path))


def refuse_open_key(path: Path) -> None:
    """Refuse a private key of this program's own that others may read (rule 5).

    Raises:
        OpenKeyError: Others than its owner may read or change it.
    """
    if is_open_key(path):
        raise OpenKeyError(
            "others may read this private key, so it is not used",
            where=str(path),
            next_step=f"chmod 600 {path}; if somebody may have read it, make a new key",
        )


def load_own_signer(path: Path) -> Signer:
    """Return the signer of a PEM file of this program's own (rule 5).

    Raises:
        OpenKeyError: Others may read it.
        UsageError: As :func:`load_signer`.
        MalformedError: As :func:`load_signer`.
    """
    refuse_open_key(path)
    return load_signer(str(path))


def pem_signer(data: bytes, *, password: Password, where: str) -> SoftwareSigner:
    """Return the signer of PEM text: one private key and, anywhere, the certificate that fits it.

    Raises:
        UsageError: One of both is missing, or none fits.
        MalformedError: A certificate cannot be read.
    """
    blocks = list(_pem_blocks(data))
    keys = [text for label, text in blocks if label.endswith("PRIVATE KEY")]
    certificates = [_located(Certificate.from_pem, text, where) for label, text in blocks if "CERTIFICATE" in label]
    if len(keys) != 1 or not certificates:
        missing = "more than one private key" if len(keys) > 1 else "no private key" if not keys else "no certificate"
        raise UsageError(
            f"{missing} in this file",
            where=where,
            code="signer",
            next_step="put one private key and its certificate, both PEM, into one file; or use pkcs12:FILE",
        )
    return _fitting(parse_private_key(keys[0], password=password, where=where), certificates, where)


def pkcs12_signer(data: bytes, *, password: Password, where: str) -> SoftwareSigner:
    """Return the signer of a PKCS#12 file.

    Raises:
        UsageError: It is no PKCS#12 file, the password is wrong, or key or certificate is missing.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import pkcs12

    store = None
    for attempt in (lambda: None, lambda: password(where)):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                store = pkcs12.load_pkcs12(data, attempt())
            break
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            cause = error
    if store is None:
        raise UsageError(
            "the PKCS#12 file cannot be opened",
            where=where,
            why="the password is wrong, the file is damaged or no PKCS#12, or a certificate in it is too unusual",
            code="pkcs12",
            next_step="check the password; else write it as PEM (openssl pkcs12 -in FILE -nodes) and name that file",
        ) from cause
    library = ([store.cert] if store.cert else []) + list(store.additional_certs)
    if store.key is None or not library:
        raise UsageError(
            "no private key with a certificate in this PKCS#12 file",
            where=where,
            code="signer",
            next_step="export it again with its private key",
        )
    certificates = [Certificate.from_library(entry.certificate) for entry in library]
    return _fitting(_signing_key(store.key, where), certificates, where)


def parse_private_key(data: bytes, *, password: Password | None = None, where: str = "private key") -> PrivateKey:
    """Return a private key of PEM or DER bytes (PKCS#8, PKCS#1 or SEC 1).

    Raises:
        UsageError: It is no private key, of a kind that phones do not know, or the password is wrong.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    load: Any = serialization.load_der_private_key
    if b"-----BEGIN" in data:
        load = serialization.load_pem_private_key
        keys = [text for label, text in _pem_blocks(data) if label.endswith("PRIVATE KEY")]
        data = keys[0] if keys else data
    known = _CHECKED.get(_mark(data))
    if known is not None:
        return known
    is_protected = False
    try:
        try:
            key = load(data, None)
        except TypeError:  # the library's way to say: encrypted
            is_protected = True
            key = load(data, (password or PasswordSource())(where))
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise UsageError(
            "the private key cannot be read",
            where=where,
            why="the password is wrong, the key is damaged, or it is of a kind that is not known here",
            code="private_key",
            next_step="check the password and that the file holds a PEM or DER private key",
        ) from error
    return _signing_key(key, where) if is_protected else _remembered(data, _signing_key(key, where))


def _mark(data: bytes) -> bytes:
    return hashlib.sha256(data.strip()).digest()


def _remembered(data: bytes, key: PrivateKey) -> PrivateKey:
    """Remember a key by its bytes: to check an RSA key anew costs as much as to make one (rule 6)."""
    if len(_CHECKED) >= _MOST_CHECKED:
        _CHECKED.clear()
    _CHECKED[_mark(data)] = key
    return key


def load_private_key(path: Path, *, password: Password | None = None) -> PrivateKey:
    """Return the private key of a PEM or DER file; see :func:`parse_private_key`."""
    return parse_private_key(read_key_file(path), password=password, where=str(path))


def load_certificate(path: Path) -> Certificate:
    """Return the first certificate of a PEM or DER file.

    Raises:
        UsageError: The file cannot be read.
        MalformedError: It holds no certificate.
    """
    data = read_key_file(path)
    return _located(Certificate.from_file, data, str(path))


def load_certificates(path: Path) -> list[Certificate]:
    """Return every certificate of a PEM file, in its order.

    Raises:
        UsageError: The file cannot be read.
        MalformedError: One of them cannot be read.
    """
    blocks = _pem_blocks(read_key_file(path))
    return [_located(Certificate.from_pem, text, str(path)) for label, text in blocks if "CERTIFICATE" in label]


def private_key_pem(key: PrivateKey, *, password: bytes | None = None) -> bytes:
    """Return a private key as PKCS#8 PEM, encrypted if there is a password."""
    from cryptography.hazmat.primitives import serialization as s

    protection = s.BestAvailableEncryption(password) if password else s.NoEncryption()
    return key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, protection)


def own_key_pem(key: PrivateKey) -> bytes:
    """Return a private key for a file of this program's own, which it reads again without a check (rule 6)."""
    data = private_key_pem(key)
    _remembered(data, key)
    return data


def pkcs12_bytes(signer: SoftwareSigner, *, name: str, password: bytes) -> bytes:
    """Return a signer as a password-protected PKCS#12 file, as ``ITLRecovery.p12`` is."""
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

    protection = BestAvailableEncryption(password)
    return pkcs12.serialize_key_and_certificates(name.encode(), signer.key, signer.certificate.x509, None, protection)


def save_private_key(path: Path, key: PrivateKey, *, password: bytes | None = None) -> None:
    """Write a private key as PEM with mode 0600."""
    write_atomic(path, private_key_pem(key, password=password), mode=PRIVATE)


def save_signer(path: Path, signer: SoftwareSigner, *, password: bytes | None = None) -> None:
    """Write key and certificate as one PEM file with mode 0600, as :func:`load_signer` reads it."""
    pem = private_key_pem(signer.key, password=password) + signer.certificate.pem()
    write_atomic(path, pem, mode=PRIVATE)


def _pem_blocks(data: bytes) -> Iterator[tuple[str, bytes]]:
    for match in _PEM_BLOCK.finditer(data):
        yield match[1].decode(), match[0] + b"\n"


def _located(read: Callable[[bytes], T], data: bytes, where: str) -> T:
    try:
        return read(data)
    except MalformedError as error:
        raise error.located(where) from None


def _signing_key(key: Any, where: str) -> PrivateKey:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    if isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        return key
    raise UsageError(
        f"the private key is of kind {type(key).__name__}",
        where=where,
        why="phones know only RSA and EC keys",
        code="private_key",
        next_step="use an RSA key of 2048 bits",
    )


def _fitting(key: PrivateKey, certificates: list[Certificate], where: str) -> SoftwareSigner:
    try:
        for certificate in certificates:
            if key_fits(key, certificate):
                return SoftwareSigner(certificate, key)
    except MixedModeError as error:
        raise error.located(where) from None
    raise UsageError(
        "the private key does not belong to any certificate in this file",
        where=where,
        code="key_mismatch",
        next_step="put the certificate that was made with this key into the file",
    )
