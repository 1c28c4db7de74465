"""The server's side of a CAPF session, as a machine: bytes and decisions in, bytes and questions out.

States and what each waits for (wire-formats.md 5, "Sequences")::

    CLAIM      AUTH_RESPONSE            -> Asked: who is it, and what shall be done?     order()
    KEY        KEYGEN_RESPONSE          -> Issue: sign this key                          issue()
    STORE      STORE_RESPONSE           -> Confirmed(INSTALL)
    FETCH      FETCH_RESPONSE           -> Confirmed(FETCH, certificate)
    DELETE     DELETE_RESPONSE          -> Confirmed(DELETE)

Rules:

1. IN_PROGRESS is allowed anywhere and changes nothing, a bounded number of times; anything else that is not
   awaited ends the session with reason 7.
2. A wrong password and a protocol error look the same to the client: reason 7.
3. An operation is confirmed only by the phone's own word, and by whoever gave the order: what it refuses to accept, or
   fails to keep, ends the session with reason 7, and the operation stays pending.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, StrEnum, auto
from typing import Final

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
    """

    device: str
    password: bytes
    certificate: bytes | None = None
    proof: bytes | None = None
    proof_sha512: bytes | None = None

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
        accept: Given what the phone fetched, or None, once it has done its part; returns why that is refused, or None.
    """

    operation: Operation
    key: KeyWish = field(default_factory=KeyWish)
    accept: Callable[[bytes | None], str | None] = field(default=lambda _fetched: None, compare=False)


@dataclass(frozen=True, slots=True)
class Asked:
    """The phone has said who it is; :meth:`ServerSession.order` goes on."""

    claim: Claim


@dataclass(frozen=True, slots=True)
class Issue:
    """The phone has made a key (SubjectPublicKeyInfo DER); :meth:`ServerSession.issue` goes on."""

    public_key: bytes


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The phone has done it.

    Attributes:
        certificate: What it fetched, for FETCH.
    """

    operation: Operation
    certificate: bytes | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """The session is over: what was written last tells the phone."""

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
    OVER = auto()


_AWAITED: Final = {
    _State.CLAIM: Command.AUTH_RESPONSE,
    _State.KEY: Command.KEYGEN_RESPONSE,
    _State.STORE: Command.STORE_RESPONSE,
    _State.FETCH: Command.FETCH_RESPONSE,
    _State.DELETE: Command.DELETE_RESPONSE,
}


_OPERATIONS: Final = {
    _State.STORE: Operation.INSTALL,
    _State.FETCH: Operation.FETCH,
    _State.DELETE: Operation.DELETE,
}


class ServerSession:
    """One session.

    Args:
        session: Its number, 32 bits.
        observe: Told each message: whether it came, and what it is.
    """

    def __init__(self, session: int, observe: Observe = lambda _came, _message: None) -> None:
        self.session = session
        self._observe = observe
        self._accept: Callable[[bytes | None], str | None] = lambda _fetched: None
        self._inbox = Inbox()
        self._state = _State.CLAIM
        self._out: list[bytes] = []
        self._progress = 0
        self._send(Command.AUTH_REQUEST, (Element.VERSION, bytes([VERSION])), (Element.AUTH_TYPE, b"\0"))

    @property
    def over(self) -> bool:
        """Whether nothing more will be taken."""
        return self._state is _State.OVER

    @property
    def makes_key(self) -> bool:
        """Whether the phone makes a key now, which may take it a minute."""
        return self._state is _State.KEY

    def output(self) -> list[bytes]:
        """Return what is to be written, each message in one piece."""
        out, self._out = self._out, []
        return out

    def receive(self, data: bytes) -> None:
        """Take bytes of the client."""
        if not self.over:
            self._inbox.receive(data)

    def next_event(self) -> Event | None:
        """Return what has happened, None while more bytes, or an answer to the last question, are needed."""
        while self._state in _AWAITED:
            try:
                message = self._inbox.next()
                if message is None:
                    return None
                self._observe(True, message)
                if message.command == Command.IN_PROGRESS and self._progress < _MOST_IN_PROGRESS:
                    self._progress += 1
                    continue
                if message.command != _AWAITED[self._state] or message.session != self.session:
                    return self.refuse(f"message {message.command} is not awaited")
                return self._take(message)
            except MalformedCapfError as error:
                return self.refuse(error.what)
        return None

    def order(self, order: Order | None) -> Event | None:
        """Answer :class:`Asked`: what to do, or None for a device that is not known."""
        if self._state is not _State.DECIDING:
            return None
        if order is None:
            return self._end(Reason.UNKNOWN_DEVICE, "the device is not known")
        self._accept = order.accept
        if order.operation is Operation.NONE:
            return self._end(Reason.NO_ACTION, "there is nothing to do")
        if order.operation is Operation.INSTALL:
            self._state = _State.KEY
            self._send(Command.KEYGEN_REQUEST, *order.key.elements())
        elif order.operation is Operation.FETCH:
            self._state = _State.FETCH
            self._send(Command.FETCH_REQUEST)
        else:
            self._state = _State.DELETE
            self._send(Command.DELETE_REQUEST)
        return None

    def issue(self, certificate: bytes | None) -> Event | None:
        """Answer :class:`Issue`: the LSC as DER, or None if the key is refused."""
        if self._state is not _State.SIGNING:
            return None
        if certificate is None:
            return self.refuse("the key is refused")
        self._state = _State.STORE
        self._send(Command.STORE_REQUEST, *certificate_elements(certificate))
        return None

    def refuse(self, why: str) -> Ended:
        """End the session with reason 7 (rule 2)."""
        return self._end(Reason.INVALID, why)

    def _take(self, message: Message) -> Event:
        if self._state is _State.CLAIM:
            claim = _claim(message)
            self._state = _State.DECIDING
            return Asked(claim)
        if self._state is _State.KEY:
            key = message.get(Element.PUBLIC_KEY)
            if not key:
                return self.refuse("the phone made no key")
            self._state = _State.SIGNING
            return Issue(key)
        return self._done(message, _OPERATIONS[self._state])

    def _done(self, message: Message, operation: Operation) -> Event:
        """Take what the phone says of the last step; who had no LSC has nothing to fetch or delete."""
        if message.number(Element.REASON) not in {None, Reason.OK}:
            if operation is Operation.INSTALL:
                return self.refuse("the phone did not take the certificate")
            return self._end(Reason.NO_ACTION, "the phone has no certificate")
        certificate = message.certificate() if operation is Operation.FETCH else None
        if operation is Operation.FETCH and certificate is None:
            return self.refuse("the phone has no certificate")
        refusal = self._accept(certificate)
        if refusal is not None:
            return self.refuse(refusal)
        self._end(Reason.NO_ACTION if operation is Operation.FETCH else Reason.OK, "")
        return Confirmed(operation, certificate)

    def _end(self, reason: Reason, why: str) -> Ended:
        if not self.over:
            self._state = _State.OVER
            self._send(Command.END_SESSION, (Element.REASON, bytes([reason])))
        return Ended(reason, why)

    def _send(self, command: Command, *elements: tuple[int, bytes]) -> None:
        message = Message(command, self.session, elements)
        self._observe(False, message)
        self._out.append(encode_message(message))


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
    )


def _sha512_proof(value: bytes) -> bytes:
    """Return the signature out of ``03 u16 signature``."""
    if len(value) < 3 or value[0] != 3 or int.from_bytes(value[1:3], "big") != len(value) - 3:
        raise MalformedCapfError("the SHA-512 proof's envelope does not hold")
    return value[3:]
