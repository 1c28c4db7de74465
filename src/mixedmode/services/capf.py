"""The CAPF service: phones get their certificates (LSC) here, over TLS on port 3804.

Rules:

1. The server speaks first. Each message goes out in one write; phones stall on less (wire-formats.md 5).
2. Connections (all, and from one address, :mod:`.gate`), the handshake, each answer and the whole session have their
   bounds; only while a phone makes its key it may take a minute or two.
3. A device that proves itself by certificate shows one that this CAPF, or a named manufacturer, issued to exactly this
   device, valid now. Its key and the password are checked before anything is told to it.
4. The LSC is the device's only after its own confirmation.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from mixedmode.errors import MixedModeError, UsageError
from mixedmode.pki.capf_proof import proof_holds
from mixedmode.pki.certificates import Certificate
from mixedmode.pki.profiles import LSC_DAYS, issue_lsc
from mixedmode.pki.signer import SoftwareSigner
from mixedmode.protocols.capf import Asked, Claim, Confirmed, Ended, Issue, Operation, Order, ServerSession
from mixedmode.services.capf_store import CapfDevice, CapfStore
from mixedmode.services.doors import Door, accept, emptied, listen
from mixedmode.services.gate import Gate, Place
from mixedmode.services.tls_handshakes import Handshakes
from mixedmode.services.tvs_tls import TlsFloor, server_context

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

_READ: Final = 4096
_READ_AHEAD: Final = 1 << 17
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CapfLimits:
    """What phones may use.

    Attributes:
        connections: At once.
        per_address: Of these, from one address.
        handshake_seconds: For the TLS handshake.
        answer_seconds: For each answer of the phone.
        key_seconds: For the answer with the new key; phones make RSA keys slowly.
        session_seconds: For everything.
        lsc_days: How long an LSC is valid.
    """

    connections: int = 1000
    per_address: int = 100
    handshake_seconds: float = 10.0
    answer_seconds: float = 15.0
    key_seconds: float = 120.0
    session_seconds: float = 240.0
    lsc_days: int = LSC_DAYS


class CapfService:
    """A CAPF server.

    Args:
        store: The devices.
        signer: Gives the CAPF key and certificate: it signs LSCs and is the server's TLS certificate.
        host: Address to listen on.
        port: TCP port; 0 chooses a free one.
        floor: The oldest TLS that it speaks.
        issuers: Certificates of manufacturers whose MICs are believed, beside the CAPF's own.
        limits: What phones may use.
        clock: The time, UTC.
    """

    def __init__(
        self,
        store: CapfStore,
        signer: Callable[[], SoftwareSigner],
        *,
        host: str = "127.0.0.1",
        port: int = 3804,
        floor: TlsFloor = TlsFloor.TLS_1_2,
        issuers: Sequence[Certificate] = (),
        limits: CapfLimits | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.store = store
        self.limits = limits or CapfLimits()
        self.metrics: Counter[str] = Counter()
        self._load = signer
        self._where = (host, port)
        self._floor = floor
        self._issuers = tuple(issuers)
        self._clock = clock
        self._context: ssl.SSLContext | None = None
        self._door: Door[socket.socket] | None = None
        self._gate = Gate(self.limits.connections, self.limits.per_address)
        self._handshakes: Handshakes[Place] = Handshakes(self.limits.handshake_seconds, self._handshake_failed)
        self._tasks: set[asyncio.Task[None]] = set()
        self._draining = False
        self._next_session = secrets.randbits(31)
        self._signer: SoftwareSigner | None = None

    @property
    def port(self) -> int:
        """The TCP port that it listens on."""
        return self._where[1] if self._door is None else self._door.address[1]

    @property
    def healthy(self) -> bool:
        """Whether connections are taken."""
        return self._door is not None and not self._draining

    async def start(self) -> None:
        """Load the key and listen.

        Raises:
            RemoteError: The address cannot be used.
            MixedModeError: The key cannot be used, or the service runs already.
        """
        if self._door is not None:
            raise UsageError("the CAPF service is running already")
        self._signer = await asyncio.to_thread(self._load)
        self._context = server_context((self._signer,), self._floor)
        self._draining = False
        self._door = Door(listen("CAPF", *self._where), self._take, self._no_room, accept)
        self._door.open()

    async def drain(self, timeout: float = 5.0) -> int:
        """Take no more connections and let sessions end; return how many are left."""
        self._draining = True
        if self._door is not None:
            self._door.rest()
        self._handshakes.close()
        return await emptied(self._tasks, timeout)

    async def stop(self) -> None:
        """Close everything. Stopping twice does no harm."""
        if self._door is not None:
            self._door.close()
            self._door = None
        self._handshakes.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _take(self, client: socket.socket, address: str) -> None:
        self.metrics["connections"] += 1
        place = None if self._context is None else self._gate.admit(address)
        if self._context is None or place is None:
            self.metrics["refused"] += 1
            client.close()
            return
        self.metrics["dropped"] = self._gate.dropped
        place.drop = self._handshakes.begin(client, place, self._context, self._connect).abort

    def _connect(self, place: Place) -> asyncio.StreamReaderProtocol:
        def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Coroutine[None, None, None]:
            return self._serve(reader, writer, place)

        return asyncio.StreamReaderProtocol(asyncio.StreamReader(_READ_AHEAD), serve)

    def _no_room(self) -> None:
        self.metrics["accept_failures"] += 1

    def _handshake_failed(self, place: Place, _error: Exception) -> None:
        self.metrics["handshake_failures"] += 1
        place.leave()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, place: Place) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        self._next_session = (self._next_session + 1) & 0xFFFFFFFF
        try:
            async with asyncio.timeout(self.limits.session_seconds):
                await self._converse(ServerSession(self._next_session), reader, writer, place)
        except TimeoutError:
            self.metrics["timeouts"] += 1
        except (OSError, ssl.SSLError, asyncio.IncompleteReadError):
            self.metrics["broken"] += 1
        finally:
            place.leave()
            writer.close()
            with contextlib.suppress(OSError, ssl.SSLError, TimeoutError):
                await writer.wait_closed()

    async def _converse(
        self, session: ServerSession, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, place: Place
    ) -> None:
        talk = _Talk(self, session, place.address)
        while True:
            for message in session.output():
                writer.write(message)
            await writer.drain()
            if session.over:
                return
            seconds = self.limits.key_seconds if session.makes_key else self.limits.answer_seconds
            async with asyncio.timeout(seconds):
                data = await reader.read(_READ)
            if not data:
                self.metrics["broken"] += 1
                return
            session.receive(data)
            await asyncio.to_thread(talk.go_on)
            if talk.proved:
                place.settle()

    def authority(self) -> SoftwareSigner:
        """Return the CAPF key.

        Raises:
            UsageError: The service is not running.
        """
        if self._signer is None:
            raise UsageError("the CAPF service is not running")
        return self._signer

    def admits(self, claim: Claim, device: CapfDevice) -> bool:
        """Return whether a device has proved who it is (rule 3)."""
        if not device.fits(claim.password):
            return False
        return not device.by_certificate or self._proved(claim)

    def _proved(self, claim: Claim) -> bool:
        if claim.certificate is None:
            return False
        believed = (self.authority().certificate, *self._issuers)
        try:
            shown = Certificate.from_der(claim.certificate)
            right = shown.common_name == claim.device and shown.not_before <= self._clock() <= shown.not_after
            if not right or not any(shown.is_issued_by(each) for each in believed):
                return False
        except MixedModeError:
            return False
        return proof_holds(shown, claim.signed, sha1=claim.proof, sha512=claim.proof_sha512)

    def lsc(self, device: str, key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey) -> bytes:
        """Return a new LSC as DER."""
        authority = self.authority()
        certificate = issue_lsc(
            device,
            key,
            authority=authority.certificate,
            authority_key=authority.key,
            now=self._clock(),
            serial=secrets.randbits(127) | 1,
            days=self.limits.lsc_days,
        )
        return certificate.der


class _Talk:
    """Answers the questions of one session; blocks, in a thread."""

    def __init__(self, service: CapfService, session: ServerSession, address: str) -> None:
        self._service = service
        self._session = session
        self._address = address
        self._device = ""
        self._issued: bytes | None = None
        self._wish = ""
        self.proved = False

    def go_on(self) -> None:
        """Take what has happened, until more bytes are needed."""
        while (event := self._session.next_event()) is not None:
            try:
                following = self._take(event)
            except MixedModeError as error:
                _log.warning("CAPF of %s from %s failed: %s", self._device, self._address, error)
                following = self._session.refuse("the server failed")
            if isinstance(following, Ended):
                self._note(following)

    def _take(self, event: Asked | Issue | Confirmed | Ended) -> Asked | Issue | Confirmed | Ended | None:
        match event:
            case Asked(claim):
                return self._asked(claim)
            case Issue(public_key):
                key = _key_wished(public_key, self._wish)
                self._issued = None if key is None else self._service.lsc(self._device, key)
                return self._session.issue(self._issued)
            case Confirmed(operation, certificate):
                self._confirmed(operation, certificate)
                return None
            case Ended():
                return event

    def _asked(self, claim: Claim) -> Asked | Issue | Confirmed | Ended | None:
        self._device = claim.device
        device = self._service.store.find(claim.device)
        if device is None:
            return self._session.order(None)
        if device.operation is not Operation.NONE and not self._service.admits(claim, device):
            self._service.metrics["refused_proofs"] += 1
            return self._session.refuse("the password or the proof is wrong")
        self._wish = device.key
        self.proved = device.operation is not Operation.NONE
        return self._session.order(Order(device.operation, device.wish))

    def _confirmed(self, operation: Operation, certificate: bytes | None) -> None:
        held = {Operation.INSTALL: self._issued, Operation.FETCH: certificate}.get(operation)
        self._service.store.done(self._device, held)
        self._service.metrics[operation.value] += 1
        _log.info("CAPF: %s of %s from %s done", operation.value, self._device, self._address)

    def _note(self, ended: Ended) -> None:
        self._service.metrics[f"ended_{ended.reason.name.lower()}"] += 1
        if ended.why:
            _log.info("CAPF of %s from %s: %s", self._device or "nobody", self._address, ended.why)


def _key_wished(der: bytes, wish: str) -> rsa.RSAPublicKey | ec.EllipticCurvePublicKey | None:
    """Return a phone's public key, None if it is not the kind of key that was asked for."""
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    try:
        key = load_der_public_key(der)
    except ValueError:
        return None
    if isinstance(key, rsa.RSAPublicKey) and wish == f"rsa-{key.key_size}":
        return key
    return key if isinstance(key, ec.EllipticCurvePublicKey) and wish == f"ec-{key.curve.key_size}" else None
