"""One phone's session with CAPF: who it is, what it may do, what is noted of it. Blocks; runs in threads.

Rules:

1. Whoever has to prove something is counted before he is judged (:mod:`.capf_guard`), and judged by
   :mod:`.capf_judge`. A refusal tells the phone nothing but reason 7; why stands in the notes and the trace.
2. After too many wrong proofs the operation is cancelled: the administrator orders it again, with another password.
3. What the phone did counts only if the same operation still waits: of two sessions with one password one gets its LSC.
4. Where an EC key is preferred and an RSA key is the backup, a phone makes an RSA key if it speaks a version without
   kinds of keys, answers with an RSA key or without one, or broke off when it was asked for an EC key the last time.
"""

from __future__ import annotations

import base64
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from mixedmode.errors import MixedModeError, RemoteProtocolError
from mixedmode.protocols.capf import (
    Accepted,
    Asked,
    Claim,
    Confirmed,
    Decision,
    Ended,
    Event,
    Issue,
    Lsc,
    Message,
    NoSuchDevice,
    Operation,
    Order,
    Reason,
    Refusal,
    ServerSession,
)
from mixedmode.services.capf.judge import claim_faults, fetch_faults
from mixedmode.services.capf.notes import CapfOutcome, plain
from mixedmode.services.capf.store import CapfDevice
from mixedmode.services.capf.trace import describe

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Sequence
    from datetime import datetime

    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    from mixedmode.pki.certificates.certificates import Certificate
    from mixedmode.services.capf.guard import ProofGuard
    from mixedmode.services.capf.store import CapfStore

_DONE = {
    Operation.INSTALL: CapfOutcome.INSTALLED,
    Operation.FETCH: CapfOutcome.FETCHED,
    Operation.DELETE: CapfOutcome.DELETED,
}


class Host(Protocol):
    """The service that a session belongs to."""

    store: CapfStore
    guard: ProofGuard
    counts: Counter[str]
    without_ec: set[str]

    def now(self) -> datetime:
        """Return the time, UTC."""

    def believed(self) -> Sequence[Certificate]:
        """Return who may have issued a phone's certificate."""

    def lsc(self, device: str, key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey) -> bytes:
        """Return a new LSC as DER."""

    def tell(self, outcome: CapfOutcome, device: str, address: str, reason: str = "") -> None:
        """Tell what happened."""

    def trace(self, line: str) -> None:
        """Take a line of the trace."""


class CapfSession:
    """Answers the questions of one session.

    Args:
        host: The service.
        number: The session's, 32 bits.
        address: The client's address.
        source: What counts as one client: its address, or its network.

    Attributes:
        machine: The protocol.
        proved: Whether the phone has shown that it is one with an operation.
    """

    def __init__(self, host: Host, number: int, address: str, source: str) -> None:
        self.proved = False
        self._host, self._address, self._source = host, address, source
        self._name = ""
        self._claim: Claim | None = None
        self._order: CapfDevice | None = None
        self._issued: bytes | None = None
        self._asked_for_ec = False
        self._label = f"{address} session {number}"
        self.machine = ServerSession(number, self._observe)

    def receive(self, data: bytes) -> None:
        """Take bytes, and answer what the phone has said, until more bytes are needed."""
        try:
            while events := self.machine.receive(data, monotonic()):
                data = b""
                for event in events:
                    self._take(event)
        except RemoteProtocolError as error:
            self._keeps_to_rsa()
            self._ended(Ended(Reason.INVALID, error.what))
        except MixedModeError as error:
            self._host.tell(CapfOutcome.BROKEN, self._name, self._address, f"the server failed: {error}")
            if not self.machine.closed:
                self.machine.send(Refusal(), monotonic())
            self._ended(Ended(Reason.INVALID))

    def broke_off(self, why: str) -> None:
        """Note that the connection ended before the session did."""
        self._keeps_to_rsa()
        self._host.trace(f"{self._label}: {why}")

    def _keeps_to_rsa(self) -> None:
        """Note that a phone broke off when it was to make an EC key, if it may make another one (rule 4)."""
        if self._asked_for_ec and self._order is not None:
            self._host.without_ec.add(self._order.name)
            self._host.trace(f"{self._label}: it broke off before it made an EC key; the next time it is asked for RSA")

    def _observe(self, came: bool, message: Message) -> None:
        self._host.trace(f"{self._label} {'>' if came else '<'} {describe(message)}")

    def _take(self, event: Event) -> None:
        match event:
            case Asked(claim):
                self.machine.send(self._judged(claim), monotonic())
            case Issue(public_key):
                self.machine.send(self._issue(public_key), monotonic())
            case Confirmed(operation, fetched):
                refusal = self._refusal(fetched)
                self.machine.send(Accepted() if refusal is None else Refusal(refusal), monotonic())
                if refusal is None:
                    self._host.without_ec.discard(self._name)
                    self._host.counts[operation.value] += 1
                    self._host.tell(_DONE[operation], self._name, self._address)
            case Ended():
                self._ended(event)

    def _issue(self, public_key: bytes) -> Decision:
        self._asked_for_ec = False
        key = None if self._order is None else _key_wished(public_key, self._order.key)
        self._issued = None if key is None else self._host.lsc(self._name, key)
        return Refusal("the key is refused") if self._issued is None else Lsc(self._issued)

    def _judged(self, claim: Claim) -> Decision:
        host = self._host
        self._name, self._claim = plain(claim.device), claim
        device = host.store.find(claim.device)
        if device is None:
            host.tell(CapfOutcome.UNKNOWN, self._name, self._address)
            return NoSuchDevice()
        if device.operation is Operation.NONE:
            return Order(Operation.NONE)
        if device.needs_proof or device.operation is Operation.FETCH:
            wait = host.guard.begin(self._source, device.name, monotonic())
            if wait > 0:
                host.counts["refused_early"] += 1
                host.trace(f"{self._label}: after wrong proofs it has to wait {wait:.0f} s more; nothing is judged")
                return Refusal()
        if device.needs_proof and not self._proves(claim, device):
            return Refusal()
        if device.needs_proof and device.operation is not Operation.FETCH:
            host.guard.held(self._source, device.name)
        self._order, self.proved = device, True
        return self._ordered(claim, device)

    def _ordered(self, claim: Claim, device: CapfDevice) -> Order:
        """Return what waits for a device, with the key that it is asked for (rule 4), or the certificate of its key."""
        if device.ready and device.operation is Operation.INSTALL:
            self._issued = base64.b64decode(device.ready)
            return Order(device.operation, certificate=self._issued)
        if device.backup is None:
            return Order(device.operation, device.wish)
        if (claim.version is not None and claim.version < _KINDS_FROM) or device.name in self._host.without_ec:
            return Order(device.operation, device.backup)
        self._asked_for_ec = device.operation is Operation.INSTALL
        return Order(device.operation, device.wish, device.backup)

    def _proves(self, claim: Claim, device: CapfDevice) -> bool:
        """Judge a claim (rule 1), and cancel the operation if that was one too many (rule 2)."""
        host = self._host
        most = host.guard.policy.per_operation
        counted = host.store.begin_proof(device.name, most)
        if counted is None or not counted.is_same_order(device):
            if counted is not None:
                host.store.judged(counted, held=None)
            self._refused(["too many wrong proofs, or another operation was ordered"])
            return False
        counts, held = host.guard.counts(self._source, device.name), None
        try:
            faults = claim_faults(claim, device, host.believed(), host.now(), host.store.revoked(device.name))
            held = True if not faults else False if counts else None
        finally:
            host.store.judged(counted, held=held)
        if held:
            return True
        number = f"wrong proof {counted.wrong_proofs} of {most}" if counts else "not counted for the order any more"
        self._refused([*faults, number])
        if counts and counted.wrong_proofs >= most:
            note = f"cancelled after {most} wrong proofs, the last from {self._address}"
            if host.store.cancel(device, f"{host.now():%Y-%m-%d %H:%M:%S} UTC: {note}"):
                host.counts["cancelled"] += 1
                host.tell(CapfOutcome.CANCELLED, self._name, self._address, f"{note}; order it anew")
        return False

    def _refusal(self, fetched: bytes | None) -> str | None:
        """Keep what the phone did, or return why not (rule 3)."""
        host, order = self._host, self._order
        if order is None or self._claim is None:
            return "nothing was ordered"
        if order.operation is Operation.FETCH:
            revoked = host.store.revoked(order.name)
            faults = fetch_faults(self._claim, fetched or b"", order, host.believed(), host.now(), revoked)
            if faults:
                self._refused(faults)
                return ""
            host.guard.held(self._source, order.name)
        held = {Operation.INSTALL: self._issued, Operation.FETCH: fetched}.get(order.operation)
        return None if host.store.done(order, held) else "the operation was changed meanwhile"

    def _refused(self, faults: list[str]) -> None:
        self._host.counts["refused_proofs"] += 1
        reason = plain("; ".join(faults))
        self._host.trace(f"{self._label}: refused: {reason}")
        self._host.tell(CapfOutcome.REFUSED, self._name, self._address, reason)

    def _ended(self, ended: Ended) -> None:
        self._host.counts[f"ended_{ended.reason.name.lower()}"] += 1
        if ended.why:
            self._host.trace(f"{self._label}: {plain(ended.why)}")
            if ended.why not in _ORDINARY:
                self._host.tell(CapfOutcome.BROKEN, self._name, self._address, plain(ended.why))


_KINDS_FROM = 3
"""The first version that knows kinds of keys; clients of version 2 are asked for RSA (wire-formats.md 5)."""
_ORDINARY = {"the device is not known", "there is nothing to do"}


def _key_wished(der: bytes, wish: str) -> rsa.RSAPublicKey | ec.EllipticCurvePublicKey | None:
    """Return a phone's public key, None if it is not the kind of key that was asked for."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    try:
        key = load_der_public_key(der)
    except (ValueError, UnsupportedAlgorithm):
        return None
    wished = wish.split(",")
    if isinstance(key, rsa.RSAPublicKey) and f"rsa-{key.key_size}" in wished:
        return key
    return key if isinstance(key, ec.EllipticCurvePublicKey) and f"ec-{key.curve.key_size}" in wished else None
