"""The cluster, for shells, pages, labs and services: open or create one, read it, run its operations."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack

from sqlalchemy.orm import Session

from mixedmode.cluster import creation
from mixedmode.cluster.engine.engine import Operations
from mixedmode.cluster.engine.operation import Operation
from mixedmode.cluster.engine.principal import SYSTEM, Principal
from mixedmode.cluster.engine.results import DONE, OperationResult
from mixedmode.cluster.model.errors import ClusterBusyError, NotFoundError
from mixedmode.cluster.model.licences import DatabaseLicences, LicenceService
from mixedmode.cluster.model.lines import LineSpec
from mixedmode.cluster.model.records import Device, StoredCertificate
from mixedmode.cluster.model.topology import ClusterSpec
from mixedmode.cluster.model.trust_roles import roles_of
from mixedmode.cluster.operations import OPERATIONS
from mixedmode.cluster.operations.identity.certificates import BringBackTrust
from mixedmode.cluster.operations.identity.missing_certificates import MakeMissingCertificates, missing_certificates
from mixedmode.cluster.publishing.distribution import Distributor, LocalDistributor, queue
from mixedmode.cluster.publishing.published import TrustFile, build_itls, record, trust_file
from mixedmode.cluster.query.query import QueryResult, select_read_only
from mixedmode.cluster.query.query_login import ensure_login
from mixedmode.cluster.replication.replication import ReplicationMonitor, SharedDatabase
from mixedmode.cluster.store.database import Database, sqlite_url
from mixedmode.cluster.store.devices import DeviceStore, set_lsc
from mixedmode.cluster.store.folders import DATABASE_FILE, NodeFolder
from mixedmode.cluster.store.lines import LineStore
from mixedmode.cluster.store.sightings import SightingStore
from mixedmode.cluster.store.state import Clock, ClusterState, utc_now
from mixedmode.cluster.trust_absence import due
from mixedmode.errors import MixedModeError
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.profiles import generate_key
from mixedmode.pki.signing.signer import SoftwareSigner
from mixedmode.trustlist.kinds import CTL_FILE, ITL_FILE
from mixedmode.trustlist.roles import Role

if TYPE_CHECKING:
    from mixedmode.pki.certificates.purposes import KeyKind
    from mixedmode.pki.signing.signer import PrivateKey

_CAPF = Principal("CAPF", 0)
_LSC_ACTION = "LSC"
_MADE = "cluster create"
_DELIVERED = "waiting files delivered"
_FIRST_ITL = "first ITL"


class Ports(TypedDict, total=False):
    """What a cluster reaches the world by; each has a default.

    Attributes:
        distributor: The way to put files on nodes; by default into their folders.
        licences: Whom to ask for licences; by default the database.
        replication: Whom to ask whether the nodes hold the same data; by default all read this database.
        clock: The time, UTC.
    """

    distributor: Distributor | None
    licences: LicenceService | None
    replication: ReplicationMonitor | None
    clock: Clock


class Cluster(ClusterState):
    """A cluster.

    Args:
        directory: Holds a folder for each node, and the embedded database.
        database: Migrated.
        ports: What it reaches the world by.

    Attributes:
        devices: The phones.
        lines: Their lines.
        sightings: What was seen of them.
        query_database: What ``run sql`` reads, if it is another database, such as a subscriber's own copy.
        operations: What changes the cluster: ``plan``, ``run``, ``resume_or_rollback``, and its ``journal``.
    """

    def __init__(
        self,
        directory: Path,
        database: Database,
        **ports: Unpack[Ports],
    ) -> None:
        super().__init__(
            directory,
            database,
            distributor=ports.get("distributor") or LocalDistributor(directory),
            licences=ports.get("licences") or DatabaseLicences(database),
            replication=ports.get("replication") or SharedDatabase(),
            clock=ports.get("clock", utc_now),
        )
        self.query_database: Database | None = None
        self.devices = DeviceStore(database)
        self.lines = LineStore(database)
        self.sightings = SightingStore(database)
        self.operations = Operations(self, OPERATIONS)

    @classmethod
    def create(
        cls,
        directory: Path,
        spec: ClusterSpec,
        *,
        database_url: str | None = None,
        principal: Principal = SYSTEM,
        make_key: Callable[[KeyKind], PrivateKey] = generate_key,
        **ports: Unpack[Ports],
    ) -> Cluster:
        """Make a new cluster, in non-secure mode, each TFTP node with its ITL, and open it.

        Args:
            directory: Gets a folder for each node.
            spec: What to make.
            database_url: Of an empty database; None is SQLite in the folder.
            principal: Who has it made.
            make_key: Makes its private keys; several threads ask.
            ports: As of the constructor.

        Raises:
            UsageError: There is a cluster at this place.
            DatabaseError: The database cannot be used.
        """
        directory.mkdir(parents=True, exist_ok=True)
        database = Database(database_url or sqlite_url(directory / DATABASE_FILE))
        database.migrate()
        cluster = cls(directory, database, **ports)
        journal = cluster.operations.journal
        details = {"version": spec.version.text, "nodes": [node.name for node in spec.nodes]}
        creation.create(
            directory,
            database,
            spec,
            cluster.now(),
            make_key,
            lambda session: journal.record(session, principal, _MADE, DONE, details),
        )
        cluster.publish_missing_itls()
        cluster.make_query_login()
        return cluster

    @classmethod
    def open(
        cls,
        directory: Path,
        *,
        database_url: str | None = None,
        **ports: Unpack[Ports],
    ) -> Cluster:
        """Open a cluster; what a dead process left unfinished is finished or undone first.

        Raises:
            NotFoundError: There is none.
            DatabaseError: The database cannot be used.
        """
        database = _existing_database(directory, database_url, writes=True)
        database.migrate()
        cluster = cls(directory, database, **ports)
        cluster._check_there()
        # An operation that another process is running now is no reason to stay closed.
        with contextlib.suppress(ClusterBusyError):
            cluster.operations.resume_or_rollback()
            for name in dict.fromkeys(name for name, _ in missing_certificates(cluster, cluster.version)):
                cluster.make_missing_certificates(name)
        cluster.publish_missing_itls()
        return cluster

    @classmethod
    def attach(
        cls,
        directory: Path,
        *,
        database_url: str | None = None,
        writes: bool = True,
        **ports: Unpack[Ports],
    ) -> Cluster:
        """Open a cluster as it is: nothing is migrated, resumed or written.

        Args:
            directory: Holds a folder for each node of this host.
            database_url: Of its database; None is SQLite in the folder.
            writes: Whether it may be written afterwards. A subscriber's own copy may not, whoever asks for it.
            ports: As of the constructor.

        Raises:
            NotFoundError: There is none.
            DatabaseError: The database cannot be used.
        """
        database = _existing_database(directory, database_url, writes=writes)
        cluster = cls(directory, database, **ports)
        cluster._check_there()
        return cluster

    def for_reading(self) -> Cluster:
        """Open the same cluster again over connections that cannot write, whatever is asked of them.

        Raises:
            DatabaseError: The database cannot be used.
        """
        url = self.database.url.render_as_string(hide_password=False)
        opened = Cluster(self.directory, Database(url, writes=False))
        opened.query_database = self.query_database
        opened.nodes()
        return opened

    def make_query_login(self) -> str:
        """Make what ``run sql`` logs in with, if that does not work yet; return why it cannot be made, or nothing.

        Without it that command alone is refused, and says what to do.
        """
        database = self.query_database or self.database
        if database.is_sqlite:
            return ""
        try:
            ensure_login(database, self.directory)
        except MixedModeError as error:
            return f"run sql has no login: {error.why or error.what}"
        return ""

    def _check_there(self) -> None:
        if not self.nodes():
            where = self.database.label
            raise NotFoundError("there is no cluster in this database", where=where, next_step="create one")

    def close(self) -> None:
        """Close the database."""
        self.database.close()

    def run(self, operation: Operation, principal: Principal = SYSTEM) -> OperationResult:
        """Run an operation; see :meth:`Operations.run`."""
        return self.operations.run(operation, principal)

    def show_ctl(self, node: str) -> TrustFile:
        """Return a node's CTL file beside what the publisher published."""
        return trust_file(self, node, CTL_FILE)

    def show_itl(self, node: str) -> TrustFile:
        """Return a node's ITL file beside what was made for it."""
        return trust_file(self, node, ITL_FILE)

    def deliver_pending(self, nodes: Sequence[str] | None = None) -> dict[str, str]:
        """Deliver what waits for nodes that were down; return by node why it still waits."""
        wanted = self.nodes() if nodes is None else [self.node(name) for name in nodes]
        return self.deliveries.deliver(wanted, noted=self._note_delivery)

    def _note_delivery(self, session: Session, node: str, files: Sequence[str]) -> None:
        details = {"node": node, "files": list(files)}
        self.operations.journal.record(session, SYSTEM, _DELIVERED, DONE, details)

    def publish_missing_itls(self) -> None:
        """Write the ITL of each TFTP node that has none, as its TFTP service does when it starts."""
        folders = [NodeFolder(self.directory / node.name) for node in self.nodes()]
        if all(folder.is_here and folder.read(ITL_FILE) is not None for folder in folders):
            return
        for node, data in build_itls(self, self.view(), missing_only=True).items():
            here = self.folder(node).is_here
            if here:
                self.folder(node).write(ITL_FILE, data)
            with self.database.write() as session:
                if not here:
                    queue(session, node, ITL_FILE, data, self.now())
                record(session, ITL_FILE, node, data, self.now(), action=_FIRST_ITL)
                details = {"node": node, "sha256": hashlib.sha256(data).hexdigest()}
                self.operations.journal.record(session, SYSTEM, _FIRST_ITL, DONE, details)

    def make_missing_certificates(self, node: str) -> None:
        """Make what a node of this host does not have yet of the active version's certificates, as after an upgrade.

        Raises:
            ClusterBusyError: Another operation runs.
            DatabaseError: The database does not answer.
        """
        if missing_certificates(self, self.version, [self.node(node)]):
            self.run(MakeMissingCertificates(node))

    def bring_back_trust(self, before: datetime) -> None:
        """Put back what nodes deleted from trust stores before a moment, as Change Notification does before 11.0.

        Raises:
            ClusterBusyError: Another operation runs.
            DatabaseError: The database does not answer.
        """
        if self.version.deletes_trust_everywhere:
            return
        with self.database.read() as session:
            if not due(session, before):
                return
        self.run(BringBackTrust(before.isoformat()))

    def select(self, sql: str, *, rows: int = 10_000, seconds: float = 10.0, null: str = "NULL") -> QueryResult:
        """Run a read-only query as ``run sql`` does; see :func:`.query.select_read_only`."""
        database = self.query_database or self.database
        return select_read_only(database, self.directory, sql, rows=rows, seconds=seconds, null=null)

    def trust_certificates(self, store: str) -> list[StoredCertificate]:
        """Return the certificates of a trust store."""
        return self.certificates.list_trust(store)

    def own_certificate(self, node: str, unit: str) -> Certificate:
        """Return a node's active certificate for a purpose."""
        return self.certificates.own(node, unit)

    def signer(self, node: str, unit: str) -> SoftwareSigner:
        """Return the signer of a node's active certificate."""
        return self.certificates.signer(node, unit)

    def find_certificates(self, issuer: str, serial: str) -> list[StoredCertificate]:
        """Return the active certificates of an issuer and serial."""
        return self.certificates.find(issuer, serial)

    def roles_of(self, stored: list[StoredCertificate]) -> tuple[Role, ...]:
        """Return what certificates found under one key are trusted for."""
        return roles_of(stored)

    def device(self, name: str) -> Device | None:
        """Return a device, None if it is not known."""
        return self.devices.find(name)

    def revoked_lscs(self, device: str | None = None) -> frozenset[bytes]:
        """Return the SHA-256 of the LSCs that are revoked: of one device, or of all."""
        return self.devices.revoked_lscs(device)

    def lines_of(self, device: str) -> list[LineSpec]:
        """Return a device's lines by button."""
        return self.lines.of(device)

    def all_lines(self) -> list[LineSpec]:
        """Return all lines by number."""
        return self.lines.all()

    def trust_servers(self, device: str) -> list[str]:
        """Return the nodes whose TVS a device may ask, in order."""
        return self.devices.trust_servers(device)

    def last_change(self) -> int:
        """Return a number that grows when devices, nodes, parameters, certificates or LSCs change."""
        return self.operations.journal.last_change(_LSC_ACTION)

    def keep_lsc(self, device: str, certificate: Certificate | None) -> None:
        """Note the LSC that CAPF gave a device, or that it has none any more; an unknown device is not noted."""
        with self.database.write() as session:
            if set_lsc(session, device, None if certificate is None else certificate.der):
                details = {"device": device, "serial": None if certificate is None else certificate.serial.hex()}
                outcome = "removed" if certificate is None else "installed"
                self.operations.journal.record(session, _CAPF, _LSC_ACTION, outcome, details)


def _existing_database(directory: Path, url: str | None, *, writes: bool) -> Database:
    path = directory / DATABASE_FILE
    if url is None and not path.exists():
        raise NotFoundError("there is no cluster here", where=str(directory), next_step="create one")
    return Database(url or sqlite_url(path), writes=writes)
