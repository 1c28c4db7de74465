"""The CTL Client's side of the CTL Provider: connect, log in, ask what the cluster is, hand over a signed list.

::

    async with ProviderClient(host, 2444, KnownProviders(path, ask)) as client:
        await client.login(user, password)
        cluster = await client.describe()
        data = client_list(cluster, tokens, signer, target_mode(cluster, action))
        done = await client.install(data, action, told=print)

Rules:

1. Nothing is said before the provider's certificate was found right (:mod:`.known`).
2. Every wait has its deadline. When the connection is lost while a list is being installed, it is installed everywhere
   or nowhere: look at :meth:`ProviderClient.describe` again.
3. What the provider refuses is a :class:`RefusedError` with its own words; nothing was changed then.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from time import monotonic
from types import TracebackType
from typing import Final, Protocol, Self, TypeVar

from mixedmode.causes import place, why_no_connection
from mixedmode.errors import CheckFailedError, RemoteError, RemoteProtocolError, UsageError
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.protocols.ctlprovider import (
    VERSION,
    Accepted,
    Action,
    Answer,
    Authenticate,
    ClientConnection,
    Describe,
    Description,
    Failure,
    Hello,
    Install,
    Installed,
    Progress,
    Request,
    Welcome,
)

_READ_BYTES: Final = 65536
_KIND_FAILED: Final = 3
_ASKED_SECONDS: Final = 5.0
"""Whoever decides about a certificate for longer is a person; meanwhile the time to log in has run."""

T = TypeVar("T", bound=Answer)


class RefusedError(CheckFailedError):
    """The provider refused, in its own words; nothing was changed."""

    default_code = "refused"


class LoginRefusedError(RefusedError):
    """User name or password is wrong, or the account is locked for a while."""

    default_code = "login"


class TokenRefusedError(RefusedError):
    """The token that signed is not in the present CTL file: insert another one."""

    default_code = "token-not-in-ctl"


class ProviderFailedError(RemoteError):
    """The provider could not do it: busy, a node or the database failed."""

    default_code = "provider"


_REFUSALS: Final[dict[str, type[RefusedError]]] = {
    kind.default_code: kind for kind in (LoginRefusedError, TokenRefusedError)
}


class TrustCheck(Protocol):
    """Decides whether a provider's certificate is right: ``KnownProviders`` or ``GivenCertificates``."""

    def check(self, host: str, port: int, certificate: Certificate, /) -> None:
        """Return if it is.

        Raises:
            MixedModeError: It is not.
        """


class ProviderClient:
    """A connection to a CTL Provider.

    Args:
        host: Name or address of the node.
        port: TCP port.
        trust: Decides about the provider's certificate.
        name: What the provider's log calls this client.
        connect_seconds: For the connection and the handshake.
        answer_seconds: For an answer; a wrong login is answered late.
        install_seconds: For each node's result and the end of an installation.

    Attributes:
        node: The node's name, once connected.
        certificate: What the provider showed.
    """

    def __init__(
        self,
        host: str,
        port: int,
        trust: TrustCheck,
        *,
        name: str = "mixedmode",
        connect_seconds: float = 10.0,
        answer_seconds: float = 30.0,
        install_seconds: float = 300.0,
    ) -> None:
        self.node = ""
        self.certificate: Certificate | None = None
        self._place = (host, port)
        self._trust = trust
        self._name = name
        self._seconds = (connect_seconds, answer_seconds, install_seconds)
        self._machine = ClientConnection()
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._waiting: list[Answer] = []

    async def __aenter__(self) -> Self:
        """Connect."""
        await self.connect()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        await self.close()

    async def connect(self) -> None:
        """Connect and see that it is the right provider (rule 1).

        Raises:
            RemoteError: Nobody answers there, or not with TLS.
            CheckFailedError: The certificate is not one to trust.
            RemoteProtocolError: It is no CTL Provider.
        """
        host, port = self._place
        try:
            shown, begun = await self._open(), monotonic()
            # The administrator may be asked: in this thread, because only here does Ctrl-C end the question.
            self._trust.check(host, port, shown)
            if monotonic() - begun > _ASKED_SECONDS:
                # Comparing a fingerprint takes its time, and a provider soon closes who does not log in.
                await self.close()
                again = await self._open()
                if again != shown:
                    self._trust.check(host, port, again)
            self.node = (await self._ask(Hello(VERSION, self._name), Welcome)).node
        except BaseException:
            await self.close()
            raise

    async def _open(self) -> Certificate:
        """Open the connection; return what the provider shows."""
        host, port = self._place
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        # The certificate is compared below, whatever OpenSSL thinks of self-signed ones and old key lengths.
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_ciphers("DEFAULT:@SECLEVEL=1")
        try:
            async with asyncio.timeout(self._seconds[0]):
                reader, writer = await asyncio.open_connection(host, port, ssl=context)
        except (OSError, UnicodeError) as error:
            problem = why_no_connection(error)[0]
            raise RemoteError(
                f"no CTL Provider answers: {problem}",
                where=place(host, port),
                next_step="check that the service Cisco CTL Provider is started on that node (port 2444)",
            ) from error
        self._streams, self._machine = (reader, writer), ClientConnection()
        shown = Certificate.from_der(writer.get_extra_info("ssl_object").getpeercert(binary_form=True) or b"")
        self.certificate = shown
        return shown

    async def login(self, user: str, password: str) -> int:
        """Log in; return the account's privilege level.

        Raises:
            LoginRefusedError: User name or password is wrong; try again, after three times on a new connection.
            RefusedError: The account's level is too low.
            ProviderFailedError: The provider could not tell.
        """
        return (await self._ask(Authenticate(user, password), Accepted)).level

    async def describe(self) -> Description:
        """Return what the cluster is now.

        Raises:
            ProviderFailedError: The provider could not tell.
        """
        return await self._ask(Describe(), Description)

    async def install(
        self,
        ctl: bytes,
        action: Action,
        *,
        phones_cleared: bool = False,
        told: Callable[[Progress], None] = lambda _progress: None,
    ) -> Installed:
        """Hand over a signed list.

        Args:
            ctl: The file; :func:`.lists.client_list` makes it.
            action: What shall become of the cluster's mode.
            phones_cleared: The administrator deletes the CTL file on every phone by hand, so the signer may be new.
            told: Told each node's result as it comes.

        Returns:
            The results of all nodes, what changed, and what to restart.

        Raises:
            TokenRefusedError: The present CTL file does not know the token that signed.
            RefusedError: The list may not be this cluster's CTL, or something must be put right first.
            ProviderFailedError: Somebody else is installing, or a step failed; the old list is on every node.
            RemoteProtocolError: The connection was lost (rule 2).
        """
        return await self._ask(Install(action, ctl, phones_cleared), Installed, self._seconds[2], told)

    async def close(self) -> None:
        """Close the connection. Closing twice does no harm."""
        self._machine.close()
        if self._streams is None:
            return
        _, writer = self._streams
        self._streams = None
        writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(self._seconds[0]):
                await writer.wait_closed()

    async def _ask(
        self,
        request: Request,
        kind: type[T],
        seconds: float | None = None,
        told: Callable[[Progress], None] = lambda _progress: None,
    ) -> T:
        if self._streams is None:
            raise UsageError("there is no connection to the CTL Provider", next_step="connect first")
        _, writer = self._streams
        self._waiting += self._machine.receive(b"", monotonic())
        self._machine.send(request, monotonic())
        try:
            writer.write(self._machine.bytes_to_send())
            while True:
                answer = await self._next(self._seconds[1] if seconds is None else seconds)
                if isinstance(answer, Progress):
                    told(answer)
                elif isinstance(answer, Failure):
                    raise self._error(answer)
                elif isinstance(answer, kind):
                    return answer
        except OSError as error:
            self._machine.close()
            slow = isinstance(error, TimeoutError)
            raise RemoteProtocolError(
                "the CTL Provider did not answer in time" if slow else "the connection to the CTL Provider was lost",
                where=self._where,
                why=str(error) or None,
                next_step="connect again and look at the present CTL file before trying once more",
                code="ctlprovider-closed",
            ) from error

    async def _next(self, seconds: float) -> Answer:
        while not self._waiting:
            if self._streams is None:
                raise ConnectionAbortedError
            async with asyncio.timeout(seconds):
                data = await self._streams[0].read(_READ_BYTES)
            self._waiting += self._machine.receive(data or None, monotonic())
        return self._waiting.pop(0)

    @property
    def _where(self) -> str:
        return f"{self._place[0]}:{self._place[1]}"

    def _error(self, answer: Failure) -> CheckFailedError | RemoteError:
        kind = ProviderFailedError if answer.kind == _KIND_FAILED else _REFUSALS.get(answer.code, RefusedError)
        where = answer.where or self._where
        return kind(answer.text, where=where, why=answer.why, next_step=answer.next_step, code=answer.code)
