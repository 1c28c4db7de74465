"""The CAPF service: phones get their certificates (LSC) here, over TLS on port 3804.

Rules:

1. The server speaks first. Each message goes out in one write; phones stall on less (wire-formats.md 5).
2. Connections (all, and from one address), the handshake, each answer and the whole session have their bounds; only
   while a phone makes its key it may take a minute or two.
3. A device that proves itself by certificate shows one that this CAPF, or a named manufacturer, issued to exactly this
   device, valid now. Its key and the password are checked before anything is told to it.
4. The LSC is the device's only after its own confirmation.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import ssl
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from mixedmode.errors import MixedModeError, RemoteError, UsageError
from mixedmode.pki.capf_proof import proof_holds
from mixedmode.pki.certificates import Certificate
from mixedmode.pki.profiles import LSC_DAYS, issue_lsc
from mixedmode.pki.signer import SoftwareSigner
from mixedmode.protocols.capf import Asked, Claim, Confirmed, Ended, Issue, Operation, Order, ServerSession
from mixedmode.services.capf_store import CapfDevice, CapfStore
from mixedmode.services.tvs_tls import TlsFloor, server_context

_READ: Final = 4096
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
    handshake_seconds: float = 15.0
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
        self._server: asyncio.Server | None = None
        self._addresses: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._next_session = secrets.randbits(31)
        self._signer: SoftwareSigner | None = None

    @property
    def port(self) -> int:
        """The TCP port that it listens on."""
        return (
            int(self._server.sockets[0].getsockname()[1]) if self._server and self._server.sockets else self._where[1]
        )

    @property
    def healthy(self) -> bool:
        """Whether connections are taken."""
        return self._server is not None and self._server.is_serving()

    async def start(self) -> None:
        """Load the key and listen.

        Raises:
            RemoteError: The address cannot be used.
            MixedModeError: The key cannot be used.
        """
        self._signer = await asyncio.to_thread(self._load)
        context = server_context((self._signer,), self._floor)
        host, port = self._where
        try:
            self._server = await asyncio.start_server(
                self._serve,
                host,
                port,
                ssl=context,
                ssl_handshake_timeout=self.limits.handshake_seconds,
                ssl_shutdown_timeout=2.0,
                limit=1 << 17,
                backlog=1024,
                reuse_address=True,
            )
        except OSError as error:
            raise RemoteError(
                f"CAPF cannot listen: {error.strerror or error}",
                where=f"{host}:{port}",
                next_step="choose another port, or stop what uses it",
            ) from error

    async def drain(self, timeout: float = 5.0) -> int:
        """Take no more connections and let sessions end; return how many are left."""
        if self._server is not None:
            self._server.close()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=timeout)
        return len(self._tasks)

    async def stop(self) -> None:
        """Close everything."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("peername")
        address = str(peer[0]) if peer else "unknown"
        task = asyncio.current_task()
        if (
            task is None
            or len(self._tasks) >= self.limits.connections
            or self._addresses[address] >= self.limits.per_address
        ):
            self.metrics["refused"] += 1
            writer.transport.abort()
            return
        self._tasks.add(task)
        self._addresses[address] += 1
        self.metrics["connections"] += 1
        self._next_session = (self._next_session + 1) & 0xFFFFFFFF
        try:
            async with asyncio.timeout(self.limits.session_seconds):
                await self._converse(ServerSession(self._next_session), reader, writer, address)
        except TimeoutError:
            self.metrics["timeouts"] += 1
        except (OSError, ssl.SSLError, asyncio.IncompleteReadError):
            self.metrics["broken"] += 1
        finally:
            self._tasks.discard(task)
            self._addresses[address] -= 1
            if not self._addresses[address]:
                del self._addresses[address]
            writer.close()
            with contextlib.suppress(OSError, ssl.SSLError, TimeoutError):
                await writer.wait_closed()

    async def _converse(
        self, session: ServerSession, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, address: str
    ) -> None:
        talk = _Talk(self, session, address)
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

    def lsc(self, device: str, public_key: bytes) -> bytes | None:
        """Return a new LSC as DER, None if the key is none or too weak."""
        from cryptography.hazmat.primitives.asymmetric import ec, rsa
        from cryptography.hazmat.primitives.serialization import load_der_public_key

        try:
            key = load_der_public_key(public_key)
        except ValueError:
            return None
        if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
            return None
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
                self._issued = self._service.lsc(self._device, public_key) if self._fits(public_key) else None
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
        return self._session.order(Order(device.operation, device.wish))

    def _fits(self, public_key: bytes) -> bool:
        """Return whether the phone made the key that it was asked for."""
        from cryptography.hazmat.primitives.asymmetric import ec, rsa
        from cryptography.hazmat.primitives.serialization import load_der_public_key

        try:
            key = load_der_public_key(public_key)
        except ValueError:
            return False
        if isinstance(key, rsa.RSAPublicKey):
            return self._wish == f"rsa-{key.key_size}"
        return isinstance(key, ec.EllipticCurvePublicKey) and self._wish == f"ec-{key.curve.key_size}"

    def _confirmed(self, operation: Operation, certificate: bytes | None) -> None:
        held = {Operation.INSTALL: self._issued, Operation.FETCH: certificate}.get(operation)
        self._service.store.done(self._device, held)
        self._service.metrics[operation.value] += 1
        _log.info("CAPF: %s of %s from %s done", operation.value, self._device, self._address)

    def _note(self, ended: Ended) -> None:
        self._service.metrics[f"ended_{ended.reason.name.lower()}"] += 1
        if ended.why:
            _log.info("CAPF of %s from %s: %s", self._device or "nobody", self._address, ended.why)
