"""What comes back from an interface: values, and what was not seen, with the reason."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

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
from mixedmode.live.provisioned import (
    CounterSeen,
    DefaultLoadSeen,
    FeatureSeen,
    GroupSeen,
    ModelSeen,
    PoolSeen,
    ProfileSeen,
    VouchedSeen,
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
        models: Numbers and names.
        features: What models can do.
        default_loads: Firmware of models.
        groups: CallManager groups.
        pools: Device pools.
        profiles: Security profiles.
        vouched: What TVS vouches for.
        counters: Of PerfMon.
        not_seen: What is missing.
        replication_ok: Whether the database is replicated.
    """

    nodes: list[NodeSeen] = field(default_factory=list)
    files: list[FileSeen] = field(default_factory=list)
    certificates: list[CertificateSeen] = field(default_factory=list)
    faces: list[FaceSeen] = field(default_factory=list)
    services: list[ServiceSeen] = field(default_factory=list)
    parameters: list[ParameterSeen] = field(default_factory=list)
    models: list[ModelSeen] = field(default_factory=list)
    features: list[FeatureSeen] = field(default_factory=list)
    default_loads: list[DefaultLoadSeen] = field(default_factory=list)
    groups: list[GroupSeen] = field(default_factory=list)
    pools: list[PoolSeen] = field(default_factory=list)
    profiles: list[ProfileSeen] = field(default_factory=list)
    vouched: list[VouchedSeen] = field(default_factory=list)
    counters: list[CounterSeen] = field(default_factory=list)
    not_seen: list[NotSeen] = field(default_factory=list)
    replication_ok: bool | None = None

    def missing(self, what: str, where: str, why: MixedModeError | str) -> None:
        """Note what was not seen."""
        self.not_seen.append(NotSeen(what, where, why if isinstance(why, str) else reason(why)))

    def add(self, other: Seen) -> None:
        """Take in what was seen elsewhere."""
        for each in fields(self):
            if each.name != "replication_ok":
                getattr(self, each.name).extend(getattr(other, each.name))
        if other.replication_ok is not None:
            self.replication_ok = other.replication_ok


def reason(error: MixedModeError) -> str:
    """Return an error in one line."""
    return f"{error.what}; {error.why}" if error.why else error.what
