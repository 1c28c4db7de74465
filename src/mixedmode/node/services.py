"""What runs on one node, put together: its files, its services as supervised units, and the database's wishes.

Both a node on a host of its own (``mixedmode node run``) and each node of a lab are made of this.

Rules:

1. A changed file, key or parameter is served when the TFTP service starts anew, as in CUCM; a trust list that is not
   the published one is put right before (:mod:`.node_lists`). A changed device, LSC or server shows in the next
   configurations that are fetched, within two seconds. TVS notices by itself.
2. The database holds what the services shall do. :meth:`NodeServices.follow` compares it with what runs, so that
   ``utils service restart`` takes effect wherever it was typed.
3. Who restarts a service here by hand holds ``hands`` meanwhile, so that the follower does not do it again.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from mixedmode.cluster.engine.principal import Principal
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.records import ServiceState
from mixedmode.cluster.model.topology import NodeInfo, Service
from mixedmode.control.accounts import account_store
from mixedmode.control.ctl_desk import CtlDesk
from mixedmode.control.logins import LoginGuard
from mixedmode.control.services import ServiceControl
from mixedmode.errors import MixedModeError
from mixedmode.faces.ssh.server import AdminSshService, Subsystem
from mixedmode.node.host.service_units import ServiceUnits
from mixedmode.node.lists import NodeLists
from mixedmode.node.versions import follow_versions
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.profiles import Purpose
from mixedmode.services.callmanager.node import node_callmanager
from mixedmode.services.callmanager.service import CallManagerService
from mixedmode.services.capf.node import node_capf, order_of
from mixedmode.services.capf.notes import CapfNote
from mixedmode.services.capf.store import CapfStore
from mixedmode.services.ctlprovider.service import CtlProviderService
from mixedmode.services.files.configs import ConfigStore
from mixedmode.services.files.flat_names import DEFAULT_MAP
from mixedmode.services.files.phoneconfig import ConfigFacts
from mixedmode.services.files.store import FolderStore
from mixedmode.services.http.service import HttpService
from mixedmode.services.net.change_notification import ChangeNotificationService
from mixedmode.services.net.server_tls import TlsFloor, server_context
from mixedmode.services.net.service import Service as NetService
from mixedmode.services.net.supervisor import Supervisor, Unit, UnitStatus
from mixedmode.services.ssh.sftp import NodeSftpService
from mixedmode.services.tftp.service import TftpService
from mixedmode.services.tvs.node import node_tvs

UNITS: Final[Mapping[Service, tuple[str, ...]]] = {
    Service.TFTP: ("tftp", "http", "https"),
    Service.TVS: ("tvs",),
    Service.CTL_PROVIDER: ("ctl_provider",),
    Service.CAPF: ("capf",),
    Service.CALLMANAGER: ("sccp",),
    Service.CHANGE_NOTIFICATION: ("change_notification",),
}
"""The units of each service of the cluster, in the order in which they start."""
BASE_UNITS: Final = ("ssh", "sftp")
"""Units that run on every node and are nobody's service."""
STANDARD_PORTS: Final[Mapping[str, int]] = {
    "tftp": 69,
    "http": 6970,
    "https": 6971,
    "tvs": 2445,
    "ssh": 22,
    "sftp": 2022,
    "sccp": 2000,
    "sccp_tls": 2443,
    "capf": 3804,
    "ctl_provider": 2444,
}
"""Where phones and administrators look for them (wire-formats.md 7, cucm-admin.md 2)."""
FOLLOW_SECONDS: Final = 1.0
PUBLISHER_KEYS: Final = "publisher_keys"
"""In a node's folder: the public keys that may push files to it."""
PUBLISHER_KEY: Final = "publisher_ed25519_key"
"""In the publisher's folder of keys: with this it pushes files."""
CAPF_FOLDER: Final = "capf"
"""In the folder of the node that runs CAPF: what it knows of each device."""


@dataclass(frozen=True, slots=True)
class NodeOptions:
    """How a node's services run.

    Attributes:
        ports: Wanted, by unit; what is left out has its standard port.
        elsewhere: Whether a free port will do when one is taken, as in a lab.
        floor: The oldest TLS for phones.
        host: The address to listen on; None is the node's own.
        remote: Whether the publisher is on another host, so that nobody else switches this node's partitions.
        rules: Where to look for files that are not there by the name that is asked for.
    """

    ports: Mapping[str, int] = field(default_factory=dict)
    elsewhere: bool = False
    floor: TlsFloor = TlsFloor.TLS_1_2
    host: str | None = None
    remote: bool = False
    rules: Sequence[str] = DEFAULT_MAP

    def port(self, unit: str) -> int:
        """Return the port wanted for a unit."""
        return self.ports.get(unit, STANDARD_PORTS.get(unit, 0))


class NodeServices:
    """The services of one node.

    Args:
        cluster: The cluster, as this node sees it.
        info: The node.
        locate: The servers that a phone is told of, by device name.
        control: The hands of the command line on services.
        options: Ports and TLS.
        changed: Told of every change of a unit's state.
        subsystems: What answers programs over SSH.
        administered: The cluster as administrators change it; by default the one that is read.
    """

    def __init__(
        self,
        cluster: Cluster,
        info: NodeInfo,
        *,
        locate: Callable[[str], ConfigFacts],
        control: ServiceControl,
        options: NodeOptions | None = None,
        changed: Callable[[UnitStatus], None] = lambda _status: None,
        subsystems: Mapping[str, Subsystem] | None = None,
        administered: Cluster | None = None,
    ) -> None:
        self.cluster = cluster
        self.administered = administered or cluster
        self.info = info
        self.options = options or NodeOptions()
        self.folder = cluster.folder(info.name)
        self.files = FolderStore(self.folder.tftp, rules=self.options.rules)
        self.capf_store = CapfStore(cluster.folder(cluster.publisher.name).root / CAPF_FOLDER, cluster.keep_lsc)
        self.configs = ConfigStore(
            self.files, cluster, info.name, locate, lsc=self._lsc, capf=partial(order_of, self.capf_store)
        )
        self.lists = NodeLists(cluster, self.administered, info.name)
        self.hands = asyncio.Lock()
        self._control = control
        self._locate = locate
        self._subsystems = subsystems
        self._seen: dict[Service, int] = {}
        self._change = (0, 0)
        self._guard = LoginGuard(account_store(self.folder))
        makers = {
            "tftp": self._tftp,
            "http": self._http,
            "https": self._https,
            "tvs": self._tvs,
            "ctl_provider": self._ctl_provider,
            "capf": self._capf,
            "sccp": self._sccp,
            "change_notification": lambda _port: ChangeNotificationService(self.administered),
            "ssh": self._ssh,
            "sftp": self._sftp,
        }
        self.supervisor = Supervisor(
            (
                Unit(
                    name,
                    make,
                    self.options.port(name),
                    elsewhere=self.options.elsewhere,
                    prepare=self.lists.put_right if name == "tftp" else None,
                )
                for name, make in makers.items()
            ),
            changed=changed,
        )
        self._services = ServiceUnits(self.supervisor, UNITS)

    @property
    def host(self) -> str:
        """The address that the services listen on."""
        return self.options.host or self.info.address

    @property
    def ports(self) -> dict[str, int | None]:
        """Where each unit listens, None if it does not run."""
        found = {status.name: status.port for status in self.supervisor if status.name in STANDARD_PORTS}
        manager = self.callmanager
        return {**found, "sccp_tls": manager.tls_port if manager else None}

    @property
    def callmanager(self) -> CallManagerService | None:
        """The CallManager while it runs: it knows the registered phones and resets them."""
        service = self.supervisor.service("sccp")
        return service if isinstance(service, CallManagerService) else None

    @property
    def ssh_host_key(self) -> str | None:
        """The public key of the SSH server, once it ran."""
        service = self.supervisor.service("ssh")
        return service.host_public_key if isinstance(service, AdminSshService) else None

    async def start(self, *, tolerant: bool = False) -> None:
        """Start what shall run.

        Args:
            tolerant: Leave what cannot start to :meth:`run`, which tries again.

        Raises:
            MixedModeError: Something cannot start, and ``tolerant`` is not set.
        """
        await self.lists.put_right()
        states = await self.have_seen()
        names = [name for state in states if _shall_run(state) for name in UNITS.get(state.service, ())]
        for name in [*names, *BASE_UNITS]:
            try:
                await self.supervisor.start(name)
            except MixedModeError:
                if not tolerant:
                    raise

    async def run(self) -> None:
        """Watch the units and follow the database, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.supervisor.watch())
            group.create_task(self._follow())

    async def stop(self) -> None:
        """Drain and stop everything."""
        await self.supervisor.stop_all()

    def runs(self, service: Service) -> bool:
        """Return whether a service is running here."""
        return self._services.runs(service)

    async def start_service(self, service: Service) -> None:
        """Start a service.

        Raises:
            MixedModeError: It cannot be started; nothing of it runs.
        """
        await self._services.start(service)

    async def stop_service(self, service: Service) -> None:
        """Drain and stop a service."""
        await self._services.stop(service)

    async def restart_service(self, service: Service) -> None:
        """Restart a service.

        Raises:
            MixedModeError: It cannot be started; nothing of it runs.
        """
        await self.stop_service(service)
        await self.start_service(service)

    async def have_seen(self) -> Sequence[ServiceState]:
        """Take what the database says now as done (rule 3), and return it."""
        states = await asyncio.to_thread(self.cluster.services, self.info.name)
        self._seen = {state.service: state.restarts for state in states}
        return states

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(FOLLOW_SECONDS)
            async with self.hands:
                await self._reconcile()

    def _look(self) -> tuple[Sequence[ServiceState], tuple[int, int]]:
        # CAPF's orders are files: another process writes them.
        return self.cluster.services(self.info.name), (self.cluster.last_change(), self.capf_store.mark())

    async def _reconcile(self) -> None:
        """Bring what runs to what the database says (rule 2); a database that is down changes nothing."""
        try:
            states, change = await asyncio.to_thread(self._look)
            if change != self._change:
                self._change = change
                self.configs.forget()
            if self.options.remote and await asyncio.to_thread(follow_versions, self.cluster, self.folder):
                await asyncio.to_thread(self.administered.make_missing_certificates, self.info.name)
                await self.restart_service(Service.TFTP)
        except MixedModeError:
            return
        for state in states:
            if state.service not in UNITS:
                continue
            anew = self._seen.get(state.service, state.restarts) != state.restarts
            self._seen[state.service] = state.restarts
            try:
                if not _shall_run(state):
                    await self.stop_service(state.service)
                elif anew:
                    await self.restart_service(state.service)
                else:
                    await self._services.tend(state.service)
            except MixedModeError:
                continue  # noted at its unit, which is tried again

    def _tftp(self, port: int) -> NetService:
        """Make TFTP; it reads its folder anew (rule 1)."""

        def read() -> None:
            self.files.reload()
            self.configs.reload()

        return TftpService(self.configs, host=self.host, port=port, prepare=read)

    def _lsc(self, device: str) -> Certificate | None:
        lsc = self.cluster.devices.lsc(device)
        if lsc is not None:
            return Certificate.from_der(lsc)
        # Given by a release that kept it only here.
        found = self.capf_store.find(device)
        return None if found is None else found.lsc

    def _http(self, port: int) -> NetService:
        return HttpService(self.configs, host=self.host, port=port)

    def _https(self, port: int) -> NetService:
        def context() -> ssl.SSLContext:
            # Phones come here for the EC certificate of the TFTP role, which there is from version 11 on.
            own = {stored.unit for stored in self.cluster.certificates.list_own(self.info.name)}
            wanted = [Purpose.CALLMANAGER, *({Purpose.CALLMANAGER_ECDSA} & own)]
            signers = [self.cluster.signer(self.info.name, each.value) for each in wanted]
            return server_context(signers, self.options.floor)

        return HttpService(self.configs, host=self.host, port=port, tls=context)

    def _tvs(self, port: int) -> NetService:
        return node_tvs(self.cluster, self.info, self.folder, host=self.host, port=port, floor=self.options.floor)

    def _ctl_provider(self, port: int) -> NetService:
        return CtlProviderService(
            CtlDesk(self.administered, self.info.name), self.info.name, self._guard, host=self.host, port=port
        )

    def _capf(self, port: int) -> NetService:
        return node_capf(
            self.cluster,
            self.info,
            self.capf_store,
            host=self.host,
            port=port,
            floor=self.options.floor,
            audit=self._audit_capf,
        )

    def _audit_capf(self, note: CapfNote) -> None:
        details = {"device": note.device, "reason": note.reason, "not_written_before": note.left_out}
        principal = Principal("CAPF", 0, note.address)
        self.cluster.operations.journal.note(principal, "CAPF", note.outcome.value, details)

    def _sccp(self, port: int) -> NetService:
        return node_callmanager(
            self.cluster,
            self.info,
            host=self.host,
            port=port,
            tls_port=self.options.port("sccp_tls"),
            tls_elsewhere=self.options.elsewhere,
            floor=self.options.floor,
            locate=self._locate,
        )

    def _sftp(self, port: int) -> NetService:
        return NodeSftpService(
            self.folder, host=self.host, port=port, authorized_keys=self.folder.root / PUBLISHER_KEYS
        )

    def _ssh(self, port: int) -> NetService:
        return AdminSshService(
            self.administered,
            self.info.name,
            host=self.host,
            port=port,
            services=self._control,
            guard=self._guard,
            subsystems=self._subsystems,
        )


def _shall_run(state: ServiceState) -> bool:
    return state.activated and state.started is not None
