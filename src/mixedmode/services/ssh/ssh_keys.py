"""SSH keys of services: made once, kept 0600, and what identifies them to people."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

import asyncssh

from mixedmode.errors import RemoteError
from mixedmode.pki.files import is_open_key


def ensure_key(path: Path) -> str:
    """Make an ed25519 key if there is none; return its public half, ``ssh-ed25519 AAAA...``.

    Two processes that start at once agree on one key.

    Args:
        path: The private key, OpenSSH's format, 0600.

    Raises:
        RemoteError: It cannot be read or made, or others may read it.
    """
    return public_text(load_key(path))


def load_key(path: Path) -> asyncssh.SSHKey:
    """Return a private key, made when there is none (see :func:`ensure_key`).

    Raises:
        RemoteError: It cannot be read or made, or others may read it.
    """
    try:
        if not path.exists():
            _make(path)
        if is_open_key(path):
            raise RemoteError(
                "others may read this private key", where=str(path), next_step=f"chmod 600 {path}, or replace it"
            )
        return asyncssh.read_private_key(path)
    except (OSError, asyncssh.KeyImportError) as error:
        raise RemoteError(
            "the SSH key cannot be used",
            where=str(path),
            why=str(error),
            next_step="check the folder's permissions; a key that is removed is made anew",
        ) from error


def public_text(key: asyncssh.SSHKey) -> str:
    """Return a public key in OpenSSH's form, without a comment."""
    return " ".join(key.export_public_key().decode().split()[:2])


def parse_public(text: str) -> asyncssh.SSHKey | None:
    """Return the key of a line in OpenSSH's form, None if there is none in it."""
    try:
        return asyncssh.import_public_key(text)
    except asyncssh.KeyImportError:
        return None


def fingerprint(key: asyncssh.SSHKey) -> str:
    """Return ``SHA256:...`` as ``ssh-keygen -l`` prints it."""
    return key.get_fingerprint()


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".new", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(asyncssh.generate_private_key("ssh-ed25519").export_private_key())
            file.flush()
            os.fsync(handle)
        # A link, unlike a rename, leaves the key of another process that was quicker.
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(name)
    finally:
        Path(name).unlink()
