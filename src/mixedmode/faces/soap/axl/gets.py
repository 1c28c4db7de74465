"""``get...`` of AXL: one thing, found by its name or pkid."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from sqlalchemy import func, select

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.trust_roles import ROLES
from mixedmode.cluster.store.schema import CertificateRow, DeviceRow
from mixedmode.cluster.store.schema_lines import DeviceNumPlanMap, NumPlan
from mixedmode.faces.soap.axl.lists import only, wanted_tags
from mixedmode.faces.soap.axl.things import (
    LISTINGS,
    certificate_tags,
    certificates,
    line_tags,
    number_of,
    phone_tags,
    phones,
    uuid_of,
)
from mixedmode.faces.soap.envelope import Node, Tag, write
from mixedmode.faces.soap.errors import NOT_VALID, AxlError
from mixedmode.faces.soap.sql import enumerations as enums
from mixedmode.faces.soap.sql.device_views import DEVICE
from mixedmode.faces.soap.sql.store_views import CERTIFICATE, GROUP, NODE, POOL
from mixedmode.xml_reader import Element


def get_phone(cluster: Cluster, request: Element) -> str:
    """Return a phone; what is secret of it (authentication string, SSH login) is no tag here.

    Raises:
        AxlError: There is none.
    """
    query = phones()
    if request.value("uuid"):
        query = query.where(DeviceRow.id == number_of(request.value("uuid"), DEVICE))
    else:
        query = query.where(DeviceRow.name == request.value("name"))
    with cluster.database.read() as session:
        row = session.execute(query).first()
        if row is None:
            raise _not_found(request)
        device, pool = row
        has_lsc = session.scalar(select(DeviceRow.lsc.is_not(None)).where(DeviceRow.id == device.id))
        lines = session.execute(
            select(DeviceNumPlanMap, NumPlan)
            .join(NumPlan, NumPlan.id == DeviceNumPlanMap.fknumplan)
            .where(DeviceNumPlanMap.fkdevice == device.id)
            .order_by(DeviceNumPlanMap.numplanindex)
        ).all()
        held = phone_tags(device, pool)
        held["lines"] = {"line": [line_tags(button, line) for button, line in lines]} if lines else None
        held["certificateStatus"] = enums.CERTIFICATE_STATUS[enums.UPGRADED if has_lsc else enums.NO_CERTIFICATE]
    told = only(held, wanted_tags(request))
    return write("phone", Tag(told, uuid=uuid_of(DEVICE, device.id), ctiid=str(device.id)))


def get_certificate(cluster: Cluster, request: Element) -> str:
    """Return a certificate with the roles in which TVS vouches for it.

    Raises:
        AxlError: There is none.
    """
    query = certificates()
    if request.value("uuid"):
        query = query.where(CertificateRow.id == number_of(request.value("uuid"), CERTIFICATE))
    else:
        query = query.where(
            CertificateRow.issuername == request.value("issuerName"),
            func.upper(CertificateRow.serialnumber) == request.value("serialNumber").upper(),
        )
    with cluster.database.read() as session:
        row = session.execute(query).first()
    if row is None:
        raise _not_found(request)
    certificate, address = row
    stored = cluster.find_certificates(certificate.issuername, certificate.serialnumber.lower())
    roles = cluster.roles_of(stored) or ROLES.get(certificate.unit, ())
    units = list(dict.fromkeys(each.unit for each in stored)) or [certificate.unit]
    held: dict[str, Node] = {
        **certificate_tags(certificate, address),
        "roles": {"role": [{"roleName": enums.TRUST_ROLES.get(int(role), "Unknown")} for role in roles]},
        "services": {"service": [{"serviceName": unit} for unit in units]},
    }
    told = only(held, wanted_tags(request))
    return write("tvsCertificate", Tag(told, uuid=uuid_of(CERTIFICATE, certificate.id)))


_NAMED: Final = {
    "getProcessNode": ("listProcessNode", NODE),
    "getDevicePool": ("listDevicePool", POOL),
    "getCallManagerGroup": ("listCallManagerGroup", GROUP),
}
"""Things that are found by their name, or their table's pkid, among what a list has."""


def _get_named(listing: str, kind: int) -> Callable[[Cluster, Element], str]:
    def get(cluster: Cluster, request: Element) -> str:
        listed = LISTINGS[listing]
        query = listed.query()
        entity: Any = query.column_descriptions[0]["entity"]
        if request.value("uuid"):
            query = query.where(entity.id == number_of(request.value("uuid"), kind))
        else:
            query = query.where(listed.criteria["name"] == request.value("name"))
        with cluster.database.read() as session:
            row = session.execute(query).first()
            if row is None:
                raise _not_found(request)
            uuid, held = listed.made(cluster, row)
        return write(listed.element, Tag(only(held, wanted_tags(request)), uuid=uuid))

    return get


def get_number(cluster: Cluster, request: Element) -> str:
    """Return how many devices of a class there are."""
    if request.value("class") != "Phone":
        return "0"
    with cluster.database.read() as session:
        return str(session.scalar(select(func.count()).select_from(DeviceRow)))


def get_version(cluster: Cluster, request: Element) -> str:
    """Return the version of the cluster.

    Raises:
        AxlError: There is no such node.
    """
    node = request.value("processNodeName")
    if node and node.lower() not in {each.name.lower() for each in cluster.nodes()}:
        raise AxlError(f"Item not valid: The specified {node} was not found", NOT_VALID)
    return write("componentVersion", {"version": cluster.version.text})


def _not_found(request: Element) -> AxlError:
    asked = " ".join(each.text for each in request.children if each.name != "returnedTags") or "item"
    return AxlError(f"Item not valid: The specified {asked[:128]} was not found", NOT_VALID)


GETS: Final[Mapping[str, Callable[[Cluster, Element], str]]] = {
    "getPhone": get_phone,
    "getTvsCertificate": get_certificate,
    "getNumDevices": get_number,
    "getCCMVersion": get_version,
    "getOSVersion": get_version,
    **{name: _get_named(*where) for name, where in _NAMED.items()},
}
