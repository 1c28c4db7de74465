"""The phone's side of a CAPF session, as a machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mixedmode.errors import LocalProtocolError, MalformedError, RemoteProtocolError
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
from mixedmode.protocols.machine import Machine, does_not_fit

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
        public_key: Of its LSC (SubjectPublicKeyInfo DER), None without one: another certificate for it is taken.
    """

    device: str
    password: str = ""
    certificate: bytes | None = None
    credential: Credential | None = None
    public_key: bytes | None = None


@dataclass(frozen=True, slots=True)
class Generate:
    """A key is wanted; :class:`KeyMade` goes on."""

    key: KeyWish


@dataclass(frozen=True, slots=True)
class KeyMade:
    """The phone has made a key (SubjectPublicKeyInfo DER)."""

    public_key: bytes


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


Event = Generate | Installed | Removed | Finished


class PhoneSession(Machine[Event, KeyMade]):
    """One session.

    Args:
        enrolment: What the phone says of itself.

    Raises:
        LocalProtocolError: That does not fit into a message.
    """

    def __init__(self, enrolment: Enrolment) -> None:
        super().__init__()
        try:
            self._claim = _claim_elements(enrolment)
            held = () if enrolment.certificate is None else certificate_elements(enrolment.certificate)
            for elements in (self._claim, held):
                encode_message(Message(Command.AUTH_RESPONSE, 0, elements))
        except MalformedCapfError as error:
            raise does_not_fit(error) from error
        self._inbox = Inbox()
        self._session = 0
        self._certificate = enrolment.certificate
        self._public_key = enrolment.public_key
        self._makes_key = self._made_key = False
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether the session is over."""
        return self._closed

    def send(self, said: KeyMade, now: float) -> None:
        """Say the public key of the new key pair.

        Raises:
            LocalProtocolError: No key was wanted, or it does not fit into a message.
        """
        if not self._makes_key or self._closed:
            raise LocalProtocolError("the server wants no key now")
        try:
            self._write(Command.KEYGEN_RESPONSE, (Element.PUBLIC_KEY, said.public_key))
        except MalformedCapfError as error:
            raise does_not_fit(error) from error
        self._makes_key, self._made_key = False, True

    def _read(self, data: bytes, now: float) -> None:
        self._inbox.receive(data)
        while not (self._makes_key or self._closed) and (message := self._inbox.next()) is not None:
            self._session = message.session
            self._take(message)

    def _end(self, now: float) -> None:
        self._closed = True
        raise RemoteProtocolError("CAPF closed the connection before the end", code="capf-closed")

    def _break_off(self) -> None:
        self._closed = True

    def _blame(self, error: MalformedError) -> RemoteProtocolError:
        return RemoteProtocolError("CAPF does not keep to the protocol", why=error.what)

    def _take(self, message: Message) -> None:
        match message.command:
            case Command.AUTH_REQUEST:
                self._write(Command.AUTH_RESPONSE, *self._claim)
            case Command.KEYGEN_REQUEST:
                self._write(Command.IN_PROGRESS)
                self._makes_key = True
                self._events.append(Generate(_wish(message)))
            case Command.STORE_REQUEST:
                certificate = message.certificate()
                if certificate is None:
                    raise MalformedCapfError("the server gave no certificate")
                # Where it made no key, one for another key than it has is of no use; a certificate holds its key whole.
                fits = self._made_key or (self._public_key is not None and self._public_key in certificate)
                self._write(Command.STORE_RESPONSE, (Element.REASON, bytes([Reason.OK if fits else Reason.INVALID])))
                if fits:
                    self._certificate = certificate
                    self._events.append(Installed(certificate))
            case Command.FETCH_REQUEST:
                held = self._certificate
                proof = () if held is None else (certificate_elements(held)[1],)
                reason = Reason.INVALID if held is None else Reason.OK
                self._write(Command.FETCH_RESPONSE, (Element.REASON, bytes([reason])), *proof)
            case Command.DELETE_REQUEST:
                had, self._certificate = self._certificate, None
                reason = Reason.INVALID if had is None else Reason.OK
                self._write(Command.DELETE_RESPONSE, (Element.REASON, bytes([reason])))
                if had is not None:
                    self._events.append(Removed())
            case Command.END_SESSION:
                self._closed = True
                self._events.append(Finished(message.number(Element.REASON) or 0))
            case _:
                raise MalformedCapfError(f"a server does not send message {message.command}")

    def _write(self, command: Command, *elements: tuple[int, bytes]) -> None:
        self._outgoing += encode_message(Message(command, self._session, elements))


def _claim_elements(enrolment: Enrolment) -> tuple[tuple[int, bytes], ...]:
    credential = enrolment.credential
    return (
        (Element.REASON, b"\1"),
        *(credential.elements() if credential else ()),
        (Element.VERSION, bytes([VERSION])),
        text_element(Element.PASSWORD, enrolment.password),
        text_element(Element.DEVICE, enrolment.device),
        *(credential.sha512_elements() if credential else ()),
    )


def _wish(message: Message) -> KeyWish:
    if message.number(Element.KEY_TYPE) == KeyType.EC:
        try:
            return KeyWish(None, Curve(message.number(Element.CURVE) or 0))
        except ValueError as error:
            raise MalformedCapfError("the curve is not known") from error
    return KeyWish(message.number(Element.KEY_SIZE) or 2048)
