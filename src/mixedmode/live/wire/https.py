"""HTTP/1.1 to one server, bounded in bytes and time; every request passes the allow-list at the socket.

Rules:

1. What is checked is what is sent: nothing is added afterwards.
2. A login goes only to a server that was recognised (:mod:`mixedmode.live.wire.tls`), and never again once it was
   refused: three more guesses would lock the account.
3. One connection is kept and used again; one that was closed meanwhile is opened anew, once. Redirects are not
   followed.
4. The deadline is for a request and its whole answer: a server that sends a byte now and then cannot hold it up.
"""

from __future__ import annotations

import base64
import http.client
import io
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from mixedmode import __version__
from mixedmode.causes import place as place_text
from mixedmode.causes import why_no_connection
from mixedmode.errors import RemoteError, RemoteProtocolError
from mixedmode.live.allowed.requests import HttpRequest, Place, check_request
from mixedmode.live.wire.tls import Trust, open_tls, open_unchecked

HTTPS_SECONDS: Final = 60.0
LIMIT: Final = 16 << 20
"""Bytes of an answer; AXL's own limit is 8 MB."""
_CONNECT_SECONDS: Final = 10.0
_PIECE: Final = 1 << 16
_UNAUTHORISED: Final = 401


@dataclass(slots=True)
class Credentials:
    """Who logs in.

    Attributes:
        user: The name.
        password: The secret.
        refused: Whether a server refused it; then it is not tried again.
    """

    user: str
    password: str
    refused: bool = False

    def __repr__(self) -> str:
        """Return it without the secret."""
        return f"Credentials({self.user!r})"


class LoginRefusedError(RemoteError):
    """The server does not accept who logs in."""

    default_code = "login"


@dataclass(frozen=True, slots=True)
class Response:
    """An answer.

    Attributes:
        status: Of HTTP.
        fields: Of its head, names in lower case.
        body: Its bytes.
    """

    status: int
    fields: Mapping[str, str]
    body: bytes


class Web:
    """One server.

    Args:
        place: What it is.
        address: Where.
        port: TCP.
        trust: Whom to believe; None speaks TLS with whoever is there.
        names: What its certificate may be for, besides its address.
        login: Who logs in; not without ``trust``.
        tls: Whether to speak TLS at all.
        seconds: For a request and its answer.
    """

    def __init__(
        self,
        place: Place,
        address: str,
        port: int,
        *,
        trust: Trust | None = None,
        names: tuple[str, ...] = (),
        login: Credentials | None = None,
        tls: bool = True,
        seconds: float = HTTPS_SECONDS,
    ) -> None:
        self.place, self.address, self.port, self.seconds = place, address, port, seconds
        self._trust, self._names = trust, (*names, address)
        self._login = login if trust is not None and tls else None
        self._tls = tls
        self._connection: http.client.HTTPConnection | None = None
        self._timed: _Timed | None = None

    def get(self, target: str, *, limit: int = LIMIT) -> Response:
        """Ask for an address; see :meth:`send`."""
        return self.send(HttpRequest(self.place, "GET", target, self._fields()), limit=limit)

    def post(self, target: str, action: str, body: bytes, *, limit: int = LIMIT) -> Response:
        """Send an envelope; see :meth:`send`.

        Args:
            target: The service.
            action: The field ``SOAPAction``, without quotation marks.
            body: The envelope.
            limit: Bytes of the answer.
        """
        more = {
            "content-type": "text/xml; charset=utf-8",
            "soapaction": f'"{action}"',
            "content-length": str(len(body)),
        }
        return self.send(HttpRequest(self.place, "POST", target, {**self._fields(), **more}, body), limit=limit)

    def send(self, request: HttpRequest, *, limit: int = LIMIT) -> Response:
        """Send a request and return its answer, whatever the status.

        Raises:
            NotAllowedError: It is not on the allow-list; nothing was sent.
            LoginRefusedError: Who logs in is not accepted.
            RemoteError: There is no answer, or not within the bounds.
        """
        self._check(request)
        if self._login is not None and self._login.refused:
            raise self._refused()
        again = self._connection is not None
        try:
            response = self._exchange(request, limit)
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError, ssl.SSLEOFError) as error:
            if not again:
                raise self._failed(error) from error
            try:
                response = self._exchange(request, limit)
            except (OSError, http.client.HTTPException) as second:
                raise self._failed(second) from second
        except (OSError, UnicodeError, http.client.HTTPException) as error:
            raise self._failed(error) from error
        if response.status == _UNAUTHORISED and self._login is not None:
            self._login.refused = True
            raise self._refused()
        return response

    def _check(self, request: HttpRequest) -> None:
        """Check that a request may be sent: it only reads.

        Raises:
            NotAllowedError: It may do something else.
        """
        check_request(request)

    def close(self) -> None:
        """End the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _fields(self) -> dict[str, str]:
        fields = {
            "host": place_text(self.address, self.port),
            "user-agent": f"mixedmode/{__version__}",
            "accept": "*/*",
        }
        if self._login is not None:
            text = f"{self._login.user}:{self._login.password}".encode()
            fields["authorization"] = f"Basic {base64.b64encode(text).decode()}"
        return fields

    def _exchange(self, request: HttpRequest, limit: int) -> Response:
        connection = self._connection or self._opened()
        self._connection = None  # until the answer is whole, it is no good for another request
        try:
            if self._timed is not None:
                self._timed.until = time.monotonic() + self.seconds
            connection.putrequest(request.method, request.target, skip_host=True, skip_accept_encoding=True)
            for name, value in request.fields.items():
                connection.putheader(name, value)
            connection.endheaders(request.body or None)
            answer = connection.getresponse()
            fields = {name.lower(): value for name, value in answer.getheaders()}
            body = self._body(answer, fields, limit)
        except BaseException:
            connection.close()
            if self._timed is not None:
                self._timed.end()
            raise
        if answer.will_close:
            connection.close()
        else:
            self._connection = connection
        return Response(answer.status, fields, body)

    def _body(self, answer: http.client.HTTPResponse, fields: Mapping[str, str], limit: int) -> bytes:
        if fields.get("content-encoding", "identity").lower() != "identity":
            raise RemoteProtocolError(f"the answer is packed: {fields['content-encoding']}", where=self.where)
        pieces, size = [], 0
        while piece := answer.read1(min(_PIECE, limit + 1 - size)):
            pieces.append(piece)
            size += len(piece)
            if size > limit:
                raise RemoteProtocolError(f"the answer has over {limit} bytes", where=self.where, code="too-large")
        if answer.length:
            raise http.client.IncompleteRead(b"", answer.length)
        answer.close()
        return b"".join(pieces)

    def _opened(self) -> http.client.HTTPConnection:
        seconds = min(_CONNECT_SECONDS, self.seconds)
        if not self._tls:
            plain: socket.socket = socket.create_connection((self.address, self.port), timeout=seconds)
        elif self._trust is None:
            plain = open_unchecked(self.address, self.port, self._names, seconds)
        else:
            plain = open_tls(self.address, self.port, self._trust, self._names, seconds)
        connection = http.client.HTTPConnection(self.address, self.port)
        connection.auto_open = 0
        connection.sock = self._timed = _Timed(plain)
        return connection

    @property
    def where(self) -> str:
        """Address and port, for messages."""
        return place_text(self.address, self.port)

    def _failed(self, error: Exception) -> RemoteError:
        if isinstance(error, TimeoutError):
            return RemoteError(f"no answer within {self.seconds:g} s", where=self.where, code="timeout")
        if isinstance(error, http.client.RemoteDisconnected):
            return RemoteError("the connection was closed without an answer", where=self.where)
        if isinstance(error, http.client.IncompleteRead):
            return RemoteProtocolError("the answer was cut off", where=self.where)
        if isinstance(error, http.client.HTTPException):
            return RemoteProtocolError("the answer is no HTTP", where=self.where, why=type(error).__name__)
        if isinstance(error, ssl.SSLError):
            return RemoteError("no TLS connection", where=self.where, why=error.reason or str(error), code="tls")
        words, step = why_no_connection(error) if isinstance(error, (OSError, UnicodeError)) else (str(error), None)
        return RemoteError(f"it cannot be reached: {words}", where=self.where, next_step=step, code="unreachable")

    def _refused(self) -> LoginRefusedError:
        user = self._login.user if self._login is not None else ""
        return LoginRefusedError(
            f"the login of {user} was refused",
            where=self.where,
            next_step="check user and password in CLUSTER.toml, and the roles of the account; it is not tried again, "
            "lest the account is locked",
        )


class _Timed:
    """A socket with one moment by which everything is to be over, in place of a time for each byte.

    Args:
        plain: The socket.

    Attributes:
        until: That moment, of the monotonic clock.
    """

    def __init__(self, plain: socket.socket) -> None:
        self._plain = plain
        self._readers = 0
        self._closed = False
        self.until = float("inf")

    def sendall(self, data: Any) -> None:
        """Send everything."""
        view = memoryview(data)
        while view:
            self._hurry()
            view = view[self._plain.send(view) :]

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return what reads from it."""
        self._readers += 1
        return io.BufferedReader(_TimedReader(self), _PIECE)

    def receive(self, buffer: Any) -> int:
        """Receive into a buffer."""
        self._hurry()
        return self._plain.recv_into(buffer)

    def close(self) -> None:
        """Close it once nothing reads from it: of an answer that ends the connection the body is still to come."""
        self._closed = True
        if not self._readers:
            self._plain.close()

    def release(self) -> None:
        """Note that one reader is done."""
        self._readers -= 1
        if self._closed:
            self.close()

    def end(self) -> None:
        """Close it, whoever reads."""
        self._plain.close()

    def _hurry(self) -> None:
        left = self.until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._plain.settimeout(left)


class _TimedReader(io.RawIOBase):
    def __init__(self, timed: _Timed) -> None:
        self._timed = timed

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._timed.receive(buffer)

    def close(self) -> None:
        if not self.closed:
            self._timed.release()
        super().close()
