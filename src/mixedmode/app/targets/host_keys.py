"""Whether a node's SSH host key is the right one, and what to do about one that is unknown or has changed.

Rules:

1. A key that the lab or the file of host keys names is right. Any other is shown to the administrator with the one
   that was known, and taken after a yes: whoever replaces a node's key need not edit a file.
2. Whoever cannot be asked names the fingerprint that is right; then no other key is taken.
3. What was agreed to is noted in the file, in place of the lines that named the host before. Patterns, certificate
   authorities and revoked keys are left alone.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import asyncssh

from mixedmode.errors import CheckFailedError, MalformedError, RemoteError
from mixedmode.faces.terminal.console import say
from mixedmode.pki.ask import ask_yes, is_terminal
from mixedmode.pki.files import read_key_file, write_atomic
from mixedmode.services.ssh.known_hosts import known_hosts_file
from mixedmode.services.ssh.ssh_keys import fingerprint, parse_public

TrustedKeys = tuple[Sequence[Any], ...]
"""As the SSH client takes them: host keys, keys of authorities, revoked keys, and the same of X.509."""
STANDARD_PORT = 22


class Host(Protocol):
    """Where somebody logs in."""

    @property
    def host(self) -> str:
        """Name or address."""

    @property
    def port(self) -> int:
        """TCP port."""

    @property
    def where(self) -> str:
        """Both, for people."""

    @property
    def known_hosts(self) -> Path | None:
        """The file of host keys; None is the user's own."""

    @property
    def host_key(self) -> str | None:
        """The key, where a lab names it."""


class HostKeys:
    """The host keys of one place.

    Args:
        target: The place.
        accepted: The fingerprint that it must show (rule 2), such as ``SHA256:...``.

    Raises:
        MalformedError: The lab's key, or a line of the file, cannot be read.
    """

    def __init__(self, target: Host, accepted: str | None = None) -> None:
        self._target = target
        self._accepted = accepted
        self._file = known_hosts_file(target.known_hosts)
        self._shown: asyncssh.SSHKey | None = None
        self._known: Sequence[asyncssh.SSHKey] = ()
        if accepted is not None:
            self.trusted: TrustedKeys = _only()
        elif target.host_key is not None:
            key = parse_public(target.host_key)
            if key is None:
                raise MalformedError("the lab's host key cannot be read", where=target.where)
            self._known, self.trusted = [key], _only(key)
        else:
            self.trusted = self._from_file()
            self._known = self.trusted[0]

    def watcher(self) -> asyncssh.SSHClient:
        """Return a client that notes a key which is not trusted; :meth:`decide` is about it."""
        return _Watcher(self)

    def decide(self) -> bool:
        """Decide about the key that was shown; return whether it may be tried again, being trusted now.

        Raises:
            CheckFailedError: It is not one to trust; nothing was told to that host.
            RemoteError: The file cannot be written.
        """
        key = self._shown
        if key is None:
            return False
        if self._accepted is not None:
            if fingerprint(key) != _normal(self._accepted):
                raise self._refused(key, f"{_normal(self._accepted)} is accepted")
        elif not (is_terminal() and self._agreed(key)):
            known = ", ".join(fingerprint(each) for each in self._known)
            raise self._refused(key, f"{known} is known" if known else "none is known")
        self.trusted = _only(key)
        if self._target.host_key is None:
            self._note(key)
        return True

    def noticed(self, key: asyncssh.SSHKey) -> None:
        """Take down what a host shows that is not trusted."""
        self._shown = key

    def _from_file(self) -> TrustedKeys:
        if not self._file.is_file():
            return _only()
        port = self._target.port if self._target.port != STANDARD_PORT else None
        try:
            found = asyncssh.match_known_hosts(read_key_file(self._file), self._target.host, "", port)
        except (ValueError, OSError) as error:
            raise MalformedError(
                "the file of host keys cannot be read", where=str(self._file), why=str(error)
            ) from error
        return found

    def _agreed(self, key: asyncssh.SSHKey) -> bool:
        where = self._target.where
        if self._known:
            say(f"The SSH host key of {where} is another one than before.")
            for each in self._known:
                say(f"  Known until now: {each.get_algorithm()} {fingerprint(each)}")
            say(f"  Shown now:       {key.get_algorithm()} {fingerprint(key)}")
            say("That is right if the node was installed anew or its key was replaced (ssh_host_ed25519_key in its")
            say("folder of keys). Else somebody may sit between: answer no, and no password goes there.")
            return ask_yes("Take the new key from now on? (yes/no) ")
        say(f"The SSH host key of {where} is not known: {key.get_algorithm()} {fingerprint(key)}")
        return ask_yes("Is this the right one? (yes/no) ")

    def _refused(self, key: asyncssh.SSHKey, instead: str) -> CheckFailedError:
        what = "the host key is another one than before" if self._known else "the host key is not known"
        return CheckFailedError(
            what,
            where=self._target.where,
            why=f"{instead}, it shows {fingerprint(key)} ({key.get_algorithm()})",
            next_step="compare it on the node (ssh-keygen -lf ssh_host_ed25519_key in its folder of keys), then take "
            f"it with yes on a terminal, or --accept-fingerprint {fingerprint(key)}",
            code="host-key",
        )

    def _note(self, key: asyncssh.SSHKey) -> None:
        name = host_name(self._target.host, self._target.port)
        try:
            file = Path(os.path.realpath(self._file))
            text = file.read_text() if file.is_file() else ""
            lines = [kept for line in text.splitlines() if (kept := without_host(line, name)) is not None]
            shown = " ".join(key.export_public_key().decode().split()[:2])
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            mode = file.stat().st_mode & 0o777 if file.is_file() else 0o600
            write_atomic(file, "\n".join((*lines, f"{name} {shown}", "")).encode(), mode=mode)
        except (OSError, UnicodeDecodeError) as error:
            raise RemoteError("the host key cannot be noted", where=str(self._file), why=str(error)) from error


class _Watcher(asyncssh.SSHClient):
    def __init__(self, keys: HostKeys) -> None:
        self._keys = keys

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        """Note a key that is not trusted, and refuse it for now."""
        self._keys.noticed(key)
        return False


def host_name(host: str, port: int) -> str:
    """Return how a file of host keys names a host."""
    return host if port == STANDARD_PORT else f"[{host}]:{port}"


def without_host(line: str, name: str) -> str | None:
    """Return a line of a file of host keys without a host (rule 3); None if nothing is left of it."""
    words = line.split(None, 1)
    if len(words) < 2 or words[0].startswith(("#", "@")):
        return line
    names = words[0]
    if names.startswith("|"):
        return None if _is_hash_of(names, name) else line
    if any(mark in names for mark in "*?!"):
        return line
    left = [each for each in names.split(",") if each != name]
    return f"{','.join(left)} {words[1]}" if left else None


def _is_hash_of(hashed: str, name: str) -> bool:
    try:
        _, kind, salt, digest = hashed.split("|")
        found = hmac.new(base64.b64decode(salt), name.encode(), hashlib.sha1).digest()
        return kind == "1" and hmac.compare_digest(found, base64.b64decode(digest))
    except ValueError:
        return False


def _only(*keys: asyncssh.SSHKey) -> TrustedKeys:
    return (list(keys), [], [], [], [], [], [])


def _normal(text: str) -> str:
    """Return a fingerprint as it is compared: ``SHA256:`` and base64 without its padding."""
    return "SHA256:" + text.strip().removeprefix("SHA256:").rstrip("=")
