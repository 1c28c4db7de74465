"""What the database says of certificates, devices and services, as values that may leave the room."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mixedmode.cluster.model.topology import Service
from mixedmode.pki.certificates.certificates import Certificate

TRUST_SUFFIX = "-trust"
"""Ends the names of trust stores."""


@dataclass(frozen=True, slots=True)
class StoredCertificate:
    """A certificate in a store.

    Attributes:
        unit: ``CallManager``, or a trust store's name.
        node: Whose it is; empty in trust stores, which all nodes share.
        name: Its file's name, such as ``CallManager.pem``.
        active: Whether it is in use.
    """

    unit: str
    node: str
    name: str
    certificate: Certificate
    created: datetime
    active: bool

    @property
    def is_trust(self) -> bool:
        """Whether it is in a trust store."""
        return self.unit.endswith(TRUST_SUFFIX)


@dataclass(frozen=True, slots=True)
class Device:
    """A phone.

    Attributes:
        itl_hash: SHA-1 of the ITL that it reported last, lower hex; empty if it did not.
        ctl_hash: The same for the CTL.
        web_access: Whether the phone's own pages may be seen.
        authentication_url: Who is asked before its keys are pressed from afar.
        secure_tone: Whether it is a protected device: a tone tells who talks whether the call is encrypted.
    """

    name: str
    model: str
    protocol: str
    description: str
    device_pool: str
    security_mode: int
    itl_hash: str
    ctl_hash: str
    last_seen: datetime | None
    web_access: bool = False
    authentication_url: str = ""
    secure_tone: bool = False


@dataclass(frozen=True, slots=True)
class GivenLsc:
    """An LSC that CAPF gave a device.

    Attributes:
        device: Its name.
        der: The certificate.
        revoked: Since when it proves nobody any more, None if it does.
        reason: Why; empty if nobody said.
    """

    device: str
    der: bytes
    revoked: datetime | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ServiceState:
    """A service of a node.

    Attributes:
        activated: Whether it may run at all.
        started: When it was started last, None if it is stopped.
        restart_needed: Since when a change waits for its restart, None if none does.
        restarts: How often it was restarted; a supervisor compares this number.
    """

    node: str
    service: Service
    activated: bool
    started: datetime | None
    restart_needed: datetime | None
    restarts: int

    @property
    def shall_run(self) -> bool:
        """Whether it runs while its node does."""
        return self.activated and self.started is not None
