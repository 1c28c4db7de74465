"""One connection of a CTL Client after its TLS handshake.

==============  ==================  ===============================================
waits for       deadline            after it
==============  ==================  ===============================================
hello, login    ``login_seconds``   closed
a request       ``idle_seconds``    closed
its rest        ``request_seconds`` closed
the client      ``request_seconds`` closed: it does not take its answer
==============  ==================  ===============================================

Rules:

1. Nothing is told and nothing is done before the login; a wrong one is answered late and audited.
2. An installation that has begun goes to its end, whether its client is still there or not.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from functools import partial
from time import monotonic
from typing import TypeAlias

from mixedmode.cluster.model.errors import ClusterBusyError, PrivilegeError, PublisherOnlyError
from mixedmode.errors import (
    CheckFailedError,
    LocalProtocolError,
    MixedModeError,
    RemoteProtocolError,
    UsageError,
)
from mixedmode.protocols.ctlprovider import (
    VERSION,
    Accepted,
    Answer,
    Authenticate,
    Failure,
    Hello,
    Install,
    Installed,
    Phase,
    Progress,
    Request,
    ServerConnection,
    Welcome,
    failure_of,
)
from mixedmode.services.ctlprovider.ports import Administrator, Host
from mixedmode.services.net.streams import StreamGuest

_READ_BYTES = 65536
_log = logging.getLogger(__name__)


class ProviderConnection:
    """A connection.

    Args:
        host: The service.
        guest: The client.
    """

    def __init__(self, host: Host, guest: StreamGuest) -> None:
        self._host, self._reader, self._writer = host, guest.reader, guest.writer
        self._place, self._source = guest.place, guest.place.address
        self._machine = ServerConnection()
        self._who: Administrator | None = None
        self._failures = 0
        self._login_end = monotonic() + host.limits.login_seconds
        self._request_end = 0.0

    @property
    def is_idle(self) -> bool:
        """Whether no request waits for its answer."""
        return self._machine.pending is None

    async def serve(self) -> None:
        """Answer requests until the client goes, breaks the protocol or runs out of time."""
        data: bytes | None = b""
        try:
            while self._machine.phase is not Phase.CLOSED and not self._host.draining:
                requests = self._machine.receive(data, monotonic())
                data = b""
                for request in requests:
                    await self._handle(request)
                    self._request_end = monotonic() + self._host.limits.request_seconds
                if not requests:
                    data = await self._receive()
        except RemoteProtocolError as error:
            self._host.counts["malformed"] += 1
            _log.warning("CTL Provider of %s: %s broke the protocol: %s", self._host.node, self._source, error)
        except LocalProtocolError as error:
            _log.error("CTL Provider of %s: what %s asks cannot be answered: %s", self._host.node, self._source, error)
        except TimeoutError:
            self._host.counts["timeouts"] += 1
        except OSError:
            self._host.counts["cut"] += 1

    async def _receive(self) -> bytes | None:
        """Read once; return None when the client has closed."""
        now, limits, machine = monotonic(), self._host.limits, self._machine
        if machine.phase is not Phase.READY:
            end = self._login_end
        else:
            end = self._request_end if machine.buffered else now + limits.idle_seconds
        async with asyncio.timeout(max(end - now, 0)):
            data = await self._reader.read(_READ_BYTES)
        if not machine.buffered:
            self._request_end = monotonic() + limits.request_seconds
        return data or None

    async def _handle(self, request: Request) -> None:
        self._host.counts["requests"] += 1
        try:
            if isinstance(request, Hello):
                await self._send(self._welcome(request))
            elif isinstance(request, Authenticate):
                await self._send(await self._login(request))
            elif isinstance(request, Install):
                await self._install(request)
            else:
                await self._send(await asyncio.to_thread(self._host.desk.describe))
        except MixedModeError as error:
            if isinstance(error, LocalProtocolError):
                raise
            await self._send(failure_of(error))

    async def _send(self, answer: Answer) -> None:
        self._machine.send(answer, monotonic())
        self._writer.write(self._machine.bytes_to_send())
        async with asyncio.timeout(self._host.limits.request_seconds):
            await self._writer.drain()

    def _welcome(self, request: Hello) -> Answer:
        if request.version < 1:
            return Failure("version", "the CTL Provider speaks version 1", kind=2, closing=True)
        return Welcome(min(request.version, VERSION), self._host.node)

    async def _login(self, request: Authenticate) -> Answer:
        host = self._host
        try:
            account = await host.logins.check_password(request.user, request.password, self._source)
        except MixedModeError as error:
            # Who is not logged in is not told why, nor where the accounts are.
            _log.error("nobody can log in to the CTL Provider of %s: %s", host.node, error)
            return Failure("logins", "nobody can log in now", next_step="look at the CTL Provider's log", closing=True)
        if account is None:
            self._failures += 1
            host.counts["failed_logins"] += 1
            locked = host.logins.is_locked(request.user, self._source)
            await self._note(request.user, "refused", locked=locked)
            refused = CheckFailedError(
                "the user name or the password is wrong",
                code="login",
                next_step="enter the credentials of an administrator of this node; after many wrong ones wait",
            )
            return failure_of(refused, closing=self._failures >= host.limits.logins)
        who = Administrator(request.user, self._source, account.privilege)
        try:
            await asyncio.to_thread(host.desk.authorize, who)
        except PrivilegeError as error:
            low = CheckFailedError(error.what, code=error.code, next_step=error.next_step)
            return failure_of(low, closing=True)
        self._who = who
        self._place.settle()
        host.counts["logins"] += 1
        await self._note(request.user, "done")
        return Accepted(account.privilege)

    async def _note(self, user: str, outcome: str, **details: object) -> None:
        """Write into the audit log; a database that is down must not keep administrators out."""
        try:
            who = self._who or Administrator(user, self._source)
            await asyncio.to_thread(partial(self._host.desk.note_login, who, outcome, **details))
        except MixedModeError as error:
            _log.warning("audit record of a login lost: %s", error)

    async def _install(self, request: Install) -> None:
        host, loop, who = self._host, asyncio.get_running_loop(), self._who
        if who is None:  # the protocol's machine lets nobody come here without a login
            raise UsageError("nobody is logged in", where=host.node)
        nodes = await asyncio.to_thread(host.desk.nodes)
        if nodes[0].name != host.node:
            raise PublisherOnlyError(
                "the CTL file is installed by the publisher",
                where=host.node,
                next_step=f"connect to {nodes[0].name} ({nodes[0].address})",
            )
        if host.installer is not None:
            raise ClusterBusyError(
                f"{host.installer} is installing a CTL file",
                where=host.node,
                next_step="wait until that has ended, look at the new CTL file, then try again",
            )
        told: _News = asyncio.Queue()  # holds an entry for each node at most, and the end
        work = asyncio.create_task(
            asyncio.to_thread(host.desk.install, request, who, lambda news: _tell(loop, told, news))
        )
        host.installer = who
        host.install(work)
        work.add_done_callback(lambda _done: told.put_nowait(None))
        while (news := await told.get()) is not None:
            await self._send(news)
        await self._send(_outcome(work))


_News: TypeAlias = "asyncio.Queue[Progress | None]"


def _tell(loop: asyncio.AbstractEventLoop, told: _News, news: Progress) -> None:
    # The thread may outlive the loop by the time that a node takes to answer.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(told.put_nowait, news)


def _outcome(work: asyncio.Task[Installed]) -> Answer:
    error = work.exception()
    if isinstance(error, MixedModeError):
        return failure_of(error)
    if error is not None:
        _log.error("installing a CTL file failed", exc_info=error)
        return Failure("internal", "the CTL Provider failed", next_step="look at its log, and at show ctl on each node")
    return work.result()
