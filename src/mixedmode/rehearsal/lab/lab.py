"""An embedded cluster with phones, in one process on loopback: what ``mixedmode lab`` and rehearsals run on.

Each node has an address of its own in 127.0.0.0/8, so that phones see a cluster, and each lab has other ones
(:mod:`mixedmode.rehearsal.lab.network`). The services are the real ones on real sockets; the phones fetch their files
from them. A folder holds everything: the database, each node's files and keys, what each phone holds, and
``lab.json`` for scripts.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mixedmode.cluster.engine.principal import Principal
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.topology import NodeInfo
from mixedmode.cluster.model.versions import Version
from mixedmode.cluster.operations.lines import AddLines
from mixedmode.control.accounts import account_store, hash_password
from mixedmode.control.door import Control
from mixedmode.control.people import of_user
from mixedmode.control.phones import DoorHands, PhoneControl
from mixedmode.errors import UsageError
from mixedmode.faces.shell.session import AdminSession
from mixedmode.node.control import NodeControl
from mixedmode.node.phone_servers import phone_servers
from mixedmode.node.services import NodeServices
from mixedmode.node.setup import make_administrator, maker_of
from mixedmode.node.status import SOCKET_NAME, StatusSocket
from mixedmode.node.units.options import PUBLISHER_KEY, PUBLISHER_KEYS, STANDARD_PORTS, NodeOptions
from mixedmode.node.units.web_link import web_commands
from mixedmode.node.upkeep import Upkeep
from mixedmode.phone.body.client import Server as PhoneServer
from mixedmode.phone.mind.models import get_model
from mixedmode.pki.certificates.profiles import KeyKind, generate_key
from mixedmode.pki.files import PRIVATE, write_atomic
from mixedmode.rehearsal.lab.distributor import LabDistributor
from mixedmode.rehearsal.lab.folder import note_database, open_lab, refuse_other, write_lab
from mixedmode.rehearsal.lab.keys import Factory
from mixedmode.rehearsal.lab.names import phone_name
from mixedmode.rehearsal.lab.network import Network, claim_of
from mixedmode.rehearsal.lab.pages import LabPages
from mixedmode.rehearsal.lab.phone_control import lab_phone_commands, resetting
from mixedmode.rehearsal.lab.phones import KEYS, LabPhones
from mixedmode.rehearsal.lab.spec import LabSpec
from mixedmode.services.files.phoneconfig import ConfigFacts
from mixedmode.services.net.server_tls import TlsFloor
from mixedmode.services.ssh.distribution import SftpDistributor, SftpEndpoint
from mixedmode.services.ssh.sftp import NodeSftpService
from mixedmode.services.ssh.ssh_keys import ensure_key

if TYPE_CHECKING:
    from mixedmode.pki.signing.signer import PrivateKey

ADMINISTRATOR = "administrator"
PREFERRED_PORTS = {"tftp": 6969, "ssh": 2222, "web": 8443}
"""Taken when they are free on a node's address, as the standard ones above 1023; any free port otherwise. A lab whose
network another lab has takes free ports only."""
_PORTS = ("tftp", "http", "https", "tvs", "ssh", "sftp", "web", "sccp", "sccp_tls", "capf", "ctl_provider")


class Lab:
    """A cluster and its services in this process.

    Attributes:
        factory: Where its phones come from: it has the keys of their maker.

    Args:
        directory: The lab's folder; made if needed, opened if it holds a cluster already.
        spec: What to make; an existing cluster keeps what it has.
        say: Told about progress.
        make_key: Makes the keys of a new one, and of its phones.
    """

    def __init__(
        self,
        directory: Path,
        spec: LabSpec,
        say: Callable[[str], None] = lambda _line: None,
        *,
        make_key: Callable[[KeyKind], PrivateKey] = generate_key,
    ) -> None:
        self.directory = directory
        self.spec = spec
        self._say = say
        self._password = secrets.token_urlsafe(12)
        self._hashes: dict[str, Future[str]] = {}
        self._network, self.cluster = self._open(make_key)
        self._publisher = self.cluster.publisher.name
        self.factory = Factory(directory / KEYS, make_key)
        self.nodes: dict[str, NodeServices] = {}
        self.control = NodeControl(self.cluster, self.nodes)
        for info in self.cluster.nodes():
            self.nodes[info.name] = self._node(info)
        self.principal = Principal(ADMINISTRATOR, 4)
        self.phones = LabPhones(
            directory / "phones",
            [(each.name, each.model) for each in self.cluster.devices],
            self.factory,
            self._network.phone_address,
            self._hears,
        )
        self.pages = LabPages(self.phones, self._network, lambda: self.phone_server.host)
        self._watchers: list[asyncio.Task[None]] = []
        door = PhoneControl(Control(self.cluster), self._user)
        commands = {
            **lab_phone_commands(self.nodes, self.phones, lambda: self.phone_server, door),
            **web_commands(self.nodes),
        }
        hands = DoorHands(door, resetting(self.nodes, self.phones, lambda: self.phone_server))
        for each in self.nodes.values():
            each.phones = hands
        self._status = StatusSocket(directory / SOCKET_NAME, self.document, commands)

    def _user(self, uid: int) -> Principal:
        return of_user(uid, account_store(self.publisher.folder), self.publisher.info.name)

    def _hears(self, address: str, phone: str, ctl: str, itl: str) -> bool:
        """Have a node's CallManager hear which lists a phone holds; return whether it runs."""
        for node in self.nodes.values():
            if node.info.address == address and (manager := node.callmanager) is not None:
                if manager.seen is not None:
                    manager.seen.reported(phone, ctl, itl)
                return True
        return False

    def session(self, node: str | None = None) -> AdminSession:
        """Return the session of a rehearsal's administrator on a node, the publisher by default."""
        name = node or self.cluster.publisher.name
        return AdminSession(self.cluster, name, ADMINISTRATOR, services=self.control, warns=False)

    def _open(self, make_key: Callable[[KeyKind], PrivateKey]) -> tuple[Network, Cluster]:
        cluster = open_lab(self.directory, self.spec.database_url)
        if cluster is not None:
            self._say(f"opening the cluster in {self.directory}")
            self._refuse_other(cluster)
            return claim_of(cluster.publisher.address), cluster
        network = self.spec.claim()
        try:
            spec, url = self.spec.cluster_spec(network), self.spec.database_url
            self._say(f"making a cluster of {len(spec.nodes)} nodes, version {spec.version}, in {self.directory}")
            self._hash_ahead([each.name for each in spec.nodes])
            maker = maker_of(self.directory, spec.nodes[0].name)
            cluster = Cluster.create(self.directory, spec, database_url=url, principal=maker, make_key=make_key)
            note_database(self.directory, url)
            if lines := self.spec.lines(spec.devices):
                cluster.run(AddLines(lines), maker)
        except BaseException:
            network.release()
            raise
        return network, cluster

    def _refuse_other(self, cluster: Cluster) -> None:
        """Refuse a specification that the lab which is there does not have; phones may have been added to it."""
        wanted = self.spec.models
        has = {device.name for device in cluster.devices}
        modes = {device.security_mode for device in cluster.devices}
        made = next(number for number in range(len(has) + 1) if phone_name(number + 1) not in has)
        version = None if self.spec.version is None else Version.known(self.spec.version)
        own = (stored.certificate for stored in cluster.certificates.list_own(cluster.publisher.name))
        # Keys may have been regenerated since, each with more bits than before.
        bits = min(each.key_bits for each in own if each.key_kind == "RSA")
        asked = {
            "--version": (version, cluster.version),
            "--key-size": (None if self.spec.key is None else self.spec.key.value[1], bits),
            "--nodes": (self.spec.nodes, len(cluster.nodes())),
            "--phones": (None if wanted is None else len(wanted), made),
            "--security-mode": (self.spec.security_mode, next(iter(modes)) if len(modes) == 1 else "several"),
        }
        try:
            refuse_other(self.directory, asked)
        except UsageError:
            cluster.close()
            raise

    def _node(self, info: NodeInfo) -> NodeServices:
        # Models that know only TLS 1.0 are why it may be spoken here, and keys that belong to its time.
        old = any(get_model(each.model).tls_max < TlsFloor.TLS_1_2.value for each in self.cluster.devices)
        own = (stored.certificate for stored in self.cluster.certificates.list_own(info.name))
        old = old or any(each.key_kind == "RSA" and each.key_bits < KeyKind.RSA_2048.value[1] for each in own)
        ports = PREFERRED_PORTS if self._network.claimed else dict.fromkeys(STANDARD_PORTS, 0)
        options = NodeOptions(
            ports,
            elsewhere=True,
            floor=TlsFloor.TLS_1_0 if old else TlsFloor.TLS_1_2,
            manufacturers=(self.factory.certificate,),
        )
        return NodeServices(self.cluster, info, locate=self._facts, control=self.control, options=options)

    @property
    def publisher(self) -> NodeServices:
        """The publisher's services."""
        return self.nodes[self._publisher]

    @property
    def phone_server(self) -> PhoneServer:
        """Where the phones fetch their files."""
        node = self.publisher
        return PhoneServer(node.info.address, tftp_port=node.ports["tftp"] or 69, http_port=node.ports.get("http"))

    @property
    def password_file(self) -> Path:
        """Where the administrator's password is."""
        return self.directory / "administrator.password"

    def _endpoint(self, info: NodeInfo) -> SftpEndpoint | None:
        """Return where a node takes files: its own SFTP service, while it runs."""
        node = self.nodes[info.name]
        service, port = node.supervisor.service("sftp"), node.ports["sftp"]
        if not isinstance(service, NodeSftpService) or port is None:
            return None
        return SftpEndpoint(info.address, port, service.host_public_key)

    def _use_sftp(self) -> None:
        """Have the publisher push files to every other node over SFTP, as to nodes on other hosts."""
        publisher = self.cluster.publisher.name
        key = self.cluster.folder(publisher).keys / PUBLISHER_KEY
        public = ensure_key(key)
        for node in self.nodes.values():
            write_atomic(node.folder.root / PUBLISHER_KEYS, public.encode() + b"\n")
        self.cluster.deliveries.distributor = LabDistributor(
            self.directory, publisher, SftpDistributor(self._endpoint, key)
        )

    async def start(self) -> None:
        """Start every service of every node and write the files that tell others of them."""
        password = self._administrator_password()
        hashing = (asyncio.to_thread(self._new_hash, node, password) for node in self.nodes.values())
        _, *hashes = await asyncio.gather(asyncio.to_thread(self._use_sftp), *hashing)
        for node, hashed in zip(self.nodes.values(), hashes, strict=True):
            if hashed is not None:
                make = partial(make_administrator, self.cluster, node.info.name, ADMINISTRATOR, password)
                await asyncio.to_thread(make, hashed=hashed)
            await node.start()
            self._watchers.append(asyncio.create_task(node.run()))
        self._watchers.append(asyncio.create_task(Upkeep(self.cluster).run()))
        await self._status.start()
        await self.pages.start()
        self.write_document()

    def _administrator_password(self) -> str:
        if not self.password_file.exists():
            write_atomic(self.password_file, self._password.encode() + b"\n", mode=PRIVATE)
        return self.password_file.read_text().strip()

    def _hash_ahead(self, nodes: Sequence[str]) -> None:
        """Begin to hash the administrator's password for new nodes: it takes long, and so does making them."""
        if not self.password_file.exists():
            pool = ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="lab-hashes")
            self._hashes = {name: pool.submit(hash_password, self._password) for name in nodes}
            pool.shutdown(wait=False)

    def _new_hash(self, node: NodeServices, password: str) -> str | None:
        """Return the hash of the administrator's password, None if a node has his account with it; takes long."""
        accounts = account_store(node.folder)
        known = accounts.find(ADMINISTRATOR) is not None and accounts.verify(ADMINISTRATOR, password) is not None
        if known:
            return None
        ahead = self._hashes.pop(node.info.name, None) if password == self._password else None
        return hash_password(password) if ahead is None else ahead.result()

    async def stop(self) -> None:
        """Drain and stop every service and close the database."""
        for watcher in self._watchers:
            watcher.cancel()
        await asyncio.gather(*self._watchers, return_exceptions=True)
        self._watchers.clear()
        await self.pages.stop()
        await self.phones.leave()
        await self._status.stop()
        for node in self.nodes.values():
            await node.stop()
        self.cluster.close()
        self._network.release()

    def _facts(self, device: str) -> ConfigFacts:
        """Return the servers that a phone is told of, with the ports that the lab's services have now."""

        def port(info: NodeInfo, unit: str) -> int:
            return self.nodes[info.name].ports.get(unit) or STANDARD_PORTS[unit]

        return phone_servers(self.cluster, device, {name: node.info for name, node in self.nodes.items()}, port)

    def document(self) -> dict[str, Any]:
        """Return what ``lab.json`` says."""
        return {
            "version": self.cluster.version.text,
            "nodes": [
                {
                    "name": node.info.name,
                    "role": "publisher" if node.info.is_publisher else "subscriber",
                    "address": node.info.address,
                    "ports": {**dict.fromkeys(_PORTS), **node.ports},
                    "ssh_host_key": node.ssh_host_key,
                }
                for node in self.nodes.values()
            ],
            "administrator": {"username": ADMINISTRATOR, "password_file": str(self.password_file.absolute())},
            "phones": [
                {"name": device.name, "model": device.model, "web": self.pages.addresses.get(device.name)}
                for device in self.cluster.devices
            ],
        }

    def write_document(self) -> None:
        """Write ``lab.json``, and what else tells others of the lab."""
        write_lab(self.directory, self.document(), self.cluster)
