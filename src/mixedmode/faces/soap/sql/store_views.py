"""Nodes, groups, pools, parameters and certificates as CUCM's tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from mixedmode.cluster.model.topology import Service
from mixedmode.cluster.model.trust_roles import ROLES
from mixedmode.faces.soap.sql import enumerations as enums
from mixedmode.faces.soap.sql.dialect import literal, values
from mixedmode.faces.soap.sql.sources import Source, View

NODE, GROUP, MEMBER, POOL, CONFIG, CERTIFICATE, MANAGER = range(1, 8)
"""Numbers of tables, in pkids; :mod:`.device_views` has the others."""


def _nodes(source: Source) -> str:
    key = source.dialect.key(NODE, "id")
    return (
        f"SELECT {key}, name, address, id, CAST(tknodeusage AS INTEGER), description, CAST(1 AS INTEGER), 't' "
        f"FROM {source.table('processnode')}"
    )


def _managers(source: Source) -> str:
    key, node = source.dialect.key(MANAGER, "n.id"), source.dialect.key(NODE, "n.id")
    running = f"s.fkprocessnode = n.id AND s.service = {literal(Service.CALLMANAGER.value)} AND s.isactive"
    return (
        f"SELECT {key}, 'CM_' || n.name, n.description, {node} FROM {source.table('processnode')} n "
        f"WHERE EXISTS (SELECT 1 FROM {source.table('processnodeservice')} s WHERE {running})"
    )


def _groups(source: Source) -> str:
    return f"SELECT {source.dialect.key(GROUP, 'id')}, name FROM {source.table('callmanagergroup')}"


def _members(source: Source) -> str:
    key = source.dialect.key
    return (
        f"SELECT {key(MEMBER, 'id')}, {key(GROUP, 'fkcallmanagergroup')}, {key(MANAGER, 'fkprocessnode')}, "
        f"CAST(priority AS INTEGER) FROM {source.table('callmanagergroupmember')}"
    )


def _pools(source: Source) -> str:
    key = source.dialect.key
    return f"SELECT {key(POOL, 'id')}, name, {key(GROUP, 'fkcallmanagergroup')} FROM {source.table('devicepool')}"


def _parameters(source: Source) -> str:
    service = f"CAST(CASE WHEN c.service = 'Enterprise' THEN {enums.ENTERPRISE_SERVICE} END AS INTEGER)"
    return (
        f"SELECT {source.dialect.key(CONFIG, 'c.id')}, c.paramname, c.paramvalue, {service}, "
        f"CASE WHEN n.id IS NOT NULL THEN {source.dialect.key(NODE, 'n.id')} END "
        f"FROM {source.table('processconfig')} c LEFT JOIN {source.table('processnode')} n ON n.name = c.node"
    )


def _certificates(source: Source) -> str:
    dialect = source.dialect
    server = "CASE WHEN c.node <> '' THEN c.node ELSE c.name END"
    distribution = "CAST(CASE WHEN c.node <> '' THEN 1 ELSE 2 END AS INTEGER)"
    return (
        f"SELECT {dialect.key(CERTIFICATE, 'c.id')}, {server}, c.subjectname, c.issuername, c.serialnumber, "
        f"{dialect.der('c.der')}, COALESCE(n.address, ''), '', {distribution}, {dialect.epoch('c.notafter')} "
        f"FROM {source.table('certificate')} c LEFT JOIN {source.table('processnode')} n ON n.name = c.node "
        "WHERE c.isactive"
    )


def _certificate_services(source: Source) -> str:
    rows = values([(name, number) for number, name in enums.CERTIFICATE_SERVICES.items()], ("unit", "number"))
    return (
        f"SELECT {source.dialect.key(CERTIFICATE, 'c.id')}, u.number FROM {source.table('certificate')} c "
        f"JOIN ({rows}) u ON u.unit = c.unit WHERE c.isactive"
    )


def _certificate_roles(source: Source) -> str:
    rows = values([(unit, int(role)) for unit, roles in ROLES.items() for role in roles], ("unit", "number"))
    own = f"SELECT 1 FROM {source.table('certificate')} o WHERE o.sha256 = c.sha256 AND o.node <> '' AND o.isactive"
    return (
        f"SELECT {source.dialect.key(CERTIFICATE, 'c.id')}, u.number FROM {source.table('certificate')} c "
        f"JOIN ({rows}) u ON u.unit = c.unit "
        f"WHERE c.isactive AND (c.node <> '' OR c.unit = 'Phone-SAST-trust' OR NOT EXISTS ({own}))"
    )


def _certificate_nodes(source: Source) -> str:
    key = source.dialect.key
    return (
        f"SELECT {key(CERTIFICATE, 'c.id')}, {key(NODE, 'n.id')}, n.name FROM {source.table('certificate')} c "
        f"JOIN {source.table('processnode')} n ON n.name = c.node WHERE c.isactive"
    )


VIEWS: Final[Mapping[str, View]] = {
    "processnode": View(
        ("pkid", "name", "ipaddress", "nodeid", "tknodeusage", "description", "tkprocessnoderole", "isactive"), _nodes
    ),
    "callmanager": View(("pkid", "name", "description", "fkprocessnode"), _managers),
    "callmanagergroup": View(("pkid", "name"), _groups),
    "callmanagergroupmember": View(("pkid", "fkcallmanagergroup", "fkcallmanager", "priority"), _members),
    "devicepool": View(("pkid", "name", "fkcallmanagergroup"), _pools),
    "processconfig": View(("pkid", "paramname", "paramvalue", "tkservice", "fkprocessnode"), _parameters),
    "certificate": View(
        (
            "pkid",
            "servername",
            "subjectname",
            "issuername",
            "serialnumber",
            "certificate",
            "ipv4address",
            "ipv6address",
            "tkcertificatedistribution",
            "timetolive",
        ),
        _certificates,
    ),
    "certificateservicecertificatemap": View(("fkcertificate", "tkcertificateservice"), _certificate_services),
    "certificatetrustrolemap": View(("fkcertificate", "tktrustrole"), _certificate_roles),
    "certificateprocessnodemap": View(("fkcertificate", "fkprocessnode", "servername"), _certificate_nodes),
}
