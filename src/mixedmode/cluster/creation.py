"""Making a new cluster: folders, keys and certificates of every node, and the first rows of the database.

The database's rows are written in one transaction at the end; a creation that was cut off leaves a database
without nodes, and can simply be run again.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session

from mixedmode.cluster.model.licences import Licence
from mixedmode.cluster.model.parameters import AUTO_REGISTRATION, PARAMETERS
from mixedmode.cluster.model.topology import (
    PUBLISHER_SERVICES,
    SUBSCRIBER_SERVICES,
    ClusterSpec,
    NodeRole,
    NodeSpec,
    Service,
)
from mixedmode.cluster.operations.nodes import add_node
from mixedmode.cluster.store.certificates import key_name, take_first
from mixedmode.cluster.store.database import Database
from mixedmode.cluster.store.devices import add_devices
from mixedmode.cluster.store.folders import NodeFolder
from mixedmode.cluster.store.making import key_file, make_installed
from mixedmode.cluster.store.schema import (
    CallManagerGroup,
    DevicePool,
    LicenceRow,
    ProcessConfig,
    ProcessNode,
    VersionRow,
)
from mixedmode.errors import UsageError
from mixedmode.pki.certificates.profiles import Purpose
from mixedmode.pki.signing.signer import SoftwareSigner

if TYPE_CHECKING:
    from mixedmode.pki.certificates.purposes import KeyKind
    from mixedmode.pki.signing.signer import PrivateKey


def create(
    directory: Path,
    database: Database,
    spec: ClusterSpec,
    now: datetime,
    make_key: Callable[[KeyKind], PrivateKey],
    noted: Callable[[Session], None],
) -> None:
    """Make a cluster.

    Args:
        directory: Gets a folder for each node.
        database: Migrated, without nodes.
        spec: What to make.
        now: The time (UTC).
        make_key: Makes its private keys; several threads ask.
        noted: Writes it down, in the transaction that makes it.

    Raises:
        UsageError: There is a cluster in this database.
    """
    with database.read() as session:
        if session.scalars(select(ProcessNode.id)).first() is not None:
            raise UsageError(
                "there is a cluster already", where=database.label, next_step="open it, or choose another place"
            )
    wanted = [
        (node, purpose)
        for position, node in enumerate(spec.nodes)
        for purpose in spec.version.own_purposes(publisher=position == 0)
    ]
    with ThreadPoolExecutor(thread_name_prefix="keys") as pool:
        signers = list(pool.map(lambda pair: _make(spec, pair[0], pair[1], now, make_key), wanted))
    made = list(zip(wanted, signers, strict=True))
    for node in spec.nodes:
        NodeFolder(directory / node.name).create()
    for (node, purpose), signer in made:
        name = key_name(purpose.value, signer.certificate)
        NodeFolder(directory / node.name).write_key(name, key_file(signer))
    with database.write() as session:
        _nodes(session, spec, now)
        _parameters(session, spec)
        take_first(session, ((node.name, purpose, signer.certificate) for (node, purpose), signer in made), now)
        session.add(VersionRow(partition="a", number=spec.version.text, isactive=True, installed=now))
        for licence in Licence:
            session.add(
                LicenceRow(name=licence.value, granted=spec.encryption_licence, source="installation", changed=now)
            )
        session.flush()
        add_devices(session, spec.devices)
        noted(session)


def _make(
    spec: ClusterSpec, node: NodeSpec, purpose: Purpose, now: datetime, make_key: Callable[[KeyKind], PrivateKey]
) -> SoftwareSigner:
    return make_installed(
        purpose,
        node.name,
        spec.organization,
        rsa=spec.rsa_key,
        ec=spec.ec_key,
        now=now,
        signature_hash=spec.signature_hash,
        version=spec.version,
        make_key=make_key,
    )


def _nodes(session: Session, spec: ClusterSpec, now: datetime) -> None:
    group = CallManagerGroup(name="Default")
    session.add(group)
    session.flush()
    session.add(DevicePool(name="Default", fkcallmanagergroup=group.id))
    for position, node in enumerate(spec.nodes):
        role = NodeRole.PUBLISHER if position == 0 else NodeRole.SUBSCRIBER
        services = node.services
        if services is None:
            services = PUBLISHER_SERVICES if role is NodeRole.PUBLISHER else SUBSCRIBER_SERVICES
        if not spec.version.has_trust_verification:
            services = tuple(service for service in services if service is not Service.TVS)
        add_node(session, node, role, services, now)


def _parameters(session: Session, spec: ClusterSpec) -> None:
    session.add_all(
        ProcessConfig(paramname=p.name, paramvalue=p.default, service=p.service)
        for p in PARAMETERS.values()
        if p is not AUTO_REGISTRATION
    )
    session.add_all(
        ProcessConfig(
            paramname=AUTO_REGISTRATION.name,
            paramvalue=AUTO_REGISTRATION.default,
            service=AUTO_REGISTRATION.service,
            node=node.name,
        )
        for node in spec.nodes
    )
