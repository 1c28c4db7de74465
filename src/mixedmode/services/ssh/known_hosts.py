"""How the SSH clients of this program recognise a host: by a file of host keys that a person filled."""

from __future__ import annotations

from pathlib import Path


def known_hosts_file(given: Path | None) -> Path:
    """Return the file that is given, else the user's own; it may not exist."""
    return given or Path("~/.ssh/known_hosts").expanduser()


def scan_hint(host: str, port: int, file: Path | None = None) -> str:
    """Return what to do about a host whose key is not known.

    Args:
        host: The host.
        port: Of its SSH server.
        file: Where its key shall go; None leaves the choice, and then ``--known-hosts`` names it.
    """
    scan = f"compare its fingerprint, then: ssh-keyscan -p {port} {host}"
    return f"{scan} >> FILE, and give --known-hosts FILE" if file is None else f"{scan} >> {file}"
