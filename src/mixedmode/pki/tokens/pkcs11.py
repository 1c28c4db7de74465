"""Tokens behind a PKCS#11 library, and the signer that a ``pkcs11:`` URI names.

Any library will do: SafeNet eTokens, YubiKeys, SoftHSM2. A token is known by the certificates on it, which are read
without a PIN.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mixedmode.errors import UsageError
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.files import read_key_file
from mixedmode.pki.tokens.pkcs11_uri import Pkcs11Uri, parse_pkcs11_uri
from mixedmode.pki.tokens.token_find import find_module
from mixedmode.pki.tokens.token_library import fits, in_library_thread, load_library, slots_with_token, text_of
from mixedmode.pki.tokens.token_session import Pin, Pkcs11Signer

PIN_VARIABLE: Final = "MIXEDMODE_PIN"


@dataclass(frozen=True, slots=True)
class Pkcs11Token:
    """A token that is inserted, with a key and its certificate.

    Attributes:
        module: The library's file.
        label: The token's label.
        serial: The token's serial number, as its library tells it.
        key_id: What key and certificate share.
        certificate: The certificate.
        pin_pad: Whether the PIN is entered on the token's reader.
        softhsm_conf: The configuration of SoftHSM2 that the token was found with, if a URI named it.
    """

    module: str
    label: str
    serial: str
    key_id: bytes
    certificate: Certificate
    pin_pad: bool = False
    softhsm_conf: str | None = None

    @property
    def uri(self) -> str:
        """The RFC 7512 URI of its key."""
        return str(
            Pkcs11Uri(
                token=self.label,
                serial=self.serial,
                id=self.key_id,
                module_path=self.module,
                softhsm_conf=self.softhsm_conf,
            )
        )

    def open(self, password: str) -> Pkcs11Signer:
        """Log in.

        Raises:
            SignerError: The password is wrong, the token is locked, or it was pulled.
        """
        signer = Pkcs11Signer(self, lambda _label: password)
        signer.login()
        return signer


@dataclass(frozen=True, slots=True)
class BareToken:
    """A token that is inserted and cannot sign yet.

    Attributes:
        module: The library's file.
        label: The token's label; empty before it is initialised.
        serial: The token's serial number, as its library tells it.
        state: What it lacks.
    """

    module: str
    label: str
    serial: str
    state: str


@in_library_thread
def bare_tokens(module: str) -> list[BareToken]:
    """Return the inserted tokens without a certificate that has an RSA key, in the order of their slots.

    Raises:
        SignerError: The library fails.
    """
    from pkcs11 import TokenFlag

    library = load_library(module, anew=True)
    able = {(each.label, each.serial) for each in _tokens(library, module, Pkcs11Uri())}
    found = []
    for _slot, token in slots_with_token(library, module):
        label, serial = text_of(token.label), text_of(token.serial)
        initialised = bool(token.flags & TokenFlag.TOKEN_INITIALIZED)
        # SoftHSM2 always has one more token than there are, to initialise: that one is not inserted by anybody.
        if (label, serial) in able or (not initialised and text_of(token.model).startswith("SoftHSM")):
            continue
        found.append(BareToken(module, label, serial, "no certificate" if initialised else "not initialised"))
    return found


@in_library_thread
def library_tokens(module: str, uri: Pkcs11Uri | None = None) -> list[Pkcs11Token]:
    """Return the inserted tokens that have a certificate with an RSA key, in the order of their slots.

    Args:
        module: The library's file.
        uri: Only tokens, keys and certificates that it can mean.

    Raises:
        SignerError: The library fails.
    """
    wanted = uri or Pkcs11Uri()
    library = load_library(module, softhsm_conf=wanted.softhsm_conf, anew=True)
    return list(_tokens(library, module, wanted))


def _tokens(library: Any, module: str, uri: Pkcs11Uri) -> Iterator[Pkcs11Token]:
    from pkcs11 import TokenFlag
    from pkcs11.exceptions import PKCS11Error

    for slot, token in slots_with_token(library, module):
        if not fits(uri, library, slot, token):
            continue
        try:
            with token.open() as session:
                found = list(_certificates(session, uri))
        except PKCS11Error:
            continue  # an empty or foreign token is no error of the others
        pin_pad = bool(token.flags & TokenFlag.PROTECTED_AUTHENTICATION_PATH)
        for key_id, certificate in found:
            label, serial = text_of(token.label), text_of(token.serial)
            yield Pkcs11Token(module, label, serial, key_id, certificate, pin_pad, uri.softhsm_conf)


def _certificates(session: Any, uri: Pkcs11Uri) -> Iterator[tuple[bytes, Certificate]]:
    """Yield what has an RSA key; ``object`` may be the label of the certificate or of its public key."""
    from pkcs11 import Attribute, ObjectClass

    named = set()
    if uri.object is not None:
        keys = session.get_objects({Attribute.CLASS: ObjectClass.PUBLIC_KEY, Attribute.LABEL: uri.object})
        named = {bytes(key[Attribute.ID]) for key in keys}
    for found in session.get_objects({Attribute.CLASS: ObjectClass.CERTIFICATE}):
        key_id = bytes(found[Attribute.ID])
        if uri.id is not None and uri.id != key_id:
            continue
        if uri.object is not None and uri.object != str(found[Attribute.LABEL]) and key_id not in named:
            continue
        certificate = Certificate.from_der(bytes(found[Attribute.VALUE]))
        if certificate.key_kind == "RSA":
            yield key_id, certificate


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
    if uri.type not in {None, "private", "cert"}:
        raise UsageError(
            f"type={uri.type} signs nothing", where=str(uri), next_step="write type=private or leave it out"
        )
    module = find_module(uri.module_path, uri.module_name)
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
    lines = read_key_file(Path(name)).decode("utf-8", "replace").splitlines()
    return lines[0] if lines else ""
