"""A site for fleets: real TFTP and TVS services on loopback, every device with a signed file of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import asynccontextmanager
from functools import cache
from typing import Any, TypeVar

from mixedmode.fleet.faults import FaultPlan
from mixedmode.fleet.fleet import Fleet
from mixedmode.fleet.outcomes import FleetReport
from mixedmode.fleet.phones import FleetOptions, FleetPhone
from mixedmode.phone.body.client import Server
from mixedmode.phone.body.tvs import TvsClient
from mixedmode.phone.mind.models import get_model
from mixedmode.phone.mind.trust.state import PhoneState
from mixedmode.protocols.tftp import ServerLimits
from mixedmode.services.files.store import MappingStore
from mixedmode.services.net.server_tls import TlsFloor
from mixedmode.services.tftp.service import TftpService
from mixedmode.services.tvs.sources import TableSource
from mixedmode.trustlist.build import RecordSpec, build_trust_list
from mixedmode.trustlist.model import TrustList
from mixedmode.trustlist.roles import Role
from tests.phone.site import CONFIG, ctl, identity, signed_config
from tests.services.tvs.tvsclient import serving, tvs_signer

T = TypeVar("T")
OLD, NEW = "callmanager", "new-callmanager"


@cache
def itl(signer: str) -> TrustList:
    """An ITL whose TVS record is that of the service of :func:`tvs`."""
    certificate = identity(signer).certificate
    records = [
        RecordSpec(Role.SAST, certificate, dns_name="pub"),
        RecordSpec(Role.CCM_TFTP, certificate, dns_name="pub"),
        RecordSpec(Role.TVS, tvs_signer().certificate, dns_name="pub"),
    ]
    data = build_trust_list(records, identity(signer), timestamp=1_500_000_000, filename="ITLFile.tlv")
    return TrustList.parse(data)


def new_ctl(signer: str) -> TrustList:
    """A CTL by a signer, for servers of the same name."""
    return ctl(signer, servers=(signer,))


def files(signer: str, names: Iterable[str], *, tvs_port: int = 2445) -> dict[str, bytes]:
    """What a node serves to these devices after all was signed by one CallManager."""
    content = CONFIG.replace(b"<port>2445</port>", b"<port>%d</port>" % tvs_port)
    served = {"CTLFile.tlv": new_ctl(signer).data, "ITLFile.tlv": itl(signer).data}
    for name in names:
        served[f"{name}.cnf.xml.sgn"] = signed_config(signer, content, name=f"{name}.cnf.xml.sgn")
        served[f"{name}.cnf.xml"] = content
    return served


def fleet_of(*models: str, state: PhoneState | None = None) -> list[FleetPhone]:
    """One phone of each of these models."""
    return [
        FleetPhone(f"SEP0000000A{number:04X}", get_model(model), state or PhoneState())
        for number, model in enumerate(models)
    ]


def names_of(phones: Iterable[FleetPhone]) -> list[str]:
    return [phone.name for phone in phones]


@asynccontextmanager
async def node(store: MappingStore, **server: Any) -> AsyncIterator[Server]:
    """A node's TFTP service, as impatient as its phones but no less persistent, and how they reach it."""
    options = {"http_port": None, "timeout": 0.3, **server}
    # With a time-out so short, the usual two retries before the first ACK end sooner than a delayed ACK comes.
    limits = ServerLimits(timeout=options["timeout"], retries=12, retries_unproven=12)
    service = TftpService(store, limits=limits)
    await service.start()
    try:
        yield Server("127.0.0.1", service.port, **options)
    finally:
        await service.stop()


@asynccontextmanager
async def tvs(*known: str) -> AsyncIterator[int]:
    """A TVS that vouches for these CallManagers as SAST and TFTP; its port."""
    source = TableSource("CertificateDBCache", [(identity(name).certificate, (0, 2)) for name in known])
    async with serving(source, floor=TlsFloor.TLS_1_0) as service:
        yield service.address[1]


async def boot(
    phones: list[FleetPhone],
    server: Server,
    *,
    faults: FaultPlan | None = None,
    tvs: TvsClient | None = None,
    **options: Any,
) -> FleetReport:
    return await Fleet(phones, server, faults=faults, tvs=tvs, options=FleetOptions(**options)).run()


def after(phones: list[FleetPhone], report: FleetReport) -> list[FleetPhone]:
    """The same phones with what they hold now."""
    return [FleetPhone(old.name, old.model, new.state) for old, new in zip(phones, report.outcomes, strict=True)]


def run(procedure: Coroutine[Any, Any, T]) -> T:
    async def bounded() -> T:
        async with asyncio.timeout(60):
            return await procedure

    return asyncio.run(bounded())
