"""What the CTL Provider's parts know of each other and of the world: limits, logins, the cluster, the service."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from mixedmode.cluster.model.topology import NodeInfo
from mixedmode.pki.signing.signer import SoftwareSigner
from mixedmode.protocols.ctlprovider import Description, Install, Installed, Progress
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


@dataclass(frozen=True, slots=True)
class Administrator:
    """Who is at a CTL Client.

    Attributes:
        user: Account name.
        source: Address.
        level: Of privilege; 0 before the login.
    """

    user: str
    source: str
    level: int = 0

    def __str__(self) -> str:
        return f"{self.user}@{self.source}"


class CtlDesk(Protocol):
    """What is done for administrators at CTL Clients (``control.ctl_desk`` does it). All of it may block."""

    def nodes(self) -> tuple[NodeInfo, ...]:
        """Return the nodes, the publisher first."""

    def signer(self, node: str, unit: str) -> SoftwareSigner:
        """Return the signer of a node's active certificate."""

    def describe(self) -> Description:
        """Return the description of the cluster."""

    def authorize(self, who: Administrator) -> None:
        """Refuse who may not install a CTL file, and have it audited.

        Raises:
            PrivilegeError: He may not.
        """

    def note_login(self, who: Administrator, outcome: str, **details: object) -> None:
        """Write a login into the audit log.

        Raises:
            MixedModeError: It cannot be written now.
        """

    def install(self, wanted: Install, who: Administrator, told: Callable[[Progress], None]) -> Installed:
        """Make a signed list the cluster's CTL.

        Args:
            wanted: The list, and what the administrator chose.
            who: The administrator.
            told: Told each node's result as it comes.

        Raises:
            MixedModeError: It was refused or failed.
        """


class Host(Protocol):
    """The service that a connection belongs to."""

    desk: CtlDesk
    node: str
    limits: ProviderLimits
    logins: Logins
    counts: Counter[str]
    installer: Administrator | None
    draining: bool

    def install(self, work: asyncio.Task[Installed]) -> None:
        """Keep an installation until it has ended."""
