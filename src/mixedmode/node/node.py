"""A node on a host of its own: its services, watched; deliveries that wait, tried again; its status for people.

Rules:

1. A database that is down stops nothing that runs: files are served from memory, TVS answers from its caches.
2. SIGTERM and SIGINT drain the services and end the node with exit code 0.
3. The publisher delivers what waits for nodes that return, every few seconds.
4. A status is told at once: what a database that hangs would have said is left out.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import structlog

from mixedmode import __version__
from mixedmode.cluster.engine.principal import Principal
from mixedmode.control.accounts import account_store
from mixedmode.control.door import Control
from mixedmode.control.people import of_user
from mixedmode.control.phones import DoorHands, PhoneControl
from mixedmode.errors import MixedModeError, UsageError
from mixedmode.node.control import NodeControl
from mixedmode.node.host.settings import Settings
from mixedmode.node.host.systemd import notify
from mixedmode.node.join import SUBSYSTEM, JoinDesk
from mixedmode.node.phone_control import phone_commands, resetting
from mixedmode.node.phone_servers import joined_servers
from mixedmode.node.services import NodeServices
from mixedmode.node.serving import end_by_signal, left_out
from mixedmode.node.setup import Opened, replication_source
from mixedmode.node.status import SOCKET_NAME, StatusSocket, SupervisorCollector, serve_metrics
from mixedmode.node.units.options import PUBLISHER_KEY
from mixedmode.node.units.web_link import web_commands
from mixedmode.node.units.workshop import NodeWorkshop, node_options
from mixedmode.node.upkeep import Upkeep
from mixedmode.services.net.supervisor import UnitState, UnitStatus
from mixedmode.services.ssh.ssh_keys import ensure_key

DELIVERY_SECONDS: Final = 5.0
DATABASE_SECONDS: Final = 3.0
"""How long the database may take to answer a question about the status; less than who asks waits."""

_log = structlog.get_logger("mixedmode.node")


class Node:
    """A node of a cluster, run by this process.

    Args:
        settings: What it is.
        opened: Its cluster.

    Raises:
        UsageError: The cluster has no such node, or its address is another one.
    """

    def __init__(self, settings: Settings, opened: Opened) -> None:
        self.settings = settings
        self.cluster = cluster = opened.cluster
        self.administered = opened.administered
        self._warning = opened.warning
        info = cluster.node(settings.node.name)
        if info.is_publisher != (settings.node.role == "publisher"):
            raise UsageError(f"the cluster does not know {info.name} as {settings.node.role}", where=info.name)
        nodes: dict[str, NodeServices] = {}
        options = node_options(settings)
        self.services = NodeServices(
            cluster,
            info,
            locate=partial(joined_servers, cluster, options),
            control=NodeControl(self.administered, nodes),
            options=options,
            changed=self._unit_changed,
            subsystems={SUBSYSTEM: self._desk()} if info.is_publisher else None,
            administered=self.administered,
            workshop=NodeWorkshop(settings.model_dump(mode="json")),
        )
        nodes[info.name] = self.services
        self.upkeep = Upkeep(self.administered, subscriber=None if info.is_publisher else info.name, copy=self.cluster)
        self.started = datetime.now(UTC)
        self._undelivered: dict[str, str] = {}
        self._itl_waits = ""

    def _unit_changed(self, status: UnitStatus) -> None:
        _log_unit(status)
        if status.name == "tftp" and status.state is UnitState.STARTED:
            for line in left_out(self.services.files):
                _log.warning("files", problem=line)

    async def run(self, *, ready: Callable[[], None] = lambda: None) -> None:
        """Run until SIGTERM or SIGINT.

        Args:
            ready: Called once everything that can be started is.
        """
        stopped = end_by_signal()
        door = PhoneControl(Control(self.administered), self._user)
        here = {self.services.info.name: self.services}
        commands = {**phone_commands(here, door), **web_commands(here)}
        self.services.phones = DoorHands(door, resetting(here))
        status = StatusSocket(self.settings.node.directory / SOCKET_NAME, self.describe, commands)
        await status.start()
        stop_metrics = self._metrics()
        if self._warning:
            _log.warning("subscriber", problem=self._warning)
        try:
            if not self._warning:
                await asyncio.to_thread(self._make_itl)
            await self.services.start(tolerant=True, away=bool(self._warning))
            notify("READY=1")
            _log.info("node runs", node=self.services.info.name, version=__version__)
            ready()
            await self._until(stopped)
        finally:
            notify("STOPPING=1")
            _log.info("node stops", node=self.services.info.name)
            await self.services.stop()
            stop_metrics()
            await status.stop()

    def _user(self, uid: int) -> Principal:
        return of_user(uid, account_store(self.services.folder), self.services.info.name)

    async def _until(self, stopped: asyncio.Event) -> None:
        loops = [self.services.run(), self.upkeep.run()]
        if self._warning:
            loops.append(self._make_itl_later())
        if self.services.info.is_publisher:
            loops.append(self._deliver())
        tasks = [asyncio.create_task(each) for each in loops]
        ended = asyncio.create_task(stopped.wait())
        try:
            done, _ = await asyncio.wait([ended, *tasks], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in (ended, *tasks):
                task.cancel()
            await asyncio.gather(ended, *tasks, return_exceptions=True)

    async def _deliver(self) -> None:
        """Deliver what waits for nodes (rule 3)."""
        while True:
            await asyncio.sleep(DELIVERY_SECONDS)
            try:
                left = await asyncio.to_thread(self.cluster.deliver_pending)
            except MixedModeError as error:
                _log.warning("deliveries wait", problem=str(error))
                continue
            for node in sorted(set(self._undelivered) - set(left)):
                _log.info("delivered", to=node)
            for node, problem in left.items():
                if self._undelivered.get(node) != problem:
                    _log.warning("files wait for a node", to=node, problem=problem)
            self._undelivered = left

    def _desk(self) -> JoinDesk:
        """Return what takes subscribers in."""
        key = self.cluster.folder(self.settings.node.name).keys / PUBLISHER_KEY

        def source() -> dict[str, Any]:
            return replication_source(self.settings, self.cluster).document()

        return JoinDesk(self.cluster, replication=source, sftp_key=ensure_key(key))

    def _make_itl(self) -> bool:
        """Make this node's ITL if it has none and its signing key is here, and certificates that it lacks."""
        try:
            self.administered.make_missing_certificates(self.services.info.name)
            self.administered.publish_missing_itls()
        except MixedModeError as error:
            if str(error) != self._itl_waits:
                _log.warning("the ITL file or certificates wait", problem=str(error))
            self._itl_waits = str(error)
            return False
        return True

    async def _make_itl_later(self) -> None:
        """Make it when the publisher's database, which was away at the start, is back."""
        made = False
        while True:
            await asyncio.sleep(DELIVERY_SECONDS)
            made = made or await asyncio.to_thread(self._make_itl)

    def _metrics(self) -> Callable[[], None]:
        wanted = self.settings.metrics
        if wanted.port == 0:
            return lambda: None
        collector = SupervisorCollector(self.services.supervisor, self.services.info.name)
        return serve_metrics(collector, wanted.address, wanted.port)

    def describe(self) -> dict[str, Any]:
        """Return the node's status; may ask the database."""
        info = self.services.info
        document: dict[str, Any] = {
            "node": info.name,
            "role": self.settings.node.role,
            "address": info.address,
            "program": __version__,
            "started": self.started.isoformat(timespec="seconds"),
            "units": [
                {
                    "name": unit.name,
                    "state": unit.state.value,
                    "port": unit.port,
                    "starts": unit.starts,
                    "failures": unit.failures,
                    "problem": unit.problem or None,
                }
                for unit in self.services.supervisor
            ],
        }
        if self.upkeep.removed:
            return {**document, "removed": True}
        asked = {"database_problem": self._cluster_document, "operation_problem": self._operation_document}
        answers: dict[str, Future[dict[str, Any]]] = {}
        for key, ask in asked.items():
            answers[key] = _in_thread(ask)
        end = time.monotonic() + DATABASE_SECONDS
        for key, answer in answers.items():
            try:
                document |= answer.result(max(0.0, end - time.monotonic()))
            except MixedModeError as error:
                document[key] = str(error)
            except TimeoutError:
                document[key] = "the database does not answer"
        return document

    def _operation_document(self) -> dict[str, Any]:
        """Return who holds the cluster's lock."""
        holder = self.administered.operations.journal.holder()
        return {"operation": None if holder is None else holder.document()}

    def _cluster_document(self) -> dict[str, Any]:
        name = self.services.info.name
        ctl = self.cluster.show_ctl(name)
        waiting = [state.service.value for state in self.cluster.services(name) if state.restart_needed is not None]
        return {
            "version": self.cluster.version.text,
            "security_mode": self.cluster.mode.label,
            "ctl": {"length": len(ctl.data or b""), "is_the_publishers": not ctl.differs},
            "lists": self.services.lists.describe(),
            "restart_needed": waiting,
            "undelivered": [
                {"node": each.node, "file": each.name, "problem": each.error or None}
                for each in self.cluster.deliveries.pending()
            ],
        }


def _in_thread(ask: Callable[[], dict[str, Any]]) -> Future[dict[str, Any]]:
    """Ask in a thread of its own, which nobody has to wait for."""
    answer: Future[dict[str, Any]] = Future()

    def work() -> None:
        try:
            answer.set_result(ask())
        except BaseException as error:  # noqa: BLE001 - whoever waits for the answer gets it
            answer.set_exception(error)

    threading.Thread(target=work, name="status", daemon=True).start()
    return answer


def _log_unit(status: UnitStatus) -> None:
    if status.problem:
        _log.warning("unit", unit=status.name, state=status.state.value, problem=status.problem)
    else:
        _log.info("unit", unit=status.name, state=status.state.value, port=status.port)
