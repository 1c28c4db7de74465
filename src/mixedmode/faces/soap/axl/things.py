"""What AXL lists and gives: nodes, pools, groups, phones, profiles, lines, certificates, registrations."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import case, func, literal, select

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.sightings import Seen
from mixedmode.cluster.model.trust_roles import ROLES
from mixedmode.cluster.store.schema import (
    CallManagerGroup,
    CertificateRow,
    DevicePool,
    DeviceRow,
    DeviceSighting,
    ProcessNode,
    ProcessNodeService,
)
from mixedmode.cluster.store.schema_lines import DeviceNumPlanMap, NumPlan
from mixedmode.faces.soap.axl.lists import Listing
from mixedmode.faces.soap.envelope import Node, Tag
from mixedmode.faces.soap.sql import enumerations as enums
from mixedmode.faces.soap.sql.device_views import BUTTON, DEVICE, LINE, PROFILE, REGISTRATION
from mixedmode.faces.soap.sql.sources import known_model
from mixedmode.faces.soap.sql.store_views import CERTIFICATE, GROUP, NODE, POOL
from mixedmode.protocols.tvs import DEFAULT_TTL

_SERVICE, _DEFAULTS = 20, 21
_TWELVE: Final = re.compile("[0-9a-f]{12}")


def uuid_of(kind: int, number: int) -> str:
    """Return a pkid as AXL writes it: in braces and capitals."""
    return f"{{{kind:08x}-0000-4000-8000-{number:012x}}}".upper()


def number_of(uuid: str, kind: int) -> int | None:
    """Return the row's number in a pkid of a table, None if it is another table's, or none."""
    plain = uuid.strip().strip("{}").lower()
    head = f"{kind:08x}-0000-4000-8000-"
    digits = plain.removeprefix(head)
    return int(digits, 16) if plain.startswith(head) and _TWELVE.fullmatch(digits) else None


def _node(_cluster: Cluster, row: Any) -> tuple[str, Mapping[str, Node]]:
    node: ProcessNode = row[0]
    return uuid_of(NODE, node.id), {
        "name": node.name,
        "description": node.description,
        "nodeUsage": enums.NODE_USAGES[node.tknodeusage],
        "processNodeRole": enums.NODE_ROLES[1],
    }


def _service(_cluster: Cluster, row: Any) -> tuple[str, Mapping[str, Node]]:
    service, name, number = row
    return uuid_of(_SERVICE, service.id), {
        "processNodeName": Tag(name, uuid=uuid_of(NODE, number)),
        "service": service.service,
        "isActive": service.isactive,
    }


def _pool(_cluster: Cluster, row: Any) -> tuple[str, Mapping[str, Node]]:
    pool, group = row
    return uuid_of(POOL, pool.id), {
        "name": pool.name,
        "callManagerGroupName": Tag(group, uuid=uuid_of(GROUP, pool.fkcallmanagergroup)),
    }


def _group(_cluster: Cluster, row: Any) -> tuple[str, Mapping[str, Node]]:
    return uuid_of(GROUP, row[0].id), {"name": row[0].name}


def _phone(_cluster: Cluster, row: Any) -> tuple[str, Mapping[str, Node]]:
    device, pool = row
    return uuid_of(DEVICE, device.id), phone_tags(device, pool)


def phone_tags(device: DeviceRow, pool: str) -> dict[str, Node]:
    """Return what AXL says of a phone in lists, in the schema's order; nothing that is secret."""
    title, number = model_title(device.model)
    return {
        "name": device.name,
        "description": device.description,
        "product": title,
        "model": title,
        "class": "Phone",
        "protocol": device.protocol,
        "protocolSide": "User",
        "devicePoolName": Tag(pool, uuid=uuid_of(POOL, device.fkdevicepool)),
        "securityProfileName": Tag(
            profile_name(title, device.protocol, device.securitymode),
            uuid=uuid_of(PROFILE, profile_number(number, device.protocol, device.securitymode)),
        ),
    }


def model_title(name: str) -> tuple[str, int]:
    """Return a model's name in CUCM and its number there, 0 if there is none."""
    model = known_model(name)
    if model is None:
        return name, 0
    return model.cucm_name or model.name, model.device_type or 0


def profile_number(model: int, protocol: str, mode: int) -> int:
    """Return the number of a kind of phone's profile, as :mod:`.device_views` counts them."""
    return model * 100 + (enums.SIP if protocol == "SIP" else enums.SCCP) * 4 + mode


def profile_name(title: str, protocol: str, mode: int) -> str:
    """Return the name of a kind of phone's security profile."""
    return f"{title} - {enums.PROFILE_NAMES[mode].format(protocol)}"


def _profile(_cluster: Cluster, row: Any) -> tuple[str, Mapping[str, Node]]:
    title, number = model_title(row.model)
    encrypted = row.securitymode > 1
    return uuid_of(PROFILE, profile_number(number, row.protocol, row.securitymode)), {
        "phoneType": title,
        "protocol": row.protocol,
        "name": profile_name(title, row.protocol, row.securitymode),
        "description": "",
        "deviceSecurityMode": enums.SECURITY_MODES[row.securitymode],
        "tftpEncryptedConfig": False,
        "transportType": enums.TRANSPORTS[3 if encrypted else 1],
    }


def _line(_cluster: Cluster, row: Any) -> tuple[str, Mapping[str, Node]]:
    line: NumPlan = row[0]
    return uuid_of(LINE, line.id), {
        "pattern": line.dnorpattern,
        "usage": "Device",
        "alertingName": line.alertingname,
    }


def line_tags(button: DeviceNumPlanMap, line: NumPlan) -> Node:
    """Return a line of a phone."""
    number: dict[str, Node] = {"pattern": line.dnorpattern, "routePartitionName": None}
    return Tag(
        {
            "index": button.numplanindex,
            "label": button.label,
            "display": line.alertingname,
            "dirn": Tag(number, uuid=uuid_of(LINE, line.id)),
        },
        uuid=uuid_of(BUTTON, button.id),
    )


def _certificate(_cluster: Cluster, row: Any) -> tuple[str, Mapping[str, Node]]:
    certificate, address = row
    return uuid_of(CERTIFICATE, certificate.id), certificate_tags(certificate, address)


def certificate_tags(certificate: CertificateRow, address: str | None) -> dict[str, Node]:
    """Return what AXL says of a certificate that TVS vouches for."""
    return {
        "subjectName": certificate.subjectname,
        "issuerName": certificate.issuername,
        "serialNumber": certificate.serialnumber,
        "timeToLive": DEFAULT_TTL,
        "ipv4Address": address or "",
        "ipv6Address": "",
    }


def _registration(_cluster: Cluster, row: Any) -> tuple[str, Mapping[str, Node]]:
    number, name, facts = row
    seen = Seen.of(facts).registered
    return uuid_of(REGISTRATION, number), {
        "device": Tag(name, uuid=uuid_of(DEVICE, number)),
        "lastKnownIpAddress": "" if seen is None else seen.address,
        "lastSeen": 0 if seen is None else int(seen.moment),
    }


def _default(_cluster: Cluster, row: Any) -> tuple[str, Mapping[str, Node]]:
    title, number = model_title(row.model)
    return uuid_of(_DEFAULTS, profile_number(number, row.protocol, 0)), {
        "Model": title,
        "Protocol": row.protocol,
        "LoadInformation": "",
        "InactiveLoadInformation": "",
    }


_USAGE: Final = case((ProcessNode.tknodeusage == 0, literal("Publisher")), else_=literal("Subscriber"))
_NONE: Final = frozenset({"callingSearchSpaceName", "ipv6Name", "mac"})


def certificates() -> Any:
    """Return the query of the certificates that TVS vouches for, with the addresses of their nodes."""
    return (
        select(CertificateRow, ProcessNode.address)
        .outerjoin(ProcessNode, ProcessNode.name == CertificateRow.node)
        .where(CertificateRow.isactive, CertificateRow.unit.in_(ROLES))
        .order_by(CertificateRow.id)
    )


def phones() -> Any:
    """Return the query of the phones, with the names of their pools."""
    return select(DeviceRow, DevicePool.name).join(DevicePool).order_by(DeviceRow.name)


LISTINGS: Final[Mapping[str, Listing]] = {
    "listProcessNode": Listing(
        "processNode",
        lambda: select(ProcessNode).order_by(ProcessNode.id),
        {
            "name": ProcessNode.name,
            "description": ProcessNode.description,
            "nodeUsage": _USAGE,
            "processNodeRole": literal(enums.NODE_ROLES[1]),
        },
        _node,
        _NONE,
    ),
    "listProcessNodeService": Listing(
        "processNodeService",
        lambda: (
            select(ProcessNodeService, ProcessNode.name, ProcessNode.id)
            .join(ProcessNode)
            .order_by(ProcessNodeService.id)
        ),
        {"processNodeName": ProcessNode.name, "service": ProcessNodeService.service},
        _service,
    ),
    "listDevicePool": Listing(
        "devicePool",
        lambda: select(DevicePool, CallManagerGroup.name).join(CallManagerGroup).order_by(DevicePool.name),
        {"name": DevicePool.name, "callManagerGroupName": CallManagerGroup.name},
        _pool,
        frozenset({"localRouteGroupName", "regionName"}),
    ),
    "listCallManagerGroup": Listing(
        "callManagerGroup",
        lambda: select(CallManagerGroup).order_by(CallManagerGroup.name),
        {"name": CallManagerGroup.name},
        _group,
    ),
    "listPhone": Listing(
        "phone",
        phones,
        {
            "name": DeviceRow.name,
            "description": DeviceRow.description,
            "protocol": DeviceRow.protocol,
            "devicePoolName": DevicePool.name,
        },
        _phone,
        _NONE | {"securityProfileName"},
    ),
    "listPhoneSecurityProfile": Listing(
        "phoneSecurityProfile",
        lambda: (
            select(DeviceRow.model, DeviceRow.protocol, DeviceRow.securitymode)
            .distinct()
            .order_by(DeviceRow.model, DeviceRow.protocol, DeviceRow.securitymode)
        ),
        {"phoneType": literal("Cisco ").op("||")(DeviceRow.model), "protocol": DeviceRow.protocol},
        _profile,
        frozenset({"name", "description"}),
    ),
    # No firmware is given out here: phones keep the one that they have.
    "listDeviceDefaults": Listing(
        "deviceDefaults",
        lambda: select(DeviceRow.model, DeviceRow.protocol).distinct().order_by(DeviceRow.model, DeviceRow.protocol),
        {"Model": literal("Cisco ").op("||")(DeviceRow.model), "Protocol": DeviceRow.protocol},
        _default,
    ),
    "listLine": Listing(
        "line",
        lambda: select(NumPlan).order_by(NumPlan.dnorpattern),
        {"pattern": NumPlan.dnorpattern},
        _line,
        frozenset({"description", "usage", "routePartitionName"}),
    ),
    "listTvsCertificate": Listing(
        "tvsCertificate",
        certificates,
        {
            "subjectName": CertificateRow.subjectname,
            "issuerName": CertificateRow.issuername,
            "serialNumber": func.upper(CertificateRow.serialnumber),
        },
        _certificate,
        frozenset({"timeToLive"}),
    ),
    "listRegistrationDynamic": Listing(
        "registrationDynamic",
        lambda: (
            select(DeviceRow.id, DeviceRow.name, DeviceSighting.facts)
            .join(DeviceSighting, DeviceSighting.fkdevice == DeviceRow.id)
            .order_by(DeviceRow.name)
        ),
        {"device": DeviceRow.name},
        _registration,
        frozenset({"lastKnownIpAddress", "lastKnownUcm", "lastKnownConfigVersion"}),
    ),
}
