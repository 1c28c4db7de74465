"""How a phone asks TVS over TLS: a :data:`~mixedmode.phone.body.client.TvsClient`, and the exchange below it.

Rules (phone-trust.md 2.1, 3.2 to 3.4):

1. The server's certificate must be one of those that the phone's ITL lists for TVS, byte for byte; no authority, name
   or date is looked at. Nothing is sent to another server.
2. A phone speaks no newer TLS than its model knows; for TLS 1.0 OpenSSL's security level has to be 0.
3. Sessions are not resumed; one request a connection; connecting, the handshake and the answer share one deadline.
4. The servers are asked in their order; the next one when one fails.
"""

from __future__ import annotations

import asyncio
import secrets
import ssl
from collections.abc import Awaitable, Callable, Collection, Iterable

from mixedmode.causes import place, why_no_connection
from mixedmode.errors import LocalProtocolError, MalformedError, RemoteError, RemoteProtocolError, UsageError
from mixedmode.phone.body.network import Connection
from mixedmode.phone.body.tls import PhoneTls, UntrustedServerError
from mixedmode.phone.body.world import REAL, World
from mixedmode.phone.mind.trust.asking import TvsRequest
from mixedmode.phone.mind.trust.decisions import TVS_UNKNOWN, TVS_UNREACHABLE, TvsAnswer, TvsOutcome
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.protocols.tvs import Answer, ClientConnection, QueryRequest, Request

DEADLINE = 5.0
"""Seconds for everything; the real value is not published."""
_READ = 16 << 10


TvsClient = Callable[[TvsRequest], Awaitable[TvsAnswer]]
"""Asks one server, within a deadline of its own; raises RemoteError if that does not answer, or another does."""


async def ask_in_turn(
    ask: TvsClient | None,
    requests: Iterable[TvsRequest],
    failed: Callable[[TvsRequest, RemoteError], object] = lambda _request, _error: None,
) -> TvsAnswer:
    """Return the answer of the first server that gives one (rule 4).

    Args:
        ask: Asks one; None: none is reachable.
        requests: What goes to which server, in order.
        failed: Told of each that gave none.
    """
    if ask is not None:
        for request in requests:
            try:
                return await ask(request)
            except RemoteError as error:
                failed(request, error)
    return TVS_UNREACHABLE


async def ask_tvs(request: TvsRequest, *, world: World = REAL) -> TvsAnswer:
    """Ask one TVS server about a signer.

    Args:
        request: Whom, and what.
        world: Where and when the phone lives.

    Raises:
        RemoteError: It does not answer, shows another certificate, or breaks the protocol.
    """
    question = request.question
    message = QueryRequest(new_session(), request.device, question.subject, question.issuer, question.serial)
    server = request.server
    answer = await exchange(
        server.address, server.port, message, trusted=request.trusted, tls_max=request.tls_max, world=world
    )
    return read_answer(answer)


def read_answer(answer: Answer) -> TvsAnswer:
    """Return what a server's answer to QUERY says to a phone.

    Raises:
        RemoteProtocolError: Its certificate cannot be read.
    """
    if not answer.known or answer.certificate is None:
        return TVS_UNKNOWN
    certificate = Certificate.from_der(answer.certificate)
    try:
        _ = certificate.subject, certificate.key_kind
    except MalformedError as error:
        what = "the TVS server answered with a certificate that cannot be read"
        raise RemoteProtocolError(what, why=str(error)) from error
    return TvsAnswer(TvsOutcome.KNOWN, certificate, frozenset(answer.roles), answer.ttl or 0)


def new_session() -> int:
    """Return a session id for a request."""
    return secrets.randbits(32)


async def exchange(
    host: str,
    port: int,
    request: Request,
    *,
    trusted: Collection[bytes] | None,
    tls_max: str = "1.3",
    deadline: float = DEADLINE,
    world: World = REAL,
) -> Answer:
    """Ask one server one thing.

    Args:
        host: Its name or address.
        port: Its TCP port.
        request: What to ask.
        trusted: DER of the certificates that it may show; None: any, when only the answer is of interest.
        tls_max: The newest TLS to speak, of :data:`~mixedmode.phone.body.tls.TLS_VERSIONS`.
        deadline: Seconds for everything.
        world: Where and when the phone lives.

    Raises:
        UntrustedServerError: It showed another certificate (rule 1).
        RemoteError: It does not answer in time, or breaks the protocol.
        UsageError: The request does not fit into a message, or there is no such TLS version.
    """
    talk, monotonic = ClientConnection(), world.clock.monotonic
    try:
        talk.send(request, monotonic())
    except LocalProtocolError as error:
        raise UsageError(f"this cannot be asked: {error.what}", next_step=error.next_step) from error
    where = place(host, port)
    try:
        async with asyncio.timeout(deadline):
            connection = await world.network.connect(host, port, tls=PhoneTls(tls_max))
            try:
                _check_server(connection, trusted)
                connection.writer.write(talk.bytes_to_send())
                await connection.writer.drain()
                while not (answers := talk.receive(await connection.reader.read(_READ) or None, monotonic())):
                    pass
                return answers[0]
            finally:
                connection.writer.transport.abort()
    except TimeoutError:
        raise RemoteError(f"no answer from TVS after {deadline:g} s", where=where, code="timeout") from None
    except (ssl.SSLError, ConnectionResetError, ConnectionAbortedError) as error:
        old = tls_max in {"1.0", "1.1"}
        raise RemoteError(
            "the TLS connection to TVS failed",
            where=where,
            why=error.reason if isinstance(error, ssl.SSLError) and error.reason else "the server closed it",
            next_step=f"this phone knows only TLS {tls_max}: switch it on at the server" if old else None,
            code="tvs-tls",
        ) from error
    except (OSError, UnicodeError) as error:
        problem, step = why_no_connection(error)
        raise RemoteError(
            f"TVS cannot be reached: {problem}", where=where, next_step=step, code="tvs-unreachable"
        ) from error
    except RemoteError as error:
        error.located(where)
        raise


def _check_server(connection: Connection, trusted: Collection[bytes] | None) -> None:
    if trusted is not None and connection.certificate not in trusted:
        raise UntrustedServerError(
            "the TVS server shows another certificate, not one that the trust list holds for TVS",
            why="its TVS certificate was made anew, or this is another cluster's server",
            next_step="have the phone fetch the ITL of this cluster",
            code="tvs-untrusted",
        )
