"""The site of the storm: a cluster in a folder, a node that serves it, and what its phones make of what they get.

Each function runs in a process of its own: ``python -m bench.storm_site ROLE ...``.
"""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import uvloop

from bench.fleet import DEVICE, FIRST, kept_files
from mixedmode.cluster.facade import Cluster
from mixedmode.fleet.phones import device_names
from mixedmode.fleet.sharing import Shared
from mixedmode.phone.body.storage import load_state
from mixedmode.phone.mind.boot import Boot
from mixedmode.phone.mind.models import get_model
from mixedmode.phone.mind.outcome import BootOutcome
from mixedmode.phone.mind.requests import BootFile, Fetch
from mixedmode.services.files.ahead import Ahead
from mixedmode.services.files.configs import ConfigStore
from mixedmode.services.files.phoneconfig import ConfigFacts, Server
from mixedmode.services.files.store import FolderStore
from mixedmode.services.net.service import Service
from mixedmode.services.tftp.service import TftpService
from mixedmode.services.workers.crew import Crew, CrewService
from mixedmode.services.workers.workshop import Workshop

LISTS = {BootFile.CTL: "CTLFile.tlv", BootFile.ITL: "ITLFile.tlv"}
NODE = "cucm-1"
MODEL = "7975"
_HOST = "127.0.0.1"


def make(folder: str, phones: str) -> None:
    """Make a cluster in mixed mode."""
    from mixedmode.cluster.model.topology import ClusterSpec, DeviceSpec, NodeSpec
    from mixedmode.cluster.model.versions import Version

    spec = ClusterSpec(
        version=Version.parse("10.5.1.10000-7"),
        nodes=(NodeSpec(NODE, _HOST), NodeSpec("cucm-2", "127.0.0.2")),
        devices=tuple(DeviceSpec(name) for name in device_names(int(phones), FIRST)),
    )
    cluster = Cluster.create(Path(folder), spec)
    _type(cluster, "utils ctl set-cluster mixed-mode")
    cluster.close()


def change(folder: str, name: str, size: str) -> None:
    """Make both lists anew, by the same signer, and put a file of zeros beside them.

    The TVS certificate changes, then the CTL is updated.
    """
    cluster = Cluster.open(Path(folder))
    _type(cluster, "set cert regen TVS")
    time.sleep(1.1)  # the time in a list's header has a resolution of a second
    _type(cluster, "utils ctl update CTLFile")
    (cluster.folder(NODE).tftp / name).write_bytes(bytes(int(size)))
    cluster.close()


def _type(cluster: Cluster, line: str) -> None:
    from mixedmode.faces.shell.session import AdminSession
    from mixedmode.faces.shell.talk import ScriptedIO

    outcome = asyncio.run(AdminSession(cluster, NODE).run(line, ScriptedIO(["y", "y"])))
    if outcome.exit_code:
        raise RuntimeError(f"{line}: {outcome.error}")


class SiteWorkshop(Workshop):
    """TFTP of the site's node.

    Args:
        folder: Of the cluster.
        shared: Whether several processes share the port.
    """

    def __init__(self, folder: str, *, shared: bool) -> None:
        self._folder, self._shared = folder, shared
        self._cluster: Cluster

    def open(self) -> None:
        """Open the cluster."""
        self._cluster = Cluster.open(Path(self._folder))

    def service(self, unit: str, port: int) -> Service:
        """Return the service, which signs all configurations as soon as it can."""
        cluster = self._cluster
        addresses = {node.name: node.address for node in cluster.nodes()}

        def locate(device: str) -> ConfigFacts:
            group = [addresses[name] for name in cluster.trust_servers(device) or list(addresses)]
            return ConfigFacts(
                call_managers=[Server(each, 2000, 2443) for each in group],
                tvs=[Server(each, 2445) for each in group],
                capf=[Server(group[0], 3804)],
            )

        store = ConfigStore(FolderStore(cluster.folder(NODE).tftp), cluster, NODE, locate)
        ahead = Ahead(store, lambda: cluster.devices, share=0.95)
        return TftpService(store, host=_HOST, port=port, ahead=ahead, reuse_port=self._shared)

    def refresh(self) -> None:
        """Do nothing: the cluster does not change."""

    def close(self) -> None:
        """Close the cluster."""
        self._cluster.close()


def serve(folder: str, phones: str, workers: str) -> None:
    """Serve until SIGTERM: print the port, a line when all configurations are ready, and the metrics at the end."""
    uvloop.run(_serve(folder, int(phones), int(workers)))


async def _serve(folder: str, phones: int, workers: int) -> None:
    from bench.storm_site import SiteWorkshop  # as workers know it: here it is one of __main__

    workshop = SiteWorkshop(folder, shared=workers > 1)
    if workers > 1:
        crew = Crew(workshop, workers)
        service: Service = CrewService("the TFTP service", crew, "tftp", (_HOST, 0), socket.SOCK_DGRAM)
    else:
        workshop.open()
        service = workshop.service("tftp", 0)
    await service.start()
    told = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told.set)
    print(service.port, flush=True)
    while service.metrics["configurations_ready"] < phones * workers and not told.is_set():  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    print(service.metrics["configurations_ready"], flush=True)
    await told.wait()
    await service.drain(1.0)
    metrics = dict(service.metrics)
    await service.stop()
    print(json.dumps(metrics))


def pilot(port: str, path: str) -> None:
    """Start one phone, and keep what it holds for the others."""
    from mixedmode.phone.body.client import Phone
    from mixedmode.phone.body.client import Server as From

    phone = Phone(FIRST, get_model(MODEL), state_file=Path(path))
    report = asyncio.run(phone.boot(From(_HOST, int(port), http_port=None)))
    trust = report.trust
    if report.exit_code or trust.ctl is None or trust.itl is None:
        raise RuntimeError(f"the first phone did not start: {report.messages}")


def plan(folder: str, path: str) -> None:
    """Print the files that a phone asks for, in its order, as ``tstorm`` takes them: of a list, what must come too."""
    tftp = _tftp(folder)
    boot = _Phones(path).boot(FIRST)
    asked = []
    while isinstance(boot.request, Fetch) and boot.request.file in LISTS:
        place = tftp / LISTS[boot.request.file]
        asked.append(f"{boot.request.name.replace(FIRST, DEVICE)}={place}")
        boot.received(place.read_bytes(), datetime.now(UTC))
    if not isinstance(boot.request, Fetch):
        raise TypeError("a phone asks for no configuration")
    print(json.dumps([*asked, boot.request.name.replace(FIRST, DEVICE)]))


def judge(folder: str, path: str, kept: str) -> None:
    """Let each phone's own rules decide about what it got, and print what came of it."""
    offered = {file: (_tftp(folder) / name).read_bytes() for file, name in LISTS.items()}
    configurations = kept_files(Path(kept))
    phones = _Phones(path)
    reasons: dict[str, Counter[str]] = {file.value: Counter() for file in BootFile}
    complete, now = 0, datetime.now(UTC)
    for name, config in zip(device_names(len(configurations), FIRST), configurations, strict=True):
        boot = phones.boot(name)
        while isinstance(boot.request, Fetch):
            data = offered.get(boot.request.file, config)
            if data:
                boot.received(data, now)
            else:
                boot.failed("it did not come")
        if not isinstance(boot.request, BootOutcome):
            raise TypeError("a phone asks TVS, though the signer is the same")
        outcome = boot.request
        for file, decision in outcome.decisions.items():
            reasons[file.value][
                "did not come" if decision is None else f"{decision.outcome.value}: {decision.reason.value}"
            ] += 1
        held = [None if each is None else each.data for each in (outcome.trust.ctl, outcome.trust.itl)]
        accepted = all(decision is not None and decision.accepted for decision in outcome.decisions.values())
        complete += held == [*offered.values()] and accepted and outcome.state.config_name == f"{name}.cnf.xml.sgn"
    new = all(offered[file] != phones.held(file) for file in LISTS)
    sizes = {file.value: len(data) for file, data in offered.items()}
    print(
        json.dumps({"complete": complete * new, "decisions": reasons, "bytes": sizes | {"configuration": len(config)}})
    )


def _tftp(folder: str) -> Path:
    cluster = Cluster.open(Path(folder))
    try:
        return cluster.folder(NODE).tftp
    finally:
        cluster.close()


class _Phones:
    """Phones that hold what the first one held before the change."""

    def __init__(self, path: str) -> None:
        state = load_state(Path(path), FIRST)
        if state is None:
            raise RuntimeError("the first phone left no state")
        shared = Shared()
        self._policy, self._state = shared.policy(get_model(MODEL)), shared.same(state)

    def boot(self, name: str) -> Boot:
        return Boot(name, self._policy, self._state)

    def held(self, file: BootFile) -> bytes | None:
        trust = self._state.trust
        held = trust.ctl if file is BootFile.CTL else trust.itl
        return None if held is None else held.data


_ROLES: dict[str, Callable[..., None]] = {each.__name__: each for each in (make, change, serve, pilot, plan, judge)}

if __name__ == "__main__":
    _ROLES[sys.argv[1]](*sys.argv[2:])
