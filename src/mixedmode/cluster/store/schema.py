"""The tables. Names follow the system that administrators know, so that ``run sql`` reads as they are used to.

Rules:

1. No private key is ever stored here; keys are 0600 files in the node's folder (:mod:`.folders`).
2. The same mappings serve SQLite and PostgreSQL.
3. Whatever is looked up by phones or services has an index that covers the look-up.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
    UniqueConstraint,
    false,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator


class UtcDateTime(TypeDecorator[datetime]):
    """A moment, always UTC; SQLite forgets the zone, so it is put back on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Store UTC."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """The root of the mappings; constraints are named so that migrations can change them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UtcDateTime, dict[str, Any]: JSON, bytes: LargeBinary}  # noqa: RUF012 - SQLAlchemy reads it


class ProcessNode(Base):
    """A node of the cluster; ``tknodeusage`` is 0 for the publisher and 1 for subscribers."""

    __tablename__ = "processnode"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(255), unique=True)
    tknodeusage: Mapped[int]
    address: Mapped[str] = mapped_column(String(45))
    nodetype: Mapped[str] = mapped_column(String(64), default="CUCM Voice/Video")
    description: Mapped[str] = mapped_column(String(255), default="")


class NodeEndpoint(Base):
    """Where a node on another host answers, as it said when it joined; ``sftphostkey`` is pinned."""

    __tablename__ = "nodeendpoint"

    node: Mapped[str] = mapped_column(String(255), primary_key=True)
    ports: Mapped[dict[str, Any]]
    sftphostkey: Mapped[str] = mapped_column(Text, default="")


class ProcessNodeService(Base):
    """A service of a node: whether it is activated and running, and since when it needs a restart."""

    __tablename__ = "processnodeservice"
    __table_args__ = (UniqueConstraint("fkprocessnode", "service"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    fkprocessnode: Mapped[int] = mapped_column(ForeignKey("processnode.id", ondelete="CASCADE"))
    service: Mapped[str] = mapped_column(String(64))
    isactive: Mapped[bool] = mapped_column(Boolean, default=True)
    started: Mapped[datetime | None]
    restartneeded: Mapped[datetime | None]
    restarts: Mapped[int] = mapped_column(Integer, default=0)


class ProcessConfig(Base):
    """A parameter: of the enterprise, of a service in the cluster, or of a service on one node (``node`` not empty)."""

    __tablename__ = "processconfig"
    __table_args__ = (UniqueConstraint("paramname", "service", "node"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    paramname: Mapped[str] = mapped_column(String(128))
    paramvalue: Mapped[str] = mapped_column(Text)
    service: Mapped[str] = mapped_column(String(64), default="Enterprise")
    node: Mapped[str] = mapped_column(String(255), default="")


class CertificateRow(Base):
    """A certificate: a node's own for a purpose, or one in a trust store of the whole cluster (``node`` empty)."""

    __tablename__ = "certificate"
    __table_args__ = (
        Index("ix_certificate_serial_issuer", "serialnumber", "issuername"),
        Index("ix_certificate_unit_node", "unit", "node", "isactive"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    unit: Mapped[str] = mapped_column(String(64))
    node: Mapped[str] = mapped_column(String(255), default="")
    name: Mapped[str] = mapped_column(String(255))
    subjectname: Mapped[str] = mapped_column(Text)
    issuername: Mapped[str] = mapped_column(Text)
    serialnumber: Mapped[str] = mapped_column(String(128))
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    notafter: Mapped[datetime]
    created: Mapped[datetime]
    isactive: Mapped[bool] = mapped_column(Boolean, default=True)
    der: Mapped[bytes]


class TrustAbsence(Base):
    """A certificate of a trust store that a node deleted and others have still, before 11.0.

    It is not replicated: what nodes on other hosts change and show of trust stores is in the publisher's database.
    """

    __tablename__ = "trustabsence"

    unit: Mapped[str] = mapped_column(String(64), primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    node: Mapped[str] = mapped_column(String(255), primary_key=True)
    since: Mapped[datetime]


class CallManagerGroup(Base):
    """An ordered list of nodes; phones of a device pool ask the TVS of these nodes."""

    __tablename__ = "callmanagergroup"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(128), unique=True)


class CallManagerGroupMember(Base):
    """A node's place in a group; priority 0 first."""

    __tablename__ = "callmanagergroupmember"
    __table_args__ = (UniqueConstraint("fkcallmanagergroup", "priority"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    fkcallmanagergroup: Mapped[int] = mapped_column(ForeignKey("callmanagergroup.id", ondelete="CASCADE"))
    fkprocessnode: Mapped[int] = mapped_column(ForeignKey("processnode.id", ondelete="CASCADE"))
    priority: Mapped[int]


class DevicePool(Base):
    """A device pool."""

    __tablename__ = "devicepool"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(128), unique=True)
    fkcallmanagergroup: Mapped[int] = mapped_column(ForeignKey("callmanagergroup.id"))


class DeviceRow(Base):
    """A phone; ``itlhash`` and ``ctlhash`` are what it reported last (SHA-1, lower hex), ``lsc`` is in DER."""

    __tablename__ = "device"
    __table_args__ = (Index(None, "model", "protocol", "securitymode"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(128), unique=True)
    model: Mapped[str] = mapped_column(String(32))
    protocol: Mapped[str] = mapped_column(String(8), default="SCCP")
    description: Mapped[str] = mapped_column(String(255), default="")
    fkdevicepool: Mapped[int] = mapped_column(ForeignKey("devicepool.id"), index=True)
    securitymode: Mapped[int] = mapped_column(Integer, default=1)
    itlhash: Mapped[str] = mapped_column(String(64), default="")
    ctlhash: Mapped[str] = mapped_column(String(64), default="")
    lastseen: Mapped[datetime | None]
    lsc: Mapped[bytes | None] = mapped_column(deferred=True)
    webaccess: Mapped[bool] = mapped_column(default=False, server_default=false())
    authenticationurl: Mapped[str] = mapped_column(String(255), default="", server_default="")
    securetone: Mapped[bool] = mapped_column(default=False, server_default=false())


class LscRow(Base):
    """An LSC (DER) that CAPF gave a device, which may be gone; a revoked one proves nobody any more."""

    __tablename__ = "lsc"

    id: Mapped[int] = mapped_column(primary_key=True)
    device: Mapped[str] = mapped_column(String(128), index=True)
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    certificate: Mapped[bytes]
    revoked: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(String(255), default="")


class DeviceSighting(Base):
    """What the cluster has seen of a device: lists that it was given, what it reported (:class:`.sightings.Seen`).

    It is not replicated: every node writes it into the publisher's database.
    """

    __tablename__ = "devicesighting"

    fkdevice: Mapped[int] = mapped_column(
        ForeignKey("device.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    facts: Mapped[dict[str, Any]]


class VersionRow(Base):
    """The version on a partition (``a`` or ``b``) of every node; one partition is active."""

    __tablename__ = "version"

    partition: Mapped[str] = mapped_column(String(1), primary_key=True)
    number: Mapped[str] = mapped_column(String(64))
    isactive: Mapped[bool]
    installed: Mapped[datetime]


class LicenceRow(Base):
    """What the licence manager or the smart licensing account has granted."""

    __tablename__ = "licence"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    granted: Mapped[bool]
    source: Mapped[str] = mapped_column(String(255), default="")
    changed: Mapped[datetime]


class TrustFileRow(Base):
    """What the publisher published: the CTL (``node`` empty) and each TFTP node's ITL."""

    __tablename__ = "trustfile"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    node: Mapped[str] = mapped_column(String(255), primary_key=True, default="")
    md5: Mapped[str] = mapped_column(String(32))
    sha1: Mapped[str] = mapped_column(String(40))
    sha256: Mapped[str] = mapped_column(String(64))
    length: Mapped[int]
    published: Mapped[datetime]


class TrustFileArchiveRow(Base):
    """A list that was ever published, as it was; once, however often it was. Rows are only ever added."""

    __tablename__ = "trustfilearchive"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    sha1: Mapped[str] = mapped_column(String(40), index=True)
    md5: Mapped[str] = mapped_column(String(32), index=True)
    length: Mapped[int]
    data: Mapped[bytes] = mapped_column(deferred=True)


class TrustFileHistoryRow(Base):
    """When a list was published, for which node (none: the CTL of all) and by what. Rows are only ever added."""

    __tablename__ = "trustfilehistory"
    __table_args__ = (Index("ix_trustfilehistory_name_node", "name", "node"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(ForeignKey("trustfilearchive.sha256"), index=True)
    name: Mapped[str] = mapped_column(String(64))
    node: Mapped[str] = mapped_column(String(255), default="")
    published: Mapped[datetime]
    action: Mapped[str] = mapped_column(String(128))
    operation: Mapped[int | None]


class DeliveryRow(Base):
    """A file that a node still has to take; no data means that it has to delete the file."""

    __tablename__ = "delivery"
    __table_args__ = (UniqueConstraint("node", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    node: Mapped[str] = mapped_column(String(255))
    name: Mapped[str] = mapped_column(String(64))
    data: Mapped[bytes | None]
    queued: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    lasterror: Mapped[str] = mapped_column(Text, default="")


class OperationRow(Base):
    """An operation; ``memory`` is what its steps found out, and what a resume goes on with."""

    __tablename__ = "operation"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(128))
    arguments: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(String(16), index=True)
    username: Mapped[str] = mapped_column(String(128))
    source: Mapped[str] = mapped_column(String(128))
    started: Mapped[datetime]
    ended: Mapped[datetime | None]
    memory: Mapped[dict[str, Any]]
    error: Mapped[str] = mapped_column(Text, default="")


class OperationStepRow(Base):
    """A step of an operation, written before and after it runs."""

    __tablename__ = "operationstep"
    __table_args__ = (UniqueConstraint("fkoperation", "position"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    fkoperation: Mapped[int] = mapped_column(ForeignKey("operation.id", ondelete="CASCADE"))
    position: Mapped[int]
    name: Mapped[str] = mapped_column(String(255))
    state: Mapped[str] = mapped_column(String(16))
    started: Mapped[datetime | None]
    ended: Mapped[datetime | None]


class OperationFileRow(Base):
    """A file that a step made or is about to replace, kept so that a resume or an undo has it."""

    __tablename__ = "operationfile"

    fkoperation: Mapped[int] = mapped_column(ForeignKey("operation.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(String(255), primary_key=True)
    data: Mapped[bytes | None]


class OperationLockRow(Base):
    """The cluster's lock: the one row there may be, and who holds it."""

    __tablename__ = "operationlock"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    token: Mapped[str] = mapped_column(String(64))
    host: Mapped[str] = mapped_column(String(255))
    process: Mapped[str] = mapped_column(String(128))
    operation: Mapped[str] = mapped_column(String(128))
    taken: Mapped[datetime]
    beat: Mapped[datetime]


class AuditRow(Base):
    """Who did what, when, from where, what changed; rows are only ever added."""

    __tablename__ = "auditlog"

    id: Mapped[int] = mapped_column(primary_key=True)
    moment: Mapped[datetime] = mapped_column(index=True)
    username: Mapped[str] = mapped_column(String(128))
    source: Mapped[str] = mapped_column(String(128))
    action: Mapped[str] = mapped_column(String(128))
    outcome: Mapped[str] = mapped_column(String(32))
    operation: Mapped[int | None] = mapped_column(index=True)
    details: Mapped[dict[str, Any]]


class WebSessionRow(Base):
    """Somebody who is signed in to a node's pages; ``token`` is the SHA-256 of what his browser shows."""

    __tablename__ = "websession"

    token: Mapped[str] = mapped_column(String(64), primary_key=True)
    node: Mapped[str] = mapped_column(String(255), index=True)
    username: Mapped[str] = mapped_column(String(128))
    stamp: Mapped[str] = mapped_column(String(64))
    source: Mapped[str] = mapped_column(String(128))
    started: Mapped[datetime]
    seen: Mapped[datetime]
