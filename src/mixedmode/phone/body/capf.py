"""The phone's CAPF client: it asks what to do, makes the key that it is asked for, keeps what it gets.

Rules:

1. How it proves itself is for ``capfAuthMode`` to say (phone-trust.md 6): 1 by the password, 2 not at all, 3 by its LSC
   or, without one, its MIC, 4 by its MIC.
2. The proof covers the device's name and the certificate, not the session: whoever receives it could show it again. So
   it goes only to a server whose certificate the lists hold, where there are lists.
3. What it has stored, or removed, it keeps before it says so, and it stays so though it does not hear the end of the
   session, or is switched off before: the server has it on record by then, and encrypts to it. Only a server that says
   that it did not take it has the phone go back to what it held.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Final

from mixedmode.causes import why_no_connection
from mixedmode.errors import RemoteError, RemoteProtocolError, UsageError
from mixedmode.phone.body.network import Connection
from mixedmode.phone.body.tls import PhoneTls, UntrustedServerError
from mixedmode.phone.body.world import REAL, World
from mixedmode.pki.certificates.capf_proof import make_proof
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.profiles import KeyKind
from mixedmode.pki.signing.signer import SoftwareSigner
from mixedmode.protocols.capf import (
    Claim,
    Credential,
    Curve,
    Enrolment,
    Finished,
    Generate,
    Installed,
    KeyMade,
    KeyWish,
    PhoneSession,
    Reason,
    Removed,
)

if TYPE_CHECKING:
    from mixedmode.pki.signing.signer import PrivateKey


class AuthMode(IntEnum):
    """``capfAuthMode`` (rule 1)."""

    PASSWORD = 1
    NONE = 2
    LSC = 3
    MIC = 4


DEADLINE: Final = 60.0
"""Seconds for everything."""
_READ: Final = 4096
_CURVES: Final = {Curve.P256: KeyKind.EC_256, Curve.P384: KeyKind.EC_384, Curve.P521: KeyKind.EC_521}
_TEXTS: Final[dict[int, str]] = {
    Reason.NO_ACTION: "no pending CAPF operation",
    Reason.OK: "done",
    Reason.INVALID: "refused: wrong password or proof, or too many of them; the server knows why",
    Reason.UNKNOWN_DEVICE: "the device is not known",
}


@dataclass(frozen=True, slots=True)
class Proofs:
    """What a phone can prove itself by, and how it does.

    Attributes:
        lsc: What it got from a CAPF before.
        mic: What its maker gave it.
        password: Digits, empty without; sent unless the mode is "none".
        mode: How it proves itself.
    """

    lsc: SoftwareSigner | None = None
    mic: SoftwareSigner | None = None
    password: str = ""
    mode: AuthMode = AuthMode.LSC

    @property
    def shown(self) -> SoftwareSigner | None:
        """The certificate with which it proves itself, None where it shows none (rule 1)."""
        if self.mode is AuthMode.LSC:
            return self.lsc or self.mic
        return self.mic if self.mode is AuthMode.MIC else None

    def enrolment(self, device: str) -> Enrolment:
        """Return what a device comes to CAPF with."""
        lsc, shown = self.lsc, self.shown
        return Enrolment(
            device,
            "" if self.mode is AuthMode.NONE else self.password,
            lsc.certificate.der if lsc else None,
            None if shown is None else credential(device, shown),
            _public(lsc.key) if lsc else None,
        )


NO_PROOFS: Final = Proofs()


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a session ended.

    Attributes:
        reason: As the server gave it.
        lsc: The phone's LSC with its key now; None without one.
        did: ``installed``, ``removed`` or empty.
    """

    reason: int
    lsc: SoftwareSigner | None
    did: str = ""

    @property
    def text(self) -> str:
        """For people."""
        return self.did or _TEXTS.get(self.reason, f"reason {self.reason}")


async def enrol(
    host: str,
    port: int,
    device: str,
    proofs: Proofs = NO_PROOFS,
    *,
    tls_max: str = "1.3",
    trusted: Collection[bytes] | None = None,
    world: World = REAL,
    keep: Callable[[SoftwareSigner | None], None] = lambda _lsc: None,
) -> Outcome:
    """Ask a CAPF what to do, and do it.

    Args:
        host: Its name or address.
        port: Its TCP port.
        device: This phone's name.
        proofs: What it can prove itself by.
        tls_max: The newest TLS that it speaks.
        trusted: DER of the certificates that the server may show (CAPF records of the phone's lists); None: any.
        world: Where and when the phone lives.
        keep: Told what the phone holds from now on (rule 3).

    Raises:
        UntrustedServerError: It showed another certificate.
        UsageError: There is no such TLS version.
        RemoteError: It does not answer in time, or breaks the protocol.
    """
    where = f"{host}:{port}"
    session, lsc = PhoneSession(proofs.enrolment(device)), proofs.lsc
    talk = _Talk(lsc, key=None if lsc is None else lsc.key, before=lsc, keep=keep)
    try:
        async with asyncio.timeout(DEADLINE):
            connection = await world.network.connect(host, port, tls=PhoneTls(tls_max))
            try:
                _check_server(connection, trusted)
                return await _converse(session, connection, talk, world)
            finally:
                connection.writer.transport.abort()
    except (TimeoutError, OSError, UnicodeError, RemoteProtocolError) as error:
        if talk.did:
            return Outcome(Reason.OK, talk.lsc, talk.did)
        raise _why(error, where) from error


def _why(error: OSError | UnicodeError | RemoteProtocolError, where: str) -> RemoteError:
    if isinstance(error, TimeoutError):
        return RemoteError(f"no answer from CAPF after {DEADLINE:g} s", where=where, code="timeout")
    if isinstance(error, RemoteProtocolError):
        error.located(where)
        return error
    why, step = why_no_connection(error)
    return RemoteError("CAPF cannot be reached", where=where, why=why, next_step=step)


def credential(device: str, identity: SoftwareSigner) -> Credential:
    """Return the proof that a phone is a device and holds a certificate's key."""
    der = identity.certificate.der
    return Credential(der, *make_proof(identity, Claim(device, b"", der).signed))


@dataclass(slots=True)
class _Talk:
    """What a session has come to.

    Attributes:
        lsc: The phone's LSC now.
        key: The key that the next one is for.
        before: The LSC that it had.
        keep: Told what it holds.
        did: ``installed``, ``removed`` or empty.
    """

    lsc: SoftwareSigner | None
    key: PrivateKey | None
    before: SoftwareSigner | None
    keep: Callable[[SoftwareSigner | None], None]
    did: str = ""

    def holds(self, lsc: SoftwareSigner | None, did: str) -> None:
        """Keep what came of it."""
        self.lsc, self.did = lsc, did
        self.keep(lsc)


async def _converse(session: PhoneSession, connection: Connection, talk: _Talk, world: World) -> Outcome:
    reader, writer, clock = connection.reader, connection.writer, world.clock
    data: bytes | None = b""
    while True:
        events = session.receive(data, clock.monotonic())
        data = b""
        for event in events:
            match event:
                case Generate(wish):
                    writer.write(session.bytes_to_send())
                    talk.key = await asyncio.to_thread(world.make_key, _kind(wish))
                    session.send(KeyMade(_public(talk.key)), clock.monotonic())
                case Installed(certificate) if talk.key is not None:
                    talk.holds(SoftwareSigner(Certificate.from_der(certificate), talk.key), "installed")
                case Removed():
                    talk.holds(None, "removed")
                case Finished(reason):
                    if talk.did and reason != Reason.OK:
                        talk.holds(talk.before, "")
                    return Outcome(reason, talk.lsc, talk.did)
        if not events:
            writer.write(session.bytes_to_send())
            await writer.drain()
            data = await reader.read(_READ) or None


def _kind(wish: KeyWish) -> KeyKind:
    if wish.curve is not None:
        return _CURVES[wish.curve]
    try:
        return KeyKind.from_label(f"rsa-{wish.bits}")
    except UsageError as error:
        raise RemoteProtocolError(f"CAPF wants an RSA key of {wish.bits} bits") from error


def _public(key: object) -> bytes:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise RemoteProtocolError("the key has no public half")
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _check_server(connection: Connection, trusted: Collection[bytes] | None) -> None:
    if trusted is not None and connection.certificate not in trusted:
        raise UntrustedServerError(
            "the CAPF server shows a certificate that the trust lists do not hold for CAPF",
            next_step="have the phone fetch the CTL and ITL of this cluster",
            code="capf-untrusted",
        )
