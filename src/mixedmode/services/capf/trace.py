"""CAPF's messages in words, for people who look for the reason of a refusal; never a password, never a key."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Final

from mixedmode.errors import MixedModeError
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.protocols.capf import Command, Curve, Element, KeyType, MalformedCapfError, Message, Reason
from mixedmode.services.capf.notes import plain

_Describe = Callable[[Message, bytes], str]


def describe(message: Message) -> str:
    """Return a message in one line."""
    parts = [_element(message, tag, value) for tag, value in message.elements]
    return ", ".join([_name(Command, message.command), *(part for part in parts if part)])


def _element(message: Message, tag: int, value: bytes) -> str:
    words = _ELEMENTS.get(tag)
    if words is not None:
        return words(message, value)
    return f"element {_name(Element, tag)} of {len(value)} bytes"


def _number(label: str, names: type[IntEnum] | None = None) -> _Describe:
    def words(_message: Message, value: bytes) -> str:
        number = int.from_bytes(value[:8], "big")
        return f"{label} {number if names is None else _name(names, number)}"

    return words


def _certificate(message: Message, _value: bytes) -> str:
    try:
        der = message.certificate()
        shown = Certificate.from_der(der or b"")
        return plain(f"certificate {shown.subject} issued by {shown.issuer}, serial {shown.serial.hex().upper()}")
    except (MalformedCapfError, MixedModeError) as error:
        return plain(f"a certificate that cannot be read ({error})")


def _device(_message: Message, value: bytes) -> str:
    return f"device {plain(value.rstrip(bytes(1)).decode('ascii', 'replace'))}"


def _password(_message: Message, value: bytes) -> str:
    return "a password" if value.rstrip(b"\0") else "no password"


def _name(names: type[IntEnum], number: int) -> str:
    return names(number).name if number in set(names) else str(number)


_ELEMENTS: Final[dict[int, _Describe]] = {
    Element.REASON: _number("reason", Reason),
    Element.CERTIFICATE_TYPE: _number("certificate type"),
    Element.CERTIFICATE: _certificate,
    Element.SIGNED_DATA: lambda _message, _value: "proof with SHA-1",
    Element.VERSION: _number("version"),
    Element.AUTH_TYPE: _number("authentication"),
    Element.PUBLIC_KEY: lambda _message, value: f"public key of {len(value)} bytes",
    Element.KEY_SIZE: _number("key size"),
    Element.PASSWORD: _password,
    Element.DEVICE: _device,
    Element.KEY_TYPE: _number("key type", KeyType),
    Element.CURVE: _number("curve", Curve),
    Element.SIGNED_DATA_SHA2: lambda _message, _value: "proof with SHA-512",
}
