"""``selectCmDevice`` and ``selectCmDeviceExt`` of RisPort70.

Rules:

1. Requests are counted: :data:`ALLOWED` in a minute for all who ask, as the enterprise parameter has it by default.
2. ``Ext`` knows no wildcards; the other one does.
3. A node whose ``StateInfo`` came back unchanged and that has nothing new says so and lists nothing.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from threading import Lock
from typing import Final

from mixedmode.cluster.facade import Cluster
from mixedmode.errors import MalformedError, MixedModeError, UsageError
from mixedmode.faces.soap.envelope import AST, Node, answered, fault, operation_in
from mixedmode.faces.soap.ris.criteria import Criteria
from mixedmode.faces.soap.ris.selecting import (
    Live,
    Selection,
    device_node,
    select_devices,
    state_info,
    state_of,
)
from mixedmode.faces.soap.told import Told, refused
from mixedmode.xml_reader import Element, read_xml

REQUEST_BYTES: Final = 512 << 10
ALLOWED: Final = 15
_MINUTE: Final = 60.0
_STATE_BYTES: Final = 64 << 10
WILDCARDS: Final = {"selectCmDevice": True, "selectCmDeviceExt": False}


class Rate:
    """Counts requests (rule 1).

    Args:
        allowed: In a minute.
        clock: Seconds.
    """

    def __init__(self, allowed: int = ALLOWED, clock: Callable[[], float] = time.monotonic) -> None:
        self.allowed = allowed
        self._clock = clock
        self._lock = Lock()
        self._moments: deque[float] = deque()

    def take(self) -> bool:
        """Return whether one more request is allowed now."""
        now = self._clock()
        with self._lock:
            while self._moments and self._moments[0] <= now - _MINUTE:
                self._moments.popleft()
            if len(self._moments) >= self.allowed:
                return False
            self._moments.append(now)
            return True


def answer(cluster: Cluster, data: bytes, live: Live, rate: Rate) -> Told:
    """Answer a request; in a thread.

    Args:
        cluster: To be read.
        data: The body.
        live: Who is registered now.
        rate: Of this node.
    """
    if not rate.take():
        return Told(
            fault(
                "AxisFault: Exceeded allowed rate for Reatime information. "
                f"Current allowed rate for realtime information is {rate.allowed} requests per minute."
            ),
            500,
        )
    try:
        operation = operation_in(data, most=REQUEST_BYTES)
        criteria, wildcards = _criteria(operation)
        selection = select_devices(cluster, criteria, live, wildcards=wildcards)
    except MixedModeError as error:
        return refused(error)
    result: Node = {
        "TotalDevicesFound": sum(map(len, selection.devices.values())),
        "CmNodes": {"item": _nodes(selection, _states(criteria.state))},
    }
    held: Node = {"selectCmDeviceReturn": {"SelectCmDeviceResult": result, "StateInfo": state_info(selection)}}
    return Told(answered("selectCmDevice", held))


def _criteria(operation: Element) -> tuple[Criteria, bool]:
    if operation.name not in WILDCARDS or operation.space != AST:
        raise UsageError(f"{operation.name[:64]} is not answered here")
    return Criteria.of(operation), WILDCARDS[operation.name]


def _nodes(selection: Selection, states: dict[str, str]) -> list[Node]:
    told: list[Node] = []
    for name, devices in selection.devices.items():
        unchanged = bool(devices) and states.get(name) == str(state_of(devices))
        code = "NodeNotResponding" if name in selection.silent else "Ok" if devices else "NotFound"
        listed: Node = None if unchanged or not devices else {"item": [device_node(each) for each in devices]}
        told.append({"ReturnCode": code, "Name": name, "NoChange": unchanged, "CmDevices": listed})
    return told


def _states(text: str) -> dict[str, str]:
    """Return the state of each node in a ``StateInfo``; nothing if it is none of ours."""
    if not text:
        return {}
    try:
        root: Element = read_xml(text.encode("utf-8", "replace"), most=_STATE_BYTES)
    except MalformedError:
        return {}
    return {each.attribute("Name"): each.attribute("StateId") for each in root.all("Node")}
