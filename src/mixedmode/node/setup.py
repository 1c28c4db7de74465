"""Making a node, having it join a cluster, and opening its cluster as ``mixedmode.toml`` says."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from mixedmode.cluster.engine.principal import SYSTEM, Principal
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.topology import ClusterSpec, NodeInfo, NodeSpec
from mixedmode.cluster.model.versions import Version
from mixedmode.cluster.replication.logical import Source, join_subscriber, prepare_publisher
from mixedmode.cluster.replication.replicas import LogicalReplication
from mixedmode.cluster.store.database import Database
from mixedmode.cluster.store.folders import NodeFolder
from mixedmode.control.accounts import FILE_NAME, AccountStore, check_password
from mixedmode.control.acts import MAKE_ACCOUNT, REPLICATION
from mixedmode.control.door import Control
from mixedmode.control.people import who_runs_this
from mixedmode.errors import MixedModeError, RemoteError, UsageError
from mixedmode.faces.terminal import interrupts
from mixedmode.faces.terminal.secret_files import read_secret
from mixedmode.node.distributor import NodeDistributor
from mixedmode.node.host.own_folder import check_own_folder, close_to_others
from mixedmode.node.join import Publisher, ask_publisher, make_keys
from mixedmode.node.units.options import PUBLISHER_KEY, PUBLISHER_KEYS, STANDARD_PORTS
from mixedmode.node.upkeep import JOIN_AGAIN, REMOVED, forget_subscription, was_removed
from mixedmode.pki.certificates.profiles import Subject
from mixedmode.pki.files import PRIVATE, write_atomic
from mixedmode.services.ssh.distribution import SftpDistributor, SftpEndpoint
from mixedmode.services.ssh.sftp import HOST_KEY
from mixedmode.services.ssh.ssh_keys import ensure_key

if TYPE_CHECKING:
    from mixedmode.node.host.settings import Settings

ADMINISTRATOR = "administrator"
ADMINISTRATOR_LEVEL = 4
REPLICATION_PASSWORD = "replication.password"  # noqa: S105 - the name of a file


@dataclass(frozen=True, slots=True)
class Organization:
    """The attributes of every certificate's subject, beside the common name."""

    name: str
    unit: str
    locality: str
    state: str
    country: str

    @property
    def subject(self) -> Subject:
        """As the certificates take it."""
        return Subject("", self.unit, self.name, self.locality, self.state, self.country)


@dataclass(frozen=True, slots=True)
class Made:
    """A node that was just made.

    Attributes:
        password_file: Where the administrator's password is.
        warnings: What a person should know.
    """

    password_file: Path
    warnings: tuple[str, ...] = ()


def make_publisher(
    settings: Settings,
    *,
    version: str,
    organization: Organization,
    password_file: Path | None,
    say: Callable[[str], None],
) -> Made:
    """Make a cluster of one node.

    Raises:
        UsageError: There is a cluster already, the folder is somebody else's, or a value is out of its range.
        DatabaseError: The database cannot be used.
    """
    node = settings.node
    spec = ClusterSpec(
        version=Version.known(version),
        nodes=(NodeSpec(node.name, node.address),),
        organization=organization.subject,
    )
    check_own_folder(node.directory)
    password = _password(password_file)
    say(f"making keys and certificates of {node.name} in {node.directory}")
    warnings: list[str] = []
    maker = maker_of(node.directory, node.name)
    cluster = Cluster.create(node.directory, spec, database_url=settings.database.url or None, principal=maker)
    try:
        close_to_others(node.directory)
        make_administrator(cluster, node.name, ADMINISTRATOR, password)
        warnings += filter(None, [cluster.make_query_login()])
        if settings.database.url:
            try:
                replication_source(settings, cluster)
            except MixedModeError as error:
                warnings.append(f"other hosts cannot join yet: {error.what}; {error.next_step}")
    finally:
        cluster.close()
    return Made(_kept(node.directory, password, password_file), tuple(warnings))


def maker_of(directory: Path, node: str) -> Principal:
    """Return who makes a node in a folder: there is nothing yet that could say that he may not."""
    return who_runs_this(AccountStore(directory / node / FILE_NAME), node)


def make_administrator(cluster: Cluster, node: str, name: str, password: str, *, hashed: str | None = None) -> None:
    """Make the first account of a node, in the name of who runs this program; see :meth:`.AccountStore.put`."""
    accounts = AccountStore(cluster.directory / node / FILE_NAME)
    Control(cluster).do(
        who_runs_this(accounts, node),
        MAKE_ACCOUNT,
        lambda: accounts.put(name, password, ADMINISTRATOR_LEVEL, hashed=hashed),
        account=name,
        account_level=ADMINISTRATOR_LEVEL,
    )


def replication_source(settings: Settings, cluster: Cluster) -> Source:
    """Return how subscribers reach the publisher's database; makes its publication and their role if needed.

    Raises:
        PreconditionError: The database cannot be replicated.
        DatabaseError: The account may not do that.
    """
    path = settings.node.directory / REPLICATION_PASSWORD
    password = path.read_text().strip() if path.exists() else secrets.token_urlsafe(24)
    source = prepare_publisher(cluster.database, settings.node.address, password)
    if not path.exists():
        keep = partial(write_atomic, path, password.encode() + b"\n", mode=PRIVATE)
        Control(cluster).do(SYSTEM, REPLICATION, keep, node=settings.node.name)
    return source


def join_cluster(settings: Settings, publisher: Publisher, *, say: Callable[[str], None]) -> tuple[Settings, Made]:
    """Make a subscriber and have it join.

    Args:
        settings: Of the subscriber, with its own database.
        publisher: Where to join, and as whom.
        say: Told about progress.

    Returns:
        The settings to write, with the publisher's database, and what was made.

    Raises:
        UsageError: The publisher refused, or the folder is somebody else's.
        PreconditionError: A database is not fit for it.
        RemoteError: The publisher does not answer.
    """
    node = settings.node
    check_own_folder(node.directory)
    description = interrupts.run(ask_publisher(publisher, {"ask": "describe"}))
    replication = description.get("replication")
    if not replication:
        raise RemoteError(
            "the publisher's database is not made for nodes on other hosts",
            where=publisher.host,
            why=str(description.get("replication_problem") or ""),
            next_step="on the publisher use PostgreSQL with wal_level = logical",
        )
    source = Source.of(replication)
    say(f"making keys and certificates of {node.name} in {node.directory}")
    close_to_others(node.directory)
    folder = NodeFolder(node.directory / node.name)
    certificates = make_keys(folder, node.name, description)
    write_atomic(folder.root / PUBLISHER_KEYS, f"{description['sftp_key']}\n".encode())
    request = {
        "ask": "join",
        "name": node.name,
        "address": node.address,
        "ports": {name: settings.ports.get(name, standard) for name, standard in STANDARD_PORTS.items()},
        "sftp_host_key": ensure_key(folder.keys / HOST_KEY),
        "certificates": certificates,
    }
    say(f"joining the cluster of {description['publisher']['name']}")
    answer = interrupts.run(ask_publisher(publisher, request))
    database = Database(settings.database.url)
    try:
        join_subscriber(database, source, node.name, progress=lambda done, every: say(f"tables: {done} of {every}"))
    finally:
        database.close()
    mine = Cluster.attach(node.directory, database_url=settings.database.url)
    warnings = [*map(str, answer.get("warnings", ())), mine.make_query_login()]
    mine.close()
    theirs = Cluster.attach(node.directory, database_url=source.url)
    try:
        make_administrator(theirs, node.name, publisher.user, publisher.password)
    finally:
        theirs.close()
    complete = settings.model_copy(
        update={"database": settings.database.model_copy(update={"publisher_url": source.url})}
    )
    return complete, Made(_kept(node.directory, publisher.password, None), tuple(filter(None, warnings)))


def _kept(directory: Path, password: str, given: Path | None) -> Path:
    """Return the file that holds the administrator's password."""
    if given is not None:
        return given
    path = directory / "administrator.password"
    write_atomic(path, password.encode() + b"\n", mode=PRIVATE)
    return path


def _password(path: Path | None) -> str:
    if path is None:
        return secrets.token_urlsafe(12)
    password = read_secret(path)
    check_password(password)
    return password


@dataclass(frozen=True, slots=True)
class Opened:
    """A node's cluster.

    Attributes:
        cluster: As the node's services read it.
        administered: As its administrators change it: on a subscriber, the publisher's database, which may be away.
        warning: Why that cannot be used now; empty if it can.
    """

    cluster: Cluster
    administered: Cluster
    warning: str = ""

    def close(self) -> None:
        """Close the databases."""
        self.cluster.close()
        if self.administered is not self.cluster:
            self.administered.close()


def open_cluster(settings: Settings) -> Opened:
    """Open the cluster as this node sees it.

    Raises:
        NotFoundError: There is none.
        DatabaseError: The database cannot be used.
    """
    if settings.node.role == "publisher":
        cluster = _publishers(settings)
        return Opened(cluster, cluster)
    directory = settings.node.directory
    if not settings.database.url:
        raise UsageError("a subscriber needs a database of its own", next_step="mixedmode node join makes one")
    # Whoever would write into the copy by mistake is refused by PostgreSQL itself.
    mine = Cluster.attach(directory, database_url=settings.database.url, writes=False)
    theirs = Cluster(directory, Database(settings.database.publisher_url or _no_publisher()))
    theirs.replication = LogicalReplication(theirs.database, mine.publisher.name)
    theirs.deliveries.distributor = NodeDistributor(directory, None)
    # The publisher's login is not known here, and what is asked for by hand is better read where it is at hand.
    theirs.query_database = mine.database
    problem = _problem_of(theirs)
    name = settings.node.name
    if was_removed(name, mine, mine if problem else theirs):
        forget_subscription(mine.database, name)
        Opened(mine, theirs).close()
        raise UsageError(REMOVED, where=name, next_step=JOIN_AGAIN)
    mine.make_query_login()
    return Opened(mine, theirs, f"nothing can be changed from here until it is back: {problem}" if problem else "")


def _no_publisher() -> NoReturn:
    raise UsageError(
        "a subscriber needs the publisher's database",
        where="database.publisher_url",
        next_step="mixedmode node join writes it",
    )


def _problem_of(theirs: Cluster) -> str:
    """Return why the publisher's database cannot be used now; empty if it can."""
    try:
        return "" if theirs.nodes() else "the publisher's database holds no cluster"
    except MixedModeError as error:
        return str(error)


def _publishers(settings: Settings) -> Cluster:
    directory, url = settings.node.directory, settings.database.url or None
    found: list[Cluster] = []

    def locate(info: NodeInfo) -> SftpEndpoint | None:
        endpoint = found[0].endpoints().get(info.name)
        if endpoint is None:
            return None
        return SftpEndpoint(info.address, endpoint.ports.get("sftp", STANDARD_PORTS["sftp"]), endpoint.sftp_host_key)

    key = directory / settings.node.name / "keys" / PUBLISHER_KEY
    cluster = Cluster.open(directory, database_url=url)
    cluster.make_query_login()
    found.append(cluster)
    cluster.deliveries.distributor = NodeDistributor(directory, SftpDistributor(locate, key))
    if url is not None:
        cluster.replication = LogicalReplication(cluster.database, cluster.publisher.name)
    return cluster
