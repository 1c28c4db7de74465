"""Cisco Unified OS Administration: certificates, the cluster's nodes, software."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select

from mixedmode import __version__
from mixedmode.cluster.model.records import ServiceState
from mixedmode.cluster.model.topology import NodeInfo, Service
from mixedmode.cluster.store.schema import VersionRow
from mixedmode.faces.web.kit.answers import Answer, Csv, View
from mixedmode.faces.web.kit.asking import Ask
from mixedmode.faces.web.kit.navigation import CMPLATFORM
from mixedmode.faces.web.kit.page import Page
from mixedmode.faces.web.kit.tables import Column, Table
from mixedmode.faces.web.pages.certificates import addresses as at
from mixedmode.faces.web.pages.certificates.deleting import delete
from mixedmode.faces.web.pages.certificates.listing import certificates
from mixedmode.faces.web.pages.certificates.making import generate, requests
from mixedmode.faces.web.pages.certificates.showing import own, trusted
from mixedmode.faces.web.pages.certificates.uploading import BODY_BYTES, upload

_CLUSTER: Final = "/cmplatform/cluster"


@dataclass(frozen=True, slots=True)
class Node:
    """A node in the table.

    Attributes:
        is_here: Whether its folder and keys are on this host.
    """

    info: NodeInfo
    role: str
    activated: tuple[Service, ...]
    stopped: tuple[Service, ...]
    is_here: bool


@dataclass(frozen=True, slots=True)
class Installed:
    """A version on a partition."""

    partition: str
    number: str
    active: bool
    installed: datetime


_NODES: Final = Table(
    "nodes",
    (
        Column("node", "Host name", value=lambda row: row.info.name),
        Column("address", "IP address", value=lambda row: row.info.address),
        Column("type", "Type", value=lambda row: row.role),
        Column("services", "Services", value=lambda row: ", ".join(row.activated), sorts=False),
    ),
)


def cluster(ask: Ask) -> Answer:
    """Show the nodes, as Show > Cluster does."""
    states: dict[str, list[ServiceState]] = {}
    for state in ask.cluster.services():
        if state.activated:
            states.setdefault(state.node, []).append(state)
    rows = [
        Node(
            info,
            "Publisher" if info.is_publisher else "Subscriber",
            tuple(state.service for state in states.get(info.name, ())),
            tuple(state.service for state in states.get(info.name, ()) if state.started is None),
            ask.cluster.folder(info.name).is_here,
        )
        for info in ask.cluster.nodes()
    ]
    if ask.wants_csv:
        return Csv("cluster", _NODES.header, _NODES.csv_of_rows(rows, ask.query))
    stopped = sum(bool(row.stopped) for row in rows)
    return View("cmplatform/cluster.html", {"sheet": _NODES.of_rows(rows, _CLUSTER, ask.query), "stopped": stopped})


def software(ask: Ask) -> Answer:
    """Show the versions, as Show > Software does."""
    with ask.cluster.database.read() as session:
        query = select(VersionRow).order_by(VersionRow.isactive.desc(), VersionRow.partition)
        found = [Installed(row.partition, row.number, row.isactive, row.installed) for row in session.scalars(query)]
    version = ask.cluster.version
    abilities = [
        ("The CTL without tokens (utils ctl)", version.has_tokenless_ctl),
        ("Security by Default (ITL, TVS)", version.has_trust_verification),
        ("ITL recovery certificate", version.has_itl_recovery),
        ("EC certificates", version.has_ecdsa),
        ("Security tokens sign the CTL", version.accepts_tokens),
    ]
    return View("cmplatform/software.html", {"versions": found, "abilities": abilities, "release": __version__})


PAGES: Final = (
    Page(at.LIST, "Certificate Management", certificates, crumbs=at.CRUMBS),
    Page(
        at.UPLOAD,
        "Upload Certificate/Certificate chain",
        upload,
        crumbs=at.CRUMBS,
        menu=at.LIST,
        posts=True,
        body=BODY_BYTES,
    ),
    Page(at.GENERATE, "Generate Self-signed", generate, crumbs=at.CRUMBS, menu=at.LIST, posts=True),
    Page(at.REQUESTS, "Generate CSR", requests, crumbs=at.CRUMBS, menu=at.LIST, posts=True),
    Page(
        at.OWN,
        "Certificate",
        own,
        crumbs=at.CRUMBS,
        menu=at.LIST,
        sample=f"{at.LIST}/own/cucm-1051-a-pub/CallManager",
    ),
    Page(at.TRUSTED, "Certificate", trusted, crumbs=at.CRUMBS, menu=at.LIST),
    Page(at.DELETE, "Delete Certificate", delete, crumbs=at.CRUMBS, menu=at.LIST, posts=True),
    Page(_CLUSTER, "Cluster", cluster, crumbs=(CMPLATFORM, "Show")),
    Page("/cmplatform/software", "Software", software, crumbs=(CMPLATFORM, "Show")),
)
