"""The server's side of a CAPF session, as a machine: bytes and decisions in, bytes and questions out.

States and what each waits for (wire-formats.md 5, "Sequences")::

    CLAIM      AUTH_RESPONSE     -> Asked: who is it, and what shall be done?    Order, NoSuchDevice
    KEY        KEYGEN_RESPONSE   -> Issue: sign this key                         Lsc
               without a key     -> asked once more, for the order's backup
    STORE      STORE_RESPONSE    -> Confirmed(INSTALL)                           Accepted
    FETCH      FETCH_RESPONSE    -> Confirmed(FETCH, certificate)                Accepted
    DELETE     DELETE_RESPONSE   -> Confirmed(DELETE)                            Accepted

Each question is answered as the last column says, or with a Refusal, which is possible at any time.

Rules:

1. IN_PROGRESS is allowed anywhere and changes nothing, a bounded number of times; anything else that is not
   awaited breaks the protocol.
2. A wrong password and a broken protocol look the same to the client: the session ends with reason 7.
3. An operation is done only by the phone's own word, and by that of whoever gave the order: what he refuses, or
   fails to keep, ends the session with reason 7, and the operation stays pending.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, StrEnum, auto
from typing import Final

from mixedmode.errors import LocalProtocolError, RemoteProtocolError
from mixedmode.protocols.capf.messages import (
    VERSION,
    Command,
    Element,
    Inbox,
    KeyWish,
    MalformedCapfError,
    Message,
    Reason,
    certificate_elements,
    encode_message,
)
from mixedmode.protocols.machine import Machine, does_not_fit

_MOST_IN_PROGRESS: Final = 120


class Operation(StrEnum):
    """What shall be done with a phone's LSC."""

    INSTALL = "install"
    FETCH = "fetch"
    DELETE = "delete"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Claim:
    """What a phone says of itself.

    Attributes:
        device: Its name.
        password: What it gives; empty if it gives none.
        certificate: DER with which it proves itself, None if it does not.
        proof: Signature over ``device 00 DER`` by that certificate's key, with SHA-1.
        proof_sha512: The same with SHA-512.
        version: Of the protocol that it speaks, None if it does not say; makes no other claim.
    """

    device: str
    password: bytes
    certificate: bytes | None = None
    proof: bytes | None = None
    proof_sha512: bytes | None = None
    version: int | None = field(default=None, compare=False)

    @property
    def signed(self) -> bytes:
        """What the proof covers."""
        return self.device.encode("ascii") + b"\0" + (self.certificate or b"")


@dataclass(frozen=True, slots=True)
class Order:
    """What to do with the phone that was asked about.

    Attributes:
        operation: What.
        key: The key to make, for INSTALL.
        backup: Asked for if the phone says that it made none, None for nothing.
        certificate: DER for the key that the phone has already: it makes none, for INSTALL.
    """

    operation: Operation
    key: KeyWish = field(default_factory=KeyWish)
    backup: KeyWish | None = None
    certificate: bytes | None = None


@dataclass(frozen=True, slots=True)
class NoSuchDevice:
    """The device that asks is not known."""


@dataclass(frozen=True, slots=True)
class Lsc:
    """The certificate for the phone's new key, as DER."""

    certificate: bytes


@dataclass(frozen=True, slots=True)
class Accepted:
    """What the phone has done is kept."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """The session ends with reason 7 (rule 2); ``why`` is for the server's own records."""

    why: str = ""


Decision = Order | NoSuchDevice | Lsc | Accepted | Refusal


@dataclass(frozen=True, slots=True)
class Asked:
    """The phone has said who it is; an :class:`Order` goes on."""

    claim: Claim


@dataclass(frozen=True, slots=True)
class Issue:
    """The phone has made a key (SubjectPublicKeyInfo DER); an :class:`Lsc` goes on."""

    public_key: bytes


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The phone has done it; :class:`Accepted` ends the session.

    Attributes:
        certificate: What it fetched, for FETCH.
    """

    operation: Operation
    certificate: bytes | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """The session is over, and not because the phone did what it was told: what was written last tells the phone."""

    reason: Reason
    why: str = ""


Event = Asked | Issue | Confirmed | Ended
Observe = Callable[[bool, Message], None]
"""Told whether a message came (else it goes out), and the message."""


class _State(Enum):
    CLAIM = auto()
    DECIDING = auto()
    KEY = auto()
    SIGNING = auto()
    STORE = auto()
    FETCH = auto()
    DELETE = auto()
    JUDGING = auto()
    OVER = auto()


_AWAITED: Final = {
    _State.CLAIM: Command.AUTH_RESPONSE,
    _State.KEY: Command.KEYGEN_RESPONSE,
    _State.STORE: Command.STORE_RESPONSE,
    _State.FETCH: Command.FETCH_RESPONSE,
    _State.DELETE: Command.DELETE_RESPONSE,
}


_STEPS: Final = {
    Operation.INSTALL: (Command.KEYGEN_REQUEST, True, _State.KEY),
    Operation.FETCH: (Command.FETCH_REQUEST, False, _State.FETCH),
    Operation.DELETE: (Command.DELETE_REQUEST, False, _State.DELETE),
}
"""What an order says to the phone, whether with the key's elements, and what is awaited then."""
_OPERATIONS: Final = {
    _State.STORE: Operation.INSTALL,
    _State.FETCH: Operation.FETCH,
    _State.DELETE: Operation.DELETE,
}


class ServerSession(Machine[Event, Decision]):
    """One session.

    Args:
        session: Its number, 32 bits.
        observe: Told each message: whether it came, and what it is.
    """

    def __init__(self, session: int, observe: Observe = lambda _came, _message: None) -> None:
        super().__init__()
        self.session = session
        self._observe = observe
        self._inbox = Inbox()
        self._state = _State.CLAIM
        self._done = Operation.NONE
        self._backup: KeyWish | None = None
        self._progress = 0
        self._write(Command.AUTH_REQUEST, (Element.VERSION, bytes([VERSION])), (Element.AUTH_TYPE, b"\0"))

    @property
    def closed(self) -> bool:
        """Whether nothing more will be taken."""
        return self._state is _State.OVER

    @property
    def makes_key(self) -> bool:
        """Whether the phone makes a key now, which may take it a minute."""
        return self._state is _State.KEY

    def send(self, said: Decision, now: float) -> None:
        """Answer a question, or refuse to go on.

        Raises:
            LocalProtocolError: That was not asked, or it does not fit into a message.
        """
        match said:
            case Refusal(why) if not self.closed:
                self._finish(Reason.INVALID, why)
            case NoSuchDevice() if self._state is _State.DECIDING:
                self._finish(Reason.UNKNOWN_DEVICE, "the device is not known")
            case Order(Operation.NONE) if self._state is _State.DECIDING:
                self._finish(Reason.NO_ACTION, "there is nothing to do")
            case Order(Operation.INSTALL, certificate=bytes() as ready) if self._state is _State.DECIDING:
                self._give(ready)
            case Order(operation, key, backup) if self._state is _State.DECIDING:
                command, elements, state = _STEPS[operation]
                self._write(command, *(key.elements() if elements else ()))
                self._state, self._backup = state, backup
            case Lsc(certificate) if self._state is _State.SIGNING:
                self._give(certificate)
            case Accepted() if self._state is _State.JUDGING:
                self._say_end(Reason.NO_ACTION if self._done is Operation.FETCH else Reason.OK)
            case _:
                raise LocalProtocolError(f"{type(said).__name__} answers nothing that was asked in this session")

    def _give(self, certificate: bytes) -> None:
        self._write(Command.STORE_REQUEST, *certificate_elements(certificate))
        self._state = _State.STORE

    def _read(self, data: bytes, now: float) -> None:
        self._inbox.receive(data)
        while self._state in _AWAITED and (message := self._inbox.next()) is not None:
            self._observe(True, message)
            if message.command == Command.IN_PROGRESS and self._progress < _MOST_IN_PROGRESS:
                self._progress += 1
                continue
            if message.command != _AWAITED[self._state] or message.session != self.session:
                raise RemoteProtocolError(f"message {message.command} is not awaited")
            self._take(message)

    def _end(self, now: float) -> None:
        self._state = _State.OVER

    def _break_off(self) -> None:
        self._say_end(Reason.INVALID)

    def _take(self, message: Message) -> None:
        if self._state is _State.CLAIM:
            self._events.append(Asked(_claim(message)))
            self._state = _State.DECIDING
        elif self._state is _State.KEY:
            key = message.get(Element.PUBLIC_KEY)
            if key:
                self._state = _State.SIGNING
                self._events.append(Issue(key))
            elif self._backup is not None:
                self._write(Command.KEYGEN_REQUEST, *self._backup.elements())
                self._backup = None
            else:
                self._finish(Reason.INVALID, "the phone made no key")
        else:
            self._confirm(message, _OPERATIONS[self._state])

    def _confirm(self, message: Message, operation: Operation) -> None:
        """Take what the phone says of the last step; who had no LSC has nothing to fetch or delete."""
        if message.number(Element.REASON) not in {None, Reason.OK}:
            if operation is Operation.INSTALL:
                self._finish(Reason.INVALID, "the phone did not take the certificate")
            else:
                self._finish(Reason.NO_ACTION, "the phone has no certificate")
            return
        certificate = message.certificate() if operation is Operation.FETCH else None
        if operation is Operation.FETCH and certificate is None:
            self._finish(Reason.INVALID, "the phone has no certificate")
            return
        self._state, self._done = _State.JUDGING, operation
        self._events.append(Confirmed(operation, certificate))

    def _finish(self, reason: Reason, why: str) -> None:
        self._say_end(reason)
        self._events.append(Ended(reason, why))

    def _say_end(self, reason: Reason) -> None:
        self._state = _State.OVER
        self._write(Command.END_SESSION, (Element.REASON, bytes([reason])))

    def _write(self, command: Command, *elements: tuple[int, bytes]) -> None:
        message = Message(command, self.session, elements)
        try:
            data = encode_message(message)
        except MalformedCapfError as error:
            raise does_not_fit(error) from error
        self._observe(False, message)
        self._outgoing += data


def _claim(message: Message) -> Claim:
    version = message.number(Element.VERSION)
    if version is not None and not 1 <= version <= VERSION:
        raise MalformedCapfError(f"version {version} is not known")
    device = message.text(Element.DEVICE)
    if not device:
        raise MalformedCapfError("the device gives no name")
    password = message.get(Element.PASSWORD) or b""
    sha2 = message.get(Element.SIGNED_DATA_SHA2)
    return Claim(
        device,
        password.removesuffix(b"\0"),
        message.certificate(),
        message.get(Element.SIGNED_DATA),
        None if sha2 is None else _sha512_proof(sha2),
        version,
    )


def _sha512_proof(value: bytes) -> bytes:
    """Return the signature out of ``03 u16 signature``."""
    if len(value) < 3 or value[0] != 3 or int.from_bytes(value[1:3], "big") != len(value) - 3:
        raise MalformedCapfError("the SHA-512 proof's envelope does not hold")
    return value[3:]
