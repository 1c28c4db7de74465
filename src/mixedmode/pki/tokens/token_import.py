"""Keys onto tokens: made there, or put there; and a new PIN for a token."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from secrets import token_bytes
from typing import TYPE_CHECKING, Any

from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.signing.signer import SignerError
from mixedmode.pki.tokens.pkcs11 import Pkcs11Token, library_tokens
from mixedmode.pki.tokens.token_errors import TokenAbsentError, told
from mixedmode.pki.tokens.token_library import in_library_thread, load_library, login_refused, slots_with_token, text_of

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey


class CannotGenerateError(SignerError):
    """The token makes no keys of this kind itself."""

    default_code = "token_cannot_generate"


@in_library_thread
def import_signer(module: str, label: str, pin: str, *, key_der: bytes, certificate: Certificate) -> Pkcs11Token:
    """Put a key and its certificate onto a token that was initialised with its maker's tool.

    The private key cannot be read out again. What was written is taken back if the token does not take all of it.

    Args:
        module: The library's file.
        label: The token's label.
        pin: Of its user.
        key_der: PKCS#1 RSAPrivateKey.
        certificate: The key's certificate.

    Raises:
        SignerError: The token is not there, or did not take them.
    """
    from pkcs11.exceptions import PKCS11Error

    session = _opened(module, label, pin)
    try:
        with session:
            _write(session, key_der, certificate)
    except PKCS11Error as error:
        raise told(error, label) from error
    return _signer(module, label, certificate)


@in_library_thread
def generate_signer(
    module: str, label: str, pin: str, *, bits: int, certify: Callable[[RSAPublicKey], Certificate]
) -> Pkcs11Token:
    """Have a token make a key, which then never was outside of it, and put a certificate of it onto the token.

    Args:
        module: The library's file.
        label: Of a token that its maker's tool initialised.
        pin: Of its user.
        bits: Of the RSA key.
        certify: Issues the certificate.

    Raises:
        CannotGenerateError: The token makes no such keys; one may be imported.
        SignerError: The token is not there, or refused.
    """
    from pkcs11 import Attribute, KeyType, exceptions

    session = _opened(module, label, pin)
    key_id = token_bytes(4)
    shown = {Attribute.PRIVATE: False}
    with session:
        try:
            public, private = session.generate_keypair(
                KeyType.RSA, bits, id=key_id, label=label, store=True, private_template=_kept(), public_template=shown
            )
        except (exceptions.MechanismInvalid, exceptions.FunctionNotSupported) as error:
            raise CannotGenerateError("the token makes no RSA keys", where=label) from error
        except exceptions.PKCS11Error as error:
            raise told(error, label) from error
        try:
            certificate = certify(_public_key(public))
            _write_certificate(session, certificate, key_id)
        except BaseException as error:
            for each in (public, private):
                with suppress(exceptions.PKCS11Error):
                    each.destroy()
            if isinstance(error, exceptions.PKCS11Error):
                raise told(error, label) from error
            raise
    return _signer(module, label, certificate)


def _opened(module: str, label: str, pin: str) -> Any:
    """Return a session of a token's user that may write."""
    from pkcs11.exceptions import PKCS11Error

    token = _token(module, label)
    try:
        return token.open(rw=True, user_pin=pin)
    except PKCS11Error as error:
        raise login_refused(error, token, label) from error


def _signer(module: str, label: str, certificate: Certificate) -> Pkcs11Token:
    return next(each for each in library_tokens(module) if each.label == label and each.certificate == certificate)


def _kept() -> dict[Any, bool]:
    """Return what makes a private key one that signs and never leaves the token."""
    from pkcs11 import Attribute

    return {Attribute.PRIVATE: True, Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False, Attribute.SIGN: True}


def _named(certificate: Certificate, key_id: bytes) -> dict[Any, Any]:
    from pkcs11 import Attribute

    return {Attribute.TOKEN: True, Attribute.ID: key_id, Attribute.LABEL: certificate.common_name.strip()}


def _public_key(public: Any) -> RSAPublicKey:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
    from pkcs11 import Attribute

    modulus, exponent = (int.from_bytes(public[each], "big") for each in (Attribute.MODULUS, Attribute.PUBLIC_EXPONENT))
    return RSAPublicNumbers(exponent, modulus).public_key()


def _write_certificate(session: Any, certificate: Certificate, key_id: bytes) -> Any:
    from pkcs11 import Attribute
    from pkcs11.util.x509 import decode_x509_certificate

    template = decode_x509_certificate(certificate.der) | {Attribute.PRIVATE: False}
    return session.create_object(template | _named(certificate, key_id))


@in_library_thread
def set_new_pin(module: str, label: str, officer_pin: str, new_pin: str) -> None:
    """Give a token a new PIN, which also unlocks it.

    Args:
        module: The library's file.
        label: The token's label.
        officer_pin: The security officer's (administrator's) PIN.
        new_pin: The user's, from now on.

    Raises:
        SignerError: The token is not there, or one of the PINs is refused.
    """
    from pkcs11.exceptions import PKCS11Error

    token = _token(module, label)
    try:
        session = token.open(rw=True, so_pin=officer_pin)
    except PKCS11Error as error:
        raise told(error, f"{label}, security officer") from error
    try:
        with session:
            session.init_pin(new_pin)
    except PKCS11Error as error:
        raise told(error, label) from error


def _token(module: str, label: str) -> Any:
    library = load_library(module, anew=True)
    found = [token for _slot, token in slots_with_token(library, module) if text_of(token.label) == label]
    if len(found) != 1:
        raise TokenAbsentError(
            "there is more than one token of this label" if found else "there is no token of this label",
            where=label,
            next_step="pull the others" if found else "insert it; its maker's tool initialises it and sets the label",
        )
    return found[0]


def _write(session: Any, key_der: bytes, certificate: Certificate) -> None:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
    from pkcs11 import Attribute
    from pkcs11.exceptions import PKCS11Error
    from pkcs11.util.rsa import decode_rsa_private_key, decode_rsa_public_key

    key_id = certificate.sha1[:4]
    public_der = certificate.public_key.public_bytes(Encoding.DER, PublicFormat.PKCS1)
    written = []
    try:
        for template in (
            decode_rsa_private_key(key_der) | _kept(),
            decode_rsa_public_key(public_der) | {Attribute.PRIVATE: False},
        ):
            made = session.create_object(template | _named(certificate, key_id))
            written.append(made)
        _write_certificate(session, certificate, key_id)
    except PKCS11Error:
        for each in written:
            with suppress(PKCS11Error):
                each.destroy()
        raise
