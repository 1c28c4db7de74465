"""The phone's side of a CAPF session, as a machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mixedmode.protocols.capf.messages import (
    VERSION,
    Command,
    Curve,
    Element,
    Inbox,
    KeyType,
    KeyWish,
    MalformedCapfError,
    Message,
    Reason,
    certificate_elements,
    encode_message,
    text_element,
)

_SHA512: Final = 3


@dataclass(frozen=True, slots=True)
class Credential:
    """A certificate with which a phone proves itself (wire-formats.md 5, "Authentication by certificate").

    Attributes:
        certificate: DER, of the LSC or the MIC.
        proof: Signature over ``device 00 DER`` with SHA-1.
        proof_sha512: The same with SHA-512, None if the key is too short.
    """

    certificate: bytes
    proof: bytes
    proof_sha512: bytes | None = None

    def elements(self) -> tuple[tuple[int, bytes], ...]:
        """Return elements 4 and 6."""
        return certificate_elements(self.certificate)[1], (Element.SIGNED_DATA, self.proof)

    def sha512_elements(self) -> tuple[tuple[int, bytes], ...]:
        """Return element 20, nothing without such a proof."""
        if self.proof_sha512 is None:
            return ()
        size = len(self.proof_sha512).to_bytes(2, "big")
        return ((Element.SIGNED_DATA_SHA2, bytes([_SHA512]) + size + self.proof_sha512),)


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What a phone says of itself.

    Attributes:
        device: Its name.
        password: Digits that the administrator gave, empty without.
        certificate: The LSC that it holds, None without.
        credential: How it proves itself, None if it does not by certificate.
    """

    device: str
    password: str = ""
    certificate: bytes | None = None
    credential: Credential | None = None


@dataclass(frozen=True, slots=True)
class Generate:
    """A key is wanted; :meth:`PhoneSession.generated` goes on."""

    key: KeyWish


@dataclass(frozen=True, slots=True)
class Installed:
    """An LSC was given to the phone."""

    certificate: bytes


@dataclass(frozen=True, slots=True)
class Removed:
    """The phone's LSC is to be deleted."""


@dataclass(frozen=True, slots=True)
class Finished:
    """The session is over.

    Attributes:
        reason: As the server gave it.
    """

    reason: int


class PhoneSession:
    """One session.

    Args:
        enrolment: What the phone says of itself.
    """

    def __init__(self, enrolment: Enrolment) -> None:
        self._enrolment = enrolment
        self._inbox = Inbox()
        self._out: list[bytes] = []
        self._session = 0
        self._certificate = enrolment.certificate

    def output(self) -> list[bytes]:
        """Return what is to be written."""
        out, self._out = self._out, []
        return out

    def receive(self, data: bytes) -> None:
        """Take bytes of the server."""
        self._inbox.receive(data)

    def next_event(self) -> Generate | Installed | Removed | Finished | None:
        """Return what has happened, None while more bytes are needed.

        Raises:
            MalformedCapfError: The server sent something that no server sends.
        """
        while (message := self._inbox.next()) is not None:
            self._session = message.session
            event = self._take(message)
            if event is not None:
                return event
        return None

    def generated(self, public_key: bytes) -> None:
        """Send the new public key (SubjectPublicKeyInfo DER)."""
        self._send(Command.KEYGEN_RESPONSE, (Element.PUBLIC_KEY, public_key))

    def _take(self, message: Message) -> Generate | Installed | Removed | Finished | None:
        match message.command:
            case Command.AUTH_REQUEST:
                credential = self._enrolment.credential
                self._send(
                    Command.AUTH_RESPONSE,
                    (Element.REASON, b"\1"),
                    *(credential.elements() if credential else ()),
                    (Element.VERSION, bytes([VERSION])),
                    text_element(Element.PASSWORD, self._enrolment.password),
                    text_element(Element.DEVICE, self._enrolment.device),
                    *(credential.sha512_elements() if credential else ()),
                )
            case Command.KEYGEN_REQUEST:
                self._send(Command.IN_PROGRESS)
                return Generate(_wish(message))
            case Command.STORE_REQUEST:
                certificate = message.certificate()
                if certificate is None:
                    raise MalformedCapfError("the server gave no certificate")
                self._certificate = certificate
                self._send(Command.STORE_RESPONSE, (Element.REASON, b"\1"))
                return Installed(certificate)
            case Command.FETCH_REQUEST:
                held = self._certificate
                proof = () if held is None else (certificate_elements(held)[1],)
                reason = Reason.INVALID if held is None else Reason.OK
                self._send(Command.FETCH_RESPONSE, (Element.REASON, bytes([reason])), *proof)
            case Command.DELETE_REQUEST:
                had, self._certificate = self._certificate, None
                reason = Reason.INVALID if had is None else Reason.OK
                self._send(Command.DELETE_RESPONSE, (Element.REASON, bytes([reason])))
                return Removed() if had is not None else None
            case Command.END_SESSION:
                return Finished(message.number(Element.REASON) or 0)
            case _:
                raise MalformedCapfError(f"a server does not send message {message.command}")
        return None

    def _send(self, command: Command, *elements: tuple[int, bytes]) -> None:
        self._out.append(encode_message(Message(command, self._session, elements)))


def _wish(message: Message) -> KeyWish:
    if message.number(Element.KEY_TYPE) == KeyType.EC:
        try:
            return KeyWish(None, Curve(message.number(Element.CURVE) or 0))
        except ValueError as error:
            raise MalformedCapfError("the curve is not known") from error
    return KeyWish(message.number(Element.KEY_SIZE) or 2048)
