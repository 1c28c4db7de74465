"""Who logs in where, and whom to believe, by what ``CLUSTER.toml`` says."""

from __future__ import annotations

from collections.abc import Callable

from mixedmode.live.cluster_file import ClusterFile, Login
from mixedmode.live.wire.https import Credentials
from mixedmode.live.wire.tls import Trust

Ask = Callable[[Login], str | None]
"""Asks for a password; None if there is nobody to ask."""


def ask_nobody(_login: Login) -> str | None:
    """Return None."""
    return None


def credentials(login: Login | None, ask: Ask) -> Credentials | str:
    """Return who logs in, or why nobody does.

    Raises:
        UsageError: The password's file cannot be read.
    """
    if login is None or not login.user:
        return "CLUSTER.toml names no user for it"
    password = login.password() or ask(login)
    return Credentials(login.user, password) if password else "there is no password for it"


def trust_for(cluster: ClusterFile, *interfaces: str) -> Trust | None:
    """Return whom to believe: the first ``cacert`` of these interfaces; None if none names one.

    Raises:
        MixedModeError: The file cannot be read, or holds no certificate.
    """
    for interface in interfaces:
        login: Login | None = getattr(cluster, interface)
        if login is not None and login.cacert is not None:
            return Trust.of(login.cacert)
    return None
