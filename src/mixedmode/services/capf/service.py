"""The CAPF service: phones get their certificates (LSC) here, over TLS on port 3804.

Rules:

1. The server speaks first. Each message goes out in one write; phones stall on less (wire-formats.md 5).
2. Connections (all, and from one address, :mod:`.gate`), the handshake, each answer and the whole session have their
   bounds; only while a phone makes its key it may take a minute or two.
3. Who a phone is, what it may do and how often it may try is for :mod:`.capf_session`, :mod:`.capf_judge` and
   :mod:`.capf_guard` to say; what comes of it is told in words (:mod:`.capf_notes`), bounded where strangers cause it.
4. The LSC is the device's only after its own confirmation.
5. A whole site may come at once. Phones are let in and have their turn, few at a time; no other service waits for the
   disk with them.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import ssl
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, Final

from mixedmode.errors import UsageError
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.profiles import LSC_DAYS, issue_lsc
from mixedmode.pki.signing.signer import SoftwareSigner
from mixedmode.services.capf.guard import ProofGuard, ProofPolicy
from mixedmode.services.capf.notes import CapfNote, CapfOutcome, NoteBudget
from mixedmode.services.capf.session import CapfSession
from mixedmode.services.capf.store import CapfStore
from mixedmode.services.net.doors import TcpDoor
from mixedmode.services.net.gate import Gate, Place
from mixedmode.services.net.guests import Guests
from mixedmode.services.net.server_tls import TlsFloor, server_context
from mixedmode.services.net.service import Address, Service
from mixedmode.services.net.streams import StreamGuest

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

_READ: Final = 4096
_AT_ONCE: Final = 4
"""Phones whose word is taken at the same time (rule 5); each of them waits for the disk once."""
_CLOSE_SECONDS: Final = 5.0
_log = logging.getLogger(__name__)


def log_note(note: CapfNote) -> None:
    """Log what happened."""
    _log.log(logging.WARNING if note.of_stranger else logging.INFO, "CAPF: %s", note.text)


@dataclass(frozen=True, slots=True)
class CapfLimits:
    """What phones may use.

    Attributes:
        connections: At once.
        per_address: Of these, from one address; generous, since a site may sit behind one.
        handshake_seconds: For the TLS handshake.
        answer_seconds: For each answer of the phone.
        key_seconds: For the answer with the new key; phones make RSA keys slowly.
        session_seconds: For everything.
        lsc_days: How long an LSC is valid.
        proofs: How often they may try to prove themselves.
    """

    connections: int = 4096
    per_address: int = 2048
    handshake_seconds: float = 10.0
    answer_seconds: float = 15.0
    key_seconds: float = 120.0
    session_seconds: float = 240.0
    lsc_days: int = LSC_DAYS
    proofs: ProofPolicy = ProofPolicy()  # noqa: RUF009 - immutable


class CapfService(Service):
    """A CAPF server.

    Args:
        store: The devices.
        signer: Gives the CAPF key and certificate: it signs LSCs and is the server's TLS certificate.
        host: Address to listen on.
        port: TCP port; 0 chooses a free one.
        floor: The oldest TLS that it speaks.
        issuers: Certificates of manufacturers whose MICs are believed, beside the CAPF's own; a function is asked when
            the service starts.
        limits: What phones may use.
        clock: The time, UTC.
        told: Told what happened, from threads; by default it is logged.
        trace: Told each message and each decision in words, from threads; None: nobody is interested.

    Attributes:
        store: The devices.
        limits: What phones may use.
        clock: The time, UTC.
        guard: How often phones may try.
        without_ec: Devices that broke off when they were to make an EC key, and may make an RSA key.
    """

    def __init__(
        self,
        store: CapfStore,
        signer: Callable[[], SoftwareSigner],
        *,
        host: str = "127.0.0.1",
        port: int = 3804,
        floor: TlsFloor = TlsFloor.TLS_1_2,
        issuers: Sequence[Certificate] | Callable[[], Sequence[Certificate]] = (),
        limits: CapfLimits | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        told: Callable[[CapfNote], None] = log_note,
        trace: Callable[[str], None] | None = None,
    ) -> None:
        super().__init__("the CAPF service")
        self.store = store
        self.guard = ProofGuard((limits or CapfLimits()).proofs)
        self.without_ec: set[str] = set()
        self.limits = limits or CapfLimits()
        self.guests: Guests[StreamGuest] = Guests(Gate(self.limits.connections, self.limits.per_address))
        self._load = signer
        self._floor = floor
        self._find_issuers = issuers if callable(issuers) else lambda: issuers
        self._issuers: tuple[Certificate, ...] = () if callable(issuers) else tuple(issuers)
        self.clock = clock
        self._told, self._trace = told, trace
        self._budget = NoteBudget()
        self._door = TcpDoor(
            "CAPF",
            (host, port),
            self.guests,
            lambda place: StreamGuest(self.guests, place, self._serve),
            handshake_seconds=self.limits.handshake_seconds,
            failed=self._handshake_failed,
        )
        self._next_session = secrets.randbits(31)
        self._signer: SoftwareSigner | None = None
        self._workers: ThreadPoolExecutor | None = None

    def _levels(self) -> Mapping[str, int]:
        return self.guests.counted()

    async def _open(self) -> Address:
        """Load the key and listen."""
        self._signer = await asyncio.to_thread(self._load)
        self._issuers = tuple(await asyncio.to_thread(self._find_issuers))
        self._door.tls = server_context((self._signer,), self._floor, what="CAPF certificate")
        self._workers = ThreadPoolExecutor(_AT_ONCE, "capf")
        return await self._door.open()

    async def _finish(self, timeout: float) -> int:
        """Let sessions end."""
        self._door.close()
        return await self.guests.gone(timeout)

    async def _close(self) -> None:
        self._door.close()
        self.guests.abort()
        await self.guests.gone(_CLOSE_SECONDS)
        workers, self._workers = self._workers, None
        if workers is not None:
            workers.shutdown(wait=False, cancel_futures=True)

    def _handshake_failed(self, place: Place, error: Exception) -> None:
        if isinstance(error, ssl.SSLError):
            reason = (error.reason or str(error)).lower().replace("_", " ")
            self.trace(f"{place.address}: the TLS handshake failed: {reason}")

    async def _serve(self, guest: StreamGuest) -> None:
        self._next_session = (self._next_session + 1) & 0xFFFFFFFF
        talk = CapfSession(self, self._next_session, guest.place.address, guest.place.source)
        try:
            async with asyncio.timeout(self.limits.session_seconds):
                await self._converse(talk, guest)
        except TimeoutError:
            self.counts["timeouts"] += 1
            talk.broke_off("no answer in time")
        except (OSError, ssl.SSLError, asyncio.IncompleteReadError):
            self.counts["broken"] += 1
            talk.broke_off("the connection broke")
        except asyncio.CancelledError:
            # The service stops; whoever waits for this task finds that it ended.
            talk.broke_off("the service stops")

    async def _converse(self, talk: CapfSession, guest: StreamGuest) -> None:
        session = talk.machine
        while True:
            guest.writer.write(session.bytes_to_send())
            await guest.writer.drain()
            if session.closed:
                return
            seconds = self.limits.key_seconds if session.makes_key else self.limits.answer_seconds
            async with asyncio.timeout(seconds):
                data = await guest.reader.read(_READ)
            if not data:
                self.counts["broken"] += 1
                talk.broke_off("the client closed the connection")
                return
            await self._work(talk.receive, data)
            if talk.proved:
                guest.place.settle()

    async def _work(self, take: Callable[[bytes], None], data: bytes) -> None:
        """Take what a phone said when it is its turn (rule 5)."""
        await asyncio.get_running_loop().run_in_executor(self._workers, take, data)

    def authority(self) -> SoftwareSigner:
        """Return the CAPF key.

        Raises:
            UsageError: The service is not running.
        """
        if self._signer is None:
            raise UsageError("the CAPF service is not running")
        return self._signer

    def believed(self) -> tuple[Certificate, ...]:
        """Return who may have issued a phone's certificate: this CAPF, and manufacturers."""
        return (self.authority().certificate, *self._issuers)

    def now(self) -> datetime:
        """Return the time."""
        return self.clock()

    def tell(self, outcome: CapfOutcome, device: str, address: str, reason: str = "") -> None:
        """Tell what happened, if the budget allows; may be called from threads."""
        note = CapfNote(self.now(), outcome, device, address, reason)
        allowed = self._budget.allow(note, monotonic())
        if allowed is not None:
            self._told(allowed)

    def trace(self, line: str) -> None:
        """Take a line of the trace; may be called from threads."""
        if self._trace is not None:
            self._trace(line)

    def lsc(self, device: str, key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey) -> bytes:
        """Return a new LSC as DER."""
        authority = self.authority()
        certificate = issue_lsc(
            device,
            key,
            authority=authority.certificate,
            authority_key=authority.key,
            now=self.clock(),
            serial=secrets.randbits(127) | 1,
            days=self.limits.lsc_days,
        )
        return certificate.der
