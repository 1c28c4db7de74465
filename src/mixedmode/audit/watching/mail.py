"""Tells people by mail, over SMTP with STARTTLS, or TLS from the beginning on port 465 (certificates are verified).

A server on this machine may be spoken to in clear text; no other, and a password goes through TLS alone.
"""

from __future__ import annotations

import re
import smtplib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from pathlib import Path
from typing import Any, Final

from mixedmode.audit.watching.webhook import is_here, refusal
from mixedmode.errors import RemoteError, UsageError
from mixedmode.live.wire.clock import Clock
from mixedmode.live.wire.tls import ended_after
from mixedmode.numbers import whole_number
from mixedmode.printable import printable_block

SECONDS: Final = 20.0
_TLS_PORT: Final = 465
_ADDRESS: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
"""As browsers have it: names in quotes are for nobody who watches a cluster."""


class _Bounded(smtplib.SMTP):
    """A connection whose answers have a last line, or an end."""

    def getreply(self) -> tuple[int, bytes]:
        """Return the server's answer."""
        if self.sock is None:
            return super().getreply()
        with ended_after(self.sock, SECONDS):
            return super().getreply()


class _BoundedTls(_Bounded, smtplib.SMTP_SSL):
    """The same with TLS from the beginning."""


@dataclass(frozen=True, slots=True)
class Mail:
    """Who is told by mail, and through whom.

    Attributes:
        to: Addresses.
        sender: The address that it comes from.
        host: The server.
        port: Its port.
        user: Who logs in; empty if nobody does.
        password: The password; never printed.
        ca: PEM file of the authorities that are believed; None is the system's.
    """

    to: tuple[str, ...]
    sender: str
    host: str = "localhost"
    port: int = 25
    user: str = ""
    password: str = ""
    ca: Path | None = None

    def __repr__(self) -> str:
        return f"<Mail to {', '.join(self.to)} by {self.host}:{self.port}>"

    @property
    def name(self) -> str:
        """Its name in messages."""
        return f"mail {', '.join(self.to)}"

    def tell(self, message: Mapping[str, Any], clock: Clock) -> None:
        """Send a message.

        Raises:
            RemoteError: No try succeeded.
        """
        mail = self._message(message, clock)

        def attempt() -> tuple[str, bool]:
            try:
                self._send(mail)
            except TimeoutError:
                return f"no answer within {SECONDS:g} s", False
            except smtplib.SMTPResponseException as error:
                return f"SMTP {error.smtp_code} {error.smtp_error!r}", error.smtp_code >= 500
            except (OSError, smtplib.SMTPException, ValueError) as error:
                return str(error) or type(error).__name__, False
            return "", True

        if why := refusal(attempt, clock):
            raise RemoteError("the mail was not taken", where=f"{self.name} by {self.host}:{self.port}", why=why)

    def _message(self, message: Mapping[str, Any], clock: Clock) -> EmailMessage:
        mail = EmailMessage()
        mail["From"], mail["To"] = self.sender, ", ".join(self.to)
        subject = str(message["subject"])
        mail["Subject"] = f"mixedmode: {''.join(each if each.isprintable() else '?' for each in subject)}"
        mail["Date"] = format_datetime(clock.now())
        mail["Message-ID"] = make_msgid(domain=self.sender.rpartition("@")[2] or None)
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(printable_block(str(message["text"])).encode("utf-8", "backslashreplace").decode() + "\n")
        return mail

    def _send(self, mail: EmailMessage) -> None:
        context = ssl.create_default_context(cafile=None if self.ca is None else str(self.ca))
        server: smtplib.SMTP
        if self.port == _TLS_PORT:
            server = _BoundedTls(self.host, self.port, timeout=SECONDS, context=context)
        else:
            server = _Bounded(self.host, self.port, timeout=SECONDS)
        with server:
            server.ehlo()
            if self.port != _TLS_PORT and (server.has_extn("starttls") or self.user or not is_here(self.host)):
                server.starttls(context=context)
                server.ehlo()
            if self.user:
                server.login(self.user, self.password)
            server.send_message(mail)


def mail_of(
    to: list[str], sender: str, server: str, user: str = "", password: str = "", ca: Path | None = None
) -> Mail:
    """Return who is told by mail.

    Args:
        to: Addresses.
        sender: The address that it comes from; empty takes the first of ``to``.
        server: ``host`` or ``host:port``.
        user: Who logs in.
        password: The password.
        ca: PEM file of the authorities that are believed.

    Raises:
        UsageError: An address or the server is none.
    """
    for each in (*to, *([sender] if sender else [])):
        if not _ADDRESS.fullmatch(each):
            raise UsageError(f"{each!r} is no mail address", next_step="write name@host")
    host, _, port = server.rpartition(":") if ":" in server and not server.endswith("]") else (server, "", "25")
    host = host.strip("[]")
    number = whole_number(port) or 0
    if not host or not host.isprintable() or " " in host or not 0 < number < 1 << 16:
        raise UsageError(f"{server!r} is no mail server", next_step="write host or host:port")
    return Mail(tuple(to), sender or to[0], host, number, user, password, ca)
