"""The messages of the CTL Provider protocol, version 1, as values; :mod:`.codec` writes and reads them.

Rules:

1. Lists travel whole and unchanged; nothing here looks into them.
2. A password is in no ``repr``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, TypeAlias

VERSION: Final = 1


class Mode(IntEnum):
    """``ClusterSecurityMode``."""

    NON_SECURE = 0
    MIXED = 1


class Action(IntEnum):
    """What the administrator chose in the client."""

    MIXED = 1
    """Set Cluster to Mixed Mode."""
    NON_SECURE = 2
    """Set Cluster to Non-Secure Mode."""
    UPDATE = 3
    """Update CTL File: the mode stays."""


@dataclass(frozen=True, slots=True)
class Hello:
    """The client's first word.

    Attributes:
        version: The highest that it speaks.
        client: Its name, for the log.
    """

    version: int = VERSION
    client: str = ""


@dataclass(frozen=True, slots=True)
class Welcome:
    """The server's first word.

    Attributes:
        version: The one to speak, not higher than the client's.
        node: The node's name.
    """

    version: int
    node: str


@dataclass(frozen=True, slots=True)
class Authenticate:
    """A login."""

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Accepted:
    """The login is right; ``level`` is the account's privilege."""

    level: int


@dataclass(frozen=True, slots=True)
class Describe:
    """What is the cluster now?"""


@dataclass(frozen=True, slots=True)
class NodeCertificate:
    """A certificate that the CTL holds for a node.

    Attributes:
        role: By wire code; see ``mixedmode.trustlist.Role``.
        der: The certificate.
    """

    role: int
    der: bytes


@dataclass(frozen=True, slots=True)
class NodeDescription:
    """A node.

    Attributes:
        name: Host name.
        address: IP address as text.
        is_publisher: Whether it takes new lists.
        services: Those activated, by name.
        certificates: In the order in which the CTL has them.
    """

    name: str
    address: str
    is_publisher: bool
    services: tuple[str, ...] = ()
    certificates: tuple[NodeCertificate, ...] = ()


@dataclass(frozen=True, slots=True)
class Description:
    """The cluster.

    Attributes:
        version: Of its software.
        mode: Its security mode.
        clock: Its time, seconds since 1970, UTC.
        newest: Timestamp that a new list must exceed, in the same unit.
        digest: By wire code; under the signature of a new list.
        takes_tokens: Whether the version takes lists signed by tokens.
        ctl: The publisher's present CTL file, None if there is none.
        nodes: The publisher first.
    """

    version: str
    mode: Mode
    clock: int
    newest: int
    digest: int
    takes_tokens: bool
    ctl: bytes | None
    nodes: tuple[NodeDescription, ...]

    def timestamp(self) -> int:
        """Return the timestamp for a list that is signed now."""
        return max(self.clock, self.newest + 1)


@dataclass(frozen=True, slots=True)
class Install:
    """A signed list to install.

    Attributes:
        action: What shall become of the mode.
        ctl: The list's bytes.
        phones_cleared: The administrator removes the CTL file from every phone by hand, so the signer may be unknown.
    """

    action: Action
    ctl: bytes
    phones_cleared: bool = False


@dataclass(frozen=True, slots=True)
class Progress:
    """One node's result, as soon as it is known.

    Attributes:
        node: Its name.
        installed: Whether it has the new list.
        reason: Why not yet; it gets the list when it returns.
    """

    node: str
    installed: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Restart:
    """A service that must be restarted for the list to be served."""

    node: str
    service: str


@dataclass(frozen=True, slots=True)
class Installed:
    """The list is the cluster's CTL now.

    Attributes:
        results: Of every node.
        changes: One line each.
        restart: What to restart.
        warnings: What the administrator should know.
    """

    results: tuple[Progress, ...] = ()
    changes: tuple[str, ...] = ()
    restart: tuple[Restart, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Failure:
    """The request was refused or failed; nothing was changed.

    Attributes:
        code: A short stable word.
        text: What is wrong.
        where: Place.
        why: Cause.
        next_step: What to do.
        kind: 1 a check does not hold, 2 the request is wrong, 3 something failed.
        closing: Whether the server closes the connection now.
    """

    code: str
    text: str
    where: str | None = None
    why: str | None = None
    next_step: str | None = None
    kind: int = 3
    closing: bool = False


Request: TypeAlias = Hello | Authenticate | Describe | Install
Answer: TypeAlias = Welcome | Accepted | Description | Progress | Installed | Failure
Message: TypeAlias = Request | Answer
