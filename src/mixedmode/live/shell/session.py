"""Logs in to a node's ``admin:`` prompt over SSH and runs commands there, one after the other.

Rules:

1. The host key must be in the file of host keys; a password goes to no host whose key is not known, or is another one.
2. A login is tried once: a node locks accounts that fail too often.
3. What may be typed and answered is decided by :mod:`.prompt`; after any surprise the session is closed, and nothing is
   typed any more. A question that was left open is thereby a no.
"""

from __future__ import annotations

import asyncio
import codecs
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from mixedmode.causes import why_no_connection
from mixedmode.errors import CheckFailedError, MalformedError, MixedModeError, RemoteError, UsageError
from mixedmode.live.shell.prompt import Asked, Done, Patience, Prompt, Said, Send
from mixedmode.live.shell.questions import Question, seconds_for
from mixedmode.printable import one_line

Decide = Callable[[Question, str], Awaitable[str | None]]
"""Answers a question that the node asks, given its text; None leaves it."""
_READ_BYTES: Final = 1 << 15
_TERMINAL: Final[Mapping[str, Any]] = {"term_type": "vt100", "term_size": (500, 2000)}
"""So wide and high that neither lines are broken nor pages wait for a key, where a node goes by that."""
_CLOSE_SECONDS: Final = 5.0


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


class AdminShell:
    """A session; made by :meth:`open`.

    Args:
        account: Who and where.
        connection: Logged in.
        process: With a terminal.
        patience: How long and how much.
    """

    def __init__(self, account: SshAccount, connection: Any, process: Any, patience: Patience) -> None:
        self.account = account
        self._connection, self._process = connection, process
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._prompt = Prompt(account.where, self._now(), patience)
        self._usable = True

    @classmethod
    async def open(cls, account: SshAccount, patience: Patience | None = None) -> AdminShell:
        """Log in, and wait for the prompt.

        Raises:
            CheckFailedError: The host key is not known, or is another one; or the node asks something else.
            UsageError: The login was refused, or the key file cannot be used.
            RemoteError: The node does not answer, or its prompt does not come.
        """
        import asyncssh

        patience = patience or Patience()
        connection = await _connected(account, patience)
        shell: AdminShell | None = None
        try:
            process = await connection.create_process(encoding=None, stderr=asyncssh.STDOUT, **_TERMINAL)
            shell = cls(account, connection, process, patience)
            await shell._spoken([], None)
        except (asyncssh.Error, OSError) as error:
            connection.abort()
            raise _lost(account, error) from error
        except BaseException:
            if shell is not None:
                await shell.close()
            connection.abort()
            raise
        return shell

    async def run(
        self,
        line: str,
        answers: Mapping[str, str] | None = None,
        *,
        decide: Decide | None = None,
        seconds: float | None = None,
        secret: bool = False,
    ) -> tuple[str, ...]:
        """Type a command; return what it printed.

        Args:
            line: The command.
            answers: To its questions, by their names.
            decide: Asked for every other known question; None leaves those.
            seconds: That it may take; by default as its kind needs.
            secret: Whether the answers are secrets.

        Raises:
            UnexpectedPromptError: The node asks something else; nothing was typed there.
            NoPromptError: It did not end in time.
            ConnectionLostError: The session ended before it did.
        """
        if not self._usable:
            raise self._prompt.ended()
        said = self._prompt.type(line, self._now(), seconds or seconds_for(line), answers, secret)
        return await self._spoken(said, decide)

    @property
    def gone(self) -> bool:
        """Whether the session has ended."""
        return not self._usable or self._process.channel.is_closing()

    async def close(self) -> None:
        """Leave."""
        self._usable = False
        self._connection.abort()
        with contextlib.suppress(TimeoutError, OSError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._connection.wait_closed()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _spoken(self, said: list[Said], decide: Decide | None) -> tuple[str, ...]:
        """Speak until the prompt is back."""
        import asyncssh

        try:
            while True:
                for each in said:
                    match each:
                        case Send(text):
                            self._process.stdin.write(text.encode())
                        case Asked(question, text):
                            answer = None if decide is None else await decide(question, text)
                            said = self._prompt.answer(answer, self._now())
                            break
                        case Done(lines):
                            return lines
                else:
                    said = await self._heard()
        except (asyncssh.Error, OSError) as error:
            await self.close()
            raise self._prompt.ended() from error
        except BaseException:
            await self.close()
            raise

    async def _heard(self) -> list[Said]:
        """Return what comes of the next text, or of the time."""
        wait = self._prompt.due - self._now()
        # In a loop that is late the time is over before what has come meanwhile was looked at.
        await asyncio.sleep(0)
        try:
            async with asyncio.timeout(max(wait, 0)):
                data = await self._process.stdout.read(_READ_BYTES)
        except TimeoutError:
            return self._prompt.tick(self._now())
        if not data:
            raise self._prompt.ended()
        return self._prompt.received(self._decoder.decode(data), self._now())

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


async def _connected(account: SshAccount, patience: Patience) -> Any:
    import asyncssh

    shown: list[Any] = []

    class Watcher(asyncssh.SSHClient):
        def validate_host_public_key(self, host: str, addr: str, port: int, key: Any) -> bool:
            shown.append(key)
            return False

    known = _known(account)
    options: dict[str, Any] = {"client_keys": [str(account.key_file)] if account.key_file else None}
    try:
        return await asyncssh.connect(
            account.host,
            account.port,
            client_factory=Watcher,
            username=account.user,
            password=account.password,
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
        raise UsageError(
            "the login was refused",
            where=f"{account.user}@{account.where}",
            next_step="check the platform account and its password, then begin again; it was tried once, because"
            " nodes lock accounts that fail too often",
        ) from error
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
        raise UsageError(
            "the key cannot be used", where=str(account.key_file), why=one_line(str(error)), next_step="name another"
        ) from error
    except (asyncssh.Error, OSError, UnicodeError) as error:
        raise _lost(account, error) from error


def _known(account: SshAccount) -> tuple[Any, ...]:
    import asyncssh

    if not account.known_hosts.is_file():
        return ([], [], [], [], [], [], [])
    try:
        port = account.port if account.port != 22 else None
        found: tuple[Any, ...] = asyncssh.match_known_hosts(str(account.known_hosts), account.host, "", port)
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


def _lost(account: SshAccount, error: Exception) -> MixedModeError:
    why, step = why_no_connection(error) if isinstance(error, OSError | UnicodeError) else (one_line(str(error)), None)
    return RemoteError(
        "the node's SSH does not answer",
        where=account.where,
        why=why or type(error).__name__,
        next_step=step or "check the address, the port and that the node runs",
    )
