"""Tells a web address by POST, JSON (an HTTPS server's certificate is verified; there is no switch for that).

Rules:

1. Three tries, the second and third a little later; an answer of 4xx other than 408, 425 and 429 is no reason to try
   again. Each try is bounded, and so is what is read of the answer.
2. A redirect is not followed: it would take the message to where nobody said that it may go.
3. Plain HTTP goes to this machine only.
4. The address may hold a secret: messages and errors name its host alone.
"""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from mixedmode.errors import RemoteError, UsageError
from mixedmode.live.wire.clock import Clock
from mixedmode.live.wire.tls import ended_after

TRIES: Final = (0.0, 2.0, 10.0)
"""Seconds before each try."""
SECONDS: Final = 10.0
_LONGEST_ANSWER: Final = 64 << 10
_AGAIN: Final = frozenset({408, 425, 429})


def refusal(attempt: Callable[[], tuple[str, bool]], clock: Clock) -> str:
    """Try as often as :data:`TRIES` has pauses; return why the last try failed, empty if one did not.

    Args:
        attempt: Returns why it failed, empty if it did not, and whether another try would fail as well.
        clock: Waits before each try.
    """
    why = ""
    for pause in TRIES:
        if pause:
            clock.sleep(pause)
        why, for_good = attempt()
        if not why or for_good:
            break
    return why


@dataclass(frozen=True, slots=True)
class Webhook:
    """A web address that is told.

    Attributes:
        host: Its host.
        port: Its port.
        target: Path and query.
        tls: How the server is verified; None for plain HTTP to this machine.
    """

    host: str
    port: int
    target: str
    tls: ssl.SSLContext | None

    @property
    def name(self) -> str:
        """Its name in messages (rule 4)."""
        return f"webhook {self.host}:{self.port}"

    def tell(self, message: Mapping[str, Any], clock: Clock) -> None:
        """Send a message.

        Raises:
            RemoteError: No try succeeded.
        """
        body = json.dumps(message).encode()

        def attempt() -> tuple[str, bool]:
            try:
                status = self._post(body)
            except TimeoutError:
                return f"no answer within {SECONDS:g} s", False
            except (OSError, http.client.HTTPException, ValueError) as error:
                return str(error) or type(error).__name__, False
            if 200 <= status < 300:
                return "", True
            return f"HTTP status {status}", status < 500 and status not in _AGAIN

        if why := refusal(attempt, clock):
            raise RemoteError("the message was not taken", where=self.name, why=why)

    def _post(self, body: bytes) -> int:
        connection: http.client.HTTPConnection
        if self.tls is None:
            connection = http.client.HTTPConnection(self.host, self.port, timeout=SECONDS)
        else:
            connection = http.client.HTTPSConnection(self.host, self.port, timeout=SECONDS, context=self.tls)
        try:
            headers = {"Content-Type": "application/json", "User-Agent": "mixedmode-watch", "Connection": "close"}
            connection.connect()
            with ended_after(connection.sock, SECONDS):
                connection.request("POST", self.target, body, headers)
                response = connection.getresponse()
                response.read(_LONGEST_ANSWER)
                return response.status
        finally:
            connection.close()


def webhook_of(url: str, ca: Path | None = None) -> Webhook:
    """Return the webhook of an address.

    Args:
        url: ``https://``; ``http://`` for this machine only.
        ca: PEM file of the authorities that are believed; None is the system's.

    Raises:
        UsageError: It is none, or would send in clear text to another machine.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port, parts = "", None, urlsplit("")
    if (
        not host
        or parts.scheme not in {"https", "http"}
        or parts.username
        or not url.isascii()
        or not url.isprintable()
        or " " in url
    ):
        raise UsageError("the webhook is no web address", next_step="write https://host/path")
    if parts.scheme == "http" and not is_here(host):
        raise UsageError(
            f"the webhook would be told in clear text by {host}",
            next_step="use https://; http:// is for an address of this machine",
        )
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    tls = None
    if parts.scheme == "https":
        try:
            tls = ssl.create_default_context(cafile=None if ca is None else str(ca))
        except OSError as error:
            raise UsageError("the authorities cannot be read", where=str(ca), why=str(error)) from error
    return Webhook(host, port or (443 if tls else 80), target, tls)


def is_here(host: str) -> bool:
    """Return whether a host is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
