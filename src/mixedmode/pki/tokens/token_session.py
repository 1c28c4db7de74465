"""Signing with the key of a token behind a PKCS#11 library.

Rules:

1. A session is opened at the first signature and kept; when the token was pulled and inserted again, the library is
   initialised anew and a new session opened, once for each signature.
2. The PIN is asked for once, before the library is called, and kept with the signer until :meth:`Pkcs11Signer.close`
   or until the token refuses it: a refused PIN is never tried again by itself, since tries are counted.
3. A signature is checked with the token's certificate before it is given to anybody.
4. The digest is made here and signed with CKM_RSA_PKCS around its DigestInfo, which nearly every library offers;
   where it is not offered the token makes the digest.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.signing.digests import DigestAlgorithm
from mixedmode.pki.signing.signer import SignerError
from mixedmode.pki.tokens.token_errors import PULLED, TokenAbsentError, WrongPinError, told
from mixedmode.pki.tokens.token_library import (
    in_library_thread,
    load_library,
    login_refused,
    sessions,
    slots_with_token,
    text_of,
)

if TYPE_CHECKING:
    from mixedmode.pki.tokens.pkcs11 import Pkcs11Token

_DIGEST_INFO: Final = {
    DigestAlgorithm.SHA1: bytes.fromhex("3021300906052b0e03021a05000414"),
    DigestAlgorithm.SHA256: bytes.fromhex("3031300d060960864801650304020105000420"),
    DigestAlgorithm.SHA512: bytes.fromhex("3051300d060960864801650304020305000440"),
}
"""RFC 8017, 9.2, note 1."""
Pin = Callable[[str], str]
"""Asked for the PIN, with the token's label."""


class Pkcs11Signer:
    """Signs with the key of a token.

    Args:
        token: The token.
        pin: Asked before a session is opened (rule 2).
    """

    def __init__(self, token: Pkcs11Token, pin: Pin) -> None:
        self._token = token
        self._ask = pin
        self._pin: str | None = None
        self._session: Any = None
        self._key: Any = None
        self._pin_each_time = False

    @property
    def certificate(self) -> Certificate:
        """The certificate of the key."""
        return self._token.certificate

    def login(self) -> None:
        """Open a session now, rather than at the first signature.

        Raises:
            SignerError: The PIN is wrong, the token is locked, or it is not there.
        """
        self._with_pin(lambda: None if self._is_open() else self._open(anew=True))

    def sign(self, data: bytes, digest: DigestAlgorithm) -> bytes:
        """Return the RSASSA-PKCS1-v1_5 signature of ``data``.

        Raises:
            SignerError: The token did not sign, or its signature does not verify with its certificate.
        """
        signature: bytes = self._with_pin(lambda: self._signed(data, digest))
        if not self.certificate.verify_pkcs1(signature, data, digest):
            raise SignerError(
                "the token's signature does not verify with its certificate",
                where=self._token.label,
                next_step="key and certificate of the token do not belong together: import them again",
            )
        return signature

    @in_library_thread
    def close(self) -> None:
        """Close the session and forget the PIN; the next signature asks for it and opens a new one."""
        self._pin = None
        self._drop()

    def _with_pin(self, act: Callable[[], Any]) -> Any:
        """Do something in the library's thread, after asking for the PIN in this one."""
        if self._pin is None and not self._token.pin_pad:
            self._pin = self._ask(self._token.label)
        try:
            return in_library_thread(act)()
        except WrongPinError:
            self._pin = None
            raise

    def _signed(self, data: bytes, digest: DigestAlgorithm) -> bytes:
        """Have the token sign; a session that was lost is opened once more (rule 1)."""
        from pkcs11.exceptions import PKCS11Error

        try:
            if not self._is_open():
                self._open(anew=False)
            return self._signed_once(data, digest)
        except TokenAbsentError:
            self._drop()
        except PKCS11Error as error:
            self._drop()
            if type(error).__name__ not in PULLED:
                raise told(error, self._token.label) from error
        try:
            self._open(anew=True)
            return self._signed_once(data, digest)
        except PKCS11Error as error:
            self._drop()
            raise told(error, self._token.label) from error

    def _signed_once(self, data: bytes, digest: DigestAlgorithm) -> bytes:
        from pkcs11 import Mechanism
        from pkcs11.exceptions import MechanismInvalid

        options = {"pin": self._pin} if self._pin_each_time else {}
        block = _DIGEST_INFO[digest] + digest.hash(data)
        try:
            return bytes(self._key.sign(block, mechanism=Mechanism.RSA_PKCS, **options))
        except MechanismInvalid:
            made_there = getattr(Mechanism, f"{digest.label.upper()}_RSA_PKCS")
            return bytes(self._key.sign(data, mechanism=made_there, **options))

    def _is_open(self) -> bool:
        return self._session is not None and sessions.get(self._place) is self._session

    def _drop(self) -> None:
        from pkcs11.exceptions import PKCS11Error

        self._session = self._key = None
        session = sessions.pop(self._place, None)
        if session is not None:
            with suppress(PKCS11Error):  # a token that is gone took its session with it
                session.close()

    @property
    def _place(self) -> tuple[str, str, str]:
        return self._token.module, self._token.label, self._token.serial

    def _open(self, *, anew: bool) -> None:
        from pkcs11 import PROTECTED_AUTH
        from pkcs11.exceptions import PKCS11Error

        label, serial = self._token.label, self._token.serial
        library = load_library(self._token.module, softhsm_conf=self._token.softhsm_conf, anew=anew)
        inserted = (token for _slot, token in slots_with_token(library, self._token.module))
        token = next(
            (each for each in inserted if (text_of(each.label), text_of(each.serial)) == (label, serial)), None
        )
        if token is None:
            raise TokenAbsentError(
                "the token was pulled or is not there", where=label, next_step="insert it and try again"
            )
        self._drop()
        try:
            self._session = sessions[self._place] = token.open(
                user_pin=PROTECTED_AUTH if self._pin is None else self._pin
            )
            self._key = self._private_key()
        except PKCS11Error as error:
            self._drop()
            if type(error).__name__ in PULLED and not anew:
                raise
            raise login_refused(error, token, label) from error

    def _private_key(self) -> Any:
        """Return the certificate's key: by the identifier that both have, else by its modulus."""
        from pkcs11 import Attribute, KeyType, ObjectClass
        from pkcs11.exceptions import AttributeTypeInvalid, FunctionFailed

        keys: dict[Any, Any] = {Attribute.CLASS: ObjectClass.PRIVATE_KEY, Attribute.KEY_TYPE: KeyType.RSA}
        modulus = _modulus(self.certificate)
        for search in ({Attribute.ID: self._token.key_id}, {Attribute.MODULUS: modulus}):
            for key in list(self._session.get_objects({**keys, **search})):
                if bytes(key[Attribute.MODULUS]).lstrip(b"\0") != modulus:
                    continue
                try:
                    self._pin_each_time = bool(key[Attribute.ALWAYS_AUTHENTICATE]) and self._pin is not None
                except (AttributeTypeInvalid, FunctionFailed):  # a library of PKCS#11 before 2.20
                    self._pin_each_time = False
                return key
        self._drop()
        raise SignerError(
            "the token has no private key for this certificate",
            where=self._token.label,
            next_step="choose another object= or id= in the URI, or import key and certificate again",
        )


def _modulus(certificate: Certificate) -> bytes:
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = certificate.public_key
    number = key.public_numbers().n if isinstance(key, rsa.RSAPublicKey) else 0
    return number.to_bytes((number.bit_length() + 7) // 8)
