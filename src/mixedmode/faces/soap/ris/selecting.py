"""Selects devices for RIS: who is registered now, as each CallManager says, and who was, as the database has it.

Rules:

1. A node that cannot be asked is told as ``NodeNotResponding``; then nobody is said to be unregistered, since he may be
   registered there.
2. A device that registered once and is registered nowhere now is ``UnRegistered`` at the first node of its group. One
   that was never seen is not told of at all.
3. Each device is told of once: of two nodes that name it, the later registration is true.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from xml.sax.saxutils import quoteattr

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.sightings import Seen
from mixedmode.cluster.model.topology import Service
from mixedmode.cluster.store.schema import (
    CallManagerGroupMember,
    DevicePool,
    DeviceRow,
    DeviceSighting,
    ProcessNode,
)
from mixedmode.cluster.store.schema_lines import DeviceNumPlanMap, NumPlan
from mixedmode.faces.soap.envelope import Node
from mixedmode.faces.soap.ris.criteria import ANY_MODEL, Criteria, pattern_of
from mixedmode.faces.soap.sql.enumerations import PRODUCTS
from mixedmode.faces.soap.sql.sources import device_type

Live = Mapping[str, Sequence[Mapping[str, Any]]]
"""The registered phones of each node that was asked."""
_UNKNOWN_REASON: Final = 1
_CHUNK: Final = 500


@dataclass(slots=True)
class Found:
    """A device.

    Attributes:
        node: That knows it.
        name: Its name.
        row: As the database has it.
        live: As its CallManager has it, None if it is not registered.
        moment: When that began, or when it registered last; seconds since 1970.
        address: Its address, then.
        lines: Its directory numbers.
    """

    node: str
    name: str
    row: Any
    live: Mapping[str, Any] | None
    moment: int
    address: str
    lines: tuple[str, ...] = ()


@dataclass(slots=True)
class Selection:
    """What was selected.

    Attributes:
        devices: By node.
        silent: Nodes that cannot be asked.
        started: When each node's CallManager started, seconds since 1970.
    """

    devices: dict[str, list[Found]]
    silent: frozenset[str]
    started: dict[str, int]


def select_devices(cluster: Cluster, criteria: Criteria, live: Live, *, wildcards: bool) -> Selection:
    """Return what a request selects; asks the database.

    Args:
        cluster: To be read.
        criteria: Of the request.
        live: Who is registered now.
        wildcards: Whether ``*`` in an item stands for anything.
    """
    running = {
        state.node: 0 if state.started is None else int(state.started.timestamp())
        for state in cluster.services()
        if state.service is Service.CALLMANAGER and state.activated
    }
    nodes = [node.name for node in cluster.nodes() if node.name in running]
    if criteria.node:
        nodes = [name for name in nodes if name.lower() == criteria.node.lower()]
    silent = frozenset(name for name in running if name not in live)
    found = _found(cluster, criteria, _by_name(live), told_all=not silent, wildcards=wildcards)
    chosen = [each for each in found if each.node in nodes and _fits(each, criteria)]
    selection = Selection({name: [] for name in nodes}, silent, running)
    for each in chosen[: criteria.most]:
        selection.devices[each.node].append(each)
    return selection


def _by_name(live: Live) -> dict[str, tuple[str, Mapping[str, Any]]]:
    found: dict[str, tuple[str, Mapping[str, Any]]] = {}
    for node, phones in live.items():
        for phone in phones:
            known = found.get(phone["name"])
            if known is None or known[1]["since"] < phone["since"]:
                found[phone["name"]] = node, phone
    return found


def _found(
    cluster: Cluster,
    criteria: Criteria,
    live: Mapping[str, tuple[str, Mapping[str, Any]]],
    *,
    told_all: bool,
    wildcards: bool,
) -> list[Found]:
    wanted = _wanted(criteria, wildcards=wildcards)
    found: list[Found] = []
    with cluster.database.read() as session:
        homes = _homes(session)
        for row, facts in _rows(session, criteria, wildcards=wildcards):
            here = live.get(row.name)
            seen = Seen.of(facts).registered if facts else None
            if here is not None:
                node, phone = here
                moment = int(datetime.fromisoformat(phone["since"]).timestamp())
                each = Found(node, row.name, row, phone, moment, str(phone["address"]))
            elif seen is not None and told_all:
                each = Found(homes.get(row.fkdevicepool, ""), row.name, row, None, int(seen.moment), seen.address)
            else:
                continue
            found.append(each)
        _add_lines(session, found)
    return [each for each in found if wanted(each)]


def _rows(session: Session, criteria: Criteria, *, wildcards: bool) -> list[Any]:
    query: Select[Any] = (
        select(DeviceRow, DeviceSighting.facts)
        .outerjoin(DeviceSighting, DeviceSighting.fkdevice == DeviceRow.id)
        .order_by(DeviceRow.name)
    )
    exact = [item for item in criteria.items if not (wildcards and "*" in item)]
    if criteria.select_by != "Name" or len(exact) < len(criteria.items) or not criteria.items:
        return list(session.execute(query))
    rows: list[Any] = []
    for at in range(0, len(exact), _CHUNK):
        rows += session.execute(query.where(DeviceRow.name.in_(exact[at : at + _CHUNK]))).all()
    return sorted(rows, key=lambda each: str(each[0].name))


def _wanted(criteria: Criteria, *, wildcards: bool) -> Any:
    if not criteria.items:
        return lambda _each: wildcards
    if wildcards:
        patterns = [pattern_of(item) for item in criteria.items]
        return lambda each: any(p.fullmatch(text) for text in _texts(each, criteria.select_by) for p in patterns)
    items = {item.lower() for item in criteria.items}
    return lambda each: any(text.lower() in items for text in _texts(each, criteria.select_by))


def _texts(each: Found, select_by: str) -> Sequence[str]:
    return {
        "Name": (each.name,),
        "IPV4Address": (each.address,),
        "IPV6Address": (each.address,),
        "DirNumber": each.lines,
        "Description": (each.row.description,),
        "SIPStatus": (),
    }[select_by]


def _homes(session: Session) -> dict[int, str]:
    """Return the first node of each device pool's group."""
    query = (
        select(DevicePool.id, ProcessNode.name)
        .join(CallManagerGroupMember, CallManagerGroupMember.fkcallmanagergroup == DevicePool.fkcallmanagergroup)
        .join(ProcessNode, ProcessNode.id == CallManagerGroupMember.fkprocessnode)
        .order_by(CallManagerGroupMember.priority.desc())
    )
    return dict(session.execute(query).all())


def _add_lines(session: Session, found: Sequence[Found]) -> None:
    by_number = {each.row.id: each for each in found}
    numbers = list(by_number)
    for at in range(0, len(numbers), _CHUNK):
        query = (
            select(DeviceNumPlanMap.fkdevice, NumPlan.dnorpattern)
            .join(NumPlan, NumPlan.id == DeviceNumPlanMap.fknumplan)
            .where(DeviceNumPlanMap.fkdevice.in_(numbers[at : at + _CHUNK]))
            .order_by(DeviceNumPlanMap.numplanindex)
        )
        for device, pattern in session.execute(query):
            by_number[device].lines += (pattern,)


def _fits(each: Found, criteria: Criteria) -> bool:
    choices = criteria.choices
    return (
        choices["DeviceClass"] in {"Any", "Phone"}
        and choices["Status"] in {"Any", "UnRegistered" if each.live is None else "Registered"}
        and choices["Protocol"] in {"Any", each.row.protocol}
        and choices["DownloadStatus"] in {"Any", "Unknown"}
        and criteria.model in {ANY_MODEL, device_type(each.row.model)}
    )


def device_node(each: Found) -> Node:
    """Return a device as RIS writes it."""
    number = device_type(each.row.model)
    status = "UnRegistered" if each.live is None else "Registered"
    held: dict[str, Node] = {
        "Name": each.name,
        "DirNumber": ",".join(f"{line}-{status}" for line in each.lines),
        "DeviceClass": "Phone",
        "Model": number,
        "Product": PRODUCTS.get(number, 0),
        "BoxProduct": 0,
        "Httpd": "Yes" if each.row.webaccess else "No",
        "RegistrationAttempts": 0,
        "IsCtiControllable": False,
        "LoginUserId": None,
        "Status": status,
        "StatusReason": 0 if each.live is not None else _UNKNOWN_REASON,
        "PerfMonObject": 2,
        "DChannel": 0,
        "Description": each.row.description,
        "H323Trunk": {"ConfigName": None, "TechPrefix": None, "Zone": None},
        "TimeStamp": each.moment,
        "Protocol": each.row.protocol,
        "NumOfLines": len(each.lines),
        "LinesStatus": {"item": [{"DirectoryNumber": line, "Status": status} for line in each.lines]},
        "ActiveLoadID": "" if each.live is None else str(each.live.get("load", "")),
        "InactiveLoadID": None,
        "DownloadStatus": "Unknown",
        "DownloadFailureReason": None,
        "DownloadServer": None,
    }
    if each.live is not None:
        kind = "ipv6" if ":" in each.address else "ipv4"
        held["IPAddress"] = {"item": {"IP": each.address, "IPAddrType": kind, "Attribute": "Unknown"}}
    return held


def state_of(devices: Sequence[Found]) -> int:
    """Return a number that changes when what a node knows changes."""
    text = ";".join(f"{each.name},{each.moment},{each.live is None}" for each in devices)
    return zlib.crc32(text.encode())


def state_info(selection: Selection) -> str:
    """Return ``StateInfo``: a text that holds XML, to be sent back unchanged."""
    nodes = "".join(
        f"<Node Name={quoteattr(name)} SubsystemStartTime={quoteattr(str(selection.started.get(name, 0)))} "
        f'StateId="{state_of(devices)}" TotalItemsFound="{len(devices)}" TotalItemsReturned="{len(devices)}"/>'
        for name, devices in selection.devices.items()
    )
    return f"<StateInfo>{nodes}</StateInfo>"
