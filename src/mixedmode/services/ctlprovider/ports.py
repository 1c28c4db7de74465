"""What the CTL Provider's parts know of each other and of the world: limits, logins, the service."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import Protocol

from mixedmode.cluster.engine.steps import Actor, OperationResult
from mixedmode.cluster.facade import Cluster
from mixedmode.services.net.gate import FEW_STARTUPS, Startups


@dataclass(frozen=True, slots=True)
class ProviderLimits:
    """What clients may use.

    Attributes:
        connections: At once.
        per_address: Of these, from one address.
        startups: Of these, before the login.
        handshake_seconds: For the TLS handshake.
        login_seconds: From the connection to the end of the login.
        logins: Wrong passwords before the connection is closed.
        request_seconds: From a request's first byte to its last, and for taking an answer.
        idle_seconds: Without a request, once logged in: the administrator inserts tokens meanwhile.
    """

    connections: int = 32
    per_address: int = 5
    startups: Startups = FEW_STARTUPS
    handshake_seconds: float = 10.0
    login_seconds: float = 30.0
    logins: int = 3
    request_seconds: float = 20.0
    idle_seconds: float = 1800.0


class HasPrivilege(Protocol):
    """An account."""

    @property
    def privilege(self) -> int:
        """Its level: 0, 1 or 4."""


class Logins(Protocol):
    """Checks logins, late and never when there were too many wrong ones (``admin.logins.LoginGuard`` does)."""

    async def check_password(self, name: str, password: str, source: str, /) -> HasPrivilege | None:
        """Return the account, None if it may not log in."""

    def is_locked(self, name: str, source: str, /) -> bool:
        """Return whether the account is locked for an address now."""


class Host(Protocol):
    """The service that a connection belongs to."""

    cluster: Cluster
    node: str
    limits: ProviderLimits
    logins: Logins
    counts: Counter[str]
    installer: Actor | None
    draining: bool

    def authorize(self, actor: Actor) -> None:
        """Refuse who may not install a CTL file."""

    def install(self, work: asyncio.Task[OperationResult]) -> None:
        """Keep an installation until it has ended."""
