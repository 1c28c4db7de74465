"""Which algorithms the SSH servers offer: chosen here, so that a library's defaults cannot bring old ones back.

Rules:

1. No SHA-1, no MD5, no CBC, no curve of NIST for the key exchange (``ssh-audit`` has all of them red).
2. No Diffie-Hellman over finite fields: the library's group exchange gives 1024-bit groups to those that ask, and each
   client that knows our Ed25519 host key knows curve25519 as well (OpenSSH 6.5, PuTTY 0.68), so it would serve nobody.
3. No compression, which would only be one more parser before the login.

A client older than that finds nothing in common and says so itself: ``no matching key exchange method found``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

import asyncssh
from asyncssh.encryption import get_encryption_algs
from asyncssh.kex import get_kex_algs
from asyncssh.mac import get_mac_algs

KEY_EXCHANGES: Final = ("mlkem768x25519-sha256", "curve25519-sha256", "curve25519-sha256@libssh.org")
CIPHERS: Final = (
    "chacha20-poly1305@openssh.com",
    "aes256-gcm@openssh.com",
    "aes128-gcm@openssh.com",
    "aes256-ctr",
    "aes192-ctr",
    "aes128-ctr",
)
MACS: Final = (
    "hmac-sha2-256-etm@openssh.com",
    "hmac-sha2-512-etm@openssh.com",
    # Clients on libssh2 before 1.11 have no other.
    "hmac-sha2-256",
    "hmac-sha2-512",
)
SIGNATURES: Final = (
    "ssh-ed25519",
    "sk-ssh-ed25519@openssh.com",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "rsa-sha2-512",
    "rsa-sha2-256",
)
"""With which clients' keys may sign; an RSA key signs with SHA-2 only."""
_SIGNED: Final = frozenset(name.encode() for name in SIGNATURES)


def algorithms() -> dict[str, Any]:
    """Return the settings of :func:`asyncssh.create_server`: of those named here what the library has."""
    return {
        "kex_algs": _known(KEY_EXCHANGES, get_kex_algs),
        "encryption_algs": _known(CIPHERS, get_encryption_algs),
        "mac_algs": _known(MACS, get_mac_algs),
        "signature_algs": list(SIGNATURES),
        "compression_algs": None,
    }


def only_strong_signatures(key: asyncssh.SSHKey) -> None:
    """Have a client's public key verify no signature but those of :data:`SIGNATURES`.

    What the server announces (``server-sig-algs``) is advice; the library would verify ``ssh-rsa`` with SHA-1 as well.
    """
    key.all_sig_algorithms = {name for name in key.all_sig_algorithms if name in _SIGNED}


def _known(wanted: Iterable[str], there: Callable[[], list[bytes]]) -> list[str]:
    names = {name.decode() for name in there()}
    return [name for name in wanted if name in names]
