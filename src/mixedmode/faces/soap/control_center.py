"""Control Center of one node, for reading: its services, its products (docs/specification/live-cluster.md 3.1).

What starts and stops services (``soapDoControlServices``, ``soapDoServiceDeployment``) is refused with a fault.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.records import ServiceState
from mixedmode.control.services import ServiceEntry, ServiceStatus
from mixedmode.errors import MixedModeError, UsageError
from mixedmode.faces.soap.envelope import AST, Node, answered, operation_in
from mixedmode.faces.soap.told import Told, refused
from mixedmode.xml_reader import Element

REQUEST_BYTES: Final = 64 << 10
_WRITES: Final = frozenset({"soapDoControlServices", "soapDoServiceDeployment"})
_NOT_ACTIVATED: Final = -1068
_PRODUCT: Final = "CallManager"
_WORDS: Final = {
    ServiceStatus.STARTED: "Started",
    ServiceStatus.STOPPED: "Stopped",
    ServiceStatus.STARTING: "Starting",
    ServiceStatus.STOPPING: "Stopping",
}


def answer(cluster: Cluster, node: str, data: bytes, states: Sequence[ServiceEntry]) -> Told:
    """Answer a request; in a thread.

    Args:
        cluster: To be read.
        node: That is asked.
        data: The body.
        states: What its services do now.
    """
    try:
        operation = operation_in(data, most=REQUEST_BYTES)
        return Told(answered(operation.name, _answer(cluster, node, operation, states)))
    except MixedModeError as error:
        return refused(error)


def _answer(cluster: Cluster, node: str, operation: Element, states: Sequence[ServiceEntry]) -> Node:
    name = operation.name
    if name in _WRITES:
        raise UsageError(f"{name} is not done here: this face of the node only reads. Use utils service")
    if name == "soapGetServiceStatus":
        asked = [each.text for each in operation.all("ServiceStatus") if each.text]
        held: Node = {
            "ReturnCode": 0,
            "ReasonCode": -1,
            "ReasonString": None,
            "ServiceInfoList": {"item": _services(cluster, node, asked, states)},
        }
    elif name == "getProductInformationList":
        held = _products(cluster, states)
    elif name == "getStaticServiceListExtended":
        held = {"Services": {"item": _kinds(states)}}
    else:
        raise UsageError(f"{name[:64]} is not answered here")
    if operation.space != AST:
        raise UsageError(f"{name} belongs to the namespace {AST}")
    return {f"{name}Return": held}


def _services(cluster: Cluster, node: str, asked: Sequence[str], states: Sequence[ServiceEntry]) -> list[Node]:
    known = {entry.service.value: entry for entry in states}
    noted = {state.service.value: state for state in cluster.services(node)}
    now = cluster.now()
    return [_service(name, known.get(name), noted.get(name), now) for name in asked or known]


def _service(name: str, entry: ServiceEntry | None, noted: ServiceState | None, now: datetime) -> Node:
    status, code, reason = "Unknown", -1, "The service is not known"
    if entry is not None:
        status, code, reason = _WORDS[entry.status], -1, ""
        if not entry.activated:
            status, code, reason = "Not Activated", _NOT_ACTIVATED, "Service Not Activated "
    begun = noted.started if noted is not None and status == "Started" else None
    seconds = -1 if begun is None else max(0, int((now - begun).total_seconds()))
    return {
        "ServiceName": name,
        "ServiceStatus": status,
        "ReasonCode": code,
        "ReasonCodeString": reason,
        "StartTime": "" if begun is None else begun.strftime("%a %b %d %H:%M:%S %Y"),
        "UpTime": seconds,
        "UpTimeString": "" if begun is None else _duration(seconds),
    }


def _duration(seconds: int) -> str:
    minutes, hours, days = seconds // 60 % 60, seconds // 3600 % 24, seconds // 86400
    return f"{days} days {hours:02}:{minutes:02}:{seconds % 60:02}"


def _kinds(states: Sequence[ServiceEntry]) -> list[Node]:
    return [
        {
            "ServiceName": entry.service.value,
            "ServiceType": "Service",
            "Deployable": True,
            "GroupName": "CM Services",
            "ProductID": _PRODUCT,
        }
        for entry in states
    ]


def _products(cluster: Cluster, states: Sequence[ServiceEntry]) -> Node:
    publisher, *others = (node.name for node in cluster.nodes())
    version = cluster.version.text
    return {
        "ActiveServerVersion": version,
        "PrimaryNode": publisher,
        "SecondaryNode": ",".join(others),
        "Products": {
            "item": {
                "ProductName": "Cisco Unified CallManager",
                "ProductVersion": version,
                "ProductDescription": "mixedmode, in the role of CallManager",
                "ProductID": _PRODUCT,
                "ShortName": "CCM",
            }
        },
        "Services": {"item": _kinds(states)},
    }
