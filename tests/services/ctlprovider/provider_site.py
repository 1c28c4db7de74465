"""A cluster with a CTL Provider, its administrators, and lists for it."""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.topology import NodeInfo
from mixedmode.cluster.publishing.distribution import LocalDistributor
from mixedmode.control.accounts import AccountStore
from mixedmode.control.ctl_desk import CtlDesk
from mixedmode.control.logins import LoginGuard, LoginPolicy
from mixedmode.faces.ctlclient.known import KnownProviders
from mixedmode.faces.ctlclient.provider import ProviderClient, TrustCheck
from mixedmode.protocols.ctlprovider import Action
from mixedmode.services.ctlprovider.service import CtlProviderService, ProviderLimits
from tests.cluster.building import PUB, SUB
from tests.cluster.tokens import signed

PASSWORD = "Marmalade-1"
QUICK = LoginPolicy(attempts=3, address_attempts=5, delay_seconds=0.01, longest_delay=0.02, lock_seconds=60.0)


@dataclass
class Lab:
    """A cluster and its administrators: ``anna`` may change it, ``otto`` may look."""

    cluster: Cluster
    accounts: AccountStore
    folder: Path
    later: float = 0.0
    """Seconds that the clocks of logins are ahead."""

    @property
    def down(self) -> set[str]:
        assert isinstance(self.cluster.deliveries.distributor, LocalDistributor)
        return self.cluster.deliveries.distributor.down

    def has(self, data: bytes | None) -> bool:
        return all(self.cluster.show_ctl(node).data == data for node in (PUB, SUB))

    @asynccontextmanager
    async def serving(
        self, node: str = PUB, limits: ProviderLimits | None = None, policy: LoginPolicy = QUICK
    ) -> AsyncIterator[CtlProviderService]:
        logins = LoginGuard(
            self.accounts, policy, now=lambda: time.monotonic() + self.later, wall=lambda: time.time() + self.later
        )
        service = CtlProviderService(CtlDesk(self.cluster, node), node, logins, port=0, limits=limits)
        await service.start()
        try:
            yield service
        finally:
            await service.stop()

    def client(self, service: CtlProviderService, trust: TrustCheck | None = None) -> ProviderClient:
        known = KnownProviders(self.folder / "known", lambda _place, _certificate: True)
        return ProviderClient("127.0.0.1", service.port, trust or known, connect_seconds=60, answer_seconds=60)

    @asynccontextmanager
    async def logged_in(self, service: CtlProviderService, user: str = "anna") -> AsyncIterator[ProviderClient]:
        async with self.client(service) as client:
            await client.login(user, PASSWORD)
            yield client


class Held:
    """Holds deliveries to nodes until :meth:`go`, so that an installation lasts as long as a test wants."""

    def __init__(self, cluster: Cluster) -> None:
        self._inner = cluster.deliveries.distributor
        self.begun, self._free = threading.Event(), threading.Event()
        cluster.deliveries.distributor = self

    def reachable(self, node: NodeInfo) -> str | None:
        return self._inner.reachable(node)

    def deliver(self, node: NodeInfo, files: Mapping[str, bytes | None]) -> None:
        self.begun.set()
        assert self._free.wait(100)
        self._inner.deliver(node, files)

    def go(self) -> None:
        self._free.set()


def signed_for(lab: Lab, action: Action = Action.MIXED) -> bytes:
    from mixedmode.control.ctl_description import describe

    return signed(describe(lab.cluster), action)
