"""Device Pools, Cisco Unified CM Groups and Phone Security Profiles: which phones have which, in order of priority."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Row, Select, func, select

from mixedmode.cluster.model.topology import Service
from mixedmode.cluster.store.schema import (
    CallManagerGroup,
    CallManagerGroupMember,
    DevicePool,
    DeviceRow,
    ProcessNode,
)
from mixedmode.faces.web.kit.answers import Answer, Csv, View
from mixedmode.faces.web.kit.asking import Ask
from mixedmode.faces.web.kit.tables import Column, Filter, Table, contains
from mixedmode.faces.web.pages.administration.profiles import MODES, profile_name

if TYPE_CHECKING:
    from mixedmode.cluster.facade import Cluster

POOLS: Final = "/ccmadmin/device-pools"
GROUPS: Final = "/ccmadmin/cm-groups"
PROFILES: Final = "/ccmadmin/phone-security-profiles"

_PHONES: Final = (
    select(func.count(DeviceRow.id)).where(DeviceRow.fkdevicepool == DevicePool.id).scalar_subquery().label("phones")
)
_POOL_ROWS: Final = select(
    DevicePool.name.label("pool"), CallManagerGroup.name.label("group"), CallManagerGroup.id.label("number"), _PHONES
).join(CallManagerGroup, CallManagerGroup.id == DevicePool.fkcallmanagergroup)
_POOL_TABLE: Final = Table(
    "device pools",
    (
        Column("pool", "Device pool", DevicePool.name, lambda row: row.pool),
        Column("group", "Cisco Unified CM Group", CallManagerGroup.name, lambda row: row.group),
        Column("nodes", "Nodes in order", sorts=False),
        Column("phones", "Phones", _PHONES, lambda row: row.phones, number=True),
    ),
    (
        Filter("pool", "Device pool has", contains(DevicePool.name)),
        Filter("group", "Cisco Unified CM Group has", contains(CallManagerGroup.name)),
    ),
    sort="pool",
    tie=DevicePool.id,
)

_IN_GROUP: Final = DevicePool.fkcallmanagergroup == CallManagerGroup.id
_GROUP_POOLS: Final = select(func.count(DevicePool.id)).where(_IN_GROUP).scalar_subquery().label("pools")
_GROUP_PHONES: Final = (
    select(func.count(DeviceRow.id))
    .join(DevicePool, DevicePool.id == DeviceRow.fkdevicepool)
    .where(_IN_GROUP)
    .scalar_subquery()
    .label("phones")
)
_GROUP_ROWS: Final = select(
    CallManagerGroup.name.label("group"), CallManagerGroup.id.label("number"), _GROUP_POOLS, _GROUP_PHONES
)
_GROUP_TABLE: Final = Table(
    "groups",
    (
        Column("group", "Cisco Unified CM Group", CallManagerGroup.name, lambda row: row.group),
        Column("nodes", "Nodes and their priority", sorts=False),
        Column("pools", "Device pools", _GROUP_POOLS, lambda row: row.pools, number=True),
        Column("phones", "Phones", _GROUP_PHONES, lambda row: row.phones, number=True),
    ),
    (Filter("group", "Group has", contains(CallManagerGroup.name)),),
    sort="group",
    tie=CallManagerGroup.id,
)


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile, and how many phones have it."""

    model: str
    protocol: str
    mode: int
    phones: int

    @property
    def name(self) -> str:
        """What it is called."""
        return profile_name(self.model, self.protocol, self.mode)

    @property
    def word(self) -> str:
        """Its security mode."""
        return MODES.get(self.mode, str(self.mode))


_PROFILE_TABLE: Final = Table(
    "profiles",
    (
        Column("profile", "Phone Security Profile", value=lambda row: row.name),
        Column("protocol", "Device protocol", value=lambda row: row.protocol),
        Column("mode", "Device security mode", value=lambda row: row.word),
        Column("phones", "Phones", value=lambda row: row.phones, number=True),
    ),
    (
        Filter("model", "Product has", test=lambda row, wanted: wanted.lower() in row.model.lower()),
        Filter(
            "protocol",
            "Protocol",
            test=lambda row, wanted: row.protocol == wanted,
            choices=(("SCCP", "SCCP"), ("SIP", "SIP")),
        ),
        Filter(
            "mode",
            "Device security mode",
            test=lambda row, wanted: str(row.mode) == wanted,
            choices=tuple((str(mode), word) for mode, word in MODES.items()),
        ),
    ),
    sort="profile",
)


def device_pools(ask: Ask) -> Answer:
    """List the device pools, each with its group and the nodes whose TVS its phones ask, in order."""
    members = members_of_groups(ask.cluster)
    if ask.wants_csv:
        return Csv("device-pools", _POOL_TABLE.header, _with_nodes(ask, _POOL_TABLE, _POOL_ROWS, members))
    with ask.cluster.database.read() as session:
        sheet = _POOL_TABLE.of_database(session, _POOL_ROWS, POOLS, ask.query)
        empty = session.scalar(select(func.count()).select_from(_POOL_ROWS.where(_PHONES == 0).subquery())) or 0
    return View("ccmadmin/device_pools.html", {"sheet": sheet, "members": members, "empty": empty})


def groups(ask: Ask) -> Answer:
    """List the groups, each with its nodes in order of priority."""
    members = members_of_groups(ask.cluster)
    if ask.wants_csv:
        return Csv("cm-groups", _GROUP_TABLE.header, _with_nodes(ask, _GROUP_TABLE, _GROUP_ROWS, members))
    with ask.cluster.database.read() as session:
        sheet = _GROUP_TABLE.of_database(session, _GROUP_ROWS, GROUPS, ask.query)
    running = {each.node for each in ask.cluster.services() if each.service is Service.TVS and each.started}
    return View("ccmadmin/groups.html", {"sheet": sheet, "members": members, "running": running})


def profiles(ask: Ask) -> Answer:
    """List the profiles that phones have: model, protocol and mode."""
    found = _profiles(ask.cluster)
    if ask.wants_csv:
        return Csv("phone-security-profiles", _PROFILE_TABLE.header, _PROFILE_TABLE.csv_of_rows(found, ask.query))
    return View(
        "ccmadmin/profiles.html",
        {
            "sheet": _PROFILE_TABLE.of_rows(found, PROFILES, ask.query),
            "secure": sum(each.phones for each in found if each.mode > 1),
            "total": sum(each.phones for each in found),
            "mode": ask.cluster.mode,
        },
    )


def _profiles(cluster: Cluster) -> list[Profile]:
    """Return the profiles: the database counts, and there are few of them."""
    columns = DeviceRow.model, DeviceRow.protocol, DeviceRow.securitymode
    query = select(*columns, func.count()).group_by(*columns)
    with cluster.database.read() as session:
        return [Profile(*row) for row in session.execute(query)]


def members_of_groups(cluster: Cluster) -> Mapping[int, Sequence[str]]:
    """Return the nodes of each group by its number, in order of priority."""
    query = (
        select(CallManagerGroupMember.fkcallmanagergroup, ProcessNode.name)
        .join(ProcessNode, ProcessNode.id == CallManagerGroupMember.fkprocessnode)
        .order_by(CallManagerGroupMember.fkcallmanagergroup, CallManagerGroupMember.priority)
    )
    found: dict[int, list[str]] = defaultdict(list)
    with cluster.database.read() as session:
        for number, node in session.execute(query):
            found[number].append(node)
    return found


def _with_nodes(
    ask: Ask, table: Table, query: Select[Any], members: Mapping[int, Sequence[str]]
) -> Iterator[Sequence[object]]:
    """Yield the rows of a CSV, with the nodes where the table has none."""

    def nodes(row: Row[Any]) -> str:
        return " ".join(members.get(row.number, ()))

    columns = tuple(replace(each, value=nodes) if each.key == "nodes" else each for each in table.columns)
    with ask.cluster.database.read() as session:
        yield from replace(table, columns=columns).csv_of_database(session, query, ask.query)
