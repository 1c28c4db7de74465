"""Signing with tokens behind a PKCS#11 library: SafeNet eTokens, YubiKeys, SoftHSM2.

Rules:

1. A library is loaded once for the process (python-pkcs11 allows one); its tokens are looked up anew each time.
2. A session is opened at the first signature and kept; when the token was pulled and inserted again, the library is
   initialised anew and a new session opened, once for each signature.
3. The certificate is read without a PIN. A signature is checked with it before it is given to anybody.
4. Libraries are called in one thread that does nothing else: SoftHSM2 and others leave errors in OpenSSL's queue of
   the thread, where the next TLS connection of that thread would stumble over them.
5. The digest is made here and signed with CKM_RSA_PKCS around its DigestInfo, which every library offers.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar

from mixedmode.errors import UsageError
from mixedmode.pki.certificates import Certificate
from mixedmode.pki.digests import DigestAlgorithm
from mixedmode.pki.pkcs11_uri import Pkcs11Uri, parse_pkcs11_uri
from mixedmode.pki.signer import SignerError
from mixedmode.pki.token_errors import PULLED, TokenAbsentError, told

MODULE_VARIABLE: Final = "MIXEDMODE_PKCS11_MODULE"
PIN_VARIABLE: Final = "MIXEDMODE_PIN"
KNOWN_MODULES: Final = (
    "/usr/lib/libeToken.so",
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/libykcs11.so",
    "/usr/lib/x86_64-linux-gnu/opensc-pkcs11.so",
    "/usr/lib/aarch64-linux-gnu/opensc-pkcs11.so",
)
_DIGEST_INFO: Final = {
    DigestAlgorithm.SHA1: bytes.fromhex("3021300906052b0e03021a05000414"),
    DigestAlgorithm.SHA256: bytes.fromhex("3031300d060960864801650304020105000420"),
    DigestAlgorithm.SHA512: bytes.fromhex("3051300d060960864801650304020305000440"),
}
"""RFC 8017, 9.2, note 1."""
_thread = ThreadPoolExecutor(1, thread_name_prefix="pkcs11")
_sessions: dict[tuple[str, str, str], Any] = {}
"""The session of each token: a login belongs to the process, so a new one first ends the old."""

P = ParamSpec("P")
T = TypeVar("T")


def _in_thread(call: Callable[P, T]) -> Callable[P, T]:
    """Run a function in the thread of the libraries (rule 4)."""

    @wraps(call)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        if threading.current_thread().name.startswith("pkcs11"):
            return call(*args, **kwargs)
        return _thread.submit(call, *args, **kwargs).result()

    return run


Pin = Callable[[str], str]
"""Asked for the PIN, with the token's label."""


def find_module(uri: Pkcs11Uri | None = None) -> str:
    """Return the library to use: the URI's, that of ``MIXEDMODE_PKCS11_MODULE``, or a well-known one.

    Raises:
        UsageError: There is none.
    """
    wanted = (uri.module_path if uri else None) or os.environ.get(MODULE_VARIABLE)
    if wanted:
        if not Path(wanted).is_file():
            raise UsageError("there is no such PKCS#11 library", where=wanted, next_step="name its .so file")
        return wanted
    for known in KNOWN_MODULES:
        if Path(known).is_file():
            return known
    raise UsageError(
        "no PKCS#11 library is known here",
        next_step=f"name it with module-path= in the URI, or in {MODULE_VARIABLE}",
        code="pkcs11_module",
    )


def load_library(path: str, *, softhsm_conf: str | None = None, anew: bool = False) -> Any:
    """Return a library (rule 1).

    Args:
        path: Its file.
        softhsm_conf: The configuration for SoftHSM2; read when the library is first loaded.
        anew: Initialise it again, so that it sees what was inserted since.

    Raises:
        SignerError: It cannot be loaded.
    """
    import pkcs11

    if softhsm_conf:
        os.environ["SOFTHSM2_CONF"] = softhsm_conf
    try:
        library = pkcs11.lib(path)
        if anew:
            library.reinitialize()
    except (pkcs11.exceptions.PKCS11Error, RuntimeError, OSError) as error:
        raise SignerError(
            "the PKCS#11 library cannot be loaded",
            where=path,
            why=str(error) or type(error).__name__,
            next_step="check the path; one process can use one library",
            code="pkcs11_module",
        ) from error
    return library


@dataclass(frozen=True, slots=True)
class Pkcs11Token:
    """A token that is inserted, with a key and its certificate.

    Attributes:
        module: The library's file.
        label: The token's label.
        serial: The token's serial number, as its library tells it.
        key_id: What key and certificate share.
        certificate: The certificate.
    """

    module: str
    label: str
    serial: str
    key_id: bytes
    certificate: Certificate

    @property
    def uri(self) -> str:
        """The RFC 7512 URI of its key."""
        return str(Pkcs11Uri(token=self.label, serial=self.serial, id=self.key_id, module_path=self.module))

    def open(self, password: str) -> Pkcs11Signer:
        """Log in.

        Raises:
            SignerError: The password is wrong, the token is locked, or it was pulled.
        """
        signer = Pkcs11Signer(self, lambda _label: password)
        signer.login()
        return signer


@_in_thread
def library_tokens(module: str, uri: Pkcs11Uri | None = None) -> list[Pkcs11Token]:
    """Return the inserted tokens that have a certificate with an RSA key, in the order of their slots.

    Args:
        module: The library's file.
        uri: Only tokens, keys and certificates that it can mean.

    Raises:
        SignerError: The library fails.
    """
    library = load_library(module, softhsm_conf=uri.softhsm_conf if uri else None, anew=True)
    return list(_tokens(library, module, uri or Pkcs11Uri()))


def _tokens(library: Any, module: str, uri: Pkcs11Uri) -> Iterator[Pkcs11Token]:
    from pkcs11.exceptions import PKCS11Error

    try:
        slots = library.get_slots(token_present=True)
    except PKCS11Error as error:
        raise told(error, module) from error
    for slot in slots:
        try:
            token = slot.get_token()
            if not uri.fits_token(
                label=_text(token.label),
                manufacturer=_text(token.manufacturer_id),
                model=_text(token.model),
                serial=_text(token.serial),
                slot_id=slot.slot_id,
                slot_description=_text(slot.slot_description),
            ):
                continue
            with token.open() as session:
                for key_id, certificate in _certificates(session, uri):
                    yield Pkcs11Token(module, _text(token.label), _text(token.serial), key_id, certificate)
        except PKCS11Error:
            continue  # an empty or foreign token is no error of the others


def _text(value: str | bytes) -> str:
    return (value.decode("utf-8", "replace") if isinstance(value, bytes) else value).rstrip("\0 ")


def _certificates(session: Any, uri: Pkcs11Uri) -> Iterator[tuple[bytes, Certificate]]:
    from pkcs11 import Attribute, ObjectClass

    for found in session.get_objects({Attribute.CLASS: ObjectClass.CERTIFICATE}):
        key_id = bytes(found[Attribute.ID])
        label = str(found[Attribute.LABEL])
        if (uri.id is not None and uri.id != key_id) or (uri.object is not None and uri.object != label):
            continue
        certificate = Certificate.from_der(bytes(found[Attribute.VALUE]))
        if certificate.key_kind == "RSA":
            yield key_id, certificate


class Pkcs11Signer:
    """Signs with the key of a token.

    Args:
        token: The token.
        pin: Asked when a session is opened.
    """

    def __init__(self, token: Pkcs11Token, pin: Pin) -> None:
        self._token = token
        self._pin = pin
        self._session: Any = None
        self._key: Any = None

    @property
    def certificate(self) -> Certificate:
        """The certificate of the key."""
        return self._token.certificate

    @_in_thread
    def login(self) -> None:
        """Open a session now, rather than at the first signature.

        Raises:
            SignerError: The PIN is wrong, the token is locked, or it is not there.
        """
        if self._session is None:
            self._open(anew=True)

    def sign(self, data: bytes, digest: DigestAlgorithm) -> bytes:
        """Return the RSASSA-PKCS1-v1_5 signature of ``data``.

        Raises:
            SignerError: The token did not sign, or its signature does not verify with its certificate.
        """
        block = _DIGEST_INFO[digest] + hashlib.new(digest.label, data, usedforsecurity=False).digest()
        signature = self._signed(block)
        if not self.certificate.verify_pkcs1(signature, data, digest):
            raise SignerError(
                "the token's signature does not verify with its certificate",
                where=self._token.label,
                next_step="key and certificate of the token do not belong together: import them again",
            )
        return signature

    @_in_thread
    def _signed(self, block: bytes) -> bytes:
        """Have the token sign a block; a session that was lost is opened once more (rule 2)."""
        from pkcs11 import Mechanism
        from pkcs11.exceptions import PKCS11Error

        try:
            if self._session is None:
                self._open(anew=False)
            return bytes(self._key.sign(block, mechanism=Mechanism.RSA_PKCS))
        except TokenAbsentError:
            self.close()
        except PKCS11Error as error:
            self.close()
            if type(error).__name__ not in PULLED:
                raise told(error, self._token.label) from error
        try:
            self._open(anew=True)
            return bytes(self._key.sign(block, mechanism=Mechanism.RSA_PKCS))
        except PKCS11Error as error:
            self.close()
            raise told(error, self._token.label) from error

    @_in_thread
    def close(self) -> None:
        """Close the session; the next signature opens a new one."""
        from pkcs11.exceptions import PKCS11Error

        self._session = self._key = None
        session = _sessions.pop(self._place, None)
        if session is not None:
            try:
                session.close()
            except PKCS11Error:
                return  # the token is gone, and its session with it

    @property
    def _place(self) -> tuple[str, str, str]:
        return self._token.module, self._token.label, self._token.serial

    def _open(self, *, anew: bool) -> None:
        from pkcs11 import KeyType, ObjectClass
        from pkcs11.exceptions import NoSuchKey, PKCS11Error

        label = self._token.label
        library = load_library(self._token.module, anew=anew)
        try:
            token = next(
                (
                    each
                    for each in (slot.get_token() for slot in library.get_slots(token_present=True))
                    if _text(each.label) == label and _text(each.serial) == self._token.serial
                ),
                None,
            )
            if token is None:
                raise TokenAbsentError(
                    "the token was pulled or is not there", where=label, next_step="insert it and try again"
                )
            pin = self._pin(label)
            self.close()
            self._session = _sessions[self._place] = token.open(user_pin=pin)
            self._key = self._session.get_key(
                object_class=ObjectClass.PRIVATE_KEY, key_type=KeyType.RSA, id=self._token.key_id
            )
        except NoSuchKey as error:
            self.close()
            raise SignerError(
                "the token has no private key for this certificate",
                where=label,
                next_step="choose another object= or id= in the URI",
            ) from error
        except PKCS11Error as error:
            self.close()
            if type(error).__name__ in PULLED and not anew:
                raise
            raise told(error, label) from error


def pkcs11_signer(text: str, *, pin: Pin) -> Pkcs11Signer:
    """Return the signer that a ``pkcs11:`` URI names.

    Args:
        text: The URI; its ``pin-source`` and the environment come before ``pin``.
        pin: Asked last.

    Raises:
        UsageError: The URI is none, names no token, or names several keys.
        SignerError: The library fails.
    """
    uri = parse_pkcs11_uri(text)
    module = find_module(uri)
    found = library_tokens(module, uri)
    if len(found) != 1:
        what = "names several keys" if found else "names no token that is inserted"
        names = ", ".join(each.uri for each in found[:4])
        raise UsageError(
            f"the URI {what}",
            where=str(uri),
            why=names or None,
            next_step="add token=, object= or id=" if found else "insert the token; mixedmode token list shows them",
            code="pkcs11_uri",
        )
    return Pkcs11Signer(found[0], _pin_of(uri, pin))


def _pin_of(uri: Pkcs11Uri, ask: Pin) -> Pin:
    def pin(label: str) -> str:
        if uri.pin_source:
            return _pin_file(uri.pin_source.removeprefix("file://").removeprefix("file:"))
        return os.environ[PIN_VARIABLE] if PIN_VARIABLE in os.environ else ask(label)

    return pin


def _pin_file(name: str) -> str:
    from mixedmode.pki.load import read_key_file

    lines = read_key_file(Path(name)).decode("utf-8", "replace").splitlines()
    return lines[0] if lines else ""


@_in_thread
def import_signer(module: str, label: str, pin: str, *, key_der: bytes, certificate: Certificate) -> Pkcs11Token:
    """Put a key and its certificate onto a token that was initialised with its maker's tool.

    Args:
        module: The library's file.
        label: The token's label.
        pin: Of its user.
        key_der: PKCS#1 RSAPrivateKey.
        certificate: The key's certificate.

    Raises:
        SignerError: The token did not take them.
    """
    from pkcs11 import Attribute, CertificateType, ObjectClass
    from pkcs11.exceptions import PKCS11Error
    from pkcs11.util.rsa import decode_rsa_private_key
    from pkcs11.util.x509 import decode_x509_certificate

    key_id = certificate.sha1[:4]
    name = certificate.common_name.strip()
    library = load_library(module, anew=True)
    try:
        with library.get_token(token_label=label).open(rw=True, user_pin=pin) as session:
            private = decode_rsa_private_key(key_der)
            private |= {Attribute.TOKEN: True, Attribute.ID: key_id, Attribute.LABEL: name, Attribute.SIGN: True}
            session.create_object(private)
            public = decode_x509_certificate(certificate.der)
            public |= {
                Attribute.CLASS: ObjectClass.CERTIFICATE,
                Attribute.CERTIFICATE_TYPE: CertificateType.X_509,
                Attribute.TOKEN: True,
                Attribute.ID: key_id,
                Attribute.LABEL: name,
                Attribute.VALUE: certificate.der,
                Attribute.PRIVATE: False,
            }
            session.create_object(public)
    except PKCS11Error as error:
        raise told(error, label) from error
    return next(each for each in library_tokens(module) if each.label == label and each.key_id == key_id)
