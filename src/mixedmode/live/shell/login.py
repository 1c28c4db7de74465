"""The login to a node's SSH: host key, one password, and nothing typed at any other question.

Rules:

1. The host key must be in the file of host keys; a password goes to no host whose key is not known, or is another one.
2. A password is given once, by whichever way the node asks for it (``password`` or keyboard-interactive): nodes lock
   accounts that fail too often.
3. What else a node asks at its login, such as a new password for one that has expired, is nobody's to answer here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from mixedmode.causes import why_no_connection
from mixedmode.errors import CheckFailedError, MalformedError, MixedModeError, RemoteError, UsageError
from mixedmode.live.shell.prompt import Patience, UnexpectedPromptError
from mixedmode.pki.files import read_key_file
from mixedmode.printable import one_line

_SHOWN: Final = 300
_PASSWORD: Final = re.compile(
    r"(?!.{0,99}\b(?:new|change|changing|again|retype|old|current|confirm|repeat)\b)"
    r".{0,99}pass(?:word|code)(?: for [^ ]{1,80})?\W{0,9}",
    re.IGNORECASE,
)
"""What a login asks with, and nothing else, where it asks by keyboard-interactive alone."""


@dataclass(frozen=True, slots=True)
class SshAccount:
    """Who logs in where.

    Attributes:
        host: Name or address.
        port: TCP port.
        user: The platform account.
        known_hosts: The file of host keys (rule 1).
        password: A secret; None if a key is used.
        key_file: Of a private key; None if a password is used.
    """

    host: str
    port: int
    user: str
    known_hosts: Path
    password: str | None = field(default=None, repr=False)
    key_file: Path | None = None

    @property
    def where(self) -> str:
        """For people."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == 22 else f"{host}:{self.port}"


async def connected(account: SshAccount, patience: Patience) -> Any:
    """Log in; return the connection of asyncssh.

    Raises:
        CheckFailedError: The host key is not known, or is another one; or the node asks something else than a password.
        UsageError: The login was refused, or the key file cannot be used.
        RemoteError: The node does not answer.
    """
    import asyncssh

    shown: list[Any] = []
    asked: list[str] = []

    known = _known(account)
    options: dict[str, Any] = {"client_keys": [str(account.key_file)] if account.key_file else None}
    try:
        return await asyncssh.connect(
            account.host,
            account.port,
            client_factory=lambda: _client(account, shown, asked),
            username=account.user,
            known_hosts=known,
            config=None,
            agent_path=None,
            connect_timeout=patience.login,
            login_timeout=patience.login,
            keepalive_interval=30,
            **options,
        )
    except asyncssh.HostKeyNotVerifiable as error:
        raise _not_trusted(account, known[0], shown, error) from error
    except asyncssh.PermissionDenied as error:
        raise _refused(account, asked) from error
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
        raise UsageError(
            "the key cannot be used", where=str(account.key_file), why=one_line(str(error)), next_step="name another"
        ) from error
    except (asyncssh.Error, OSError, ValueError) as error:  # asyncssh lets packets that are none be ValueErrors
        raise lost(account, error) from error


def _client(account: SshAccount, shown: list[Any], asked: list[str]) -> Any:
    """Return what asyncssh tells of a login; what was shown and asked is added to the lists."""
    import asyncssh

    class Client(asyncssh.SSHClient):
        def __init__(self) -> None:
            self._password = account.password

        def validate_host_public_key(self, host: str, addr: str, port: int, key: Any) -> bool:
            shown.append(key)
            return False

        def password_auth_requested(self) -> str | None:
            password, self._password = self._password, None
            return password

        def password_change_requested(self, prompt: str, lang: str) -> Any:
            asked.append(prompt)
            return NotImplemented

        def kbdint_auth_requested(self) -> str | None:
            return None if self._password is None else ""

        def kbdint_challenge_received(
            self, name: str, instructions: str, lang: str, prompts: Sequence[tuple[str, bool]]
        ) -> list[str] | None:
            if not prompts:
                return []  # only something to read
            (text, echo), *more = prompts
            password = None
            if not echo and not more and _PASSWORD.fullmatch(text):
                password = self.password_auth_requested()
            if password is None:
                asked.append(" ".join(filter(None, (name, instructions, *(each for each, _ in prompts)))))
            return None if password is None else [password]

    return Client()


def _refused(account: SshAccount, asked: list[str]) -> MixedModeError:
    where = f"{account.user}@{account.where}"
    if asked:
        return UnexpectedPromptError(
            "the node asks something else than a password at its login: it was not answered",
            where=where,
            why=f"it asks: {one_line(asked[-1])[:_SHOWN]}",
            next_step="log in yourself and answer it (a password that has expired is changed there), then begin again",
        )
    return UsageError(
        "the login was refused",
        where=where,
        next_step="check the platform account and its password, then begin again; it was tried once, because"
        " nodes lock accounts that fail too often",
    )


def _known(account: SshAccount) -> tuple[Any, ...]:
    import asyncssh

    if not account.known_hosts.is_file():
        return ([], [], [], [], [], [], [])
    try:
        port = account.port if account.port != 22 else None
        found: tuple[Any, ...] = asyncssh.match_known_hosts(read_key_file(account.known_hosts), account.host, "", port)
    except (ValueError, OSError) as error:
        raise MalformedError(
            "the file of host keys cannot be read", where=str(account.known_hosts), why=one_line(str(error))
        ) from error
    return found


def _not_trusted(account: SshAccount, known: Any, shown: list[Any], error: Exception) -> CheckFailedError:
    changed = "the SSH host key is another one than before" if known else "the SSH host key is not known"
    prints = ", ".join(each.get_fingerprint() for each in known)
    instead = f"{prints} is known" if known else "no key of this host is"
    why = f"{instead}; it shows {shown[0].get_fingerprint()}" if shown else one_line(str(error))
    scan = f"ssh-keyscan -p {account.port} {account.host} >> {account.known_hosts}"
    return CheckFailedError(
        changed,
        where=account.where,
        why=why,
        next_step="no password was sent. Compare the fingerprint at the node's console"
        + (", remove the old line of it from the file," if known else "")
        + f" then: {scan}",
        code="host-key",
    )


def lost(account: SshAccount, error: Exception) -> MixedModeError:
    """Return what is to be said of a node that does not answer."""
    why, step = why_no_connection(error) if isinstance(error, OSError | UnicodeError) else (one_line(str(error)), None)
    return RemoteError(
        "the node's SSH does not answer",
        where=account.where,
        why=why or type(error).__name__,
        next_step=step or "check the address, the port and that the node runs",
    )
