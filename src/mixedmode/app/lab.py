"""An embedded cluster with phones, in one process on loopback: what ``mixedmode lab`` and rehearsals run on.

Each node has an address of its own in 127.0.0.0/8, so that phones see a cluster. The services are the real ones on
real sockets; the phones fetch their files from them. A folder holds everything: the database, each node's files
and keys, what each phone holds, and ``lab.json`` for scripts.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from mixedmode.admin.accounts import account_store
from mixedmode.admin.shell.session import AdminSession
from mixedmode.admin.ssh import AdminSshService
from mixedmode.app.lab_phones import LabPhones
from mixedmode.app.lab_services import LabServices
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.steps import Actor
from mixedmode.cluster.topology import ClusterSpec, DeviceSpec, NodeInfo, NodeSpec, Service
from mixedmode.cluster.versions import Version
from mixedmode.errors import RemoteError, UsageError
from mixedmode.phone.client import Server as PhoneServer
from mixedmode.phone.models import get_model
from mixedmode.pki.files import PRIVATE, write_atomic
from mixedmode.services.configs import ConfigStore
from mixedmode.services.files import FolderStore
from mixedmode.services.phoneconfig import ConfigFacts, Server
from mixedmode.services.tftp import TftpService
from mixedmode.services.tvs_node import node_tvs
from mixedmode.services.tvs_tls import TlsFloor

DEFAULT_VERSION = "10.5.1.10000-7"
"""The seed's version: CallManager signs the CTL, no ITLRecovery record."""
ADMINISTRATOR = "administrator"
ADMINISTRATOR_LEVEL = 4
PREFERRED_PORTS = {"tftp": 6969, "ssh": 2222, "tvs": 2445}
"""Taken when they are free on a node's address; any free port otherwise."""
_PORTS = ("tftp", "http", "https", "tvs", "ssh", "sftp", "web", "sccp", "sccp_tls", "capf", "ctl_provider")
_DEFAULT_PORTS = {"sccp": 2000, "sccp_tls": 2443, "tvs": 2445, "capf": 3804}


@dataclass(frozen=True, slots=True)
class LabSpec:
    """What a lab shall be.

    Attributes:
        nodes: How many, the publisher among them.
        models: The model of each phone.
        version: Of the cluster's software.
        database_url: SQLAlchemy URL; None is SQLite in the lab's folder.
    """

    nodes: int = 2
    models: tuple[str, ...] = ("7975",) * 4
    version: str = DEFAULT_VERSION
    database_url: str | None = None

    def cluster_spec(self) -> ClusterSpec:
        """Return the cluster to make."""
        names = ["cucm-1051-a-pub", *(f"cucm-1051-a-sub{number}" for number in range(1, self.nodes))]
        return ClusterSpec(
            version=Version.parse(self.version),
            nodes=tuple(NodeSpec(name, f"127.0.0.{number}") for number, name in enumerate(names, 1)),
            devices=tuple(
                DeviceSpec(phone_name(number), model, f"Lab phone {number}")
                for number, model in enumerate(self.models, 1)
            ),
        )


def phone_name(number: int) -> str:
    """Return the device name of a lab's phone."""
    return f"SEP0011223344{number:02X}" if number < 0x100 else f"SEP00112233{number:04X}"


class Running(Protocol):
    """A service on a socket."""

    @property
    def port(self) -> int:
        """The port that it listens on."""

    async def start(self) -> None:
        """Listen.

        Raises:
            RemoteError: The port cannot be had.
        """

    async def drain(self, timeout: float = ..., /) -> int:
        """Take nothing new and let what is under way finish; return what is left."""

    async def stop(self) -> None:
        """Close."""


@dataclass(slots=True)
class LabNode:
    """A node and what runs on it.

    Attributes:
        info: The node.
        files: Its folder as served.
        configs: The files that are built on demand.
        running: Services by their port's name.
        ports: Port by the names of ``lab.json``.
        ssh_host_key: The public key of its SSH server, once that ran.
    """

    info: NodeInfo
    files: FolderStore
    configs: ConfigStore
    running: dict[str, Running] = field(default_factory=dict)
    ports: dict[str, int | None] = field(default_factory=lambda: dict.fromkeys(_PORTS))
    ssh_host_key: str | None = None


class Lab:
    """A cluster and its services in this process.

    Args:
        directory: The lab's folder; made if needed, opened if it holds a cluster already.
        spec: What to make; an existing cluster keeps what it has.
        say: Told about progress.
    """

    def __init__(self, directory: Path, spec: LabSpec, say: Callable[[str], None] = lambda _line: None) -> None:
        self.directory = directory
        self.spec = spec
        self._say = say
        self.cluster = self._open()
        self.nodes = {info.name: self._node(info) for info in self.cluster.nodes()}
        self.actor = Actor(ADMINISTRATOR)
        self.phones = LabPhones(directory / "phones", [(each.name, each.model) for each in self.cluster.devices])

    services: Mapping[Service, str] = {Service.TFTP: "tftp", Service.TVS: "tvs"}
    """The cluster's services that the lab runs, and the name of their port."""

    def session(self, node: str | None = None) -> AdminSession:
        """Return the administrator's session on a node, the publisher by default."""
        return AdminSession(
            self.cluster, node or self.cluster.publisher.name, ADMINISTRATOR, services=LabServices(self)
        )

    def _open(self) -> Cluster:
        url = self.spec.database_url
        if (self.directory / "cluster.db").exists():
            self._say(f"opening the cluster in {self.directory}")
            return Cluster.open(self.directory, database_url=url)
        self._say(f"making a cluster of {self.spec.nodes} nodes in {self.directory}")
        return Cluster.create(self.directory, self.spec.cluster_spec(), database_url=url)

    def _node(self, info: NodeInfo) -> LabNode:
        files = FolderStore(self.cluster.folder(info.name).tftp)
        return LabNode(info, files, ConfigStore(files, self.cluster, info.name, self._facts))

    @property
    def publisher(self) -> LabNode:
        """The publisher's services."""
        return self.nodes[self.cluster.publisher.name]

    @property
    def phone_server(self) -> PhoneServer:
        """Where the phones fetch their files."""
        node = self.publisher
        return PhoneServer(node.info.address, tftp_port=node.ports["tftp"] or 69, http_port=node.ports["http"])

    @property
    def password_file(self) -> Path:
        """Where the administrator's password is."""
        return self.directory / "administrator.password"

    async def start(self) -> None:
        """Start every service of every node and write ``lab.json``."""
        password = self._administrator_password()
        for node in self.nodes.values():
            await asyncio.to_thread(self._make_account, node, password)
            for service in self.services:
                await self.start_service(node.info.name, service)
            await self._run(node, "ssh")
        self.write_document()

    def _administrator_password(self) -> str:
        if not self.password_file.exists():
            write_atomic(self.password_file, secrets.token_urlsafe(12).encode() + b"\n", mode=PRIVATE)
        return self.password_file.read_text().strip()

    def _make_account(self, node: LabNode, password: str) -> None:
        accounts = account_store(self.cluster.folder(node.info.name))
        if accounts.verify(ADMINISTRATOR, password) is None:
            accounts.put(ADMINISTRATOR, password, ADMINISTRATOR_LEVEL)

    async def stop(self) -> None:
        """Drain and stop every service and close the database."""
        for node in self.nodes.values():
            for name in reversed(list(node.running)):
                await self._halt(node, name)
        self.cluster.close()

    async def start_service(self, node_name: str, service: Service) -> None:
        """Start a service of a node.

        Raises:
            UsageError: The lab does not run this service.
        """
        node, name = self._lab_node(node_name, service)
        await self._run(node, name)

    async def stop_service(self, node_name: str, service: Service) -> None:
        """Drain and stop a service of a node."""
        node, name = self._lab_node(node_name, service)
        await self._halt(node, name)

    async def restart_service(self, node_name: str, service: Service) -> None:
        """Restart a service of a node."""
        await self.stop_service(node_name, service)
        await self.start_service(node_name, service)

    def runs(self, node_name: str, service: Service) -> bool:
        """Return whether a service of a node is running here."""
        return self.services.get(service) in self.nodes[node_name].running

    async def _run(self, node: LabNode, name: str) -> None:
        """Start what listens on a port, on the port that it had before, else a preferred one, else a free one."""
        if name in node.running:
            return
        known = node.ports[name]
        wanted = known if known is not None else PREFERRED_PORTS.get(name, 0)
        service = self._make(node, name, wanted)
        try:
            await service.start()
        except RemoteError:
            if known is not None or wanted == 0:
                raise
            service = self._make(node, name, 0)
            await service.start()
        node.running[name] = service
        node.ports[name] = service.port
        if isinstance(service, AdminSshService):
            node.ssh_host_key = service.host_public_key

    async def _halt(self, node: LabNode, name: str) -> None:
        service = node.running.pop(name, None)
        if service is not None:
            await service.drain(2.0)
            await service.stop()

    def _make(self, node: LabNode, name: str, port: int) -> Running:
        makers: dict[str, Callable[[LabNode, int], Running]] = {"tftp": self._tftp, "tvs": self._tvs, "ssh": self._ssh}
        return makers[name](node, port)

    def _tftp(self, node: LabNode, port: int) -> Running:
        """Make a node's TFTP; it reads its folder anew, so a changed CTL is served from now on."""
        node.files.reload()
        node.configs.reload()
        return TftpService(node.configs, host=node.info.address, port=port)

    def _tvs(self, node: LabNode, port: int) -> Running:
        """Make a node's TVS. Models that know only TLS 1.0 are why it may be spoken here."""
        old = any(get_model(each.model).tls_max < TlsFloor.TLS_1_2.value for each in self.cluster.devices)
        floor = TlsFloor.TLS_1_0 if old else TlsFloor.TLS_1_2
        return node_tvs(self.cluster, node.info, self.cluster.folder(node.info.name), port=port, floor=floor)

    def _ssh(self, node: LabNode, port: int) -> Running:
        host, services = node.info.address, LabServices(self)
        return AdminSshService(self.cluster, node.info.name, host=host, port=port, services=services)

    def _lab_node(self, node_name: str, service: Service) -> tuple[LabNode, str]:
        if service not in self.services:
            raise UsageError(f"{service.value} is not part of this lab", where=node_name)
        if node_name not in self.nodes:
            raise UsageError(f"there is no node {node_name}", next_step=f"the nodes are: {', '.join(self.nodes)}")
        return self.nodes[node_name], self.services[service]

    def _facts(self, device: str) -> ConfigFacts:
        """Return the servers that a phone is told of: those of its CallManager group, in order."""
        group: Iterable[str] = self.cluster.trust_servers(device) or list(self.nodes)
        members = [self.nodes[name] for name in group]

        def port(node: LabNode, name: str) -> int:
            return node.ports[name] or _DEFAULT_PORTS[name]

        publisher = self.publisher
        return ConfigFacts(
            call_managers=[Server(n.info.address, port(n, "sccp"), port(n, "sccp_tls")) for n in members],
            tvs=[Server(n.info.address, port(n, "tvs")) for n in members],
            capf=[Server(publisher.info.address, port(publisher, "capf"))],
        )

    def document(self) -> dict[str, Any]:
        """Return what ``lab.json`` says."""
        return {
            "nodes": [
                {
                    "name": node.info.name,
                    "role": "publisher" if node.info.is_publisher else "subscriber",
                    "address": node.info.address,
                    "ports": dict(node.ports),
                    "ssh_host_key": node.ssh_host_key,
                }
                for node in self.nodes.values()
            ],
            "administrator": {"username": ADMINISTRATOR, "password_file": str(self.password_file)},
            "phones": [{"name": device.name, "model": device.model} for device in self.cluster.devices],
        }

    def write_document(self) -> None:
        """Write ``lab.json``."""
        write_atomic(self.directory / "lab.json", json.dumps(self.document(), indent=2).encode() + b"\n")
