"""What findings are made of: services, lists, certificates and phones of a cluster, at one moment. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from mixedmode.cluster.model.topology import Service


@dataclass(frozen=True, slots=True)
class ServiceFact:
    """An activated service of a node.

    Attributes:
        node: Its node.
        service: Which.
        is_running: Whether it shall run, as the database says.
        restart_needed: Since when a change waits for its restart, None if none does.
        phones: How many phones have this node for it.
    """

    node: str
    service: Service
    is_running: bool
    restart_needed: datetime | None = None
    phones: int = 0


@dataclass(frozen=True, slots=True)
class ListFact:
    """A list of a node.

    Attributes:
        node: Its node.
        kind: ``CTL`` or ``ITL``.
        published: SHA-1 of what was published for it, lower hex; empty if nothing was.
        held: SHA-1 of its file; empty if it has none.
        waits: Why what was published did not get there yet; empty if nothing waits.
    """

    node: str
    kind: str
    published: str
    held: str
    waits: str = ""


@dataclass(frozen=True, slots=True)
class CertificateFact:
    """A certificate that a node uses, or that stands in a trust store.

    Attributes:
        unit: Its purpose, or the name of the trust store.
        node: Whose; empty in a trust store.
        name: Its common name.
        sha256: In lower hex.
        not_after: When it ends.
        is_trust: Whether it is in a trust store.
    """

    unit: str
    node: str
    name: str
    sha256: str
    not_after: datetime
    is_trust: bool = False


@dataclass(frozen=True, slots=True)
class CtlFact:
    """The published CTL beside the certificates that it should have.

    Attributes:
        published: When; None if there is none.
        is_wanted: Whether the cluster is in mixed mode.
        missing: (node, purpose) of certificates that are in use and not in it.
        by_tokens: Whether security tokens signed it, so that only the CTL Client makes a new one.
    """

    published: datetime | None = None
    is_wanted: bool = False
    missing: tuple[tuple[str, str], ...] = ()
    by_tokens: bool = False


@dataclass(frozen=True, slots=True)
class CutOff:
    """An operation whose process ended before it did.

    Attributes:
        operation: Its name.
        user: Who asked for it.
        since: When it began.
    """

    operation: str
    user: str
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """A cluster at one moment.

    Attributes:
        now: The moment.
        services: Every activated service that the program offers.
        lists: Every list of every node whose folder can be read.
        certificates: Those in use.
        ctl: The published CTL.
        phones: How many, by outcome: ``locked-out``, ``frozen``, ``behind``, ``unknown`` and the others.
        cut_off: What a dead process left, None if nothing.
    """

    now: datetime
    services: tuple[ServiceFact, ...] = ()
    lists: tuple[ListFact, ...] = ()
    certificates: tuple[CertificateFact, ...] = ()
    ctl: CtlFact = field(default_factory=CtlFact)
    phones: Mapping[str, int] = field(default_factory=dict)
    cut_off: CutOff | None = None
