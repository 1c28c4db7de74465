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
import socket
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from ipaddress import ip_network
from typing import Final

from mixedmode.cluster.engine.principal import Principal
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.records import ServiceState
from mixedmode.cluster.model.topology import NodeInfo, Service
from mixedmode.control.accounts import account_store
from mixedmode.control.acts import CAPF, LOGIN
from mixedmode.control.ctl_desk import CtlDesk
from mixedmode.control.door import Control
from mixedmode.control.following import follow
from mixedmode.control.logins import LoginGuard
from mixedmode.control.people import unproved
from mixedmode.control.phones import PhoneHands
from mixedmode.control.services import ServiceControl
from mixedmode.errors import MixedModeError
from mixedmode.faces.ssh.server import AdminSshService, Subsystem
from mixedmode.faces.web.service import WebService
from mixedmode.faces.web.vitals import Vitals
from mixedmode.guides.watching import watch
from mixedmode.node.host.service_units import ServiceUnits
from mixedmode.node.lists import AWAY_SECONDS, SECONDS, NodeLists
from mixedmode.node.phone_orders import OrderFollower
from mixedmode.node.sightings import SightingWriter
from mixedmode.node.status import SupervisorCollector
from mixedmode.node.units.options import BASE_UNITS, PUBLISHER_KEYS, STANDARD_PORTS, UNITS, NodeOptions
from mixedmode.node.units.phone_units import PHONE_UNITS, PhoneUnits
from mixedmode.node.units.traces import NodeTraces
from mixedmode.node.units.waited import WaitedChanges
from mixedmode.node.versions import follow_versions
from mixedmode.services.callmanager.desk import kept_records
from mixedmode.services.callmanager.node import node_callmanager
from mixedmode.services.callmanager.service import CallManagerService
from mixedmode.services.capf.node import node_capf
from mixedmode.services.capf.notes import CapfNote
from mixedmode.services.ctlprovider.service import CtlProviderService
from mixedmode.services.files.phoneconfig import ConfigFacts
from mixedmode.services.net.change_notification import ChangeNotificationService
from mixedmode.services.net.service import Service as NetService
from mixedmode.services.net.supervisor import Supervisor, Unit, UnitStatus
from mixedmode.services.ssh.sftp import NodeSftpService
from mixedmode.services.workers.crew import Crew, CrewService
from mixedmode.services.workers.workshop import Workshop

FOLLOW_SECONDS: Final = 1.0


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
        workshop: Makes what phones ask most in worker processes, where the options want more than one.
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
        workshop: Workshop | None = None,
    ) -> None:
        self.cluster = cluster
        self.administered = administered or cluster
        self.info = info
        self.options = options or NodeOptions()
        self.folder = cluster.folder(info.name)
        # A subscriber's own copy of the database is never written.
        writable = self.administered is not cluster or not self.options.remote
        self._writable = self.administered if writable else None
        self._traces = NodeTraces(self.folder)
        self._writer = SightingWriter(self._writable, trace=self._traces.seen)
        self._phone_units = PhoneUnits(cluster, info, locate, self.options, seen=self._writer.seen)
        self.files, self.capf_store = self._phone_units.files, self._phone_units.capf_store
        count = self.options.workers
        self._crew = Crew(workshop, count, self._writer.told) if workshop and count > 1 else None
        self.lists = NodeLists(cluster, self.administered, info.name)
        self._waited = WaitedChanges(cluster, self._writable, info.name)
        self.hands = asyncio.Lock()
        self._calls = kept_records()
        self.phones: PhoneHands | None = None
        self._tls_port = 0
        self._control = control
        self._locate = locate
        self._subsystems = subsystems
        self._seen: dict[Service, int] = {}
        self._change = (0, 0)
        self._guard = LoginGuard(account_store(self.folder), told=self._audit_lock)
        makers: dict[str, Callable[[int], NetService]] = {
            **{unit: partial(self._phone_unit, unit) for unit in PHONE_UNITS},
            "ctl_provider": self._ctl_provider,
            "capf": self._capf,
            "sccp": self._sccp,
            "change_notification": lambda _port: ChangeNotificationService(self.administered),
            "web": self._web,
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
                    prepare=self._before_tftp if name == "tftp" else None,
                )
                for name, make in makers.items()
            ),
            changed=self._unit_changed,
        )
        self._changed = changed
        self._services = ServiceUnits(self.supervisor, UNITS)

    def _unit_changed(self, status: UnitStatus) -> None:
        manager = self.callmanager
        if manager is not None and manager.tls_port:
            # Phones have it in their configuration: like every unit's port it is kept once it was had.
            self._tls_port = manager.tls_port
        self._traces.unit(status)
        self._changed(status)

    async def _before_tftp(self) -> None:
        await self.lists.put_right()
        if self._crew is not None:
            # The workers read the folder for themselves; this is for who asks what is left out of it.
            await asyncio.to_thread(self.files.reload)

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

    async def start(self, *, tolerant: bool = False, away: bool = False) -> None:
        """Start what shall run.

        Args:
            tolerant: Leave what cannot start to :meth:`run`, which tries again.
            away: The publisher's database did not answer just now: files wait for it no longer than a moment.

        Raises:
            MixedModeError: Something cannot start, and ``tolerant`` is not set.
        """
        await self._begin("sftp", tolerant=tolerant)  # what the start itself makes for this node may come over it
        seconds = self.lists.seconds = AWAY_SECONDS if away else SECONDS
        await self._waited.before_start(seconds)
        states = await self.have_seen()
        names = [name for state in states if state.shall_run for name in UNITS.get(state.service, ())]
        if "tftp" not in names:  # which does it itself, before anybody is served
            await self.lists.put_right()
        for name in [*names, *BASE_UNITS]:
            await self._begin(name, tolerant=tolerant)
        self.lists.seconds = SECONDS

    async def _begin(self, name: str, *, tolerant: bool) -> None:
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
            group.create_task(self._writer.run())
            if self.info.is_publisher:
                group.create_task(watch(self.administered))
            orders = OrderFollower(self.administered, self.info.name, lambda: self.callmanager, self.follow)
            group.create_task(orders.run())

    async def stop(self) -> None:
        """Drain and stop everything."""
        await self.supervisor.stop_all()
        await asyncio.to_thread(self._writer.write, hurry=True)
        self._traces.close()

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
            await self.follow()

    async def follow(self) -> None:
        """Bring what runs to what the database says, and phones' files to what has changed (rule 2)."""
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
                await self._look_again()
            if self.options.remote and await asyncio.to_thread(follow_versions, self.cluster, self.folder):
                await asyncio.to_thread(self.administered.make_missing_certificates, self.info.name)
                await self.restart_service(Service.TFTP)
        except MixedModeError:
            return
        await self._waited.again()
        for state in states:
            if state.service not in UNITS:
                continue
            anew = self._seen.get(state.service, state.restarts) != state.restarts
            self._seen[state.service] = state.restarts
            try:
                if not state.shall_run:
                    await self.stop_service(state.service)
                elif anew:
                    await follow(self.restart_service(state.service), self._writable, state)
                else:
                    await self._services.tend(state.service)
            except MixedModeError:
                continue  # noted at its unit, which is tried again

    async def _look_again(self) -> None:
        """Take what has changed into what phones are given, and end the connections of revoked certificates."""
        self._phone_units.configs.forget()
        if self.callmanager is not None:
            self.callmanager.drop(await asyncio.to_thread(self.cluster.revoked_lscs))
        if self._crew is not None:
            await self._crew.refresh()

    def _phone_unit(self, unit: str, port: int) -> NetService:
        if self._crew is None:
            return self._phone_units.service(unit, port)
        kind = socket.SOCK_DGRAM if unit == "tftp" else socket.SOCK_STREAM
        return CrewService(f"the {unit} service", self._crew, unit, (self.host, port), kind)

    def _ctl_provider(self, port: int) -> NetService:
        desk = CtlDesk(self.administered, self.info.name, self.cluster)
        return CtlProviderService(desk, self.info.name, self._guard, host=self.host, port=port)

    def _capf(self, port: int) -> NetService:
        return node_capf(
            self.cluster,
            self.info,
            self.capf_store,
            host=self.host,
            port=port,
            floor=self.options.floor,
            issuers=self.options.manufacturers,
            audit=self._audit_capf,
            # A phone asks for its configuration at once: it has to be encrypted to the new certificate.
            changed=self._phone_units.configs.forget,
        )

    def _audit_lock(self, account: str, source: str) -> None:
        principal = unproved(account or "every account", source or "every address", self.info.name)
        Control(self.administered).note(principal, LOGIN, "locked")

    def _audit_capf(self, note: CapfNote) -> None:
        self._traces.capf(note)
        details = {"device": note.device, "reason": note.reason, "not_written_before": note.left_out}
        Control(self.cluster).note(Principal("CAPF", 0, note.address), CAPF, note.outcome.value, **details)

    def _sccp(self, port: int) -> NetService:
        service = node_callmanager(
            self.cluster,
            self.info,
            host=self.host,
            port=port,
            tls_port=self._tls_port or self.options.port("sccp_tls"),
            tls_elsewhere=self.options.elsewhere,
            floor=self.options.floor,
            anchors=self.options.manufacturers,
            locate=self._locate,
        )
        service.calls.records = self._calls
        service.seen, service.refused = self._writer.seen, self._traces.refused
        return service

    def _web(self, port: int) -> NetService:
        return WebService(
            self.administered,
            self.info.name,
            host=self.host,
            port=port,
            services=self._control,
            guard=self._guard,
            vitals=self._vitals(),
            floor=self.options.floor,
            phones=self.phones,
        )

    def _vitals(self) -> Vitals:
        return Vitals(
            units=lambda: list(self.supervisor),
            collect=SupervisorCollector(self.supervisor, self.info.name).collect,
            networks=tuple(ip_network(each) for each in self.options.probes),
            own=self.cluster if self.administered is not self.cluster else None,
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
            own=self.cluster,
        )
