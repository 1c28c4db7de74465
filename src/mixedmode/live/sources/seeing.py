"""What comes back from an interface: values, and what was not seen, with the reason."""

from __future__ import annotations

from dataclasses import dataclass, field

from mixedmode.errors import MixedModeError
from mixedmode.live.observed import (
    CertificateSeen,
    FaceSeen,
    FileSeen,
    NodeSeen,
    NotSeen,
    ParameterSeen,
    ServiceSeen,
)


@dataclass(slots=True)
class Seen:
    """What was seen so far, to be added to.

    Attributes:
        nodes: As the cluster itself has them.
        files: That nodes serve.
        certificates: Of nodes and trust stores.
        faces: What TLS shows.
        services: Of Control Center.
        parameters: Of the cluster.
        not_seen: What is missing.
        replication_ok: Whether the database is replicated.
    """

    nodes: list[NodeSeen] = field(default_factory=list)
    files: list[FileSeen] = field(default_factory=list)
    certificates: list[CertificateSeen] = field(default_factory=list)
    faces: list[FaceSeen] = field(default_factory=list)
    services: list[ServiceSeen] = field(default_factory=list)
    parameters: list[ParameterSeen] = field(default_factory=list)
    not_seen: list[NotSeen] = field(default_factory=list)
    replication_ok: bool | None = None

    def missing(self, what: str, where: str, why: MixedModeError | str) -> None:
        """Note what was not seen."""
        self.not_seen.append(NotSeen(what, where, why if isinstance(why, str) else reason(why)))

    def add(self, other: Seen) -> None:
        """Take in what was seen elsewhere."""
        for name in ("nodes", "files", "certificates", "faces", "services", "parameters", "not_seen"):
            getattr(self, name).extend(getattr(other, name))
        if other.replication_ok is not None:
            self.replication_ok = other.replication_ok


def reason(error: MixedModeError) -> str:
    """Return an error in one line."""
    return f"{error.what}; {error.why}" if error.why else error.what
